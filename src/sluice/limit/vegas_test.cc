#include "sluice/limit/vegas.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A callee that works on `capacity` calls at once, each `service` long: what a window shows when
// `offered` calls a second come and at most the limit are let in.
WindowSample Observe(double limit, double capacity, Nanos service, double offered) {
  const double service_s = static_cast<double>(service.count()) / 1e9;
  const double most = capacity / service_s;
  const double wanted = offered * service_s;
  const double inflight = std::min(std::floor(limit), offered > most ? 1e9 : wanted);
  const double latency_s = std::max(service_s, inflight / most);
  return {.latency = Nanos(static_cast<Nanos::rep>(latency_s * 1e9)),
          .inflight_max = static_cast<std::int64_t>(std::max(1.0, inflight)),
          .successes = static_cast<std::uint64_t>(inflight / latency_s),
          .length = seconds(1),
          .was_full = inflight >= std::floor(limit)};
}

TEST(Vegas, D40DropsLeaveAPartOfTheLimitSmoothedOrNot) {
  const LimitBounds bounds{.initial = 100, .min = 1, .max = 200};
  const WindowSample dropped{.inflight_max = 100, .drops = 1};
  Vegas smooth({.bounds = bounds, .smoothing = 0.5, .backoff_ratio = 0.5});
  EXPECT_EQ(static_cast<int>(smooth.Update(dropped)), 75);
  EXPECT_EQ(static_cast<int>(smooth.Update(dropped)), 56);
  Vegas plain({.bounds = bounds, .backoff_ratio = 0.5});
  EXPECT_EQ(static_cast<int>(plain.Update(dropped)), 50);
  EXPECT_EQ(static_cast<int>(plain.Update(dropped)), 25);
}

TEST(Vegas, D43FollowsTheQueueThatTheLatencyShows) {
  constexpr double kBase = 1e9;
  const auto step = [](double limit, double recent) {
    switch (Judge({.limit = limit, .baseline = kBase, .recent = recent})) {
      case VegasVerdict::kIncrease:
        return limit + VegasStep(limit);
      case VegasVerdict::kDecrease:
        return limit - VegasStep(limit);
      case VegasVerdict::kHold:
        return limit;
    }
    return 0.0;
  };
  EXPECT_EQ(step(20, 1e9), 21);
  EXPECT_EQ(step(21, 0.5e9), 22);
  EXPECT_EQ(step(20, 2e9), 19);  // A queue of 10.
  EXPECT_EQ(step(19, 2e9), 18);
  EXPECT_EQ(step(20, 1.3e9), 20);  // A queue of 5: between 3 and 6.
}

TEST(Vegas, GuardsDecreaseWhereMoreCallsOnlyWaitLonger) {
  VegasSignals signals{.limit = 20,
                       .baseline = 1e9,
                       .recent = 1e9,
                       .was_full = true,
                       .has_correlations = true,
                       .throughput_correlation = 0.2,
                       .throughput_variation = 0.5,
                       .inflight_variation = 0.6,
                       .latency_correlation = 0.6};
  EXPECT_EQ(Judge(signals), VegasVerdict::kDecrease);  // Latency rises, throughput does not.
  signals.throughput_correlation = 0.9;
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);
  signals.throughput_variation = 0.1;
  EXPECT_EQ(Judge(signals), VegasVerdict::kDecrease);  // It varies too little to follow them.
  signals.inflight_variation = 0.2;
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);  // As much as they do: it follows them.
  signals.inflight_variation = 0.6;
  signals.latency_correlation = 0.5;
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);
  signals.throughput_correlation = -0.1;
  EXPECT_EQ(Judge(signals), VegasVerdict::kDecrease);
  signals.was_full = false;
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);
  signals.was_full = true;
  signals.has_correlations = false;
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);
}

TEST(Vegas, GuardsStopBelowTheKnee) {
  VegasSignals signals{.limit = 20,
                       .baseline = 1e9,
                       .recent = 1e9,
                       .was_full = true,
                       .has_correlations = true,
                       .throughput_correlation = 0.2,
                       .throughput_variation = 0.5,
                       .inflight_variation = 0.6,
                       .throughput_ratio = 0.96,
                       .latency_correlation = 0.6};
  EXPECT_EQ(Judge(signals), VegasVerdict::kDecrease);
  signals.throughput_ratio = 0.94;  // Less than was possible of late.
  EXPECT_EQ(Judge(signals), VegasVerdict::kIncrease);
}

TEST(Vegas, D45FallsToItsMinimumWhereEverythingTimesOut) {
  Vegas vegas({.bounds = {.initial = 100, .min = 4, .max = 1000}});
  double before = vegas.limit();
  for (int i = 0; i < 40; ++i) {
    // As Netflix's Gradient2 met it: the latency is pinned at the timeout, so it shows no queue.
    const double now = vegas.Update({.latency = seconds(5),
                                     .inflight_max = static_cast<std::int64_t>(before),
                                     .successes = 0,
                                     .drops = 100,
                                     .length = seconds(10),
                                     .was_full = true});
    EXPECT_LE(now, before);
    before = now;
  }
  EXPECT_DOUBLE_EQ(vegas.limit(), 4);
}

