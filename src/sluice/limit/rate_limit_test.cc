#include "sluice/limit/rate_limit.h"

#include <array>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr SteadyTime kStart{1h};

RateLimitOptions TwoASecond() {
  return {.name = "per-user", .limit = 2, .burst = 2};
}

std::unique_ptr<RateLimit> Make(const RateLimitOptions& options) {
  Result<std::unique_ptr<RateLimit>> rule = RateLimit::Create(options, kStart);
  EXPECT_TRUE(rule.has_value()) << (rule ? "" : rule.error().detail);
  return std::move(*rule);
}

TEST(RateLimit, RefusesBeyondTheLimitAndTellsRemainingAndReset) {
  const auto rule = Make(TwoASecond());
  const RateDecision first = rule->Decide(0, 1, kStart);
  EXPECT_TRUE(first.admitted);
  EXPECT_EQ(first.level().remaining(), 1);
  EXPECT_EQ(first.level().reset_after(), 500ms);
  EXPECT_TRUE(rule->Decide(0, 1, kStart).admitted);
  const RateDecision refused = rule->Decide(0, 1, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 500ms);
  EXPECT_EQ(refused.taken.tokens, 0U);
}

TEST(RateLimitScenarios, D57_ARefusalNamesItsGuardRuleAndWait) {
  const auto rule = Make(TwoASecond());
  Guard& guard = *rule;
  (void)guard.Acquire({.cost = 2}, kStart);
  const GuardDecision refused = guard.Acquire({}, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 500ms);
  EXPECT_FALSE(refused.permit);
  EXPECT_EQ(guard.kind(), "rate_limit");
  EXPECT_EQ(guard.rule(), "per-user");
  EXPECT_EQ(guard.refusal(), ErrorCode::kRateLimited);
}

TEST(RateLimitScenarios, D56_ShadowCountsWhatEnforcingWouldRefuse) {
  RateLimitOptions options = TwoASecond();
  const auto enforced = Make(options);
  options.mode = GuardMode::kShadow;
  const auto shadow = Make(options);
  for (int request = 0; request < 100; ++request) {
    const SteadyTime now = kStart + request * 70ms;
    (void)enforced->Decide(0, 1, now);
    EXPECT_TRUE(shadow->Decide(0, 1, now).admitted);
  }
  EXPECT_GT(enforced->Stats().decisions.denied, 0U);
  EXPECT_EQ(shadow->Stats().decisions.would_deny, enforced->Stats().decisions.denied);
  EXPECT_EQ(shadow->Stats().decisions.denied, 0U);
}

TEST(RateLimit, DisabledTakesAndCountsNothing) {
  RateLimitOptions options = TwoASecond();
  options.mode = GuardMode::kDisabled;
  const auto rule = Make(options);
  for (int request = 0; request < 10; ++request) {
    const GuardDecision decision = rule->Acquire({}, kStart);
    EXPECT_TRUE(decision.admitted);
    EXPECT_FALSE(decision.permit);
  }
  EXPECT_EQ(rule->Stats().decisions.allowed, 0U);
}

TEST(RateLimit, EnforcePercentCarriesOutThatPartOfTheRefusals) {
  RateLimitOptions options = TwoASecond();
  options.enforce_percent = 25;
  const auto rule = Make(options);
  for (int request = 0; request < 42; ++request) {
    const RateDecision decision = rule->Decide(0, 1, kStart);
    EXPECT_EQ(decision.would_refuse, decision.admitted && request >= 2);
  }
  EXPECT_EQ(rule->Stats().decisions.denied, 10U);
  EXPECT_EQ(rule->Stats().decisions.would_deny, 30U);
}

