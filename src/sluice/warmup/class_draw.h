// ClassDraw: which class of requests comes next.
//
// By share of the traffic, but each class at least so often that it is there `class_min` times
// among `target` requests; and once the target is reached, those first that are still short of it.
// Pure: chance is a parameter.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/contract/random.h"

namespace sluice::warmup {

class ClassDraw {
 public:
  // Requires at least one share; the shares need not add up to 1.
  ClassDraw(const std::vector<double>& shares, std::uint64_t class_min, std::uint64_t target);

  // Requests expected of a class among the target.
  [[nodiscard]] double Expected(std::size_t index) const;

  // Counts the class that it returns as sent.
  [[nodiscard]] std::size_t Draw(Random& random);

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t count(std::size_t index) const { return counts_[index]; }
  // The target is reached, and each class has its minimum.
  [[nodiscard]] bool is_fulfilled() const { return total_ >= target_ && short_ == 0; }
  [[nodiscard]] std::uint64_t target() const { return target_; }

 private:
  std::uint64_t class_min_;
  std::uint64_t target_;
  std::vector<double> ends_;  // Cumulative weights.
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::size_t short_ = 0;  // Classes below their minimum.
};

}  // namespace sluice::warmup