TEST(Vegas, DoesNotGrowWhileAQuarterIsUnused) {
  Vegas vegas({.bounds = {.initial = 20, .min = 4, .max = 1000}});
  for (int i = 0; i < 100; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 1400)));
  EXPECT_DOUBLE_EQ(vegas.limit(), 20);
  for (int i = 0; i < 100; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 1800)));
  EXPECT_DOUBLE_EQ(vegas.limit(), 25);  // Eighteen at once are 75 % of 24.
}

TEST(Vegas, GrowsByATwentiethWhereItIsMetAndNothingQueues) {
  Vegas vegas({.bounds = {.initial = 200, .min = 4, .max = 1000}});
  EXPECT_DOUBLE_EQ(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 90'000)), 210);
  EXPECT_DOUBLE_EQ(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 90'000)), 220);
  // Not met: by its step alone.
  EXPECT_DOUBLE_EQ(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 18'000)), 222);
}

// Calls that queue beyond twice what is wanted are not taken back one by one.
TEST(Vegas, GivesWayByHalfOfWhatQueuesTooMuch) {
  Vegas vegas({.bounds = {.initial = 80, .min = 4, .max = 1000}});
  for (int i = 0; i < 30; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 40, milliseconds(10), 3500)));
  ASSERT_GE(vegas.limit(), 80);  // 35 at once: never met.
  for (int i = 0; i < 8; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 40, milliseconds(10), 80'000)));
  EXPECT_LE(vegas.limit(), 52);
}

TEST(Vegas, BelievesACalleeThatHasBecomeSlower) {
  Vegas vegas({.bounds = {.initial = 40, .min = 4, .max = 1000}});
  for (int i = 0; i < 60; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 100, milliseconds(10), 20'000)));
  ASSERT_GE(vegas.limit(), 90);
  double limit_min = vegas.limit();
  for (int i = 0; i < 240; ++i) {
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 100, milliseconds(20), 20'000)));
    limit_min = std::min(limit_min, vegas.limit());
  }
  EXPECT_GE(limit_min, 8);
  EXPECT_GE(vegas.limit(), 80);  // What it can do at once has not changed.
}

TEST(Vegas, LeavesALimitOutOfUseStepByStep) {
  Vegas vegas({.bounds = {.initial = 30, .min = 4, .max = 1000}});
  EXPECT_DOUBLE_EQ(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 100)), 29);
  for (int i = 0; i < 100; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 100)));
  EXPECT_DOUBLE_EQ(vegas.limit(), 5);
}

TEST(Vegas, FindsTheKneeAndStaysThereUnderLongOverload) {
  for (const double capacity : {10.0, 50.0, 200.0}) {
    SCOPED_TRACE(capacity);
    Vegas vegas({.bounds = {.initial = 20, .min = 4, .max = 1000}});
    const double most = capacity / 0.010;
    double served = 0;
    double limit_max = 0;
    for (int i = 0; i < 900; ++i) {
      const WindowSample sample = Observe(vegas.limit(), capacity, milliseconds(10), 2 * most);
      static_cast<void>(vegas.Update(sample));
      if (i < 300) continue;
      served += static_cast<double>(sample.successes) / 600;
      limit_max = std::max(limit_max, vegas.limit());
    }
    EXPECT_GE(served, 0.97 * most);
    EXPECT_LE(limit_max, 1.9 * capacity);
  }
}

TEST(Vegas, ComesBackUpWhenTheCalleeIsFasterAgain) {
  Vegas vegas({.bounds = {.initial = 20, .min = 4, .max = 1000}});
  for (int i = 0; i < 120; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 10, milliseconds(10), 20'000)));
  EXPECT_LE(vegas.limit(), 19);
  for (int i = 0; i < 120; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 100, milliseconds(10), 20'000)));
  EXPECT_GE(vegas.limit(), 80);
}

TEST(Vegas, StaysWithinItsBounds) {
  Vegas vegas({.bounds = {.initial = 3, .min = 4, .max = 6}});
  EXPECT_DOUBLE_EQ(vegas.limit(), 4);
  for (int i = 0; i < 5; ++i)
    static_cast<void>(vegas.Update(Observe(vegas.limit(), 1000, milliseconds(10), 100'000)));
  EXPECT_DOUBLE_EQ(vegas.limit(), 6);
  vegas.Tune({.bounds = {.min = 10, .max = 20}});
  EXPECT_DOUBLE_EQ(vegas.limit(), 10);
}

}  // namespace
}  // namespace sluice::limit
