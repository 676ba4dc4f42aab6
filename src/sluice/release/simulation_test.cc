#include "sluice/release/simulation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

// The figures that are to be met were computed by another program, with tolerance 1 and alpha
// 0.001, a tenth of the traffic on the candidate and 0.5 % errors.
constexpr double kNear = 1.3;

double SigmaBound(double alpha, double runs) {
  return runs * alpha + 3 * std::sqrt(runs * alpha * (1 - alpha));
}

TEST(Simulation, TheSameVersionIsHardlyEverRolledBack) {
  constexpr std::uint64_t kRuns = 2'000;
  for (const double rate : {5.0, 20.0, 100.0, 1000.0}) {
    const FalseAlarms alarms =
        CountFalseAlarms({.requests_per_second = rate}, /*tolerance=*/1, kRuns, /*seed=*/1);
    EXPECT_LE(static_cast<double>(alarms.event_test05), SigmaBound(0.05, kRuns)) << rate;
    EXPECT_LE(static_cast<double>(alarms.event_test001), SigmaBound(0.001, kRuns)) << rate;
  }
}

TEST(Simulation, ThresholdsOfOthersRollBackQuietServices) {
  const FalseAlarms alarms = CountFalseAlarms({.requests_per_second = 20}, 1, 2'000, /*seed=*/1);
  EXPECT_NEAR(static_cast<double>(alarms.flagger5) / 2'000, 0.898, 0.03);
  EXPECT_NEAR(static_cast<double>(alarms.argo) / 2'000, 1.0, 0.01);
  EXPECT_NEAR(static_cast<double>(alarms.z_test05) / 2'000, 0.306, 0.04);
}

TEST(Simulation, WorseVersionsAreFoundAsSoonAsPromised) {
  struct Row {
    double factor;
    double rate;
    double median;
  };
  constexpr std::array<Row, 11> kRows = {{{2, 100, 491},
                                          {2, 1000, 46},
                                          {4, 20, 349},
                                          {4, 100, 73},
                                          {4, 1000, 8},
                                          {20, 20, 29},
                                          {20, 100, 6},
                                          {20, 1000, 1},
                                          {200, 20, 2},
                                          {200, 100, 1},
                                          {200, 1000, 1}}};
  for (const Row& row : kRows) {
    const Delays delays = MeasureErrorDelays(
        {.requests_per_second = row.rate, .error_factor = row.factor}, {.runs = 200, .seed = 1});
    EXPECT_GE(delays.found, 199U);
    // A look is a second, which is much where the median is one or two.
    const double most = std::max(kNear * row.median, row.median + 1);
    EXPECT_LE(delays.median_seconds, most) << row.factor << " " << row.rate;
  }
}

TEST(Simulation, SlowerVersionsAreFoundAsSoonAsPromised) {
  struct Row {
    double scale;
    double rate;
    double median;
  };
  constexpr std::array<Row, 12> kRows = {{{1.05, 1000, 76},
                                          {1.1, 100, 204},
                                          {1.1, 1000, 22},
                                          {1.2, 20, 275},
                                          {1.2, 100, 55},
                                          {1.2, 1000, 6},
                                          {1.5, 20, 52},
                                          {1.5, 100, 11},
                                          {1.5, 1000, 2},
                                          {2, 20, 17},
                                          {2, 100, 4},
                                          {2, 1000, 1}}};
  for (const Row& row : kRows) {
    const Delays delays = MeasureLatencyDelays(
        {.requests_per_second = row.rate, .latency_scale = row.scale}, {.runs = 200, .seed = 1});
    EXPECT_EQ(delays.found, 200U);
    EXPECT_LE(delays.median_seconds, kNear * row.median) << row.scale << " " << row.rate;
  }
  EXPECT_EQ(MeasureLatencyDelays({.requests_per_second = 20}, {.runs = 100, .seed = 1}).found, 0U);
}

// With the guard-rails on; an hour of 20 requests a second, 0.5 % errors on both sides.
TEST(Simulation, G15TheShippedJudgeSparesTheSameVersion) {
  constexpr std::uint64_t kRuns = 200;
  const JudgeRuns runs = RunJudge({}, {.requests_per_second = 20}, kRuns, /*seed=*/1);
  EXPECT_LE(static_cast<double>(runs.failed), SigmaBound(0.01, kRuns));
  const JudgeOptions strict{.alpha = 0.001};
  EXPECT_LE(RunJudge(strict, {.requests_per_second = 20}, kRuns, /*seed=*/2).failed, 1U);
}

TEST(Simulation, G15TheShippedJudgeSparesQuietAndBusyServices) {
  for (const double rate : {5.0, 100.0}) {
    const JudgeRuns runs = RunJudge({}, {.requests_per_second = rate}, /*runs=*/50, /*seed=*/1);
    EXPECT_LE(static_cast<double>(runs.failed), SigmaBound(0.01, 50)) << rate;
  }
}

TEST(Simulation, TheShippedJudgeFindsSlowerVersions) {
  const JudgeRuns runs = RunJudge({}, {.requests_per_second = 100, .latency_scale = 1.5},
                                  /*runs=*/20, /*seed=*/1);
  EXPECT_EQ(runs.failed, 20U);
  EXPECT_EQ(runs.failed_by_guard, 0U);
  EXPECT_LE(runs.median_seconds, 60);
}

TEST(Simulation, G14AnOutageIsSeenWithinSeconds) {
  const JudgeRuns runs = RunJudge({}, {.requests_per_second = 100, .error_factor = 200},
                                  /*runs=*/50, /*seed=*/1);
  EXPECT_EQ(runs.failed, 50U);
  EXPECT_LE(runs.p90_seconds, 2);
}

}  // namespace
}  // namespace sluice::release
