// Scenarios of a breaker as a whole. What happens while half-open: half_open_test.cc.

#include "sluice/breaker/breaker.h"

#include <chrono>
#include <cmath>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr SteadyTime kStart{1h};
constexpr Outcome kSuccess{.verdict = Verdict::kSuccess};
constexpr Outcome kFailure{.verdict = Verdict::kFailure};

std::unique_ptr<Breaker> Make(const BreakerOptions& options) {
  Result<std::unique_ptr<Breaker>> breaker = Breaker::Create(options, /*seed=*/1, kStart);
  EXPECT_TRUE(breaker.has_value()) << (breaker ? "" : breaker.error().detail);
  return std::move(*breaker);
}

// Acquires and settles at once; F fails, S succeeds, L succeeds but took long. Requires admission.
void Calls(Breaker& breaker, std::string_view calls, Nanos at = 0s) {
  for (const char call : calls) {
    const BreakerDecision decision = breaker.TryAcquire(kStart + at);
    ASSERT_TRUE(decision.admitted) << call;
    breaker.Settle(decision.token,
                   {.verdict = call == 'F' ? Verdict::kFailure : Verdict::kSuccess,
                    .duration = call == 'L' ? Nanos(51ms) : Nanos(50ms)},
                   kStart + at);
  }
}

State StateAt(Breaker& breaker, Nanos at) {
  return breaker.Snapshot(kStart + at).state;
}

// Sentinel's or resilience4j's rules, without what those do not have.
BreakerOptions Plain(int minimum_calls) {
  return {.name = "pay",
          .minimum_number_of_calls = minimum_calls,
          .slow_call_duration_threshold = 50ms,
          .wait_duration_in_open_state = 5s,
          .wait_backoff = {.multiplier = 1.0, .jitter_ratio = 0},
          .permitted_number_of_calls_in_half_open_state = 1,
          .recovery_ramp = {.length = 0s}};
}

BreakerOptions CountOfFive() {
  BreakerOptions options = Plain(5);
  options.sliding_window = {.type = WindowType::kCount, .calls = 5};
  return options;
}

TEST(BreakerScenarios, D22_TripsOnExactlyTheFifthCall) {
  const auto breaker = Make(CountOfFive());
  for (const char* call : {"F", "F", "F", "S"}) {
    Calls(*breaker, call);
    EXPECT_EQ(breaker->Snapshot(kStart).failure_rate, -1);
    EXPECT_EQ(breaker->Snapshot(kStart).state, State::kClosed);
  }
  Calls(*breaker, "S");
  EXPECT_EQ(breaker->Snapshot(kStart).failure_rate, 60);
  EXPECT_EQ(breaker->Snapshot(kStart).state, State::kOpen);
  EXPECT_FALSE(breaker->TryAcquire(kStart).admitted);
  EXPECT_EQ(breaker->Snapshot(kStart).not_permitted_total, 1U);
}

TEST(BreakerScenarios, D24_HalfOpensWithTheFirstCallAfterTheWait) {
  const auto breaker = Make(CountOfFive());
  Calls(*breaker, "FFFSS");
  for (int call = 0; call < 2; ++call) {
    const BreakerDecision refused = breaker->TryAcquire(kStart + 3s);
    EXPECT_FALSE(refused.admitted);
    EXPECT_EQ(refused.retry_after, 2s);
  }
  EXPECT_EQ(breaker->Snapshot(kStart + 3s).not_permitted_total, 2U);
  EXPECT_TRUE(breaker->TryAcquire(kStart + 6s).admitted);
  const BreakerSnapshot half_open = breaker->Snapshot(kStart + 6s);
  EXPECT_EQ(half_open.state, State::kHalfOpen);
  EXPECT_EQ(half_open.failure_rate, -1);
  EXPECT_EQ(half_open.window.calls, 0U);
}

