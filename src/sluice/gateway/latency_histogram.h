// Latency histogram of one loop: fixed buckets, one writer, read by any thread when scraped.
//
// From 5 ms on the bounds are the advice of the OpenTelemetry semantic conventions for HTTP
// durations, and these are the ones that /metrics has. Those below are for quantiles alone: a
// gateway beside its service answers within them.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/counter.h"
#include "sluice/contract/time.h"

namespace sluice::gateway {

class LatencyHistogram {
 public:
  // Upper bounds in nanoseconds, inclusive; a last bucket takes what is longer.
  static constexpr std::array<std::int64_t, 21> kBoundsNanos = {
      50'000,        100'000,       200'000,       400'000,     800'000,       1'500'000,
      3'000'000,     5'000'000,     10'000'000,    25'000'000,  50'000'000,    75'000'000,
      100'000'000,   250'000'000,   500'000'000,   750'000'000, 1'000'000'000, 2'500'000'000,
      5'000'000'000, 7'500'000'000, 10'000'000'000};
  static constexpr std::size_t kFirstExported = 7;
  static_assert(kBoundsNanos[kFirstExported] == 5'000'000);
  static constexpr std::size_t kBucketCount = kBoundsNanos.size() + 1;

  void Record(Nanos duration) {
    std::size_t bucket = 0;
    while (bucket < kBoundsNanos.size() && duration.count() > kBoundsNanos[bucket])
      ++bucket;
    buckets_[bucket].Add();
    sum_nanos_.Add(duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0);
  }

  [[nodiscard]] std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  [[nodiscard]] std::uint64_t sum_nanos() const { return sum_nanos_.value(); }

 private:
  std::array<Counter, kBucketCount> buckets_;
  Counter sum_nanos_;
};

}  // namespace sluice::gateway
