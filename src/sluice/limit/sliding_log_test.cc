#include "sluice/limit/sliding_log.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;

using Limiter = KeyedLimiterOf<SlidingLog>;

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kAnn = 0x1234'5678'9abc'def0;

KeyedOptions<SlidingLog> ThreeASecond() {
  return {.each = {.limit = 3}};
}

Admission Take(Limiter& limiter, std::uint32_t tokens, Nanos at) {
  return limiter.TryTake(kAnn, tokens, kStart + at);
}

TEST(SlidingLog, ExactlyTheLimitInAnyPeriod) {
  Limiter limiter(ThreeASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 1, 0ms).admitted);
  ASSERT_TRUE(Take(limiter, 1, 400ms).admitted);
  ASSERT_TRUE(Take(limiter, 1, 900ms).admitted);
  const Admission refused = Take(limiter, 1, 950ms);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 50ms);
  EXPECT_EQ(refused.level.remaining(), 0);
  EXPECT_EQ(refused.level.reset_after(), 950ms);
  EXPECT_EQ(Take(limiter, 2, 950ms).retry_after, 450ms);
  EXPECT_FALSE(Take(limiter, 1, 1s - 1ns).admitted);
  EXPECT_TRUE(Take(limiter, 1, 1s).admitted);
  EXPECT_FALSE(Take(limiter, 1, 1399ms).admitted);
  EXPECT_TRUE(Take(limiter, 1, 1400ms).admitted);
}

TEST(SlidingLogScenarios, D12_NoDoubleBurstAtAWindowsBorder) {
  Limiter limiter({.each = {.limit = 64}}, kStart);
  ASSERT_TRUE(Take(limiter, 64, 950ms).admitted);
  EXPECT_FALSE(Take(limiter, 1, 1050ms).admitted);
  EXPECT_TRUE(Take(limiter, 64, 1950ms).admitted);
}

// Against the definition: count what was admitted in the last period.
TEST(SlidingLog, AgreesWithCountingByHand) {
  Random random(42);
  Limiter limiter({.each = {.limit = 5}}, kStart);
  std::deque<Nanos> admitted;
  Nanos at(0);
  int refusals = 0;
  for (int request = 0; request < 5'000; ++request) {
    at += Nanos(static_cast<std::int64_t>(random.Below(300'000'000)));
    while (!admitted.empty() && admitted.front() <= at - Nanos(1s))
      admitted.pop_front();
    const auto tokens = static_cast<std::uint32_t>(1 + random.Below(2));
    const bool fits = admitted.size() + tokens <= 5;
    ASSERT_EQ(Take(limiter, tokens, at).admitted, fits) << request;
    if (fits) admitted.insert(admitted.end(), tokens, at);
    refusals += fits ? 0 : 1;
  }
  EXPECT_GT(refusals, 500);
}

TEST(SlidingLog, MoreThanTheLimitIsNeverAdmitted) {
  Limiter limiter(ThreeASecond(), kStart);
  EXPECT_EQ(Take(limiter, 4, 0s).retry_after, kNeverAdmitted);
  EXPECT_EQ(limiter.Stats().keys, 0U);
}

TEST(SlidingLog, AClockSteppingBackForgetsNothing) {
  Limiter limiter(ThreeASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 2, 10s).admitted);
  ASSERT_TRUE(Take(limiter, 1, 5s).admitted);  // Counts as taken at 10 s.
  EXPECT_FALSE(Take(limiter, 1, 10999ms).admitted);
  EXPECT_TRUE(Take(limiter, 3, 11s).admitted);
}

TEST(SlidingLog, ARefundRemovesItsOwnTokensAlone) {
  Limiter limiter(ThreeASecond(), kStart);
  ASSERT_TRUE(Take(limiter, 1, 0ms).admitted);
  ASSERT_TRUE(Take(limiter, 1, 100ms).admitted);
  ASSERT_TRUE(Take(limiter, 1, 200ms).admitted);
  const Taken second{.key_hash = kAnn, .tokens = 1, .start = kStart + 100ms};
  limiter.Refund(second, kStart + 300ms);
  limiter.Refund(second, kStart + 300ms);  // There is none left of that moment.
  EXPECT_EQ(Take(limiter, 0, 300ms).level.remaining(), 1);
  ASSERT_TRUE(Take(limiter, 1, 300ms).admitted);
  EXPECT_EQ(Take(limiter, 1, 300ms).retry_after, 700ms);
}

TEST(SlidingLog, DrainOnRejectTakesWhatIsLeft) {
  Limiter limiter({.each = {.limit = 3, .on_reject = OnReject::kDrain}}, kStart);
  ASSERT_TRUE(Take(limiter, 1, 0s).admitted);
  EXPECT_EQ(Take(limiter, 4, 100ms).level.remaining(), 0);
  EXPECT_TRUE(Take(limiter, 1, 1s).admitted);
  EXPECT_FALSE(Take(limiter, 1, 1s).admitted);
}

TEST(SlidingLogScenarios, D21_AFloodOfKeysDoesNotResetAnExhaustedOneAndMemoryIsBounded) {
  constexpr std::size_t kMaxKeys = 1'024;
  Limiter limiter({.each = {.limit = 2, .period = 15min}, .max_keys = kMaxKeys}, kStart);
  ASSERT_TRUE(Take(limiter, 2, 0s).admitted);
  Random random(7);
  for (std::size_t key = 0; key < 10 * kMaxKeys; ++key)
    (void)limiter.TryTake(random.Next(), 1, kStart);
  EXPECT_FALSE(Take(limiter, 1, 1s).admitted);
  EXPECT_EQ(limiter.Stats().keys, kMaxKeys);
  EXPECT_LT(limiter.Stats().bytes / kMaxKeys, 128U);
}

TEST(SlidingLogScenarios, D14_ThreadsTogetherTakeExactlyTheLimit) {
  Limiter limiter({.each = {.limit = 64}}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (int request = 0; request < 100; ++request)
        admitted += Take(limiter, 1, 0s).admitted ? 1 : 0;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), 64);
}

TEST(SlidingLogScenarios, D58_AReloadKeepsTheTimes) {
  KeyedOptions<SlidingLog> options = ThreeASecond();
  Limiter limiter(options, kStart);
  ASSERT_TRUE(Take(limiter, 3, 0s).admitted);
  options.each.limit = 5;
  limiter.Reconfigure(options);
  EXPECT_TRUE(Take(limiter, 2, 500ms).admitted);
  options.each.limit = 1;
  limiter.Reconfigure(options);
  EXPECT_FALSE(Take(limiter, 1, 1s).admitted);
  EXPECT_TRUE(Take(limiter, 1, 1500ms).admitted);
}

}  // namespace
}  // namespace sluice::limit
