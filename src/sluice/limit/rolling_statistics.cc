#include "sluice/limit/rolling_statistics.h"

#include <algorithm>
#include <cmath>

namespace sluice::limit {

double MovingAverage::Add(double sample) {
  ++count_;
  if (count_ <= warm_up_) {
    value_ += (sample - value_) / static_cast<double>(count_);
  } else {
    value_ += (sample - value_) * factor_;
  }
  return value_;
}

namespace {

void Keep(double sample, std::size_t size, std::size_t& next, std::vector<double>& samples) {
  if (samples.size() < size) {
    samples.push_back(sample);
  } else {
    samples[next] = sample;
    next = (next + 1) % size;
  }
}

}  // namespace

double MovingMaximum::Add(double sample) {
  Keep(sample, size_, next_, samples_);
  return *std::ranges::max_element(samples_);
}

double MovingMedian::Add(double sample) {
  Keep(sample, size_, next_, samples_);
  std::vector<double> sorted = samples_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  return *middle;
}

MovingCorrelation::Value MovingCorrelation::Add(double x, double y) {
  if (pairs_.size() < size_) {
    pairs_.push_back({.x = x, .y = y});
  } else {
    pairs_[next_] = {.x = x, .y = y};
    next_ = (next_ + 1) % size_;
  }
  const auto count = static_cast<double>(pairs_.size());
  double mean_x = 0;
  double mean_y = 0;
  for (const Pair& pair : pairs_) {
    mean_x += pair.x / count;
    mean_y += pair.y / count;
  }
  double square_x = 0;
  double square_y = 0;
  double product = 0;
  for (const Pair& pair : pairs_) {
    square_x += (pair.x - mean_x) * (pair.x - mean_x);
    square_y += (pair.y - mean_y) * (pair.y - mean_y);
    product += (pair.x - mean_x) * (pair.y - mean_y);
  }
  Value value;
  // Below this a series stands still, and what is left of it is rounding.
  const auto varies = [count](double square, double mean) {
    return std::sqrt(square / count) > 1e-9 * std::abs(mean);
  };
  if (varies(square_x, mean_x) && varies(square_y, mean_y)) {
    value.correlation = product / std::sqrt(square_x * square_y);
  }
  if (mean_x != 0) value.variation_of_x = std::sqrt(square_x / count) / std::abs(mean_x);
  if (mean_y != 0) value.variation_of_y = std::sqrt(square_y / count) / std::abs(mean_y);
  return value;
}

}  // namespace sluice::limit