// Sentinel trips above the ratio, we at it: both can be chosen.
TEST(BreakerScenarios, D28_SlowCallsTripAtOrAboveTheThreshold) {
  BreakerOptions options = Plain(10);
  options.slow_call_rate_threshold = 80;
  options.threshold_mode = ThresholdMode::kGreater;
  const auto greater = Make(options);
  Calls(*greater, "LLLLLLLSSS");
  Calls(*greater, "LLLLL");
  EXPECT_EQ(greater->Snapshot(kStart).slow_call_rate, 80);
  EXPECT_EQ(StateAt(*greater, 0s), State::kClosed);
  Calls(*greater, "L");
  EXPECT_EQ(greater->Snapshot(kStart).slow_call_rate, 81.25);
  EXPECT_EQ(StateAt(*greater, 0s), State::kOpen);

  options.threshold_mode = ThresholdMode::kGreaterOrEqual;
  const auto at_least = Make(options);
  Calls(*at_least, "LLLLLLLSSS");
  Calls(*at_least, "LLLL");
  EXPECT_EQ(StateAt(*at_least, 0s), State::kClosed);
  Calls(*at_least, "L");
  EXPECT_EQ(StateAt(*at_least, 0s), State::kOpen);
}

TEST(BreakerScenarios, D29_FailuresTripProbesDecideAndClosingForgets) {
  const auto breaker = Make(Plain(10));
  Calls(*breaker, "FFFFFFSSS");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kClosed);
  Calls(*breaker, "F");
  EXPECT_EQ(breaker->Snapshot(kStart).failure_rate, 70);
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
  Calls(*breaker, "F", 5s);
  EXPECT_EQ(StateAt(*breaker, 5s), State::kOpen);
  EXPECT_FALSE(breaker->TryAcquire(kStart + 9s).admitted);
  Calls(*breaker, "S", 10s);
  EXPECT_EQ(StateAt(*breaker, 10s), State::kClosed);
  Calls(*breaker, "F", 10s);
  EXPECT_EQ(StateAt(*breaker, 10s), State::kClosed);
  EXPECT_EQ(breaker->Snapshot(kStart + 10s).window.calls, 1U);
}

TEST(BreakerScenarios, D30_AllSlowOfThreeTrips) {
  for (const ThresholdMode mode : {ThresholdMode::kGreaterOrEqual, ThresholdMode::kGreater}) {
    BreakerOptions options = Plain(3);
    options.slow_call_rate_threshold = 100;
    options.threshold_mode = mode;
    const auto breaker = Make(options);
    Calls(*breaker, "LLL");
    EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
    EXPECT_FALSE(breaker->TryAcquire(kStart + 1s).admitted);
    EXPECT_TRUE(breaker->TryAcquire(kStart + 5s).admitted);
    EXPECT_EQ(StateAt(*breaker, 5s), State::kHalfOpen);
  }
}

TEST(BreakerScenarios, D32_ACallOfAnEarlierLifeNeverDecides) {
  for (const Outcome& outcome : {kSuccess, kFailure}) {
    const auto breaker = Make(CountOfFive());
    const BreakerDecision early = breaker->TryAcquire(kStart);
    Calls(*breaker, "FFFFF");
    const BreakerDecision probe = breaker->TryAcquire(kStart + 5s);
    ASSERT_EQ(StateAt(*breaker, 5s), State::kHalfOpen);
    breaker->Settle(early.token, outcome, kStart + 5s);
    EXPECT_EQ(StateAt(*breaker, 5s), State::kHalfOpen);
    EXPECT_EQ(breaker->Snapshot(kStart + 5s).window.calls, 0U);
    // Counted in the totals nevertheless.
    const BreakerTotals totals = breaker->Snapshot(kStart + 5s);
    EXPECT_EQ(totals.successes_total + totals.failures_total, 6U);
    breaker->Settle(probe.token, kSuccess, kStart + 5s);
    EXPECT_EQ(StateAt(*breaker, 5s), State::kClosed);
  }
}

TEST(BreakerScenarios, D32_AFailureOfAnEarlierLifeDoesNotCountInThisOne) {
  const auto breaker = Make(CountOfFive());
  const BreakerDecision early = breaker->TryAcquire(kStart);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "S", 5s);
  ASSERT_EQ(StateAt(*breaker, 5s), State::kClosed);
  breaker->Settle(early.token, kFailure, kStart + 5s);
  EXPECT_EQ(breaker->Snapshot(kStart + 5s).window.calls, 0U);
}

