// OptionChecker: collects what is wrong with the options of one breaker or detector, under its
// path. Private to this room.

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

class OptionChecker {
 public:
  OptionChecker(std::string_view path, ConfigProblems& problems)
      : path_(path), problems_(problems) {}

  void Complain(std::string_view field, std::string text) {
    problems_.push_back({fmt::format("{}.{}", path_, field), std::move(text)});
  }
  template <typename Number>
  void Range(std::string_view field, Number value, Number least, Number most) {
    // Written so that a NaN is out of range.
    if (value >= least && value <= most) return;
    Complain(field, fmt::format("must be {}..{}, got {}", least, most, value));
  }
  void Duration(std::string_view field, Nanos value, Nanos least, Nanos most) {
    if (value >= least && value <= most) return;
    Complain(field,
             fmt::format("must be {}..{} ms, got {} ms",
                         std::chrono::duration_cast<std::chrono::milliseconds>(least).count(),
                         std::chrono::duration_cast<std::chrono::milliseconds>(most).count(),
                         static_cast<double>(value.count()) / 1e6));
  }
  void Threshold(std::string_view field, double percent) {
    if (percent > 0 && percent <= 100) return;
    Complain(field, fmt::format("must be over 0 and at most 100 percent, got {}", percent));
  }

 private:
  std::string_view path_;
  ConfigProblems& problems_;
};

}  // namespace sluice::breaker