TEST(RateLimit, ALaterRefusalRefundsAndAnEndOrDropDoesNot) {
  const auto rule = Make(TwoASecond());
  {
    GuardDecision decision = rule->Acquire({.cost = 2}, kStart);
    ASSERT_TRUE(decision.permit);
    decision.permit.Refund(kStart);
  }
  EXPECT_EQ(rule->Decide(0, 0, kStart).level().remaining(), 2);
  {
    GuardDecision settled = rule->Acquire({}, kStart);
    settled.permit.Settle({.verdict = Verdict::kSuccess}, kStart);
    const GuardDecision dropped = rule->Acquire({}, kStart);
  }
  EXPECT_EQ(rule->Decide(0, 0, kStart).level().remaining(), 0);
}

TEST(RateLimit, WhatWasLetThroughUnpaidRefundsNothing) {
  RateLimitOptions options = TwoASecond();
  options.mode = GuardMode::kShadow;
  const auto rule = Make(options);
  (void)rule->Decide(0, 2, kStart);
  GuardDecision unpaid = rule->Acquire({}, kStart);
  EXPECT_TRUE(unpaid.admitted);
  EXPECT_TRUE(unpaid.would_refuse);
  EXPECT_FALSE(unpaid.permit);
}

TEST(RateLimit, KeysHaveTheirOwnBucketsAndRefunds) {
  RateLimitOptions options = TwoASecond();
  options.keying = Keying::kKeyed;
  options.overrides = {{.key_hash = 7, .limit = 10, .burst = 10}};
  const auto rule = Make(options);
  GuardDecision first = rule->Acquire({.key_hash = 5, .cost = 2}, kStart);
  ASSERT_TRUE(first.admitted);
  EXPECT_FALSE(rule->Decide(5, 1, kStart).admitted);
  EXPECT_TRUE(rule->Decide(6, 1, kStart).admitted);
  EXPECT_EQ(rule->Decide(7, 1, kStart).level().remaining(), 9);
  first.permit.Refund(kStart);
  EXPECT_TRUE(rule->Decide(5, 2, kStart).admitted);
  EXPECT_EQ(rule->Stats().keyed.keys, 3U);
}