TEST(BreakerScenarios, D32c_RecoveryAdmitsAGrowingPart) {
  constexpr int kCalls = 4'000;
  struct Moment {
    Nanos at;
    double part;
  };
  for (const Moment& moment : {Moment{1s, 0.1}, Moment{5s, 0.5}, Moment{9999ms, 0.9999}}) {
    BreakerOptions options = CountOfFive();
    options.recovery_ramp = {.length = 10s, .min_percent = 10, .aggression = 1.0};
    const auto breaker = Make(options);
    Calls(*breaker, "FFFFF");
    Calls(*breaker, "S", 5s);
    ASSERT_EQ(StateAt(*breaker, 5s), State::kRecovering);
    int admitted = 0;
    for (int call = 0; call < kCalls; ++call) {
      if (breaker->TryAcquire(kStart + 5s + moment.at).admitted) ++admitted;
    }
    const double sigma = std::sqrt(kCalls * moment.part * (1 - moment.part));
    EXPECT_NEAR(admitted, kCalls * moment.part, 3 * sigma + 1);
  }
}

TEST(BreakerScenarios, D32c_RecoveryEndsClosedWithAnEmptyWindow) {
  BreakerOptions options = CountOfFive();
  options.recovery_ramp = {.length = 10s};
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "S", 5s);
  EXPECT_EQ(StateAt(*breaker, 14'999ms), State::kRecovering);
  Calls(*breaker, "SSSSS", 15s);
  const BreakerSnapshot closed = breaker->Snapshot(kStart + 15s);
  EXPECT_EQ(closed.state, State::kClosed);
  EXPECT_EQ(closed.window.calls, 5U);
  EXPECT_EQ(closed.not_permitted_total, 0U);
}

TEST(Breaker, RecoveryEndsWhenItsTimeIsUpWhoeverLooksWhen) {
  BreakerOptions options = CountOfFive();
  options.recovery_ramp = {.length = 10s};
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "S", 5s);
  EXPECT_EQ(breaker->Snapshot(kStart + 40s).since, kStart + 15s);
}

TEST(Breaker, RecoveryThatFailsOpensAgainForLonger) {
  BreakerOptions options = CountOfFive();
  options.wait_backoff = {.multiplier = 2.0, .max = 60s, .jitter_ratio = 0};
  options.recovery_ramp = {.length = 10s, .min_percent = 100};
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "S", 5s);
  Calls(*breaker, "FFFFF", 6s);
  const BreakerSnapshot open = breaker->Snapshot(kStart + 6s);
  EXPECT_EQ(open.state, State::kOpen);
  EXPECT_EQ(open.failed_recoveries, 1);
  EXPECT_EQ(open.retry_after, 10s);
}

TEST(Breaker, RecoveryFollowsTheAggression) {
  BreakerOptions options = CountOfFive();
  options.recovery_ramp = {.length = 10s, .min_percent = 0, .aggression = 2.0};
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "S", 5s);
  int admitted = 0;
  for (int call = 0; call < 4'000; ++call) {
    if (breaker->TryAcquire(kStart + 5s + 2500ms).admitted) ++admitted;
  }
  EXPECT_NEAR(admitted, 2'000, 3 * std::sqrt(1'000.0));  // (1/4)^(1/2)
}

TEST(Breaker, AWindowByTimeForgets) {
  const auto breaker = Make(Plain(10));
  Calls(*breaker, "FFFFFFFFF", 0s);
  Calls(*breaker, "F", 11s);
  EXPECT_EQ(StateAt(*breaker, 11s), State::kClosed);
  EXPECT_EQ(breaker->Snapshot(kStart + 11s).window.calls, 1U);
}

TEST(Breaker, TheMinimumOfACountWindowIsAtMostItsSize) {
  BreakerOptions options = CountOfFive();
  options.minimum_number_of_calls = 100;
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
}

TEST(Breaker, SlowMeansLongerThanTheThresholdWhateverTheVerdict) {
  const auto breaker = Make(Plain(20));
  Calls(*breaker, "SL");
  const BreakerDecision call = breaker->TryAcquire(kStart);
  breaker->Settle(call.token, {.verdict = Verdict::kFailure, .duration = 60ms}, kStart);
  EXPECT_EQ(breaker->Snapshot(kStart).window.slow, 2U);
  EXPECT_EQ(breaker->Snapshot(kStart).slow_total, 2U);

  BreakerOptions options = Plain(1);
  options.slow_call_duration_threshold = 0s;
  const auto without = Make(options);
  Calls(*without, "L");
  EXPECT_EQ(without->Snapshot(kStart).window.slow, 0U);
}

