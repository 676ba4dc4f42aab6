#include "sluice/breaker/outlier_statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

constexpr std::uint64_t kFirstBoundMicros = 64;
constexpr std::size_t kPerOctave = 4;

}  // namespace

// The octave is the position of the highest bit, the quarter the two bits behind it: the bounds lie
// evenly within an octave rather than as powers, which costs no logarithm on the request path.
std::size_t DurationBuckets::IndexOf(Nanos duration) {
  const std::int64_t counted = std::max<std::int64_t>(duration.count(), 0);
  const std::uint64_t micros = static_cast<std::uint64_t>(counted) / 1000;
  if (micros < kFirstBoundMicros) return 0;
  const auto octave = static_cast<std::size_t>(std::bit_width(micros)) - 7;  // 64 us: 0.
  const std::size_t quarter = (micros >> (octave + 4)) & 3U;
  return std::min(octave * kPerOctave + quarter + 1, kCount - 1);
}

Nanos DurationBuckets::BoundOf(std::size_t index) {
  if (index == 0) return std::chrono::microseconds(kFirstBoundMicros);
  const std::size_t octave = (index - 1) / kPerOctave;
  const std::size_t quarter = (index - 1) % kPerOctave;
  const std::uint64_t micros = (kPerOctave + quarter + 1) << (octave + 4);
  return std::chrono::microseconds(static_cast<std::int64_t>(micros));
}

Nanos QuantileOf(const DurationCounts& counts, double quantile) {
  std::uint64_t all = 0;
  for (const std::uint64_t count : counts)
    all += count;
  if (all == 0) return Nanos(0);
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(all))));
  std::uint64_t below = 0;
  for (std::size_t index = 0; index < counts.size(); ++index) {
    below += counts[index];
    if (below >= rank) return DurationBuckets::BoundOf(index);
  }
  return DurationBuckets::BoundOf(counts.size() - 1);
}

double SuccessRateThreshold(std::span<const double> rates, double stdev_factor) {
  SLUICE_ASSERT(!rates.empty());
  const auto count = static_cast<double>(rates.size());
  double sum = 0;
  for (const double rate : rates)
    sum += rate;
  const double mean = sum / count;
  double squares = 0;
  for (const double rate : rates)
    squares += (rate - mean) * (rate - mean);
  return mean - stdev_factor / 1000 * std::sqrt(squares / count);
}

Nanos MedianOf(std::span<Nanos> values) {
  SLUICE_ASSERT(!values.empty());
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

}  // namespace sluice::breaker
