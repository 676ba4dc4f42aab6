// What tells an outlier from its peers, once per interval: success rates, failure percentages and
// latencies of the hosts. Pure functions of numbers.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sluice/contract/time.h"

namespace sluice::breaker {

// Durations in buckets that grow by 2^(1/4): a quantile is right within 19 percent.
class DurationBuckets {
 public:
  static constexpr std::size_t kCount = 84;  // From 64 us to 2 minutes; beyond: the outer ones.

  [[nodiscard]] static std::size_t IndexOf(Nanos duration);
  // The upper bound of a bucket.
  [[nodiscard]] static Nanos BoundOf(std::size_t index);
};
using DurationCounts = std::array<std::uint64_t, DurationBuckets::kCount>;

// The bound of the bucket that holds the quantile (0..1) of the durations counted; 0 without any.
[[nodiscard]] Nanos QuantileOf(const DurationCounts& counts, double quantile);

// The success rate, in percent, below which a host is out: mean - factor/1000 * standard deviation
// (of the whole population) of the rates of all hosts. Requires at least one rate.
[[nodiscard]] double SuccessRateThreshold(std::span<const double> rates, double stdev_factor);

// The middle value; of two middle ones the lower, so that one slow host of two is not its own
// measure. Sorts `values`. Requires at least one.
[[nodiscard]] Nanos MedianOf(std::span<Nanos> values);

}  // namespace sluice::breaker
