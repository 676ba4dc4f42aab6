// The scenarios of one bucket, and what threads may not do to it.

#include "sluice/limit/shared_gcra.h"

#include <algorithm>
#include <atomic>
#include <chrono>
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

constexpr SteadyTime kStart{1h};
constexpr GcraOptions kOneASecondBurstFive{.limit = 1, .burst = 5};

struct Expected {
  bool admitted;
  std::int64_t remaining;
  Nanos reset_after;
  Nanos retry_after;
};

void ExpectTake(SharedGcra& bucket, std::uint32_t tokens, Nanos at, const Expected& expected) {
  const Admission admission = bucket.TryTake(tokens, kStart + at);
  EXPECT_EQ(admission.admitted, expected.admitted) << "at " << at.count();
  EXPECT_EQ(admission.level.remaining(), expected.remaining) << "at " << at.count();
  EXPECT_EQ(admission.level.reset_after(), expected.reset_after) << "at " << at.count();
  EXPECT_EQ(admission.retry_after, expected.retry_after) << "at " << at.count();
}

int Admitted(SharedGcra& bucket, int requests, Nanos at) {
  int admitted = 0;
  for (int request = 0; request < requests; ++request) {
    if (bucket.TryTake(1, kStart + at).admitted) ++admitted;
  }
  return admitted;
}

void DrainFive(SharedGcra& bucket) {
  for (int taken = 1; taken <= 5; ++taken) {
    ExpectTake(bucket, 1, 0s, {true, 5 - taken, std::chrono::seconds(taken), 0s});
  }
}

TEST(GcraScenarios, D1_MoreThanTheBurstIsNeverAdmitted) {
  SharedGcra bucket(kOneASecondBurstFive, kStart);
  ExpectTake(bucket, 6, 0s, {false, 5, 0s, kNeverAdmitted});
}

TEST(GcraScenarios, D2_TheBurstIsAdmittedOneByOne) {
  SharedGcra bucket(kOneASecondBurstFive, kStart);
  DrainFive(bucket);
}

TEST(GcraScenarios, D3_ADrainedBucketTellsWhenToComeBack) {
  SharedGcra bucket(kOneASecondBurstFive, kStart);
  DrainFive(bucket);
  ExpectTake(bucket, 1, 0s, {false, 0, 5s, 1s});
}

TEST(GcraScenarios, D4_D5_D6_TokensComeBackWithTime) {
  SharedGcra bucket(kOneASecondBurstFive, kStart);
  DrainFive(bucket);
  ExpectTake(bucket, 1, 3000ms, {true, 2, 3s, 0s});
  ExpectTake(bucket, 1, 3100ms, {true, 1, 3900ms, 0s});
  ExpectTake(bucket, 1, 4000ms, {true, 1, 4s, 0s});
}

TEST(GcraScenarios, D8_ZeroTokensOnlyLook) {
  SharedGcra bucket(kOneASecondBurstFive, kStart);
  DrainFive(bucket);
  ASSERT_EQ(Admitted(bucket, 1, 3000ms) + Admitted(bucket, 1, 3100ms) + Admitted(bucket, 1, 4s), 3);
  ExpectTake(bucket, 1, 9500ms, {true, 4, 1s, 0s});
  ExpectTake(bucket, 0, 9500ms, {true, 4, 1s, 0s});
  ExpectTake(bucket, 2, 9500ms, {true, 2, 3s, 0s});
}

TEST(GcraScenarios, D12_NoDoubleBurstAtAWindowsBorder) {
  SharedGcra bucket({.limit = 100, .burst = 100}, kStart);
  EXPECT_EQ(Admitted(bucket, 100, 950ms), 100);
  EXPECT_EQ(Admitted(bucket, 100, 1050ms), 10);
}

TEST(GcraScenarios, D13_AClockSteppingBackAdmitsNothingExtra) {
  SharedGcra bucket({.limit = 10, .burst = 10}, kStart);
  EXPECT_EQ(Admitted(bucket, 10, 1000ms), 10);
  const Admission back = bucket.TryTake(1, kStart + 500ms);
  EXPECT_FALSE(back.admitted);
  EXPECT_EQ(back.level.remaining(), 0);
  EXPECT_EQ(Admitted(bucket, 2, 1100ms), 1);
}