TEST(RateLimit, TheRulesCostMultipliesTheRequests) {
  RateLimitOptions options{.name = "r", .limit = 10, .burst = 10, .cost = 3};
  const auto rule = Make(options);
  EXPECT_EQ(rule->Decide(0, 2, kStart).level().remaining(), 4);
  EXPECT_EQ(rule->Decide(0, 4'000'000'000U, kStart).retry_after, kNeverAdmitted);
}

TEST(RateLimit, SignalsNearnessFromTheRatioOn) {
  const auto rule = Make({.name = "r", .limit = 10, .burst = 10, .near_limit_ratio = 0.8});
  for (int request = 1; request <= 10; ++request) {
    EXPECT_EQ(rule->Decide(0, 1, kStart).near_limit, request >= 8) << request;
  }
  EXPECT_EQ(rule->Stats().decisions.near_limit, 3U);
}

TEST(RateLimitScenarios, D58_AReloadKeepsTheBucket) {
  RateLimitOptions options = TwoASecond();
  const auto rule = Make(options);
  (void)rule->Decide(0, 2, kStart);
  options.limit = 4;
  options.burst = 4;
  ASSERT_TRUE(rule->Reconfigure(options).has_value());
  EXPECT_FALSE(rule->Decide(0, 3, kStart).admitted);
  EXPECT_EQ(rule->Decide(0, 0, kStart).level().reset_after(), 1s);
  options.mode = GuardMode::kShadow;
  ASSERT_TRUE(rule->Reconfigure(options).has_value());
  EXPECT_TRUE(rule->Decide(0, 4, kStart).would_refuse);
}

TEST(RateLimitScenarios, D58_AReloadWithAProblemChangesNothing) {
  RateLimitOptions options = TwoASecond();
  const auto rule = Make(options);
  options.limit = 0;
  const Result<void> invalid = rule->Reconfigure(options);
  ASSERT_FALSE(invalid.has_value());
  EXPECT_EQ(invalid.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(invalid.error().detail, HasSubstr("limit"));

  options = TwoASecond();
  options.name = "other";
  EXPECT_FALSE(rule->Reconfigure(options).has_value());
  options = TwoASecond();
  options.keying = Keying::kKeyed;
  EXPECT_FALSE(rule->Reconfigure(options).has_value());
  EXPECT_EQ(rule->Decide(0, 0, kStart).level().remaining(), 2);
}

TEST(RateLimit, KeyedLimitsReloadTheirOverrides) {
  RateLimitOptions options = TwoASecond();
  options.keying = Keying::kKeyed;
  const auto rule = Make(options);
  EXPECT_EQ(rule->Decide(7, 0, kStart).level().remaining(), 2);
  options.overrides = {{.key_hash = 7, .limit = 5}};
  ASSERT_TRUE(rule->Reconfigure(options).has_value());
  EXPECT_EQ(rule->Decide(7, 0, kStart).level().remaining(), 5);
}

TEST(RateLimit, CreateNamesTheFirstProblem) {
  const auto rule = RateLimit::Create({.name = "r", .limit = 0}, kStart);
  ASSERT_FALSE(rule.has_value());
  EXPECT_EQ(rule.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(rule.error().detail, HasSubstr("r.limit: must be 1..1000000000"));
}

RateLimitOptions Of(Algorithm algorithm) {
  return {.name = "r", .algorithm = algorithm, .limit = 10};
}

constexpr std::array kAllAlgorithms = {Algorithm::kGcra, Algorithm::kSlidingWindow,
                                       Algorithm::kFixedWindow, Algorithm::kSlidingLog,
                                       Algorithm::kPacing};

// How many of 100 requests at one moment pass.
std::uint64_t AllowedOf(const RateLimitOptions& options) {
  const auto rule = Make(options);
  for (int request = 0; request < 100; ++request)
    (void)rule->Decide(7, 1, kStart);
  return rule->Stats().decisions.allowed;
}

TEST(RateLimit, EachAlgorithmAdmitsItsOwnPartOfABurst) {
  for (const Keying keying : {Keying::kUnkeyed, Keying::kKeyed}) {
    for (const Algorithm algorithm : kAllAlgorithms) {
      RateLimitOptions options = Of(algorithm);
      options.keying = keying;
      // With pacing those which fit into the queue of half a second.
      EXPECT_EQ(AllowedOf(options), algorithm == Algorithm::kPacing ? 6U : 10U)
          << NameOf(algorithm);
    }
  }
  RateLimitOptions warming = Of(Algorithm::kGcra);
  warming.warm_up = WarmUpOptions();
  EXPECT_EQ(AllowedOf(warming), 4U);
}

TEST(RateLimitScenarios, D56_ShadowCountsWhatEnforcingRefuses) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    SCOPED_TRACE(NameOf(algorithm));
    RateLimitOptions options = Of(algorithm);
    options.keying = Keying::kKeyed;
    const auto enforcing = Make(options);
    options.mode = GuardMode::kShadow;
    const auto looking_on = Make(options);
    Random random(56);
    SteadyTime now = kStart;
    for (int request = 0; request < 3'000; ++request) {
      now += Nanos(static_cast<std::int64_t>(random.Below(50'000'000)));
      const std::uint64_t key = 1 + random.Below(3);
      const auto cost = static_cast<std::uint32_t>(1 + random.Below(2));
      (void)enforcing->Decide(key, cost, now);
      const RateDecision decision = looking_on->Decide(key, cost, now);
      ASSERT_TRUE(decision.admitted);
      ASSERT_EQ(decision.wait, 0s);
    }
    const DecisionTotals enforced = enforcing->Stats().decisions;
    const DecisionTotals looked_on = looking_on->Stats().decisions;
    EXPECT_GT(enforced.denied, 300U);
    EXPECT_EQ(looked_on.would_deny, enforced.denied);
    EXPECT_EQ(looked_on.denied, 0U);
    EXPECT_EQ(looked_on.allowed, enforced.allowed);
  }
}

TEST(RateLimit, EachAlgorithmTakesBackWhatALaterGuardRefused) {
  for (const Keying keying : {Keying::kUnkeyed, Keying::kKeyed}) {
    for (const Algorithm algorithm : kAllAlgorithms) {
      SCOPED_TRACE(NameOf(algorithm));
      RateLimitOptions options = Of(algorithm);
      options.keying = keying;
      const auto rule = Make(options);
      const std::int64_t whole = rule->Decide(7, 0, kStart).level().remaining();
      for (int request = 0; request < 1'000; ++request) {
        GuardDecision decision = rule->Acquire({.key_hash = 7, .cost = 3}, kStart);
        ASSERT_TRUE(decision.admitted);
        decision.permit.Refund(kStart);
      }
      EXPECT_EQ(rule->Decide(7, 0, kStart).level().remaining(), whole);
    }
  }
}

TEST(RateLimit, TokensOfTheSharedBucketGoBackThere) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    SCOPED_TRACE(NameOf(algorithm));
    RateLimitOptions options = Of(algorithm);
    options.keying = Keying::kKeyed;
    options.max_keys = 1;
    options.max_queueing_time = 900ms;
    const auto rule = Make(options);
    ASSERT_TRUE(rule->Decide(1, 1, kStart).admitted);  // The only key that finds room.
    RateDecision shared = rule->Decide(2, 10, kStart);
    ASSERT_TRUE(shared.admitted);
    EXPECT_EQ(shared.taken.payer, Payer::kShared);
    if (algorithm != Algorithm::kPacing) {
      ASSERT_FALSE(rule->Decide(3, 1, kStart).admitted);
    }
    rule->GiveBack(shared.taken, kStart);
    EXPECT_TRUE(rule->Decide(3, 10, kStart).admitted);
    EXPECT_EQ(rule->Stats().keyed.keys, 1U);
  }
}

