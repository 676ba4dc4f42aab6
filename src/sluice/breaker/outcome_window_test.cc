#include "sluice/breaker/outcome_window.h"

#include <chrono>
#include <deque>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};
constexpr CallResult kFailed{.failed = true};
constexpr CallResult kSlow{.slow = true};
constexpr CallResult kGood{};

OutcomeWindow TenSeconds() {
  return OutcomeWindow({.type = WindowType::kTime, .length = 10s, .buckets = 10}, kStart);
}

OutcomeWindow LastCalls(int calls) {
  return OutcomeWindow({.type = WindowType::kCount, .calls = calls}, kStart);
}

TEST(OutcomeWindow, RatesAreUndefinedWithoutCalls) {
  EXPECT_EQ(TenSeconds().counts().failure_rate(), -1);
  EXPECT_EQ(LastCalls(5).counts().slow_rate(), -1);
}

TEST(OutcomeWindow, ByTimeEachBucketLeavesWhenItsTimeHasPassed) {
  OutcomeWindow window = TenSeconds();
  window.Record(kFailed, kStart);
  window.Record(kSlow, kStart + 5s);
  window.Record(kGood, kStart + 9999ms);
  EXPECT_EQ(window.counts().calls, 3U);
  window.Record(kGood, kStart + 10s);
  EXPECT_EQ(window.counts().calls, 3U);
  EXPECT_EQ(window.counts().failed, 0U);
  EXPECT_EQ(window.counts().slow, 1U);
  window.Advance(kStart + 15s);
  EXPECT_EQ(window.counts().slow, 0U);
  EXPECT_EQ(window.counts().calls, 2U);
}

TEST(OutcomeWindow, ByTimeALongPauseEmptiesIt) {
  OutcomeWindow window = TenSeconds();
  window.Record(kFailed, kStart);
  window.Advance(kStart + 1h * 24 * 300);
  EXPECT_EQ(window.counts().calls, 0U);
  window.Record(kFailed, kStart + 1h * 24 * 300);
  EXPECT_EQ(window.counts().failed, 1U);
}

TEST(OutcomeWindow, ByTimeABurstOverABucketsBorderIsSeenWhole) {
  OutcomeWindow window = TenSeconds();
  for (int call = 0; call < 10; ++call)
    window.Record(kFailed, kStart + 950ms + call * 10ms);
  EXPECT_EQ(window.counts().failed, 10U);
}

TEST(OutcomeWindow, ByTimeALoopThatIsBehindCountsInTheNewestBucket) {
  OutcomeWindow window = TenSeconds();
  window.Record(kGood, kStart + 5s);
  window.Record(kFailed, kStart + 1s);
  window.Advance(kStart + 14s);
  EXPECT_EQ(window.counts().calls, 2U);
  window.Advance(kStart + 15s);
  EXPECT_EQ(window.counts().calls, 0U);
}

TEST(OutcomeWindow, ByCountTheOldestLeavesForTheNewest) {
  OutcomeWindow window = LastCalls(3);
  window.Record(kFailed, kStart);
  window.Record({.failed = true, .slow = true}, kStart);
  window.Record(kSlow, kStart);
  EXPECT_EQ(window.counts().failed, 2U);
  EXPECT_EQ(window.counts().slow, 2U);
  window.Record(kGood, kStart);
  window.Record(kGood, kStart);
  EXPECT_EQ(window.counts().calls, 3U);
  EXPECT_EQ(window.counts().failed, 0U);
  EXPECT_EQ(window.counts().slow, 1U);
}

TEST(OutcomeWindow, ClearingEmptiesEitherKind) {
  OutcomeWindow by_time = TenSeconds();
  by_time.Record(kFailed, kStart);
  by_time.Clear();
  EXPECT_EQ(by_time.counts().calls, 0U);
  by_time.Advance(kStart + 1h);
  EXPECT_EQ(by_time.counts().failed, 0U);

  OutcomeWindow by_count = LastCalls(2);
  for (int call = 0; call < 3; ++call)
    by_count.Record(kFailed, kStart);
  by_count.Clear();
  for (int call = 0; call < 2; ++call)
    by_count.Record(kGood, kStart);
  by_count.Record(kGood, kStart);
  EXPECT_EQ(by_count.counts().calls, 2U);
  EXPECT_EQ(by_count.counts().failed, 0U);
}

// Sizes around the 32 outcomes of a word, against a plain queue.
TEST(OutcomeWindow, ByCountAgreesWithAQueueOfOutcomes) {
  for (const int size : {1, 31, 32, 33, 64, 100}) {
    Random random(static_cast<std::uint64_t>(size));
    OutcomeWindow window = LastCalls(size);
    std::deque<CallResult> expected;
    for (int call = 0; call < 500; ++call) {
      const CallResult result{.failed = random.Strikes(0.4), .slow = random.Strikes(0.3)};
      window.Record(result, kStart);
      expected.push_back(result);
      if (expected.size() > static_cast<std::size_t>(size)) expected.pop_front();
      OutcomeCounts counts;
      for (const CallResult& one : expected)
        counts.Add(one);
      ASSERT_EQ(window.counts().calls, counts.calls);
      ASSERT_EQ(window.counts().failed, counts.failed);
      ASSERT_EQ(window.counts().slow, counts.slow);
    }
  }
}

}  // namespace
}  // namespace sluice::breaker
