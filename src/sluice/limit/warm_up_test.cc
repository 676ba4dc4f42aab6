#include "sluice/limit/warm_up.h"

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr SteadyTime kStart{1h};
constexpr double kTicksPerSecond = 1e9 * static_cast<double>(kTicksPerNano);

WarmUpCurve Curve(std::int64_t count, double cold_factor) {
  return {{.limit = count}, {.period = 10s, .cold_factor = cold_factor}};
}

double RateAt(const WarmUpCurve& curve, double part_above) {
  const double above = (curve.stored_max() - curve.warning()) * part_above;
  return kTicksPerSecond / curve.IntervalAt(curve.warning() + above);
}

int Admitted(WarmUpLimit& limit, int requests, Nanos at) {
  int admitted = 0;
  for (int request = 0; request < requests; ++request)
    admitted += limit.TryTake(1, kStart + at).admitted ? 1 : 0;
  return admitted;
}

// A caller that takes whatever it can get, exactly when it can.
int Saturate(WarmUpLimit& limit, Nanos from, Nanos to) {
  int admitted = 0;
  SteadyTime now = kStart + from;
  while (now < kStart + to) {
    const Admission admission = limit.TryTake(1, now);
    if (admission.admitted) {
      ++admitted;
    } else {
      now += admission.retry_after;
    }
  }
  return admitted;
}

