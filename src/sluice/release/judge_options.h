// What the judge looks at, with the defaults that are shipped.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/time.h"
#include "sluice/release/guard_rails.h"

namespace sluice::release {

struct MetricOptions {
  std::string name;               // Required, unique.
  std::string event;              // An EventRule; empty: a latency metric.
  std::vector<double> quantiles;  // Of stable, 1 .. 99.9 percent: what is slow. 1 .. 4.
  double tolerance_ratio = 1.2;   // 1 .. 100 times stable's rate is still good.
  double min_abs_percent = 0;     // 0 .. 100 points of difference at least, to fail.
  double weight = 1;              // 0.001 .. 1000: its part of alpha.
  bool critical = false;          // Its failure is undone at once, whatever `on_fail` says.

  [[nodiscard]] bool is_latency() const { return event.empty(); }
  [[nodiscard]] std::size_t channels() const { return is_latency() ? quantiles.size() : 1; }
  friend bool operator==(const MetricOptions&, const MetricOptions&) = default;
};

struct JudgeOptions {
  double alpha = 0.01;                         // 1e-6 .. 0.2: false alarms of a release, at most.
  std::int64_t min_samples = 1'000;            // 0 .. 1e9 requests of the candidate in a step.
  Nanos max_duration = std::chrono::hours(1);  // 1 s .. 168 h: then too few samples hold.
  Nanos settle{0};  // 0 .. 24 h: of the candidate's first time only the guard-rails speak.
  std::vector<MetricOptions> metrics = DefaultMetrics();  // 1 .. 8, at most 16 channels in all.
  GuardRailOptions guards;

  // Errors and latency, as the specification ships them.
  [[nodiscard]] static std::vector<MetricOptions> DefaultMetrics();
  friend bool operator==(const JudgeOptions&, const JudgeOptions&) = default;
};

void Validate(const JudgeOptions& options, std::string_view path, ConfigProblems& problems);

}  // namespace sluice::release
