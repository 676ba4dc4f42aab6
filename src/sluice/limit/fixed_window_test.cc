#include "sluice/limit/fixed_window.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""d;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""y;

using Limiter = KeyedLimiterOf<FixedWindow>;

constexpr SteadyTime kStart{1h};
constexpr WallTime kNoon{
    std::chrono::sys_days(std::chrono::year_month_day(2026y / 11 / 24d)).time_since_epoch() + 12h};
constexpr std::uint64_t kAnn = 0x1234'5678'9abc'def0;

// Two clocks that agree, until one is stepped.
class Clocks {
 public:
  [[nodiscard]] Moment now() const { return {.now = steady_, .wall = wall_}; }
  void Pass(Nanos span) {
    steady_ += span;
    wall_ += span;
  }
  void StepWall(Nanos step) { wall_ += step; }

 private:
  SteadyTime steady_ = kStart;
  WallTime wall_ = kNoon;
};

Admission Take(Limiter& limiter, std::uint32_t tokens, Nanos at) {
  return limiter.TryTake(kAnn, tokens, kStart + at);
}

int Admitted(Limiter& limiter, int requests, const Moment& moment) {
  int admitted = 0;
  for (int request = 0; request < requests; ++request)
    admitted += limiter.TryTake(kAnn, 1, moment).admitted ? 1 : 0;
  return admitted;
}

KeyedOptions<FixedWindow> TenADay() {
  return {.each = {.limit = 10, .calendar = Calendar::kDay}};
}

TEST(FixedWindow, AWindowBeginsWithTheFirstRequestAndEndsAPeriodLater) {
  Limiter limiter({.each = {.limit = 2}}, kStart);
  ASSERT_TRUE(Take(limiter, 2, 300ms).admitted);
  const Admission refused = Take(limiter, 1, 1200ms);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 100ms);
  EXPECT_EQ(refused.level.reset_after(), 100ms);
  EXPECT_FALSE(Take(limiter, 1, 1300ms - 1ns).admitted);
  EXPECT_TRUE(Take(limiter, 1, 1300ms).admitted);
}

// Documented: what a fixed window cannot do, and why gcra is the default.
TEST(FixedWindowScenarios, D12_TwoWindowsThatMeetAdmitNearlyTwiceTheLimit) {
  Limiter limiter({.each = {.limit = 100}}, kStart);
  ASSERT_TRUE(Take(limiter, 1, 0s).admitted);
  EXPECT_EQ(Admitted(limiter, 100, {.now = kStart + 950ms}), 99);
  EXPECT_EQ(Admitted(limiter, 100, {.now = kStart + 1050ms}), 100);
}

TEST(FixedWindow, MoreThanTheLimitIsNeverAdmitted) {
  Limiter limiter({.each = {.limit = 2}}, kStart);
  EXPECT_EQ(Take(limiter, 3, 0s).retry_after, kNeverAdmitted);
  EXPECT_EQ(limiter.Stats().keys, 0U);
}

TEST(FixedWindow, LookingBeginsNoWindow) {
  Limiter limiter({.each = {.limit = 2}}, kStart);
  EXPECT_EQ(Take(limiter, 0, 0s).level.remaining(), 2);
  EXPECT_EQ(Take(limiter, 0, 0s).level.reset_after(), 0s);
  ASSERT_TRUE(Take(limiter, 2, 500ms).admitted);
  EXPECT_FALSE(Take(limiter, 1, 1400ms).admitted);
}

TEST(FixedWindow, AClockSteppingBackForgetsNothing) {
  Limiter limiter({.each = {.limit = 2}}, kStart);
  ASSERT_TRUE(Take(limiter, 2, 10s).admitted);
  EXPECT_FALSE(Take(limiter, 1, 5s).admitted);
  EXPECT_TRUE(Take(limiter, 1, 11s).admitted);
}

TEST(FixedWindow, ACalendarDayEndsAtMidnightUtc) {
  Limiter limiter(TenADay(), kStart);
  Clocks clocks;
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  clocks.Pass(11h);
  const Admission refused = limiter.TryTake(kAnn, 1, clocks.now());
  EXPECT_EQ(refused.retry_after, 1h);
  clocks.Pass(1h - 1ns);
  EXPECT_EQ(Admitted(limiter, 1, clocks.now()), 0);
  clocks.Pass(1ns);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  clocks.Pass(24h - 1ns);
  EXPECT_EQ(Admitted(limiter, 1, clocks.now()), 0);
}

TEST(FixedWindow, AMonthEndsWithItsLastDay) {
  Limiter limiter({.each = {.limit = 10, .calendar = Calendar::kMonth}}, kStart);
  Clocks clocks;
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  clocks.Pass(6 * 24h + 12h - 1s);  // The last second of November.
  EXPECT_EQ(limiter.TryTake(kAnn, 1, clocks.now()).retry_after, 1s);
  clocks.Pass(1s);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
}

