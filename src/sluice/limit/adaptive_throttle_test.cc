#include "sluice/limit/adaptive_throttle.h"

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SteadyTime At(int ms) {
  return SteadyTime(seconds(1000) + milliseconds(ms));
}

std::unique_ptr<AdaptiveThrottle> Make(const AdaptiveThrottleOptions& options) {
  Result<std::unique_ptr<AdaptiveThrottle>> made = AdaptiveThrottle::Create(options);
  return std::move(*made);
}

constexpr double kHighChance = 0.999999;  // A chance that no probability reaches.
constexpr Outcome kSuccess{.verdict = Verdict::kSuccess};
constexpr Outcome kFailure{.verdict = Verdict::kFailure};

void Call(AdaptiveThrottle& throttle, const Outcome& outcome, SteadyTime now) {
  ThrottleDecision decision = throttle.Decide(kHighChance, now);
  decision.permit.Settle(outcome, now);
}

TEST(AdaptiveThrottle, D50RefusesWithEnvoysProbability) {
  const AdaptiveThrottleOptions options{.name = "pay"};
  const auto p = [&options](double successes) {
    return RejectionProbability(1000, successes, options);
  };
  EXPECT_EQ(p(1000), 0);
  EXPECT_EQ(p(950), 0);
  EXPECT_NEAR(p(900), 0.0526, 1e-4);
  EXPECT_NEAR(p(500), 0.4732, 1e-4);
  EXPECT_EQ(p(100), 0.8);
}

TEST(AdaptiveThrottle, D50AggressionRefusesMoreAtFirst) {
  const AdaptiveThrottleOptions options{.name = "pay", .aggression = 2};
  EXPECT_EQ(RejectionProbability(1000, 950, options), 0);
  EXPECT_NEAR(RejectionProbability(1000, 900, options), 0.2293, 1e-4);
  EXPECT_NEAR(RejectionProbability(1000, 500, options), 0.6879, 1e-4);
  EXPECT_EQ(RejectionProbability(1000, 100, options), 0.8);
}

TEST(AdaptiveThrottle, D50IsTheRuleOfTheSreBookWithAThresholdOfOneInK) {
  const AdaptiveThrottleOptions sre{
      .name = "pay", .success_rate_threshold = 50, .max_rejection_probability = 100};
  EXPECT_NEAR(RejectionProbability(200, 50, sre), 0.4975, 1e-4);
  EXPECT_NEAR(RejectionProbability(1000, 0, sre), 0.999, 1e-4);
  const AdaptiveThrottleOptions failsafe{.name = "pay", .success_rate_threshold = 90};
  EXPECT_NEAR(RejectionProbability(120, 90, failsafe), 20.0 / 121, 1e-9);
}

TEST(AdaptiveThrottle, CountsACallWhenItEndsOrWhenItIsRefused) {
  const auto throttle = Make({.name = "pay", .rps_threshold = 0});
  ThrottleDecision sent = throttle->Decide(kHighChance, At(0));
  EXPECT_EQ(throttle->Stats(At(0)).requests, 0U);
  sent.permit.Settle(kFailure, At(1));
  EXPECT_EQ(throttle->Stats(At(1)).requests, 1U);
  EXPECT_EQ(throttle->Stats(At(1)).successes, 0U);
  EXPECT_FALSE(throttle->Decide(0, At(2)).admitted);  // (1 - 0) / (1 + 1).
  EXPECT_EQ(throttle->Stats(At(2)).requests, 2U);
}

TEST(AdaptiveThrottle, RefusesNobodyWhileASlowUpstreamSucceeds) {
  const auto throttle = Make({.name = "pay", .rps_threshold = 0});
  std::deque<Permit> under_way;  // Each takes 2 s; 200 begin in one second.
  int refused = 0;
  for (int ms = 0; ms < 4000; ms += 5) {
    if (ms >= 2000) {
      under_way.front().Settle(kSuccess, At(ms));
      under_way.pop_front();
    }
    ThrottleDecision decision = throttle->Decide(0, At(ms));  // Refused at any probability.
    if (!decision.admitted) ++refused;
    under_way.push_back(std::move(decision.permit));
  }
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(throttle->Stats(At(4000)).requests, 400U);
  EXPECT_EQ(throttle->Stats(At(4000)).successes, 400U);
}

TEST(AdaptiveThrottle, ForcesOneCallAnIntervalThrough) {
  const auto throttle = Make({.name = "pay", .rps_threshold = 0});
  for (int i = 0; i < 100; ++i)
    Call(*throttle, kFailure, At(0));
  int passed = 0;
  for (int ms = 0; ms < 10'000; ms += 10) {
    if (throttle->Decide(0, At(ms)).admitted) ++passed;
  }
  EXPECT_EQ(passed, 9);  // At 1 s, 2 s, …, 9 s.
}

TEST(AdaptiveThrottle, RefusesNobodyBelowTheLeastRate) {
  const auto throttle = Make({.name = "pay", .rps_threshold = 5});  // 150 in 30 s.
  for (int i = 0; i < 149; ++i)
    Call(*throttle, kFailure, At(i));
  EXPECT_EQ(throttle->Stats(At(149)).rejection_probability, 0);
  Call(*throttle, kFailure, At(149));
  EXPECT_GT(throttle->Stats(At(150)).rejection_probability, 0.7);
}

