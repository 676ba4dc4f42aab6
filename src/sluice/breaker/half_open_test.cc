// A half-open breaker: who may probe, what the probes decide, and that it can never hang.

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/breaker/breaker.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};
// When the breaker below may half-open.
constexpr SteadyTime kRetry = kStart + 5s;
constexpr Outcome kSuccess{.verdict = Verdict::kSuccess};
constexpr Outcome kFailure{.verdict = Verdict::kFailure};

BreakerOptions Options(int probes) {
  return {.name = "pay",
          .minimum_number_of_calls = 5,
          .wait_duration_in_open_state = 5s,
          .wait_backoff = {.multiplier = 1.0, .jitter_ratio = 0},
          .permitted_number_of_calls_in_half_open_state = probes,
          .max_wait_duration_in_half_open_state = 10s,
          .probe_timeout = 1s,
          .recovery_ramp = {.length = 0s}};
}

// Open since kStart.
std::unique_ptr<Breaker> Opened(const BreakerOptions& options) {
  auto breaker = *Breaker::Create(options, /*seed=*/1, kStart);
  for (int call = 0; call < 5; ++call) {
    breaker->Settle(breaker->TryAcquire(kStart).token, kFailure, kStart);
  }
  EXPECT_EQ(breaker->Snapshot(kStart).state, State::kOpen);
  return breaker;
}

std::vector<PermitToken> TakeProbes(Breaker& breaker, int count, SteadyTime at = kRetry) {
  std::vector<PermitToken> tokens;
  for (int probe = 0; probe < count; ++probe) {
    const BreakerDecision decision = breaker.TryAcquire(at);
    EXPECT_TRUE(decision.admitted);
    tokens.push_back(decision.token);
  }
  return tokens;
}

State StateAt(Breaker& breaker, SteadyTime at) {
  return breaker.Snapshot(at).state;
}

TEST(HalfOpen, AdmitsAsManyProbesAsPermitted) {
  const auto breaker = Opened(Options(3));
  TakeProbes(*breaker, 3);
  const BreakerDecision refused = breaker->TryAcquire(kRetry + 400ms);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 600ms);  // Until the probes' deadline.
  EXPECT_EQ(breaker->Snapshot(kRetry).probes_in_flight, 3);
}

TEST(HalfOpen, ClosesWhenAllProbesEndedBelowTheThreshold) {
  const auto breaker = Opened(Options(5));
  const std::vector<PermitToken> probes = TakeProbes(*breaker, 5);
  breaker->Settle(probes[0], kFailure, kRetry);
  breaker->Settle(probes[1], kFailure, kRetry);
  breaker->Settle(probes[2], kSuccess, kRetry);
  breaker->Settle(probes[3], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
  breaker->Settle(probes[4], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kClosed);
}

TEST(HalfOpen, ReopensAsSoonAsTheThresholdCannotBeAvoided) {
  const auto breaker = Opened(Options(5));
  const std::vector<PermitToken> probes = TakeProbes(*breaker, 3);
  breaker->Settle(probes[0], kFailure, kRetry);
  breaker->Settle(probes[1], kFailure, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
  breaker->Settle(probes[2], kFailure, kRetry);  // 3 of 5 is past 50 %.
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kOpen);
}

TEST(HalfOpen, SlowProbesReopenToo) {
  const auto breaker = Opened(Options(5));  // 80 % slow is 4 of 5.
  const std::vector<PermitToken> probes = TakeProbes(*breaker, 4);
  for (const PermitToken& probe : probes) {
    EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
    breaker->Settle(probe, {.verdict = Verdict::kSuccess, .duration = 2s}, kRetry);
  }
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kOpen);
}

TEST(HalfOpenScenarios, D26_UnfinishedProbesReopenAfterTheMaximumWait) {
  BreakerOptions options = Options(5);
  options.max_wait_duration_in_half_open_state = 1s;
  options.probe_timeout = 1h;
  const auto breaker = Opened(options);
  TakeProbes(*breaker, 2);
  EXPECT_EQ(StateAt(*breaker, kRetry + 999ms), State::kHalfOpen);
  const BreakerSnapshot open = breaker->Snapshot(kRetry + 1500ms);
  EXPECT_EQ(open.state, State::kOpen);
  EXPECT_EQ(open.since, kRetry + 1s);
  EXPECT_EQ(open.retry_after, 4500ms);
}

TEST(HalfOpenScenarios, D26_AProbeThatNeverEndsIsReclaimedEvenAfterSixDays) {
  const auto breaker = Opened(Options(1));
  const std::vector<PermitToken> hung = TakeProbes(*breaker, 1);
  const SteadyTime later = kRetry + 6 * 24h;
  const BreakerDecision next = breaker->TryAcquire(later);
  EXPECT_TRUE(next.admitted);
  EXPECT_EQ(StateAt(*breaker, later), State::kHalfOpen);
  breaker->Settle(hung[0], kSuccess, later);
  EXPECT_EQ(StateAt(*breaker, later), State::kHalfOpen);
  breaker->Settle(next.token, kSuccess, later);
  EXPECT_EQ(StateAt(*breaker, later), State::kClosed);
}