TEST(GcraScenarios, D14_ThreadsTogetherTakeExactlyTheBurst) {
  constexpr int kThreads = 4;
  constexpr int kAsks = 2'000;
  SharedGcra bucket({.limit = 1'000, .burst = 1'000}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; ++index) {
    threads.emplace_back([&] { admitted += Admitted(bucket, kAsks, 0s); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), 1'000);
}

TEST(GcraScenarios, D14b_LargeCostsThatDoNotFitTakeNothing) {
  SharedGcra bucket({.limit = 2'000, .period = 1h, .burst = 2'000}, kStart);
  EXPECT_EQ(bucket.TryTake(1'000, kStart).level.remaining(), 1'000);
  const Admission refused = bucket.TryTake(1'500, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.level.remaining(), 1'000);
  EXPECT_TRUE(bucket.TryTake(500, kStart).admitted);
  EXPECT_TRUE(bucket.TryTake(400, kStart).admitted);
  const Admission last = bucket.TryTake(100, kStart);
  EXPECT_TRUE(last.admitted);
  EXPECT_EQ(last.level.remaining(), 0);
  EXPECT_FALSE(bucket.TryTake(1, kStart).admitted);
}

TEST(GcraScenarios, D14b_DrainOnRejectEmptiesTheBucket) {
  SharedGcra bucket({.limit = 10, .period = 1min, .burst = 10, .on_reject = OnReject::kDrain},
                    kStart);
  EXPECT_EQ(bucket.TryTake(1, kStart).level.remaining(), 9);
  const Admission refused = bucket.TryTake(100, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.level.remaining(), 0);
  EXPECT_EQ(refused.retry_after, kNeverAdmitted);
  const Admission next = bucket.TryTake(1, kStart);
  EXPECT_FALSE(next.admitted);
  EXPECT_EQ(next.retry_after, 6s);
}

TEST(GcraScenarios, D14b_ARefundIsCappedAtTheBurst) {
  SharedGcra bucket({.limit = 2, .period = 1min, .burst = 2}, kStart);
  ASSERT_EQ(bucket.TryTake(1, kStart).level.remaining(), 1);
  bucket.Refund(1, kStart);
  EXPECT_EQ(bucket.TryTake(0, kStart).level.remaining(), 2);
  bucket.Refund(1, kStart);
  EXPECT_EQ(bucket.TryTake(0, kStart).level.remaining(), 2);
}

TEST(GcraScenarios, D58_AReloadKeepsTheDebtAsTime) {
  SharedGcra bucket({.limit = 10, .burst = 10}, kStart);
  ASSERT_EQ(Admitted(bucket, 20, 0s), 10);
  bucket.Reconfigure({.limit = 20, .burst = 20});
  EXPECT_EQ(Admitted(bucket, 20, 0s), 0);
  EXPECT_EQ(bucket.TryTake(0, kStart).level.reset_after(), 1s);
  EXPECT_EQ(Admitted(bucket, 20, 500ms), 10);
}

TEST(GcraScenarios, D58_ALoweredLimitHoldsAtOnce) {
  SharedGcra bucket({.limit = 100, .burst = 100}, kStart);
  ASSERT_EQ(Admitted(bucket, 50, 0s), 50);
  bucket.Reconfigure({.limit = 10, .burst = 1});
  const Admission refused = bucket.TryTake(1, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.level.remaining(), 0);
  EXPECT_EQ(refused.retry_after, 500ms);
}

TEST(SharedGcra, StartsAsFullAsAsked) {
  SharedGcra empty({.limit = 10, .burst = 10, .init_fill_ratio = 0}, kStart);
  EXPECT_EQ(Admitted(empty, 10, 0s), 0);
  EXPECT_EQ(Admitted(empty, 10, 100ms), 1);
  SharedGcra half({.limit = 10, .burst = 10, .init_fill_ratio = 0.5}, kStart);
  EXPECT_EQ(Admitted(half, 10, 0s), 5);
}

TEST(SharedGcra, ADrainedBucketOfThreeIsFullAfterExactlyOneSecond) {
  SharedGcra bucket({.limit = 3, .burst = 3}, kStart);
  for (int second = 0; second < 10'000; ++second) {
    ASSERT_EQ(Admitted(bucket, 4, std::chrono::seconds(second)), 3) << second;
  }
}

// In any span D at most burst + floor(D / interval): checked for every pair of admissions.
TEST(SharedGcra, AdmitsNoMoreThanBurstAndRateInAnySpan) {
  constexpr std::uint64_t kSeed = 20'240'601;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  constexpr std::int64_t kBurst = 7;
  constexpr Nanos kInterval = 10ms;
  SharedGcra bucket({.limit = 100, .burst = kBurst}, kStart);
  std::vector<SteadyTime> admitted;
  SteadyTime now = kStart;
  for (int request = 0; request < 2'000; ++request) {
    now += Nanos(static_cast<std::int64_t>(random.Below(12'000'000)));
    if (random.Strikes(0.05)) now -= 30ms;
    if (bucket.TryTake(1, now).admitted) admitted.push_back(now);
  }
  std::ranges::sort(admitted);
  ASSERT_GT(admitted.size(), 500U);
  for (std::size_t first = 0; first < admitted.size(); ++first) {
    for (std::size_t last = first; last < admitted.size(); ++last) {
      const auto count = static_cast<std::int64_t>(last - first + 1);
      ASSERT_LE(count, kBurst + (admitted[last] - admitted[first]) / kInterval);
    }
  }
}

// Two words of one cache line hardly ever tear when nothing comes between their loads; under TSan
// something does, and there this test fails without the sequence number.
TEST(SharedGcra, ReconfiguringNeverMixesAnOldPaceWithANewOne) {
  // 1 token of either pace is far below its burst; 1 interval of the slow pace would be far above
  // the tolerance of the fast one and be refused for ever.
  constexpr GcraOptions kFast{.limit = 1'000'000, .burst = 10};
  constexpr GcraOptions kSlow{.limit = 1, .period = 1min, .burst = 100'000};
  SharedGcra bucket(kFast, kStart);
  constexpr int kDecisions = 500'000;
  std::atomic<bool> done{false};
  int never = 0;
  std::thread decider([&] {
    for (int decision = 0; decision < kDecisions; ++decision) {
      if (bucket.TryTake(1, kStart).retry_after == kNeverAdmitted) ++never;
      bucket.Refund(1, kStart);
    }
    done = true;
  });
  while (!done.load()) {
    bucket.Reconfigure(kSlow);
    bucket.Reconfigure(kFast);
  }
  decider.join();
  EXPECT_EQ(never, 0);
}

TEST(SharedGcra, TakesAndRefundsOfManyThreadsBalance) {
  SharedGcra bucket({.limit = 1'000, .burst = 1'000}, kStart);
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1'000; ++round) {
        if (bucket.TryTake(2, kStart).admitted) bucket.Refund(2, kStart);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(bucket.TryTake(0, kStart).level.remaining(), 1'000);
}

}  // namespace
}  // namespace sluice::limit