// Whatever the wall clock does within a period of real time, no more than the limit comes of it.
TEST(FixedWindow, StepsOfTheWallClockGiveNothingAway) {
  for (const Nanos step : {Nanos(-72h), Nanos(-13h), Nanos(-2s), Nanos(2s), Nanos(13h), Nanos(72h),
                           Nanos(24h * 5'000)}) {
    SCOPED_TRACE(step.count());
    Limiter limiter(TenADay(), kStart);
    Clocks clocks;
    ASSERT_EQ(Admitted(limiter, 12, clocks.now()), 10);
    clocks.StepWall(step);
    EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
    clocks.StepWall(-step);
    EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
    clocks.Pass(12h - 1s);
    EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
    clocks.Pass(1s);
    EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  }
}

TEST(FixedWindow, AfterAStepTheEndIsWhereTheCalendarNowSays) {
  Limiter limiter(TenADay(), kStart);
  Clocks clocks;
  clocks.StepWall(-24h * 20'000);  // A machine that started in the seventies.
  ASSERT_EQ(Admitted(limiter, 10, clocks.now()), 10);
  clocks.StepWall(24h * 20'000 + 6h);  // Now it is six in the evening.
  EXPECT_EQ(limiter.TryTake(kAnn, 1, clocks.now()).retry_after, 6h);
  clocks.Pass(6h);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
}

TEST(FixedWindow, AWallClockThatIsALittleSlowDoesNotOpenASecondWindow) {
  Limiter limiter(TenADay(), kStart);
  Clocks clocks;
  ASSERT_EQ(Admitted(limiter, 10, clocks.now()), 10);
  clocks.StepWall(-900ms);  // Slewed over half a day.
  clocks.Pass(12h);         // Midnight by the steady clock.
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
  clocks.Pass(900ms);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  clocks.Pass(24h - 1ns);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
}

TEST(FixedWindow, WithoutAWallClockAPeriodHasItsLongestLength) {
  Limiter limiter(TenADay(), kStart);
  ASSERT_EQ(Admitted(limiter, 12, {.now = kStart}), 10);
  EXPECT_EQ(Admitted(limiter, 12, {.now = kStart + 24h - 1ns}), 0);
  EXPECT_EQ(Admitted(limiter, 12, {.now = kStart + 24h}), 10);
}

TEST(FixedWindow, ARefundGoesToTheWindowThatPaid) {
  Limiter limiter({.each = {.limit = 5}}, kStart);
  ASSERT_TRUE(Take(limiter, 3, 100ms).admitted);
  limiter.Refund({.key_hash = kAnn, .tokens = 2, .start = kStart + 100ms}, kStart + 200ms);
  EXPECT_EQ(Take(limiter, 0, 200ms).level.remaining(), 4);
  ASSERT_TRUE(Take(limiter, 1, 1100ms).admitted);  // Another window.
  limiter.Refund({.key_hash = kAnn, .tokens = 1, .start = kStart + 100ms}, kStart + 1200ms);
  EXPECT_EQ(Take(limiter, 0, 1200ms).level.remaining(), 4);
  limiter.Refund({.key_hash = kAnn, .tokens = 9, .start = kStart + 1100ms}, kStart + 1200ms);
  EXPECT_EQ(Take(limiter, 0, 1200ms).level.remaining(), 5);
}

TEST(FixedWindow, DrainOnRejectTakesWhatIsLeft) {
  Limiter limiter({.each = {.limit = 10, .on_reject = OnReject::kDrain}}, kStart);
  ASSERT_TRUE(Take(limiter, 1, 0s).admitted);
  EXPECT_EQ(Take(limiter, 100, 0s).level.remaining(), 0);
  EXPECT_FALSE(Take(limiter, 1, 500ms).admitted);
  EXPECT_TRUE(Take(limiter, 1, 1s).admitted);
}

TEST(FixedWindowScenarios, D21_AFloodOfKeysDoesNotResetAnExhaustedOne) {
  constexpr std::size_t kMaxKeys = 1'024;
  Limiter limiter({.each = {.limit = 2, .calendar = Calendar::kDay}, .max_keys = kMaxKeys}, kStart);
  Clocks clocks;
  ASSERT_EQ(Admitted(limiter, 3, clocks.now()), 2);
  Random random(7);
  for (std::size_t key = 0; key < 10 * kMaxKeys; ++key)
    (void)limiter.TryTake(random.Next(), 1, clocks.now());
  clocks.Pass(11h);
  EXPECT_EQ(Admitted(limiter, 3, clocks.now()), 0);
  EXPECT_EQ(limiter.Stats().keys, kMaxKeys);
  // All windows are over: room for new keys.
  clocks.Pass(2h);
  EXPECT_TRUE(limiter.TryTake(42, 1, clocks.now()).admitted);
  EXPECT_EQ(limiter.Stats().table_full, 9 * kMaxKeys + 1);
}

TEST(FixedWindowScenarios, D14_ThreadsTogetherTakeExactlyTheLimit) {
  Limiter limiter({.each = {.limit = 1'000, .calendar = Calendar::kHour}}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] { admitted += Admitted(limiter, 1'000, Clocks().now()); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), 1'000);
}

TEST(FixedWindowScenarios, D58_AReloadKeepsTheCount) {
  KeyedOptions<FixedWindow> options = TenADay();
  Limiter limiter(options, kStart);
  Clocks clocks;
  ASSERT_EQ(Admitted(limiter, 12, clocks.now()), 10);
  options.each.limit = 15;
  limiter.Reconfigure(options);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 5);
  options.each.calendar = Calendar::kMonth;
  limiter.Reconfigure(options);
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
  clocks.Pass(12h);  // The end of the day, not of the month.
  EXPECT_EQ(Admitted(limiter, 12, clocks.now()), 0);
}

}  // namespace
}  // namespace sluice::limit
