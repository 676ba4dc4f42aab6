#include "sluice/limit/pacing.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

using Limiter = KeyedLimiterOf<Pacing>;

constexpr SteadyTime kStart{1h};

KeyedOptions<Pacing> TenASecond() {
  return {.each = {.limit = 10}, .max_keys = 1};
}

Admission Take(Limiter& limiter, Nanos at, SteadyTime deadline = kNever) {
  return limiter.TryTake(0, 1, {.now = kStart + at, .deadline = deadline});
}

std::vector<std::int64_t> WaitsOf(Limiter& limiter, int requests, Nanos at) {
  std::vector<std::int64_t> waits;
  for (int request = 0; request < requests; ++request) {
    const Admission admission = Take(limiter, at);
    if (admission.admitted) waits.push_back(admission.wait / Nanos(1ms));
  }
  return waits;
}

TEST(PacingScenarios, D15_TenAtOnceWaitInTurnAndFourAreRefused) {
  Limiter limiter(TenASecond(), kStart);
  EXPECT_THAT(WaitsOf(limiter, 10, 0s), ElementsAre(0, 100, 200, 300, 400, 500));
  EXPECT_EQ(limiter.Stats().denied, 4U);
  EXPECT_EQ(Take(limiter, 0s).retry_after, 100ms);
  EXPECT_EQ(Take(limiter, 100ms).wait, 500ms);
}

TEST(PacingScenarios, D15_ALimitOfZeroRefusesAllButALook) {
  Limiter limiter({.each = {.limit = 0}}, kStart);
  EXPECT_FALSE(limiter.TryTake(0, 1, kStart).admitted);
  EXPECT_EQ(limiter.TryTake(0, 1, kStart).retry_after, kNeverAdmitted);
  EXPECT_TRUE(limiter.TryTake(0, 0, kStart).admitted);
}

