#include "sluice/limit/sliding_window.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;

using Limiter = KeyedLimiterOf<SlidingWindow>;
using Options = KeyedOptions<SlidingWindow>;

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kAnn = 0x1234'5678'9abc'def0;
constexpr std::uint64_t kBob = 0xfeed'beef'0000'0001;

Options HundredASecond() {
  return {.each = {.limit = 100}};
}

Admission Take(Limiter& limiter, std::uint32_t tokens, Nanos at) {
  return limiter.TryTake(kAnn, tokens, kStart + at);
}

TEST(SlidingWindowScenarios, D12_TheEstimateWeighsThePreviousWindowByItsRest) {
  Limiter limiter(HundredASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 1, 0s).admitted);
  ASSERT_TRUE(Take(limiter, 99, 999ms).admitted);  // The previous window: 100.
  ASSERT_TRUE(Take(limiter, 20, 1250ms).admitted);
  // 30 % into the window: 100 x 0.7 + 20 = 90.
  EXPECT_EQ(Take(limiter, 0, 1300ms).level.remaining(), 10);
  EXPECT_FALSE(Take(limiter, 11, 1300ms).admitted);
  EXPECT_TRUE(Take(limiter, 10, 1300ms).admitted);
  EXPECT_FALSE(Take(limiter, 1, 1300ms).admitted);
}

TEST(SlidingWindowScenarios, D12_NoDoubleBurstAtAWindowsBorder) {
  Limiter limiter(HundredASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 1, 0s).admitted);
  ASSERT_TRUE(Take(limiter, 99, 950ms).admitted);
  int admitted = 0;
  for (int request = 0; request < 100; ++request)
    admitted += Take(limiter, 1, 1050ms).admitted ? 1 : 0;
  EXPECT_EQ(admitted, 5);  // 100 x 0.95 are still counted.
}

TEST(SlidingWindow, TheWaitToldIsTheShortestThatSucceeds) {
  Random random(20'261'124);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    Limiter limiter({.each = {.limit = 7, .period = 1'000ns}}, kStart);
    Nanos at(0);
    Admission refused;
    while (refused.retry_after == Nanos(0)) {
      at += Nanos(static_cast<std::int64_t>(random.Below(120)));
      const auto tokens = static_cast<std::uint32_t>(1 + random.Below(3));
      refused = Take(limiter, tokens, at);
      if (refused.admitted) {
        refused.retry_after = Nanos(0);
        continue;
      }
      ASSERT_FALSE(Take(limiter, tokens, at + refused.retry_after - 1ns).admitted);
      ASSERT_TRUE(Take(limiter, tokens, at + refused.retry_after).admitted);
    }
  }
}

TEST(SlidingWindow, MoreThanTheLimitIsNeverAdmitted) {
  Limiter limiter(HundredASecond(), kStart);
  const Admission refused = Take(limiter, 101, 0s);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, kNeverAdmitted);
  EXPECT_EQ(refused.level.remaining(), 100);
  EXPECT_EQ(limiter.Stats().keys, 0U);
}

TEST(SlidingWindow, ResetIsWhenAllIsForgotten) {
  Limiter limiter(HundredASecond(), kStart);
  EXPECT_EQ(Take(limiter, 0, 0s).level.reset_after(), 0s);
  EXPECT_EQ(Take(limiter, 1, 400ms).level.reset_after(), 2s);
  EXPECT_EQ(Take(limiter, 0, 1500ms).level.reset_after(), 900ms);
  EXPECT_EQ(Take(limiter, 0, 2400ms).level.reset_after(), 0s);
}

TEST(SlidingWindow, AClockSteppingBackForgetsNothing) {
  Limiter limiter(HundredASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 100, 10s).admitted);
  EXPECT_FALSE(Take(limiter, 1, 5s).admitted);
  EXPECT_FALSE(Take(limiter, 1, 10500ms).admitted);
  EXPECT_TRUE(Take(limiter, 1, 11010ms).admitted);
}