TEST(Breaker, ARunOfFailuresTripsOnItsOwn) {
  BreakerOptions options = Plain(100);
  options.consecutive_failures = 3;
  const auto breaker = Make(options);
  Calls(*breaker, "FFSFF");
  const BreakerDecision ignored = breaker->TryAcquire(kStart);
  breaker->Settle(ignored.token, {.verdict = Verdict::kIgnored}, kStart);
  EXPECT_EQ(StateAt(*breaker, 0s), State::kClosed);
  Calls(*breaker, "F");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
}

TEST(Breaker, IgnoredCallsLeaveNoTraceInTheWindow) {
  const auto breaker = Make(CountOfFive());
  for (int call = 0; call < 50; ++call) {
    breaker->Settle(breaker->TryAcquire(kStart).token,
                    {.verdict = Verdict::kIgnored, .duration = 1h}, kStart);
  }
  const BreakerSnapshot snapshot = breaker->Snapshot(kStart);
  EXPECT_EQ(snapshot.window.calls, 0U);
  EXPECT_EQ(snapshot.ignored_total, 50U);
  EXPECT_EQ(snapshot.slow_total, 0U);
}

TEST(Breaker, WaitsGrowWithFailedRecoveriesUpToTheMaximum) {
  BreakerOptions options = CountOfFive();
  options.wait_backoff = {.multiplier = 2.0, .max = 15s, .jitter_ratio = 0};
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Nanos at = 0s;
  for (const Nanos wait : {Nanos(5s), Nanos(10s), Nanos(15s), Nanos(15s)}) {
    EXPECT_EQ(breaker->Snapshot(kStart + at).retry_after, wait);
    at += wait;
    Calls(*breaker, "F", at);
  }
}

TEST(Breaker, HealthTakesFailedRecoveriesBack) {
  BreakerOptions options = Plain(1);  // The window is 10 s.
  options.wait_backoff = {.multiplier = 2.0, .max = 60s, .jitter_ratio = 0};
  for (const auto& [health, wait] : {std::pair<Nanos, Nanos>{0s, 20s}, {10s, 10s}, {25s, 5s}}) {
    const auto breaker = Make(options);
    Calls(*breaker, "F");
    Calls(*breaker, "F", 5s);
    Calls(*breaker, "F", 15s);
    Calls(*breaker, "S", 35s);
    ASSERT_EQ(StateAt(*breaker, 35s), State::kClosed);
    Calls(*breaker, "F", 35s + health);
    EXPECT_EQ(breaker->Snapshot(kStart + 35s + health).retry_after, wait);
  }
}

TEST(Breaker, WaitsDifferByTheJitter) {
  BreakerOptions options = CountOfFive();
  options.wait_backoff.jitter_ratio = 0.1;
  Nanos shortest = 1h;
  Nanos longest = 0s;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto breaker = *Breaker::Create(options, seed, kStart);
    Calls(*breaker, "FFFFF");
    const Nanos wait = breaker->Snapshot(kStart).retry_after;
    shortest = std::min(shortest, wait);
    longest = std::max(longest, wait);
  }
  EXPECT_GE(shortest, 4500ms);
  EXPECT_LT(shortest, 4600ms);
  EXPECT_LE(longest, 5500ms);
  EXPECT_GT(longest, 5400ms);
}

TEST(Breaker, ForcedOpenRefusesUntilToldOtherwise) {
  const auto breaker = Make(CountOfFive());
  const BreakerDecision before = breaker->TryAcquire(kStart);
  breaker->ForceOpen(kStart);
  EXPECT_FALSE(breaker->TryAcquire(kStart + 1h).admitted);
  EXPECT_EQ(breaker->TryAcquire(kStart + 1h).retry_after, 0ns);  // Not known; -1 would be never.
  EXPECT_FALSE(breaker->WouldAdmit(kStart + 1h));
  breaker->Settle(before.token, kSuccess, kStart + 1h);
  EXPECT_EQ(StateAt(*breaker, 1h), State::kForcedOpen);
  breaker->Close(kStart + 1h);
  EXPECT_TRUE(breaker->TryAcquire(kStart + 1h).admitted);
}

