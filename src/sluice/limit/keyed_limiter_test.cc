#include "sluice/limit/keyed_limiter.h"

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

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kAlice = 0x1234'5678'9abc'def0;
constexpr std::uint64_t kBob = 0xfeed'beef'0000'0001;

int Admitted(KeyedLimiter& limiter, std::uint64_t key, int requests, Nanos at) {
  int admitted = 0;
  for (int request = 0; request < requests; ++request) {
    if (limiter.TryTake(key, 1, kStart + at).admitted) ++admitted;
  }
  return admitted;
}

KeyedLimiterOptions Small(std::size_t max_keys, OnTableFull policy) {
  return {.each = {.limit = 1, .burst = 1}, .max_keys = max_keys, .on_table_full = policy};
}

TEST(KeyedLimiterScenarios, D19_ThresholdFiveWithThreeMoreAtOnce) {
  KeyedLimiter limiter({.each = {.limit = 5, .burst = 8}}, kStart);
  EXPECT_EQ(Admitted(limiter, kAlice, 9, 0s), 8);
  EXPECT_EQ(Admitted(limiter, kAlice, 6, 1002ms), 5);
  EXPECT_EQ(Admitted(limiter, kAlice, 6, 2004ms), 5);
  EXPECT_EQ(Admitted(limiter, kAlice, 9, 4004ms), 8);
}

TEST(KeyedLimiterScenarios, D21_AFloodOfKeysDoesNotResetAnExhaustedOne) {
  constexpr std::size_t kMaxKeys = 4'096;
  for (const OnTableFull policy :
       {OnTableFull::kSharedBucket, OnTableFull::kAllow, OnTableFull::kDeny}) {
    KeyedLimiter limiter({.each = {.limit = 1, .period = 1h, .burst = 2},
                          .max_keys = kMaxKeys,
                          .on_table_full = policy},
                         kStart);
    ASSERT_EQ(Admitted(limiter, kAlice, 3, 0s), 2);
    Random random(7);
    for (std::size_t key = 0; key < 10 * kMaxKeys; ++key) {
      const auto at = Nanos(static_cast<std::int64_t>(key) * 1'000);
      (void)limiter.TryTake(random.Next(), 1, kStart + at);
    }
    EXPECT_EQ(Admitted(limiter, kAlice, 3, 1s), 0);
    EXPECT_EQ(limiter.Stats().keys, kMaxKeys);
    EXPECT_GT(limiter.Stats().table_full, 8 * kMaxKeys);
  }
}

TEST(KeyedLimiterScenarios, D14_ThreadsTogetherTakeExactlyTheBurstOfEachKey) {
  constexpr std::uint64_t kKeys = 64;
  KeyedLimiter limiter({.each = {.limit = 100, .burst = 100}}, kStart);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&] {
      for (std::uint64_t key = 1; key <= kKeys; ++key) {
        admitted += Admitted(limiter, key * 0x9e37'79b9'7f4a'7c15U, 60, 0s);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted.load(), 100 * static_cast<int>(kKeys));
  EXPECT_EQ(limiter.Stats().allowed, 100 * kKeys);
  EXPECT_EQ(limiter.Stats().denied, 140 * kKeys);
}

TEST(KeyedLimiter, KeysDoNotShareTheirBuckets) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 2}}, kStart);
  EXPECT_EQ(Admitted(limiter, kAlice, 3, 0s), 2);
  EXPECT_EQ(Admitted(limiter, kBob, 3, 0s), 2);
}

TEST(KeyedLimiter, RequestsWithoutAKeyShareOne) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 2}}, kStart);
  EXPECT_EQ(Admitted(limiter, 0, 3, 0s), 2);
}

TEST(KeyedLimiter, LookingTakesNothingAndRemembersNothing) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 2}}, kStart);
  EXPECT_EQ(limiter.TryTake(kAlice, 0, kStart).level.remaining(), 2);
  EXPECT_EQ(limiter.Stats().keys, 0U);
  EXPECT_EQ(limiter.Stats().allowed, 0U);
}

TEST(KeyedLimiter, ARefusedLargeRequestIsNotRemembered) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 2}}, kStart);
  EXPECT_EQ(limiter.TryTake(kAlice, 3, kStart).retry_after, kNeverAdmitted);
  EXPECT_EQ(limiter.Stats().keys, 0U);
}

TEST(KeyedLimiter, DrainOnRejectEmptiesTheKeysBucketAlone) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 5, .on_reject = OnReject::kDrain}}, kStart);
  EXPECT_FALSE(limiter.TryTake(kAlice, 6, kStart).admitted);
  EXPECT_EQ(Admitted(limiter, kAlice, 1, 0s), 0);
  EXPECT_EQ(Admitted(limiter, kBob, 1, 0s), 1);
}

TEST(KeyedLimiter, ARefundGivesTheTokensBack) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 2}}, kStart);
  ASSERT_TRUE(limiter.TryTake(kAlice, 2, kStart).admitted);
  limiter.Refund({.key_hash = kAlice, .tokens = 1}, kStart);
  EXPECT_EQ(Admitted(limiter, kAlice, 2, 0s), 1);
  limiter.Refund({.key_hash = kBob, .tokens = 1}, kStart);  // Has no entry: dropped.
  EXPECT_EQ(Admitted(limiter, kBob, 3, 0s), 2);
}

TEST(KeyedLimiter, OverridesHoldForTheirKeysAlone) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 1},
                        .overrides = {{.key_hash = kAlice, .each = {.limit = 100, .burst = 10}}}},
                       kStart);
  EXPECT_EQ(Admitted(limiter, kAlice, 20, 0s), 10);
  EXPECT_EQ(Admitted(limiter, kBob, 20, 0s), 1);
}

