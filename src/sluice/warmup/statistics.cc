#include "sluice/warmup/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sluice/contract/assert.h"

namespace sluice::warmup {
namespace {

// A series that repeats one value would have a variance of 0 and an infinite likelihood: 1 % noise
// of a logarithm of latencies is less than any clock gives.
constexpr double kVarianceMin = 1e-4;

// Twice the negative log-likelihood of a segment, constants left out, from prefix sums.
class SegmentCost {
 public:
  explicit SegmentCost(std::span<const double> series)
      : sums_(series.size() + 1), squares_(series.size() + 1) {
    for (std::size_t i = 0; i < series.size(); ++i) {
      sums_[i + 1] = sums_[i] + series[i];
      squares_[i + 1] = squares_[i] + series[i] * series[i];
    }
  }
  // Of the values [begin, end).
  [[nodiscard]] double Of(std::size_t begin, std::size_t end) const {
    const auto count = static_cast<double>(end - begin);
    const double mean = (sums_[end] - sums_[begin]) / count;
    const double variance = (squares_[end] - squares_[begin]) / count - mean * mean;
    return count * (std::log(std::max(variance, kVarianceMin)) + 1);
  }

 private:
  std::vector<double> sums_;
  std::vector<double> squares_;
};

}  // namespace

double Median(std::span<const double> values) {
  SLUICE_ASSERT(!values.empty());
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  if (sorted.size() % 2 == 1) return *middle;
  const double below = *std::ranges::max_element(sorted.begin(), middle);
  return (below + *middle) / 2;
}

double Quantile(std::span<const double> values, double quantile) {
  SLUICE_ASSERT(!values.empty());
  std::vector<double> sorted(values.begin(), values.end());
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(index, sorted.size() - 1));
  std::ranges::nth_element(sorted, at);
  return *at;
}

double TheilSenSlope(std::span<const double> values) {
  if (values.size() < 2) return 0;
  std::vector<double> slopes;
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j)
      slopes.push_back((values[j] - values[i]) / static_cast<double>(j - i));
  }
  return Median(slopes);
}

double CoefficientOfVariation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  double sum = 0;
  for (const double value : values)
    sum += value;
  const double mean = sum / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1)) / mean;
}

std::vector<std::size_t> Changepoints(std::span<const double> series, double penalty) {
  const std::size_t count = series.size();
  if (count < 2 * kSegmentMin) return {};
  const SegmentCost cost(series);
  // best[t]: the least cost of the first t values; last[t]: where its last segment begins.
  std::vector<double> best(count + 1, std::numeric_limits<double>::infinity());
  std::vector<std::size_t> last(count + 1, 0);
  best[0] = -penalty;
  std::vector<std::size_t> candidates{0};
  for (std::size_t end = kSegmentMin; end <= count; ++end) {
    for (const std::size_t begin : candidates) {
      const double sum = best[begin] + cost.Of(begin, end) + penalty;
      if (sum < best[end]) {
        best[end] = sum;
        last[end] = begin;
      }
    }
    // What is already dearer than the best of all can begin no later segment either.
    std::erase_if(candidates,
                  [&](std::size_t begin) { return best[begin] + cost.Of(begin, end) > best[end]; });
    // The next end may have its last segment begin here.
    if (end + 1 >= 2 * kSegmentMin) candidates.push_back(end + 1 - kSegmentMin);
  }
  std::vector<std::size_t> changes;
  for (std::size_t at = last[count]; at > 0; at = last[at])
    changes.push_back(at);
  std::ranges::reverse(changes);
  return changes;
}

}  // namespace sluice::warmup