TEST(Breaker, DisabledAdmitsAllAndRecordsNothing) {
  const auto breaker = Make(CountOfFive());
  breaker->Disable(kStart);
  Calls(*breaker, "FFFFFFFFFF");
  const BreakerSnapshot snapshot = breaker->Snapshot(kStart);
  EXPECT_EQ(snapshot.state, State::kDisabled);
  EXPECT_EQ(snapshot.window.calls, 0U);
  EXPECT_EQ(snapshot.failures_total, 0U);
  EXPECT_FALSE(breaker->Acquire({}, kStart).permit);
}

TEST(Breaker, MetricsOnlyRecordsAndNeverTrips) {
  const auto breaker = Make(CountOfFive());
  breaker->MetricsOnly(kStart);
  Calls(*breaker, "FFFFFFFFFF");
  const BreakerSnapshot snapshot = breaker->Snapshot(kStart);
  EXPECT_EQ(snapshot.state, State::kMetricsOnly);
  EXPECT_EQ(snapshot.failure_rate, 100);
}

TEST(Breaker, ResetIsAsNew) {
  BreakerOptions options = CountOfFive();
  options.wait_backoff.multiplier = 2;
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "F", 5s);
  breaker->Reset(kStart + 6s);
  const BreakerSnapshot reset = breaker->Snapshot(kStart + 6s);
  EXPECT_EQ(reset.state, State::kClosed);
  EXPECT_EQ(reset.failed_recoveries, 0);
  EXPECT_EQ(reset.window.calls, 0U);
  EXPECT_EQ(reset.failures_total, 6U);
}

TEST(Breaker, TransitionsAreCountedByFromAndTo) {
  const auto breaker = Make(CountOfFive());
  Calls(*breaker, "FFFFF");
  Calls(*breaker, "F", 5s);
  Calls(*breaker, "S", 10s);
  const auto& transitions = breaker->Snapshot(kStart + 10s).transitions;
  const auto count = [&](State from, State to) {
    return transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  };
  EXPECT_EQ(count(State::kClosed, State::kOpen), 1U);
  EXPECT_EQ(count(State::kOpen, State::kHalfOpen), 2U);
  EXPECT_EQ(count(State::kHalfOpen, State::kOpen), 1U);
  EXPECT_EQ(count(State::kHalfOpen, State::kClosed), 1U);
}

TEST(Breaker, ASnapshotTellsInWhichOrderStatesWereEntered) {
  const auto breaker = Make(CountOfFive());
  EXPECT_EQ(breaker->Snapshot(kStart).entered_last[std::size_t(State::kForcedOpen)], 0U);
  breaker->ForceOpen(kStart);
  breaker->Close(kStart);
  const BreakerSnapshot state = breaker->Snapshot(kStart);
  EXPECT_LT(state.entered_last[std::size_t(State::kForcedOpen)],
            state.entered_last[std::size_t(State::kClosed)]);
  EXPECT_EQ(state.entered_last[std::size_t(State::kClosed)], state.epoch);
}

TEST(BreakerScenarios, D56_ShadowAdmitsAndCountsWhatItWouldRefuse) {
  BreakerOptions options = CountOfFive();
  options.mode = GuardMode::kShadow;
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
  const GuardDecision decision = breaker->Acquire({}, kStart + 1s);
  EXPECT_TRUE(decision.admitted);
  EXPECT_TRUE(decision.would_refuse);
  EXPECT_TRUE(breaker->WouldAdmit(kStart + 1s));
  const BreakerTotals totals = breaker->Snapshot(kStart + 1s);
  EXPECT_EQ(totals.would_refuse_total, 1U);
  EXPECT_EQ(totals.not_permitted_total, 0U);
}

TEST(Breaker, EnforcePercentRefusesThatPart) {
  BreakerOptions options = CountOfFive();
  options.enforce_percent = 25;
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  int refused = 0;
  for (int call = 0; call < 400; ++call) {
    if (!breaker->TryAcquire(kStart + 1s).admitted) ++refused;
  }
  EXPECT_EQ(refused, 100);
}

TEST(Breaker, ModeDisabledHandsOutNoPermits) {
  BreakerOptions options = CountOfFive();
  options.mode = GuardMode::kDisabled;
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFFFFFFF");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kClosed);
  EXPECT_FALSE(breaker->Acquire({}, kStart).permit);
}

