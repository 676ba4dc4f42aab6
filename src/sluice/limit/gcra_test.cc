// The arithmetic, its options and their limits. Scenarios of whole buckets: shared_gcra_test.cc.

#include "sluice/limit/gcra.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

std::string ProblemsOf(const GcraOptions& options) {
  ConfigProblems problems;
  Validate(options, "rule", problems);
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.path + ": " + problem.text + "\n";
  }
  return text;
}

TEST(Gcra, BurstDefaultsToOneSecondsWorthAndAtLeastOne) {
  EXPECT_EQ(EffectiveBurst({.limit = 100}), 100);
  EXPECT_EQ(EffectiveBurst({.limit = 600, .period = 1min}), 10);
  EXPECT_EQ(EffectiveBurst({.limit = 10, .period = 1min}), 1);
  EXPECT_EQ(EffectiveBurst({.limit = 100, .burst = 7}), 7);
}

TEST(Gcra, IntervalsOfUsualLimitsAreExact) {
  EXPECT_EQ(GcraPace::Of({.limit = 3}).interval * 3, Nanos(1s).count() * kTicksPerNano);
  EXPECT_EQ(GcraPace::Of({.limit = 1'200}).interval * 1'200, Nanos(1s).count() * kTicksPerNano);
  EXPECT_EQ(GcraPace::Of({.limit = 3'000'000}).interval * 3'000'000,
            Nanos(1s).count() * kTicksPerNano);
}

TEST(Gcra, OtherIntervalsAreShortByLessThanATick) {
  for (const std::int64_t limit : {7, 11, 13, 997, 999'983}) {
    const Ticks period = Nanos(1s).count() * kTicksPerNano;
    const Ticks short_by = period - GcraPace::Of({.limit = limit}).interval * limit;
    EXPECT_GE(short_by, 0) << limit;
    EXPECT_LT(short_by, limit) << limit;
  }
}

TEST(Gcra, TheLargestRateIsOneANanosecond) {
  const GcraOptions options{.limit = 1'000'000'000, .burst = 1'000'000'000};
  EXPECT_EQ(ProblemsOf(options), "");
  EXPECT_EQ(GcraPace::Of(options).interval, kTicksPerNano);
}

TEST(Gcra, AHugeRequestIsNeverAdmittedAndDoesNotOverflow) {
  const GcraPace pace = GcraPace::Of({.limit = 1, .period = Nanos(kPeriodMax), .burst = 3});
  const GcraStep step = Step(pace, 0, 0, 4'000'000'000U);
  EXPECT_FALSE(step.admitted);
  EXPECT_EQ(step.retry_after, kNeverAdmitted);
  EXPECT_EQ(step.next_tat, 0);
}

TEST(Gcra, WaitsAreRoundedUpSoThatTheySuffice) {
  const GcraPace pace = GcraPace::Of({.limit = 3, .burst = 1});
  const Ticks drained = Step(pace, 0, 0, 1).next_tat;
  const GcraStep refused = Step(pace, drained, 0, 1);
  ASSERT_EQ(refused.retry_after, 333'333'334ns);
  const Ticks then = refused.retry_after.count() * kTicksPerNano;
  EXPECT_TRUE(Step(pace, drained, then, 1).admitted);
  EXPECT_FALSE(Step(pace, drained, then - kTicksPerNano, 1).admitted);
}

TEST(Gcra, RefundNeverMakesABucketFullerThanFull) {
  const GcraPace pace = GcraPace::Of({.limit = 1, .burst = 5});
  const Ticks second = Nanos(1s).count() * kTicksPerNano;
  EXPECT_EQ(Refunded(pace, 2 * second, second, 1), second);
  EXPECT_EQ(Refunded(pace, 2 * second, second, 100), second);
  EXPECT_EQ(Refunded(pace, second, 3 * second, 1), second);
}

TEST(Gcra, ValidOptionsHaveNoProblems) {
  EXPECT_EQ(ProblemsOf({.limit = 1}), "");
  EXPECT_EQ(ProblemsOf({.limit = 100, .period = 1h, .burst = 50, .init_fill_ratio = 0}), "");
}

TEST(Gcra, EachOptionOutOfItsRangeIsNamed) {
  EXPECT_THAT(ProblemsOf({.limit = 0}), HasSubstr("rule.limit: must be 1..1000000000, got 0"));
  EXPECT_THAT(ProblemsOf({.limit = 1'000'000'001}), HasSubstr("rule.limit"));
  EXPECT_THAT(ProblemsOf({.limit = 1, .period = 0ms}), HasSubstr("rule.period"));
  EXPECT_THAT(ProblemsOf({.limit = 1, .period = 24h * 33}), HasSubstr("rule.period"));
  EXPECT_THAT(ProblemsOf({.limit = 1, .burst = -1}), HasSubstr("rule.burst"));
  EXPECT_THAT(ProblemsOf({.limit = 1, .init_fill_ratio = 1.5}), HasSubstr("init_fill_ratio"));
  EXPECT_THAT(ProblemsOf({.limit = 1'000'001, .period = 1ms}), HasSubstr("one a nanosecond"));
  EXPECT_THAT(ProblemsOf({.limit = 1, .period = 24h, .burst = 101}), HasSubstr("100 days"));
}

TEST(Gcra, AllProblemsAreReportedAtOnce) {
  ConfigProblems problems;
  Validate(GcraOptions{.limit = 0, .period = 0ms, .burst = -1, .init_fill_ratio = -1}, "r",
           problems);
  EXPECT_EQ(problems.size(), 4U);
}

}  // namespace
}  // namespace sluice::limit