TEST(SlidingWindow, ARefundGoesToTheWindowThatPaid) {
  Limiter limiter(HundredASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 50, 100ms).admitted);
  ASSERT_TRUE(Take(limiter, 10, 1100ms).admitted);  // The next window.
  limiter.Refund({.key_hash = kAnn, .tokens = 50, .start = kStart + 100ms}, kStart + 1200ms);
  EXPECT_EQ(Take(limiter, 0, 1200ms).level.remaining(), 90);
  limiter.Refund({.key_hash = kAnn, .tokens = 10, .start = kStart + 1100ms}, kStart + 1200ms);
  EXPECT_EQ(Take(limiter, 0, 1200ms).level.remaining(), 100);
  limiter.Refund({.key_hash = kAnn, .tokens = 10, .start = kStart + 1100ms}, kStart + 1200ms);
  EXPECT_EQ(Take(limiter, 0, 1200ms).level.remaining(), 100);  // Never more than there is.
}

TEST(SlidingWindow, DrainOnRejectTakesWhatIsLeft) {
  Limiter limiter({.each = {.limit = 10, .on_reject = OnReject::kDrain}}, kStart);
  EXPECT_EQ(Take(limiter, 1, 0s).level.remaining(), 9);
  const Admission refused = Take(limiter, 100, 0s);
  EXPECT_EQ(refused.retry_after, kNeverAdmitted);
  EXPECT_EQ(refused.level.remaining(), 0);
  EXPECT_FALSE(Take(limiter, 1, 0s).admitted);
}

TEST(SlidingWindow, OverridesHoldForTheirKeysAlone) {
  Limiter limiter({.each = {.limit = 1}, .overrides = {{.key_hash = kBob, .each = {.limit = 5}}}},
                  kStart);
  EXPECT_FALSE(limiter.TryTake(kAnn, 2, kStart).admitted);
  EXPECT_TRUE(limiter.TryTake(kBob, 5, kStart).admitted);
  EXPECT_EQ(limiter.Capacity(kAnn), 1);
  EXPECT_EQ(limiter.Capacity(kBob), 5);
}

TEST(SlidingWindowScenarios, D21_AFloodOfKeysDoesNotResetAnExhaustedOne) {
  constexpr std::size_t kMaxKeys = 1'024;
  Limiter limiter({.each = {.limit = 2, .period = 1h}, .max_keys = kMaxKeys}, kStart);
  ASSERT_TRUE(Take(limiter, 2, 0s).admitted);
  Random random(7);
  for (std::size_t key = 0; key < 10 * kMaxKeys; ++key)
    (void)limiter.TryTake(random.Next(), 1, kStart + Nanos(static_cast<std::int64_t>(key)));
  EXPECT_FALSE(Take(limiter, 1, 1s).admitted);
  EXPECT_EQ(limiter.Stats().keys, kMaxKeys);
  // All who found no room share one window.
  EXPECT_EQ(limiter.Stats().allowed, 1 + (kMaxKeys - 1) + 2);
}

TEST(SlidingWindowScenarios, D14_ThreadsTogetherTakeExactlyTheLimit) {
  Limiter limiter({.each = {.limit = 1'000}}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (int request = 0; request < 1'000; ++request)
        admitted += Take(limiter, 1, 0s).admitted ? 1 : 0;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), 1'000);
}

TEST(SlidingWindowScenarios, D58_AReloadKeepsTheCount) {
  Options options = HundredASecond();
  Limiter limiter(options, kStart);
  ASSERT_TRUE(Take(limiter, 100, 0s).admitted);
  options.each.limit = 150;
  limiter.Reconfigure(options);
  EXPECT_EQ(Take(limiter, 0, 0s).level.remaining(), 50);
  options.each.limit = 10;
  limiter.Reconfigure(options);
  EXPECT_FALSE(Take(limiter, 1, 1s).admitted);  // 100 are still counted.
  EXPECT_TRUE(Take(limiter, 1, 1910ms).admitted);
}

}  // namespace
}  // namespace sluice::limit
