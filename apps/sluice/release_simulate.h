// `sluice release simulate`: tables of what the judge does with simulated traffic.

#pragma once

#include <cstdint>

namespace sluice::app {

struct SimulateOptions {
  std::uint64_t runs = 400;  // Of each figure; five times as many where false alarms are counted.
  std::uint64_t seed = 1;
  double tolerance = 1;  // Of the first tables.
  double alpha = 0.001;
  bool json = false;
};

[[nodiscard]] int SimulateRelease(const SimulateOptions& options);

}  // namespace sluice::app