TEST(KeyedLimiter, AFullTableGivesNewKeysOneBucketTogether) {
  KeyedLimiter limiter(Small(2, OnTableFull::kSharedBucket), kStart);
  ASSERT_EQ(Admitted(limiter, 1, 1, 0s) + Admitted(limiter, 2, 1, 0s), 2);
  EXPECT_EQ(Admitted(limiter, 3, 1, 0s), 1);
  EXPECT_EQ(Admitted(limiter, 4, 1, 0s), 0);
  EXPECT_EQ(limiter.Stats().table_full, 2U);
}

TEST(KeyedLimiter, AFullTableAdmitsNewKeysIfToldTo) {
  KeyedLimiter limiter(Small(2, OnTableFull::kAllow), kStart);
  ASSERT_EQ(Admitted(limiter, 1, 1, 0s) + Admitted(limiter, 2, 1, 0s), 2);
  EXPECT_EQ(Admitted(limiter, 3, 5, 0s), 5);
  EXPECT_EQ(Admitted(limiter, 1, 5, 0s), 0);
}

TEST(KeyedLimiter, AFullTableAdmitsNothingThatARoomyOneWouldRefuse) {
  KeyedLimiterOptions options = Small(1, OnTableFull::kAllow);
  options.each.on_reject = OnReject::kDrain;
  KeyedLimiter limiter(options, kStart);
  ASSERT_EQ(Admitted(limiter, 1, 1, 0s), 1);
  EXPECT_FALSE(limiter.TryTake(2, 5, kStart).admitted);
}

TEST(KeyedLimiter, AFullTableRefusesNewKeysIfToldToAndSaysWhenThereMayBeRoom) {
  KeyedLimiter limiter(Small(2, OnTableFull::kDeny), kStart);
  ASSERT_EQ(Admitted(limiter, 1, 1, 0s) + Admitted(limiter, 2, 1, 0s), 2);
  const Admission refused = limiter.TryTake(3, 1, kStart);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.retry_after, 1s);
  EXPECT_TRUE(limiter.TryTake(3, 1, kStart + refused.retry_after).admitted);
}

TEST(KeyedLimiter, MemoryComesWithTheKeysAndStaysBounded) {
  constexpr std::size_t kMaxKeys = 65'536;
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 1}, .max_keys = kMaxKeys}, kStart);
  EXPECT_LT(limiter.Stats().bytes, 64U * 1024);
  Random random(3);
  for (std::size_t key = 0; key < 2 * kMaxKeys; ++key) {
    (void)limiter.TryTake(random.Next(), 1, kStart);
  }
  const KeyedLimiterStats stats = limiter.Stats();
  EXPECT_EQ(stats.keys, kMaxKeys);
  EXPECT_LT(stats.bytes / stats.keys, 48U);
}

TEST(KeyedLimiterScenarios, D58_AReloadKeepsDebtsAndTakesEffectAtOnce) {
  KeyedLimiter limiter({.each = {.limit = 10, .burst = 10}, .max_keys = 1}, kStart);
  ASSERT_EQ(Admitted(limiter, kAlice, 20, 0s), 10);
  limiter.Reconfigure({.each = {.limit = 20, .burst = 20},
                       .max_keys = 2,
                       .overrides = {{.key_hash = kBob, .each = {.limit = 1, .burst = 1}}}});
  EXPECT_EQ(Admitted(limiter, kAlice, 20, 500ms), 10);
  EXPECT_EQ(Admitted(limiter, kBob, 20, 500ms), 1);
  EXPECT_EQ(limiter.Stats().table_full, 0U);
}

TEST(KeyedLimiter, ReconfiguringWhileThreadsDecideIsSafe) {
  const KeyedLimiterOptions plain{.each = {.limit = 1'000, .burst = 100}, .max_keys = 4'096};
  KeyedLimiterOptions with_overrides = plain;
  for (std::uint64_t key = 1; key <= 50; ++key) {
    with_overrides.overrides.push_back({.key_hash = key, .each = {.limit = 10, .burst = 5}});
  }
  KeyedLimiter limiter(plain, kStart);
  std::atomic<bool> done{false};
  std::thread decider([&] {
    Random random(5);
    while (!done.load())
      (void)limiter.TryTake(1 + random.Below(100), 1, kStart);
  });
  for (int round = 0; round < 300; ++round) {
    limiter.Reconfigure(round % 2 == 0 ? with_overrides : plain);
  }
  done = true;
  decider.join();
  limiter.Reconfigure(with_overrides);
  EXPECT_EQ(limiter.TryTake(1, 6, kStart + 1h).retry_after, kNeverAdmitted);
}

// A reclaimed entry must not come back fuller through the `now` of a loop that is behind.
TEST(KeyedLimiter, ALoopThatIsBehindFindsNoFullerBucket) {
  KeyedLimiter limiter({.each = {.limit = 1, .burst = 1}}, kStart);
  ASSERT_EQ(Admitted(limiter, 0x10, 1, 0s), 1);
  ASSERT_EQ(Admitted(limiter, 0x20, 1, 1s), 1);  // Reclaims the entry of 0x10: the same home.
  EXPECT_EQ(Admitted(limiter, 0x10, 1, 999ms), 0);
  EXPECT_EQ(Admitted(limiter, 0x10, 1, 1s), 1);
}

}  // namespace
}  // namespace sluice::limit