TEST(RateLimit, PacingTellsHowLongToWait) {
  const auto rule = Make(Of(Algorithm::kPacing));
  EXPECT_EQ(rule->Decide(0, 1, kStart).wait, 0s);
  const RateDecision second = rule->Decide(0, 1, kStart);
  EXPECT_EQ(second.wait, 100ms);
  EXPECT_EQ(second.taken.start, kStart + 100ms);
  GuardDecision third = rule->Acquire({}, kStart);
  EXPECT_EQ(third.wait, 200ms);
  third.permit.Refund(kStart);
  EXPECT_EQ(rule->Acquire({}, kStart).wait, 200ms);
  EXPECT_FALSE(rule->Acquire({.deadline = kStart + 250ms}, kStart).admitted);
}

TEST(RateLimit, AQuotaOfACalendarFollowsTheWallClockItIsGiven) {
  RateLimitOptions options = Of(Algorithm::kFixedWindow);
  options.calendar = Calendar::kDay;
  const auto rule = Make(options);
  const WallTime evening(std::chrono::days(20'000) + 23h);
  ASSERT_TRUE(rule->Acquire({.cost = 10, .wall = evening}, kStart).admitted);
  EXPECT_EQ(rule->Acquire({.wall = evening}, kStart).retry_after, Nanos(1h));
  EXPECT_TRUE(rule->Acquire({.wall = evening + 1h}, kStart + 1h).admitted);
}

TEST(RateLimit, RewarmMakesAWarmingRuleColdAgainAndNoOther) {
  RateLimitOptions options{.name = "r", .limit = 10, .burst = 10, .warm_up = WarmUpOptions()};
  const auto rule = Make(options);
  SteadyTime now = kStart;
  for (int request = 0; request < 150; ++request, now += 100ms)
    (void)rule->Decide(0, 1, now);
  now += 1s;
  EXPECT_EQ(rule->Decide(0, 0, now).level().remaining(), 10);
  rule->Rewarm(now);
  EXPECT_EQ(rule->Decide(0, 0, now).level().remaining(), 4);
  const auto other = Make({.name = "r", .limit = 10, .burst = 10});
  other->Rewarm(now);
  EXPECT_EQ(other->Decide(0, 0, now).level().remaining(), 10);
}

TEST(RateLimit, ARuleKeepsItsKindOverAReload) {
  const auto rule = Make(Of(Algorithm::kFixedWindow));
  EXPECT_TRUE(rule->Accepts(Of(Algorithm::kFixedWindow)));
  EXPECT_FALSE(rule->Accepts(Of(Algorithm::kSlidingWindow)));
  RateLimitOptions daily = Of(Algorithm::kFixedWindow);
  daily.calendar = Calendar::kDay;
  EXPECT_FALSE(rule->Accepts(daily));
  EXPECT_FALSE(rule->Reconfigure(daily).has_value());
  RateLimitOptions warming = Of(Algorithm::kGcra);
  warming.warm_up = WarmUpOptions();
  EXPECT_FALSE(Make(Of(Algorithm::kGcra))->Accepts(warming));
}

TEST(RateLimitScenarios, D58_EachAlgorithmKeepsItsCountOverAReload) {
  for (const Algorithm algorithm : kAllAlgorithms) {
    SCOPED_TRACE(NameOf(algorithm));
    RateLimitOptions options = Of(algorithm);
    options.max_queueing_time = 900ms;
    const auto rule = Make(options);
    ASSERT_TRUE(rule->Decide(0, 10, kStart).admitted);
    options.near_limit_ratio = 0.5;
    ASSERT_TRUE(rule->Reconfigure(options).has_value());
    if (algorithm == Algorithm::kPacing) {
      EXPECT_EQ(rule->Decide(0, 1, kStart).admitted, false);
    } else {
      EXPECT_EQ(rule->Decide(0, 0, kStart).level().remaining(), 0);
    }
  }
}

TEST(RateLimit, TheGreatestCostIsWhatFitsAtOnce) {
  RateLimitOptions options{.name = "r", .limit = 10, .burst = 7};
  EXPECT_EQ(Make(options)->CostMax(0), 7U);
  options.cost = 2;
  EXPECT_EQ(Make(options)->CostMax(0), 3U);
  options = Of(Algorithm::kSlidingWindow);
  options.keying = Keying::kKeyed;
  options.overrides = {{.key_hash = 7, .limit = 30}};
  const auto rule = Make(options);
  EXPECT_EQ(rule->CostMax(1), 10U);
  EXPECT_EQ(rule->CostMax(7), 30U);
  EXPECT_TRUE(rule->Decide(7, rule->CostMax(7), kStart).admitted);
  options = Of(Algorithm::kGcra);
  options.warm_up = WarmUpOptions();
  EXPECT_EQ(Make(options)->CostMax(0), 10U);
}

TEST(RateLimit, TellsWhichKeysAskMost) {
  RateLimitOptions options = TwoASecond();
  EXPECT_TRUE(Make(options)->TopKeys(kStart, 10).empty());
  options.keying = Keying::kKeyed;
  const auto rule = Make(options);
  EXPECT_TRUE(rule->Decide(5, 1, kStart).wants_key_text);
  rule->NoteKeyText(5, "ann");
  for (int request = 0; request < 3; ++request)
    EXPECT_FALSE(rule->Decide(5, 1, kStart).wants_key_text);
  (void)rule->Decide(6, 1, kStart);
  (void)rule->Decide(6, 0, kStart);  // Who only looks does not count.
  const std::vector<HeavyHitter> top = rule->TopKeys(kStart, 10);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].text, "ann");
  EXPECT_EQ(top[0].per_second, 4);
  EXPECT_EQ(top[0].refused_per_second, 2);
  EXPECT_EQ(top[1].per_second, 1);
}

}  // namespace
}  // namespace sluice::limit
