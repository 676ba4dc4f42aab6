// Simulation: what the judge, and rules of other tools, do with the same traffic.
//
// `sluice release simulate` prints these. Traffic is Poisson; a candidate has `weight` of it. Each
// figure is of many runs of one simulated hour, from a seed, so that anybody gets the same ones.
// The rules of others are those that they document: Flagger's success rate of at least 99 % each
// minute, rolled back at the fifth (or tenth) minute that failed; Argo Rollouts' failureLimit 0.

#pragma once

#include <cstdint>
#include <optional>

#include "sluice/release/judge.h"

namespace sluice::release {

struct Traffic {
  double requests_per_second = 100;
  double weight = 0.1;        // Of the candidate.
  double error_rate = 0.005;  // Of stable.
  double error_factor = 1;    // The candidate has so many times as many, at most all.
  double latency_scale = 1;   // The candidate takes so many times as long.
  double duration_seconds = 3600;
};

// Of `runs`, by what each rule would have rolled back.
struct FalseAlarms {
  std::uint64_t runs = 0;
  std::uint64_t flagger5 = 0;
  std::uint64_t flagger10 = 0;
  std::uint64_t argo = 0;
  std::uint64_t z_test05 = 0;   // A z-test looked at each minute, one-sided at 5 %.
  std::uint64_t z_test001 = 0;  // The same at 0.1 %.
  std::uint64_t event_test05 = 0;
  std::uint64_t event_test001 = 0;
};
[[nodiscard]] FalseAlarms CountFalseAlarms(const Traffic& traffic,
                                           double tolerance,
                                           std::uint64_t runs,
                                           std::uint64_t seed);

struct Delays {
  std::uint64_t runs = 0;
  std::uint64_t found = 0;            // Of them, within the duration.
  double median_seconds = 0;          // Of those that found something; -1: none did.
  double p90_seconds = 0;             // Likewise.
  double flagger_median_seconds = 0;  // Threshold 5, of all runs; -1: half of them found nothing.
};
struct TestSetting {
  double tolerance = 1;
  double alpha = 0.001;
  std::uint64_t runs = 400;
  std::uint64_t seed = 1;
};
// Errors: looked at each second.
[[nodiscard]] Delays MeasureErrorDelays(const Traffic& traffic, const TestSetting& setting);
// Latency: lognormal with sigma 0.6; the mean of the e-values at stable's p50, p90 and p99.
[[nodiscard]] Delays MeasureLatencyDelays(const Traffic& traffic, const TestSetting& setting);

// The whole judge with its guard-rails, second by second.
struct JudgeRuns {
  std::uint64_t runs = 0;
  std::uint64_t failed = 0;
  std::uint64_t failed_by_guard = 0;
  std::uint64_t held = 0;
  double median_seconds = -1;  // Until it failed, of those that did; -1: none.
  double p90_seconds = -1;
};
[[nodiscard]] JudgeRuns RunJudge(const JudgeOptions& options,
                                 const Traffic& traffic,
                                 std::uint64_t runs,
                                 std::uint64_t seed);

}  // namespace sluice::release