TEST(HalfOpenScenarios, D26_AProbePastItsDeadlineHasFailedEvenIfItSucceedsLate) {
  const auto breaker = Opened(Options(1));
  const std::vector<PermitToken> probes = TakeProbes(*breaker, 1);
  breaker->Settle(probes[0], kSuccess, kRetry + 1500ms);
  const BreakerSnapshot open = breaker->Snapshot(kRetry + 1500ms);
  EXPECT_EQ(open.state, State::kOpen);
  EXPECT_EQ(open.since, kRetry + 1s);
}

TEST(HalfOpen, ProbesThatSayNothingLeaveTheirPlaceToOthers) {
  const auto breaker = Opened(Options(1));
  breaker->Settle(TakeProbes(*breaker, 1)[0], {.verdict = Verdict::kIgnored}, kRetry);
  breaker->Abandon(TakeProbes(*breaker, 1)[0]);
  breaker->Refund(TakeProbes(*breaker, 1)[0], kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
  breaker->Settle(TakeProbes(*breaker, 1)[0], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kClosed);
}

TEST(HalfOpen, ADroppedPermitFreesItsProbe) {
  const auto breaker = Opened(Options(1));
  {
    const GuardDecision dropped = breaker->Acquire({}, kRetry);
  }
  EXPECT_EQ(breaker->Snapshot(kRetry).probes_in_flight, 0);
  EXPECT_TRUE(breaker->TryAcquire(kRetry).admitted);
}

TEST(HalfOpen, FewCallsThatSucceedAreEnoughAtTheEnd) {
  const auto breaker = Opened(Options(5));
  breaker->Settle(TakeProbes(*breaker, 1)[0], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry + 9s), State::kHalfOpen);
  EXPECT_EQ(StateAt(*breaker, kRetry + 10s), State::kClosed);
}

TEST(HalfOpen, FewCallsThatFailReopenAtTheEnd) {
  const auto breaker = Opened(Options(5));
  breaker->Settle(TakeProbes(*breaker, 1)[0], kFailure, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry + 9s), State::kHalfOpen);
  EXPECT_EQ(StateAt(*breaker, kRetry + 10s), State::kOpen);
}

TEST(HalfOpen, WithoutAnyCallItStaysReadyToProbe) {
  const auto breaker = Opened(Options(1));
  breaker->Refund(TakeProbes(*breaker, 1)[0], kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry + 6 * 24h), State::kHalfOpen);
  EXPECT_TRUE(breaker->TryAcquire(kRetry + 6 * 24h).admitted);
}

TEST(HalfOpen, IsEnteredByACallAloneUnlessTransitionsAreAutomatic) {
  BreakerOptions options = Options(1);
  const auto lazy = Opened(options);
  lazy->Poll(kRetry + 1h);
  EXPECT_EQ(StateAt(*lazy, kRetry + 1h), State::kOpen);
  options.automatic_transition = true;
  const auto automatic = Opened(options);
  automatic->Poll(kRetry - 1ms);
  EXPECT_EQ(StateAt(*automatic, kRetry - 1ms), State::kOpen);
  automatic->Poll(kRetry);
  EXPECT_EQ(StateAt(*automatic, kRetry), State::kHalfOpen);
}

TEST(HalfOpen, ABalancerCanAskWithoutTakingAProbe) {
  const auto breaker = Opened(Options(1));
  EXPECT_FALSE(breaker->WouldAdmit(kRetry - 1ms));
  EXPECT_TRUE(breaker->WouldAdmit(kRetry));
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kOpen);
  TakeProbes(*breaker, 1);
  EXPECT_FALSE(breaker->WouldAdmit(kRetry));
  EXPECT_TRUE(breaker->WouldAdmit(kRetry + 1s));  // The probe's deadline.
}

TEST(HalfOpen, CallsLetThroughInShadowDecideNothing) {
  BreakerOptions options = Options(1);
  options.mode = GuardMode::kShadow;
  const auto breaker = Opened(options);
  const std::vector<PermitToken> probe = TakeProbes(*breaker, 1);
  const BreakerDecision beside = breaker->TryAcquire(kRetry);
  ASSERT_TRUE(beside.would_refuse);
  breaker->Settle(beside.token, kFailure, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
  breaker->Settle(probe[0], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kClosed);
}

TEST(HalfOpen, AReloadThatChangesTheNumberOfProbesStartsThemAnew) {
  BreakerOptions options = Options(1);
  const auto breaker = Opened(options);
  const std::vector<PermitToken> old = TakeProbes(*breaker, 1);
  options.permitted_number_of_calls_in_half_open_state = 2;
  ASSERT_TRUE(breaker->Reconfigure(options, kRetry).has_value());
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kHalfOpen);
  breaker->Settle(old[0], kFailure, kRetry);
  const std::vector<PermitToken> fresh = TakeProbes(*breaker, 2);
  breaker->Settle(fresh[0], kSuccess, kRetry);
  breaker->Settle(fresh[1], kSuccess, kRetry);
  EXPECT_EQ(StateAt(*breaker, kRetry), State::kClosed);
}

}  // namespace
}  // namespace sluice::breaker