TEST(BreakerScenarios, D57_ARefusalNamesItsGuardRuleAndWait) {
  const auto breaker = Make(CountOfFive());
  Calls(*breaker, "FFFFF");
  Guard& guard = *breaker;
  const GuardDecision refused = guard.Acquire({}, kStart + 1s);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 4s);
  EXPECT_FALSE(refused.permit);
  EXPECT_EQ(guard.kind(), "breaker");
  EXPECT_EQ(guard.rule(), "pay");
  EXPECT_EQ(guard.refusal(), ErrorCode::kBreakerOpen);
}

TEST(Breaker, APermitOfTheGuardSettlesTheCall) {
  const auto breaker = Make(CountOfFive());
  Guard& guard = *breaker;
  for (int call = 0; call < 5; ++call) {
    GuardDecision decision = guard.Acquire({}, kStart);
    ASSERT_TRUE(decision.permit);
    decision.permit.Settle(kFailure, kStart);
  }
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
}

TEST(Breaker, APermitDroppedWithoutAVerdictRecordsNothing) {
  const auto breaker = Make(CountOfFive());
  {
    const GuardDecision dropped = breaker->Acquire({}, kStart);
  }
  const BreakerSnapshot snapshot = breaker->Snapshot(kStart);
  EXPECT_EQ(snapshot.window.calls, 0U);
  EXPECT_EQ(snapshot.ignored_total, 0U);
}

TEST(BreakerScenarios, D58_AReloadKeepsWindowAndState) {
  BreakerOptions options = Plain(10);
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  options.minimum_number_of_calls = 6;
  ASSERT_TRUE(breaker->Reconfigure(options, kStart).has_value());
  EXPECT_EQ(breaker->Snapshot(kStart).window.calls, 5U);
  Calls(*breaker, "F");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
  options.minimum_number_of_calls = 7;
  ASSERT_TRUE(breaker->Reconfigure(options, kStart).has_value());
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
  EXPECT_EQ(breaker->Snapshot(kStart).retry_after, 5s);
}

TEST(BreakerScenarios, D58_AnotherShapeOfWindowStartsEmpty) {
  BreakerOptions options = Plain(10);
  const auto breaker = Make(options);
  Calls(*breaker, "FFFFF");
  options.sliding_window = {.type = WindowType::kCount, .calls = 20};
  ASSERT_TRUE(breaker->Reconfigure(options, kStart).has_value());
  EXPECT_EQ(breaker->Snapshot(kStart).window.calls, 0U);
  options.sliding_window.calls = 30;
  Calls(*breaker, "F");
  ASSERT_TRUE(breaker->Reconfigure(options, kStart).has_value());
  EXPECT_EQ(breaker->Snapshot(kStart).window.calls, 0U);
}

TEST(BreakerScenarios, D58_AReloadWithAProblemChangesNothing) {
  const auto breaker = Make(CountOfFive());
  BreakerOptions options = CountOfFive();
  options.failure_rate_threshold = 0;
  const Result<void> invalid = breaker->Reconfigure(options, kStart);
  ASSERT_FALSE(invalid.has_value());
  EXPECT_THAT(invalid.error().detail, HasSubstr("failure_rate_threshold"));
  options = CountOfFive();
  options.name = "other";
  EXPECT_FALSE(breaker->Reconfigure(options, kStart).has_value());
  Calls(*breaker, "FFFSS");
  EXPECT_EQ(StateAt(*breaker, 0s), State::kOpen);
}

TEST(Breaker, CreateNamesTheFirstProblem) {
  const auto breaker = Breaker::Create({.name = "pay", .minimum_number_of_calls = 0}, 1, kStart);
  ASSERT_FALSE(breaker.has_value());
  EXPECT_EQ(breaker.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(breaker.error().detail, HasSubstr("pay.minimum_number_of_calls"));
}

TEST(Breaker, EachStateHasAName) {
  EXPECT_EQ(NameOf(State::kClosed), "closed");
  EXPECT_EQ(NameOf(State::kOpen), "open");
  EXPECT_EQ(NameOf(State::kHalfOpen), "half_open");
  EXPECT_EQ(NameOf(State::kRecovering), "recovering");
  EXPECT_EQ(NameOf(State::kForcedOpen), "forced_open");
  EXPECT_EQ(NameOf(State::kDisabled), "disabled");
  EXPECT_EQ(NameOf(State::kMetricsOnly), "metrics_only");
}

}  // namespace
}  // namespace sluice::breaker