TEST(PacingScenarios, D15_ThreeThousandASecondComeEveryThirdOfAMillisecond) {
  Limiter limiter({.each = {.limit = 3'000}}, kStart);
  EXPECT_EQ(Take(limiter, 0s).wait, 0ns);
  EXPECT_EQ(Take(limiter, 0s).wait, 333'334ns);
  EXPECT_EQ(Take(limiter, 0s).wait, 666'667ns);
  EXPECT_EQ(Take(limiter, 0s).wait, 1'000'000ns);
  for (int request = 4; request < 1'500; ++request)
    ASSERT_TRUE(Take(limiter, 0s).admitted);
  EXPECT_EQ(Take(limiter, 0s).wait, 500ms);
  EXPECT_FALSE(Take(limiter, 0s).admitted);
}

TEST(Pacing, AfterIdlingThereIsNoBurst) {
  Limiter limiter(TenASecond(), kStart);
  ASSERT_EQ(Take(limiter, 0s).wait, 0s);
  EXPECT_THAT(WaitsOf(limiter, 3, 10s), ElementsAre(0, 100, 200));
}

TEST(Pacing, ASlotBehindTheDeadlineIsRefusedAndKeepsNobodyWaiting) {
  Limiter limiter(TenASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 0s).admitted);
  EXPECT_TRUE(Take(limiter, 0s, kStart + 100ms).admitted);
  const Admission refused = Take(limiter, 0s, kStart + 200ms - 1ns);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 200ms);
  EXPECT_EQ(Take(limiter, 0s).wait, 200ms);
}

TEST(Pacing, OnlyTheLastReservationCanBeGivenBack) {
  Limiter limiter(TenASecond(), kStart);
  for (const Nanos wait : {Nanos(0s), Nanos(100ms), Nanos(200ms)})
    ASSERT_EQ(Take(limiter, 0s).wait, wait);
  limiter.Refund({.tokens = 1, .start = kStart + 100ms}, kStart + 50ms);  // Somebody is behind it.
  EXPECT_EQ(Take(limiter, 50ms).wait, 250ms);
  limiter.Refund({.tokens = 1, .start = kStart + 300ms}, kStart + 60ms);
  EXPECT_EQ(Take(limiter, 60ms).wait, 240ms);
  // From the end on they can all go.
  limiter.Refund({.tokens = 1, .start = kStart + 300ms}, kStart + 60ms);
  limiter.Refund({.tokens = 1, .start = kStart + 200ms}, kStart + 60ms);
  EXPECT_EQ(Take(limiter, 60ms).wait, 140ms);
}

TEST(Pacing, SlotsOfUnevenRatesCanBeGivenBackToo) {
  Limiter limiter({.each = {.limit = 7}}, kStart);
  ASSERT_TRUE(Take(limiter, 0s).admitted);
  const Nanos wait = Take(limiter, 0s).wait;
  ASSERT_EQ(wait, 142'857'143ns);
  limiter.Refund({.tokens = 1, .start = kStart + wait}, kStart);
  EXPECT_EQ(Take(limiter, 0s).wait, wait);
}

TEST(Pacing, ACostlyRequestTakesAsManySlots) {
  Limiter limiter(TenASecond(), kStart);
  EXPECT_EQ(limiter.TryTake(0, 3, kStart).wait, 0s);
  EXPECT_EQ(Take(limiter, 0s).wait, 300ms);
  EXPECT_EQ(limiter.TryTake(0, 7, kStart).retry_after, kNeverAdmitted);
  EXPECT_EQ(limiter.Capacity(0), 6);
}

TEST(Pacing, WithoutQueueingWhoComesTooEarlyIsRefused) {
  Limiter limiter({.each = {.limit = 10, .max_wait = Nanos(0)}}, kStart);
  EXPECT_TRUE(Take(limiter, 0s).admitted);
  EXPECT_EQ(Take(limiter, 30ms).retry_after, 70ms);
  EXPECT_TRUE(Take(limiter, 100ms).admitted);
}

TEST(Pacing, KeysAreApart) {
  Limiter limiter({.each = {.limit = 10}}, kStart);
  EXPECT_EQ(limiter.TryTake(1, 1, kStart).wait, 0s);
  EXPECT_EQ(limiter.TryTake(2, 1, kStart).wait, 0s);
  EXPECT_EQ(limiter.TryTake(1, 1, kStart).wait, 100ms);
}

TEST(Pacing, AClockSteppingBackPromisesNoSlotTwice) {
  Limiter limiter(TenASecond(), kStart);
  ASSERT_EQ(Take(limiter, 1000ms).wait, 0s);
  EXPECT_EQ(Take(limiter, 800ms).wait, 300ms);
  EXPECT_FALSE(Take(limiter, 500ms).admitted);
}

TEST(PacingScenarios, D14_ThreadsTogetherGetEverySlotOnce) {
  Limiter limiter({.each = {.limit = 1'000}, .max_keys = 1}, kStart);
  std::mutex mutex;
  std::vector<Nanos> waits;
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (int request = 0; request < 200; ++request) {
        const Admission admission = Take(limiter, 0s);
        const std::scoped_lock lock(mutex);
        if (admission.admitted) waits.push_back(admission.wait);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::ranges::sort(waits);
  ASSERT_EQ(waits.size(), 501U);
  for (std::size_t slot = 0; slot < waits.size(); ++slot)
    ASSERT_EQ(waits[slot], slot * Nanos(1ms));
}

TEST(PacingScenarios, D58_AReloadKeepsTheQueue) {
  KeyedOptions<Pacing> options = TenASecond();
  Limiter limiter(options, kStart);
  ASSERT_EQ(WaitsOf(limiter, 3, 0s).size(), 3U);
  options.each.limit = 20;
  limiter.Reconfigure(options);
  EXPECT_THAT(WaitsOf(limiter, 3, 0s), ElementsAre(300, 350, 400));
}

}  // namespace
}  // namespace sluice::limit
