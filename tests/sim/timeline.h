// Timeline: what happened in a scenario's run, for the reader of a failure.

#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "sluice/contract/time.h"

namespace sluice::scenario {

class Timeline {
 public:
  // Times are told since `start`. Keeps the last `lines_max` lines.
  explicit Timeline(SteadyTime start, std::size_t lines_max = 200)
      : start_(start), lines_max_(lines_max) {}

  void Add(SteadyTime at, std::string text);
  // One line each: "    0.012345000  text".
  [[nodiscard]] std::string ToString() const;

 private:
  struct Line {
    Nanos at;
    std::string text;
  };

  SteadyTime start_;
  std::size_t lines_max_;
  std::deque<Line> lines_;
  std::size_t dropped_ = 0;
};

}  // namespace sluice::scenario
