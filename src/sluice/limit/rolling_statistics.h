// Rolling statistics over the last few windows: means, medians, and how two series move together.
//
// Small and exact; they are fed once a window, never per request. Not thread-safe.

#pragma once

#include <cstddef>
#include <vector>

namespace sluice::limit {

// Exponential moving average with factor 2 / (age + 1); the plain mean of the first `warm_up`.
class MovingAverage {
 public:
  MovingAverage(double age, std::size_t warm_up) : factor_(2.0 / (age + 1.0)), warm_up_(warm_up) {}
  double Add(double sample);
  void Set(double value) { value_ = value; }
  // From the next sample on.
  void SetAge(double age) { factor_ = 2.0 / (age + 1.0); }
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  double factor_;
  std::size_t warm_up_;
  std::size_t count_ = 0;
  double value_ = 0;
};

// The median of the last `size` samples; of fewer while there are fewer.
class MovingMedian {
 public:
  explicit MovingMedian(std::size_t size) : size_(size) {}
  double Add(double sample);

 private:
  std::size_t size_;
  std::size_t next_ = 0;
  std::vector<double> samples_;
};

// The greatest of the last `size` samples.
class MovingMaximum {
 public:
  explicit MovingMaximum(std::size_t size) : size_(size) {}
  double Add(double sample);

 private:
  std::size_t size_;
  std::size_t next_ = 0;
  std::vector<double> samples_;
};

// Of the last `size` pairs.
class MovingCorrelation {
 public:
  explicit MovingCorrelation(std::size_t size) : size_(size) {}

  struct Value {
    double correlation = 0;     // Pearson's, -1 .. 1; 0 where a series does not vary.
    double variation_of_x = 0;  // Standard deviation by mean.
    double variation_of_y = 0;
  };
  Value Add(double x, double y);
  [[nodiscard]] std::size_t count() const { return pairs_.size(); }

 private:
  struct Pair {
    double x = 0;
    double y = 0;
  };
  std::size_t size_;
  std::size_t next_ = 0;
  std::vector<Pair> pairs_;
};

}  // namespace sluice::limit