TEST(AdaptiveThrottle, ForgetsWhatIsOlderThanTheWindow) {
  const auto throttle = Make({.name = "pay", .rps_threshold = 0});
  for (int i = 0; i < 100; ++i)
    Call(*throttle, kFailure, At(0));
  EXPECT_EQ(throttle->Stats(At(29'000)).requests, 100U);
  EXPECT_EQ(throttle->Stats(At(31'000)).requests, 0U);
  for (int i = 0; i < 100; ++i)
    Call(*throttle, kSuccess, At(3'600'000));
  EXPECT_EQ(throttle->Stats(At(3'600'000)).successes, 100U);
}

TEST(AdaptiveThrottle, ACallCountsInTheStretchOfTimeInWhichItEnds) {
  const auto throttle = Make({.name = "pay"});
  ThrottleDecision slow = throttle->Decide(kHighChance, At(0));
  slow.permit.Settle(kSuccess, At(60'000));
  EXPECT_EQ(throttle->Stats(At(60'000)).requests, 1U);
  EXPECT_EQ(throttle->Stats(At(60'000)).successes, 1U);
  EXPECT_EQ(throttle->Stats(At(91'000)).requests, 0U);
  EXPECT_EQ(throttle->Stats(At(91'000)).successes, 0U);
}

TEST(AdaptiveThrottle, WhatSaysNothingCountsNeitherWay) {
  const auto throttle = Make({.name = "pay"});
  Call(*throttle, {.verdict = Verdict::kIgnored}, At(0));
  throttle->Decide(kHighChance, At(0)).permit.Refund(At(0));
  {
    const ThrottleDecision dropped = throttle->Decide(kHighChance, At(0));
  }
  EXPECT_EQ(throttle->Stats(At(0)).requests, 0U);
  EXPECT_EQ(throttle->Stats(At(0)).successes, 0U);
}

TEST(AdaptiveThrottle, InShadowCountsExactlyWhatItWouldHaveRefused) {
  const auto run = [](GuardMode mode) {
    const auto throttle = Make({.name = "pay", .rps_threshold = 0, .mode = mode});
    Random random(7);
    for (int i = 0; i < 2000; ++i) {
      ThrottleDecision decision = throttle->Decide(random.Unit(), At(i));
      decision.permit.Settle(i % 3 == 0 ? kSuccess : kFailure, At(i));
    }
    return throttle->Stats(At(2000)).decisions;
  };
  const DecisionTotals enforced = run(GuardMode::kEnforce);
  const DecisionTotals shadow = run(GuardMode::kShadow);
  EXPECT_GT(enforced.denied, 500U);
  EXPECT_EQ(shadow.denied, 0U);
  EXPECT_EQ(shadow.would_deny, enforced.denied);
  EXPECT_EQ(run(GuardMode::kDisabled).allowed, 0U);
}

TEST(AdaptiveThrottle, KeepsItsWindowOverAReload) {
  AdaptiveThrottleOptions options{.name = "pay"};
  const auto throttle = Make(options);
  Call(*throttle, kFailure, At(0));
  options.aggression = 2;
  ASSERT_TRUE(throttle->Reconfigure(options));
  EXPECT_EQ(throttle->Stats(At(0)).requests, 1U);
  options.sampling_window = seconds(60);
  ASSERT_TRUE(throttle->Reconfigure(options));
  EXPECT_EQ(throttle->Stats(At(0)).requests, 0U);  // Of another length: it begins anew.
  options.name = "book";
  EXPECT_FALSE(throttle->Reconfigure(options));
  options.name = "pay";
  options.aggression = 0;
  EXPECT_FALSE(throttle->Reconfigure(options));
}

TEST(AdaptiveThrottle, CountsEveryCallOfManyThreads) {
  const auto throttle = Make({.name = "pay"});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&throttle] {
      for (int j = 0; j < 5000; ++j)
        Call(*throttle, kSuccess, At(j));
    });
  }
  threads.clear();
  EXPECT_EQ(throttle->Stats(At(5000)).requests, 20'000U);
  EXPECT_EQ(throttle->Stats(At(5000)).successes, 20'000U);
}

TEST(AdaptiveThrottleOptions, SayWhatIsWrong) {
  const auto first_of = [](const AdaptiveThrottleOptions& options) -> std::string {
    ConfigProblems problems;
    Validate(options, "a", problems);
    return problems.empty() ? "" : problems.front().path;
  };
  EXPECT_EQ(first_of({.name = "a"}), "");
  EXPECT_EQ(first_of({}), "a.name");
  EXPECT_EQ(first_of({.name = "a", .sampling_window = Nanos(1)}), "a.sampling_window");
  EXPECT_EQ(first_of({.name = "a", .success_rate_threshold = 0}), "a.success_rate_threshold");
  EXPECT_EQ(first_of({.name = "a", .aggression = 11}), "a.aggression");
  EXPECT_EQ(first_of({.name = "a", .rps_threshold = -1}), "a.rps_threshold");
  EXPECT_EQ(first_of({.name = "a", .max_rejection_probability = 101}),
            "a.max_rejection_probability");
  EXPECT_EQ(first_of({.name = "a", .force_pass_interval = Nanos(-1)}), "a.force_pass_interval");
  EXPECT_EQ(first_of({.name = "a", .enforce_percent = -1}), "a.enforce_percent");
  EXPECT_FALSE(AdaptiveThrottle::Create({}));
}

}  // namespace
}  // namespace sluice::limit
