#include "sluice/limit/rate_limit.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

std::string ProblemsOf(const RateLimitOptions& options) {
  ConfigProblems problems;
  Validate(options, "rate_limits[0]", problems);
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.path + ": " + problem.text + "\n";
  }
  return text;
}

TEST(RateLimit, RefusesBeyondTheLimitAndTellsRemainingAndReset) {
  const auto rule = Make(TwoASecond());
  const RateDecision first = rule->Decide(0, 1, kStart);
  EXPECT_TRUE(first.admitted);
  EXPECT_EQ(first.level.remaining(), 1);
  EXPECT_EQ(first.level.reset_after(), 500ms);
  EXPECT_TRUE(rule->Decide(0, 1, kStart).admitted);
  const RateDecision refused = rule->Decide(0, 1, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 500ms);
  EXPECT_EQ(refused.tokens, 0U);
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
  EXPECT_EQ(rule->Decide(0, 0, kStart).level.remaining(), 2);
  {
    GuardDecision settled = rule->Acquire({}, kStart);
    settled.permit.Settle({.verdict = Verdict::kSuccess}, kStart);
    const GuardDecision dropped = rule->Acquire({}, kStart);
  }
  EXPECT_EQ(rule->Decide(0, 0, kStart).level.remaining(), 0);
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
  EXPECT_EQ(rule->Decide(7, 1, kStart).level.remaining(), 9);
  first.permit.Refund(kStart);
  EXPECT_TRUE(rule->Decide(5, 2, kStart).admitted);
  EXPECT_EQ(rule->Stats().keyed.keys, 3U);
}

TEST(RateLimit, TheRulesCostMultipliesTheRequests) {
  RateLimitOptions options{.name = "r", .limit = 10, .burst = 10, .cost = 3};
  const auto rule = Make(options);
  EXPECT_EQ(rule->Decide(0, 2, kStart).level.remaining(), 4);
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
  EXPECT_EQ(rule->Decide(0, 0, kStart).level.reset_after(), 1s);
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
  EXPECT_EQ(rule->Decide(0, 0, kStart).level.remaining(), 2);
}

TEST(RateLimit, KeyedLimitsReloadTheirOverrides) {
  RateLimitOptions options = TwoASecond();
  options.keying = Keying::kKeyed;
  const auto rule = Make(options);
  EXPECT_EQ(rule->Decide(7, 0, kStart).level.remaining(), 2);
  options.overrides = {{.key_hash = 7, .limit = 5}};
  ASSERT_TRUE(rule->Reconfigure(options).has_value());
  EXPECT_EQ(rule->Decide(7, 0, kStart).level.remaining(), 5);
}

TEST(RateLimit, CreateNamesTheFirstProblem) {
  const auto rule = RateLimit::Create({.name = "r", .limit = 0}, kStart);
  ASSERT_FALSE(rule.has_value());
  EXPECT_EQ(rule.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(rule.error().detail, HasSubstr("r.limit: must be 1..1000000000"));
}

TEST(RateLimit, EachOptionOutOfItsRangeIsNamed) {
  EXPECT_EQ(ProblemsOf(TwoASecond()), "");
  const auto with = [](auto change) {
    RateLimitOptions options = TwoASecond();
    change(options);
    return ProblemsOf(options);
  };
  using O = RateLimitOptions;
  EXPECT_THAT(with([](O& o) { o.name = ""; }), HasSubstr("rate_limits[0].name: is required"));
  EXPECT_THAT(with([](O& o) { o.algorithm = "pacing"; }),
              HasSubstr("pacing is not in this version"));
  EXPECT_THAT(with([](O& o) { o.algorithm = "bucket"; }), HasSubstr("must be gcra, got bucket"));
  EXPECT_THAT(with([](O& o) { o.period = 0s; }), HasSubstr("rate_limits[0].period"));
  EXPECT_THAT(with([](O& o) { o.burst = -1; }), HasSubstr("rate_limits[0].burst"));
  EXPECT_THAT(with([](O& o) { o.init_fill_ratio = 2; }), HasSubstr("init_fill_ratio"));
  EXPECT_THAT(with([](O& o) { o.cost = 0; }), HasSubstr("cost: must be 1..1000000"));
  EXPECT_THAT(with([](O& o) { o.cost = 3; }), HasSubstr("must not be above the burst of 2"));
  EXPECT_THAT(with([](O& o) { o.enforce_percent = 101; }), HasSubstr("enforce_percent"));
  EXPECT_THAT(with([](O& o) { o.status = 200; }), HasSubstr("status"));
  EXPECT_THAT(with([](O& o) { o.near_limit_ratio = -1; }), HasSubstr("near_limit_ratio"));
  EXPECT_THAT(with([](O& o) { o.overrides = {{.key_hash = 1, .limit = 1}}; }),
              HasSubstr("overrides: need a `key`"));
}

TEST(RateLimit, ProblemsOfKeyedRulesAreNamedWithTheirPlace) {
  RateLimitOptions options = TwoASecond();
  options.keying = Keying::kKeyed;
  options.max_keys = 0;
  options.init_fill_ratio = 0.5;
  options.overrides = {{.key_hash = 1, .limit = 0}, {.key_hash = 1, .limit = 5}};
  const std::string text = ProblemsOf(options);
  EXPECT_THAT(text, HasSubstr("rate_limits[0].max_keys"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].init_fill_ratio: must be 1 with a `key`"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].overrides[0].limit"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].overrides[1]: is for the same key"));
}

}  // namespace
}  // namespace sluice::limit
