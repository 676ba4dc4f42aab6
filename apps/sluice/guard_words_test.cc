#include "guard_words.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

GuardWords OnlyOf(const std::string& guard) {
  const std::vector<GuardWords> words = WordsOf(Json::array({Json::parse(guard)}));
  EXPECT_EQ(words.size(), 1U) << guard;
  return words.empty() ? GuardWords() : words.front();
}

TEST(SpanText, SaysTheTwoGreatestUnits) {
  EXPECT_EQ(SpanText(0.5), "500 ms");
  EXPECT_EQ(SpanText(1.5), "1.5 s");
  EXPECT_EQ(SpanText(60), "1 min");
  EXPECT_EQ(SpanText(250), "4 min 10 s");
  EXPECT_EQ(SpanText(3600), "1 h");
  EXPECT_EQ(SpanText(90061), "1 d 1 h");
  EXPECT_EQ(SpanText(86400 + 61), "1 d");
}

TEST(CountOf, OneIsNotSeveral) {
  EXPECT_EQ(CountOf(0, "key"), "0 keys");
  EXPECT_EQ(CountOf(1, "key"), "1 key");
  EXPECT_EQ(CountOf(2, "key"), "2 keys");
}

TEST(WordsOf, ARateLimitSaysItsBoundInWordsOfTime) {
  const auto when = [](const std::string& rest) {
    return OnlyOf(R"({"name": "r", "kind": "rate_limit", "limit": 100, )" + rest + "}").when;
  };
  EXPECT_EQ(when(R"("algorithm": "gcra", "period_seconds": 1, "burst": 20)"),
            "more than 100 a second, burst 20");
  EXPECT_EQ(when(R"("algorithm": "gcra", "period_seconds": 90, "burst": 1)"),
            "more than 100 in 1 min 30 s, burst 1");
  EXPECT_EQ(when(R"("algorithm": "sliding_window", "period_seconds": 3600)"),
            "more than 100 an hour");
}

TEST(WordsOf, ACalendarsPeriodIsNotToldInSeconds) {
  const GuardWords words = OnlyOf(
      R"({"name": "quota", "kind": "rate_limit", "algorithm": "fixed_window", "limit": 1000,
          "calendar": "month", "period_seconds": 2678400})");
  EXPECT_EQ(words.when, "more than 1000 a month of the calendar (UTC)");
}

TEST(WordsOf, WhatHasNoBurstSaysNone) {
  const GuardWords log = OnlyOf(
      R"({"kind": "rate_limit", "algorithm": "sliding_log", "limit": 5, "period_seconds": 900})");
  EXPECT_EQ(log.when, "more than 5 in any 15 min");
  const GuardWords pacing = OnlyOf(
      R"({"kind": "rate_limit", "algorithm": "pacing", "limit": 20, "period_seconds": 1,
          "max_queueing_seconds": 2})");
  EXPECT_EQ(pacing.when, "a wait above 2 s (20 a second, one at a time)");
}

TEST(WordsOf, ARuleThatLearnsRefusesNobodyYet) {
  const std::string head =
      R"({"kind": "rate_limit", "algorithm": "gcra", "limit": 34, "period_seconds": 1, "burst": 34,
          "learnt": {"peak_per_second": 16.96, )";
  EXPECT_EQ(OnlyOf(head + R"("is_over": false, "has_begun": false, "seconds_left": 300}})").when,
            "refuses nobody yet: learns for 5 min from the first request on");
  EXPECT_EQ(OnlyOf(head + R"("is_over": false, "seconds_left": 249.2}})").when,
            "refuses nobody yet: learns for 4 min 10 s more; so far 34 a second, burst 34 (the "
            "busiest key asked 17.0/s)");
  EXPECT_EQ(OnlyOf(head + R"("is_over": true}})").when,
            "more than 34 a second, burst 34 (learnt; the busiest key asked 17.0/s)");
}

TEST(WordsOf, KeysAreCountedAndTheBusiestNamed) {
  const GuardWords words = OnlyOf(
      R"({"kind": "rate_limit", "algorithm": "gcra", "limit": 1, "period_seconds": 1, "burst": 1,
          "is_keyed": true, "keys": 1, "top_keys": [{"key": "ann", "per_second": 31.52}]})");
  EXPECT_EQ(words.now, "1 key");
  EXPECT_THAT(words.when, HasSubstr("; busiest: ann with 31.5/s"));
}