TEST(WarmUpScenarios, D16_TheGeometryOfAHundredASecond) {
  const WarmUpCurve curve = Curve(100, 3);
  EXPECT_NEAR(curve.warning(), 500, 1e-6);
  EXPECT_NEAR(curve.stored_max(), 1'000, 1e-6);
  EXPECT_NEAR(curve.slope_seconds(), 4e-5, 1e-12);
  EXPECT_NEAR(RateAt(curve, 1.00), 33.33, 0.005);
  EXPECT_NEAR(RateAt(curve, 0.75), 40, 1e-6);
  EXPECT_NEAR(RateAt(curve, 0.50), 50, 1e-6);
  EXPECT_NEAR(RateAt(curve, 0.25), 66.67, 0.005);
  EXPECT_NEAR(RateAt(curve, 0.00), 100, 1e-6);
}

TEST(WarmUpScenarios, D16_TheGeometryOfTenASecond) {
  const WarmUpCurve curve = Curve(10, 3);
  EXPECT_NEAR(curve.warning(), 50, 1e-6);
  EXPECT_NEAR(curve.stored_max(), 100, 1e-6);
  EXPECT_NEAR(curve.slope_seconds(), 0.004, 1e-9);
  EXPECT_NEAR(RateAt(curve, 1), 3.33, 0.005);
  EXPECT_NEAR(RateAt(curve, 0), 10, 1e-6);
}

TEST(WarmUpScenarios, D16_TheGeometryOfAColdFactorOfFour) {
  const WarmUpCurve curve = Curve(100, 4);
  EXPECT_NEAR(curve.warning(), 333.33, 0.005);
  EXPECT_NEAR(curve.stored_max(), 733.33, 0.005);
  EXPECT_NEAR(RateAt(curve, 1), 25, 1e-6);
  EXPECT_NEAR(RateAt(curve, 0), 100, 1e-6);
}

TEST(WarmUp, TheWayFromColdToWarmTakesExactlyThePeriod) {
  const WarmUpCurve curve = Curve(100, 3);
  EXPECT_NEAR(curve.CostOf(500, 1'000) / kTicksPerSecond, 10, 1e-9);
  EXPECT_NEAR(curve.CostOf(600, 1'000) / kTicksPerSecond, 11, 1e-9);
  EXPECT_NEAR(curve.CostOf(10, 0) / kTicksPerSecond, 0.1, 1e-9);
  EXPECT_DOUBLE_EQ(curve.StoredWhere(curve.IntervalAt(700)), 700);
}

TEST(WarmUpScenarios, D17_ASaturatingLoadRisesAlongTheIntegral) {
  constexpr std::array<double, 12> kExpected = {34.1, 35.8, 37.8, 40.2, 43.1, 46.7,
                                                51.4, 57.9, 67.7, 85.4, 100,  100};
  WarmUpLimit limit({.limit = 100, .burst = 1}, {.period = 10s}, kStart);
  int total = 0;
  double expected_total = 0;
  for (std::size_t second = 0; second < kExpected.size(); ++second) {
    const int admitted =
        Saturate(limit, std::chrono::seconds(second), std::chrono::seconds(second + 1));
    // Whole requests: within 3 % and one.
    EXPECT_NEAR(admitted, kExpected[second], kExpected[second] * 0.03 + 1) << second;
    total += admitted;
    expected_total += kExpected[second];
  }
  EXPECT_NEAR(total, expected_total, 2);
}

TEST(WarmUpScenarios, D17_AColdLimitRefusesEightAtOnceAndAdmitsOne) {
  WarmUpLimit eight({.limit = 10}, {.period = 10s}, kStart);
  EXPECT_LT(Admitted(eight, 8, 0s), 8);
  WarmUpLimit one({.limit = 10}, {.period = 10s}, kStart);
  EXPECT_EQ(Admitted(one, 1, 0s), 1);
}

TEST(WarmUpScenarios, D17_AWarmLimitAdmitsEightAndOnlyTen) {
  WarmUpLimit limit({.limit = 10}, {.period = 10s}, kStart);
  for (int tenth = 0; tenth < 120; ++tenth)
    (void)Admitted(limit, 1, tenth * 100ms);
  EXPECT_LE(limit.Stored(kStart + 12s), 50);
  EXPECT_EQ(Admitted(limit, 8, 12800ms), 8);
  WarmUpLimit other({.limit = 10}, {.period = 10s}, kStart);
  (void)Saturate(other, 0s, 12s);
  // Nine intervals of debt at most: with the tenth request the burst is used up.
  EXPECT_EQ(Admitted(other, 11, 13s), 10);
}

TEST(WarmUp, AnIdleLimitIsColdAgainAfterThePeriod) {
  WarmUpLimit limit({.limit = 100, .burst = 1}, {.period = 10s}, kStart);
  (void)Saturate(limit, 0s, 20s);
  EXPECT_NEAR(limit.Stored(kStart + 20s), 0, 2);
  EXPECT_NEAR(limit.Stored(kStart + 25s), 500, 2);
  EXPECT_NEAR(limit.Stored(kStart + 30s), 1'000, 2);
  EXPECT_NEAR(Saturate(limit, 40s, 41s), 34.1, 2);
}

TEST(WarmUp, RewarmStartsAgainFromCold) {
  WarmUpLimit limit({.limit = 100, .burst = 1}, {.period = 10s}, kStart);
  (void)Saturate(limit, 0s, 20s);
  limit.Rewarm(kStart + 20s);
  EXPECT_NEAR(Saturate(limit, 20s, 21s), 34.1, 2);
}

TEST(WarmUp, ARaisedLimitRisesFromTheRateThatThereWas) {
  WarmUpLimit limit({.limit = 100, .burst = 1}, {.period = 10s}, kStart);
  (void)Saturate(limit, 0s, 20s);
  limit.Reconfigure({.limit = 150, .burst = 1}, {.period = 10s});
  const int first = Saturate(limit, 20s, 21s);
  EXPECT_GE(first, 99);
  EXPECT_LE(first, 115);
  (void)Saturate(limit, 21s, 30s);
  EXPECT_NEAR(Saturate(limit, 30s, 31s), 150, 2);
  EXPECT_NEAR(Saturate(limit, 60s, 61s), 51, 3);  // It idled: cold.
}

TEST(WarmUp, ALimitRaisedTenfoldStartsColdAndALoweredOneHoldsAtOnce) {
  WarmUpLimit limit({.limit = 100, .burst = 1}, {.period = 10s}, kStart);
  (void)Saturate(limit, 0s, 20s);
  limit.Reconfigure({.limit = 1'000, .burst = 1}, {.period = 10s});
  EXPECT_NEAR(Saturate(limit, 20s, 21s), 341, 12);
  limit.Reconfigure({.limit = 10, .burst = 1}, {.period = 10s});
  EXPECT_LE(Saturate(limit, 21s, 22s), 11);
}

TEST(WarmUp, ARefundGivesTokensAndColdnessBack) {
  WarmUpLimit limit({.limit = 10}, {.period = 10s}, kStart);
  const double before = limit.Stored(kStart);
  ASSERT_TRUE(limit.TryTake(3, kStart).admitted);
  limit.Refund(3, kStart);
  EXPECT_DOUBLE_EQ(limit.Stored(kStart), before);
  EXPECT_EQ(limit.TryTake(0, kStart).level.reset_after(), 0s);
  limit.Refund(3, kStart);  // Nothing is left to give back.
  EXPECT_DOUBLE_EQ(limit.Stored(kStart), before);
}

TEST(WarmUp, MoreThanTheBurstIsNeverAdmitted) {
  WarmUpLimit limit({.limit = 10}, {.period = 10s}, kStart);
  EXPECT_EQ(limit.TryTake(11, kStart).retry_after, kNeverAdmitted);
  EXPECT_EQ(limit.TryTake(4'000'000'000U, kStart).retry_after, kNeverAdmitted);
}

TEST(WarmUp, DrainOnRejectEmptiesTheBucket) {
  WarmUpLimit limit({.limit = 10, .on_reject = OnReject::kDrain}, {.period = 10s}, kStart);
  EXPECT_FALSE(limit.TryTake(11, kStart).admitted);
  EXPECT_EQ(limit.TryTake(1, kStart).retry_after, 100ms);
}

TEST(WarmUp, RemainingIsWhatAColdBucketStillAdmits) {
  WarmUpLimit limit({.limit = 10}, {.period = 10s}, kStart);
  const std::int64_t told = limit.TryTake(0, kStart).level.remaining();
  EXPECT_EQ(Admitted(limit, 10, 0s), told);
}

TEST(WarmUpScenarios, D14_ThreadsTogetherAdmitWhatOneWould) {
  WarmUpLimit alone({.limit = 1'000}, {.period = 10s}, kStart);
  const int expected = Admitted(alone, 4'000, 0s);
  WarmUpLimit together({.limit = 1'000}, {.period = 10s}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index)
    threads.emplace_back([&] { admitted += Admitted(together, 1'000, 0s); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), expected);
}

TEST(WarmUp, EachOptionOutOfItsRangeIsNamed) {
  const auto problems_of = [](const WarmUpOptions& options) {
    ConfigProblems problems;
    Validate(options, "w", problems);
    std::string text;
    for (const ConfigProblem& problem : problems)
      text += problem.path + ": " + problem.text + "\n";
    return text;
  };
  EXPECT_EQ(problems_of({}), "");
  EXPECT_THAT(problems_of({.period = 1ms}), HasSubstr("w.period: must be 100ms..1h"));
  EXPECT_THAT(problems_of({.cold_factor = 1}), HasSubstr("w.cold_factor: must be above 1"));
  EXPECT_THAT(problems_of({.cold_factor = 101}), HasSubstr("w.cold_factor"));
}

}  // namespace
}  // namespace sluice::limit
