// The few statistics that a warm-up needs. Pure; each states its source.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sluice::warmup {

// Of an unordered sample; the mean of the middle two where their number is even. Requires one.
[[nodiscard]] double Median(std::span<const double> values);

// The value that `quantile` (0 .. 1) of the sample do not exceed (nearest rank). Requires one.
[[nodiscard]] double Quantile(std::span<const double> values, double quantile);

// The median of the slopes through all pairs (i, values[i]), (j, values[j]): a line that a few
// outliers cannot tilt (Theil 1950, Sen 1968). 0 below two values.
[[nodiscard]] double TheilSenSlope(std::span<const double> values);

// Standard deviation (of the sample) over mean, for positive values; 0 below two of them.
[[nodiscard]] double CoefficientOfVariation(std::span<const double> values);

// Where the mean or the variance of a normal series changes: the first index of each new segment.
// PELT (Killick, Fearnhead and Eckley, 2012) with the given penalty per change, segments of at
// least kSegmentMin values. Barrett et al. (2017) use 15·ln n for the timings of virtual machines.
// At most O(n²) steps, for a series without any change.
inline constexpr std::size_t kSegmentMin = 5;
[[nodiscard]] std::vector<std::size_t> Changepoints(std::span<const double> series, double penalty);

}  // namespace sluice::warmup