TEST(WordsOf, AKeyedBreakerIsToldByItsKeys) {
  const GuardWords words = OnlyOf(
      R"({"name": "pay", "kind": "breaker", "mode": "shadow", "is_keyed": true, "keys": 40,
          "keys_not_closed": 2, "opened": 1, "successes": 5, "failures": 3, "not_permitted": 2,
          "would_refuse": 1})");
  EXPECT_EQ(words.rule, "breaker/pay");
  EXPECT_EQ(words.now, "2 of 40 keys open");
  EXPECT_EQ(words.asked, 10U);
  EXPECT_EQ(words.when,
            "the calls of a key fail or are slow; now 2 of 40 keys not closed; opened 1 time");
}

TEST(WordsOf, AKeyedBreakerSetByHandIsToldSo) {
  const GuardWords words =
      OnlyOf(R"({"kind": "breaker", "is_keyed": true, "keys": 4, "state": "forced_open"})");
  EXPECT_EQ(words.now, "forced_open");
  EXPECT_EQ(words.when, "all keys are set by hand: forced_open");
}

TEST(WordsOf, ABreakerSaysWhenItOpensAndWhatItSees) {
  const std::string head =
      R"({"kind": "breaker", "state": "closed", "failure_rate_threshold": 50,
          "slow_call_rate_threshold": 80, "minimum_number_of_calls": 20, )";
  EXPECT_EQ(OnlyOf(head + R"("failure_rate": -1.0, "slow_call_rate": -1.0,
                             "calls_in_window": 3})")
                .when,
            "50 % of the calls fail or 80 % are slow; now closed: 3 calls of late, judged from 20 "
            "on");
  EXPECT_EQ(
      OnlyOf(head + R"("failure_rate": 12, "slow_call_rate": 30, "calls_in_window": 25})").when,
      "50 % of the calls fail or 80 % are slow; now closed: 12 % of 25 calls failed, 30 % were "
      "slow");
}

TEST(WordsOf, ABreakerThatIsNotClosedSaysWhatComesNext) {
  const auto now = [](const std::string& members) {
    const std::string when = OnlyOf(R"({"kind": "breaker", "failure_rate_threshold": 50,
                   "slow_call_rate_threshold": 80, )" +
                                    members + "}")
                                 .when;
    return when.substr(when.find("; now ") + 6);
  };
  EXPECT_EQ(now(R"("state": "open", "failure_rate": 85, "calls_in_window": 20,
                   "retry_after_seconds": 3.2)"),
            "open: 85 % of 20 calls failed; tries again in 4 s");
  EXPECT_EQ(now(R"("state": "open", "failure_rate": -1.0, "retry_after_seconds": 0.0)"),
            "open; the next call is a try");
  EXPECT_EQ(now(R"("state": "half_open", "failure_rate": -1.0)"), "half open: a few calls decide");
  EXPECT_EQ(now(R"("state": "recovering", "failure_rate": -1.0)"),
            "recovering: lets more and more calls through");
  EXPECT_EQ(now(R"("state": "recovering", "failure_rate": 10, "calls_in_window": 30)"),
            "recovering: lets more and more calls through; 10 % of 30 calls failed");
  EXPECT_EQ(now(R"("state": "forced_open")"), "forced open by hand");
  EXPECT_EQ(now(R"("state": "metrics_only")"), "metrics_only by hand");
}

TEST(WordsOf, AGateSaysWhomItTurnsAway) {
  const auto when = [](int threshold) {
    return OnlyOf(R"({"name": "ten", "kind": "overload", "signals": ["concurrency"],
                      "threshold_level": )" +
                  std::to_string(threshold) + "}")
        .when;
  };
  EXPECT_EQ(when(0), "concurrency/ten has no slots left, the least critical first; now: nobody");
  EXPECT_THAT(when(64), HasSubstr("now: 50 % of SHEDDABLE"));
  EXPECT_THAT(when(256), HasSubstr("now: SHEDDABLE, SHEDDABLE_PLUS"));
  EXPECT_THAT(when(512), HasSubstr("CRITICAL, CRITICAL_PLUS"));
}

TEST(WordsOf, AGateThatShedsSaysWhy) {
  const GuardWords words =
      OnlyOf(R"({"name": "shed", "kind": "overload", "signals": ["queue_delay", "cpu"],
                 "threshold_level": 128, "cause": "cpu"})");
  EXPECT_EQ(words.when,
            "the workers are late or the processor is overloaded, the least critical first; now: "
            "SHEDDABLE, because the processor is overloaded");
}

TEST(WordsOf, AThrottleSaysWhatSucceeds) {
  const GuardWords words = OnlyOf(
      R"({"name": "app", "kind": "admission_control", "mode": "enforce", "enforce_percent": 10,
          "success_rate_threshold": 95, "window_seconds": 30, "rps_threshold": 1,
          "requests_in_window": 40,
          "successes_in_window": 10, "rejection_ratio": 0.72,
          "decisions": {"allowed": 30, "denied": 7, "would_deny": 3}})");
  EXPECT_EQ(words.mode, "enforce 10%");
  EXPECT_EQ(words.asked, 40U);
  EXPECT_EQ(words.now, "refuses 72 %");
  EXPECT_EQ(words.when,
            "less than 95 % of the calls of 30 s succeed, of 30 or more; of late: 25 % of 40 "
            "calls");
}

TEST(WordsOf, AThrottleInShadowSaysWhatItWouldDo) {
  const GuardWords words = OnlyOf(
      R"({"name": "app", "kind": "admission_control", "mode": "shadow", "rejection_ratio": 0.11})");
  EXPECT_EQ(words.now, "would refuse 11 %");
}

TEST(WordsOf, EjectionsAreNotCountedAsRequests) {
  const GuardWords words = OnlyOf(
      R"({"name": "app", "kind": "outlier_detection", "mode": "shadow", "endpoints": 3, "out": 1,
          "ejections": {}, "would_eject": {"consecutive_5xx": 2, "latency": 1}})");
  EXPECT_FALSE(words.counts_requests);
  EXPECT_EQ(words.would_refuse, 3U);
  EXPECT_EQ(words.now, "1 of 3 out");
  EXPECT_THAT(words.when, HasSubstr(": 2 by consecutive_5xx, 1 by latency"));
}

TEST(WordsOf, AnUpstreamWithOneEndpointEjectsNobody) {
  EXPECT_EQ(OnlyOf(R"({"name": "app", "kind": "outlier_detection", "endpoints": 1})").when,
            "never: the only endpoint of an upstream stays in");
}

TEST(WordsOf, RulesOfTheMachineAreToldOneByOneWhereTheyHaveABound) {
  const std::vector<GuardWords> words = WordsOf(Json::parse(
      R"([{"name": "rules", "kind": "system", "mode": "shadow", "inflight": 7, "rules": {
            "cpu": {"decisions": {"allowed": 3}},
            "concurrency": {"bound": 100, "decisions": {"allowed": 3, "would_deny": 2}},
            "avg_rt": {"bound": 0.25}, "open_files": {"bound": 0.95}}}])"));
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0].rule, "system/avg_rt");
  EXPECT_EQ(words[0].when, "answers take more than 250 ms on average");
  EXPECT_EQ(words[1].rule, "system/concurrency");
  EXPECT_EQ(words[1].when, "more than 100 requests at once");
  EXPECT_EQ(words[1].would_refuse, 2U);
  EXPECT_EQ(words[2].when, "open_files is above 95 %");
}

TEST(WordsOf, WhatRefusesNobodyIsLeftOut) {
  EXPECT_THAT(WordsOf(Json::parse(R"([{"kind": "degrade"}, {"kind": "resources"}])")),
              ::testing::IsEmpty());
}

TEST(WordsOf, WhatIsNotUnderstoodIsLeftOut) {
  const std::vector<GuardWords> words = WordsOf(Json::parse(
      R"([7, {"kind": "breaker", "state": 1}, {"kind": "concurrency", "name": "ten"}])"));
  ASSERT_EQ(words.size(), 1U);
  EXPECT_EQ(words[0].rule, "concurrency/ten");
}

}  // namespace
}  // namespace sluice::app
