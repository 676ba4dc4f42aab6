#include "sluice/breaker/keyed_breaker.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr SteadyTime kStart{1h};

BreakerOptions Plain() {
  return {.name = "tenant",
          .consecutive_failures = 2,
          .wait_backoff = {.jitter_ratio = 0},
          .permitted_number_of_calls_in_half_open_state = 1,
          .recovery_ramp = {.length = 0s}};
}

std::unique_ptr<KeyedBreaker> Made(std::size_t max_keys = 100,
                                   OnKeysFull full = OnKeysFull::kSharedBreaker) {
  return *KeyedBreaker::Create({.breaker = Plain(), .max_keys = max_keys, .on_keys_full = full}, 1,
                               kStart);
}

// Keys of one part of the table, so that its bound is met exactly.
std::uint64_t KeyOf(std::uint64_t number) {
  return number + 1;
}

bool Call(KeyedBreaker& breaker, std::uint64_t key, Verdict verdict, SteadyTime at = kStart) {
  GuardDecision decision = breaker.Acquire({.key_hash = key}, at);
  decision.permit.Settle({.verdict = verdict}, at);
  return decision.admitted;
}

TEST(KeyedBreaker, OneKeyThatFailsRefusesNobodyElse) {
  const auto breaker = Made();
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_FALSE(Call(*breaker, 1, Verdict::kSuccess));
  EXPECT_TRUE(Call(*breaker, 2, Verdict::kSuccess));
  EXPECT_EQ(breaker->kind(), "breaker");
  EXPECT_EQ(breaker->rule(), "tenant");
  EXPECT_EQ(breaker->refusal(), ErrorCode::kBreakerOpen);
  const KeyedBreakerStats stats = breaker->Stats(kStart);
  EXPECT_EQ(stats.keys, 2U);
  EXPECT_EQ(stats.keys_not_closed, 1U);
  EXPECT_EQ(stats.opened_total, 1U);
  EXPECT_EQ(stats.failures_total, 2U);
  EXPECT_EQ(stats.not_permitted_total, 1U);
}

TEST(KeyedBreaker, AKeyRecoversByItsOwnProbe) {
  const auto breaker = Made();
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess, kStart + 5s));
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess, kStart + 5s));
}

TEST(KeyedBreaker, AtTheBoundTheHealthyKeyUsedLongestAgoMakesRoom) {
  const auto breaker = Made(8 * 3);  // Three a part.
  for (std::uint64_t key = 0; key < 3; ++key)
    EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kSuccess));
  EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kSuccess));
  EXPECT_TRUE(Call(*breaker, KeyOf(3), Verdict::kSuccess));  // Takes the place of 1.
  KeyedBreakerStats stats = breaker->Stats(kStart);
  EXPECT_EQ(stats.keys, 3U);
  EXPECT_EQ(stats.evicted_total, 1U);
  EXPECT_EQ(stats.successes_total, 5U);  // What has gone is still counted.
  EXPECT_EQ(stats.overflow_total, 0U);
}

TEST(KeyedBreaker, AFloodOfKeysDoesNotCloseAnOpenOne) {
  const auto breaker = Made(8 * 3);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kFailure));  // One failure: not healthy either.
  for (std::uint64_t key = 2; key < 1'000; ++key)
    EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kSuccess));
  EXPECT_FALSE(Call(*breaker, KeyOf(0), Verdict::kSuccess));
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kFailure));
  EXPECT_FALSE(Call(*breaker, KeyOf(1), Verdict::kFailure));
  EXPECT_EQ(breaker->Stats(kStart).keys, 3U);
}

TEST(KeyedBreaker, AnOpenKeyThatNobodyAsksForMakesRoomAfterTwoMinutes) {
  const auto breaker = Made(1);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kSuccess, kStart + 119s));
  EXPECT_EQ(breaker->Stats(kStart + 119s).evicted_total, 0U);
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kSuccess, kStart + 120s));
  EXPECT_EQ(breaker->Stats(kStart + 120s).evicted_total, 1U);
  EXPECT_EQ(breaker->Stats(kStart + 120s).keys, 1U);
}

TEST(KeyedBreaker, UnhealthyKeysAtTheEndDoNotHideAHealthyOne) {
  const auto breaker = Made(8 * 20);
  // Of one part: the low half of the hash tells them apart, the high half is the same.
  for (std::uint64_t key = 0; key < 19; ++key)
    EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(19), Verdict::kSuccess));
  // Eight are looked at each time: the third newcomer finds the healthy one.
  for (std::uint64_t key = 100; key < 103; ++key)
    EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).evicted_total, 1U);
}

TEST(KeyedBreaker, WhereNobodyMakesRoomTheRestShareOne) {
  const auto breaker = Made(1);
  EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(2), Verdict::kFailure));
  EXPECT_FALSE(Call(*breaker, KeyOf(3), Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).overflow_total, 3U);
  EXPECT_EQ(breaker->Stats(kStart).keys, 1U);
}

TEST(KeyedBreaker, OrAreLetThrough) {
  const auto breaker = Made(1, OnKeysFull::kAllow);
  EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kFailure));
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kFailure));
  EXPECT_EQ(breaker->Stats(kStart).overflow_total, 5U);
}

TEST(KeyedBreaker, AKeyWithACallUnderWayStays) {
  const auto breaker = Made(1);
  GuardDecision held = breaker->Acquire({.key_hash = KeyOf(0)}, kStart);
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).overflow_total, 1U);
  held.permit = Permit();  // Abandoned: nobody is there any more.
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).overflow_total, 1U);
  EXPECT_EQ(breaker->Stats(kStart).evicted_total, 1U);
}

TEST(KeyedBreaker, ForcedOpenHoldsForKeysToCome) {
  const auto breaker = Made();
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess));
  breaker->ForceOpen(kStart);
  EXPECT_FALSE(Call(*breaker, 1, Verdict::kSuccess));
  EXPECT_FALSE(Call(*breaker, 2, Verdict::kSuccess));
  EXPECT_EQ(breaker->by_hand(), State::kForcedOpen);
  breaker->Close(kStart);
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess));
  EXPECT_TRUE(Call(*breaker, 2, Verdict::kSuccess));
}

TEST(KeyedBreaker, DisabledAllKeysPassAndNothingIsRecorded) {
  const auto breaker = Made();
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  breaker->Disable(kStart);
  EXPECT_EQ(breaker->by_hand(), State::kDisabled);
  for (const std::uint64_t key : {1U, 2U}) {
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(Call(*breaker, key, Verdict::kFailure));
  }
  EXPECT_EQ(breaker->Stats(kStart).failures_total, 2U);
  EXPECT_EQ(breaker->Stats(kStart).keys_not_closed, 2U);
  breaker->Close(kStart);
  EXPECT_EQ(breaker->by_hand(), State::kClosed);
  EXPECT_EQ(breaker->Stats(kStart).keys_not_closed, 0U);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, 2, Verdict::kFailure));
  EXPECT_FALSE(Call(*breaker, 2, Verdict::kFailure));
}

TEST(KeyedBreaker, WithMetricsOnlyAllKeysPassAndAreCounted) {
  const auto breaker = Made();
  breaker->MetricsOnly(kStart);
  EXPECT_EQ(breaker->by_hand(), State::kMetricsOnly);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_EQ(breaker->Stats(kStart).failures_total, 5U);
  EXPECT_EQ(breaker->Stats(kStart).opened_total, 0U);
}

TEST(KeyedBreaker, AKeyThatIsOnlyAsAllAreByHandMakesRoom) {
  const auto breaker = Made(1);
  breaker->ForceOpen(kStart);
  for (std::uint64_t key = 0; key < 3; ++key)
    EXPECT_FALSE(Call(*breaker, KeyOf(key), Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).evicted_total, 2U);
  EXPECT_EQ(breaker->Stats(kStart).overflow_total, 0U);
  EXPECT_EQ(breaker->Stats(kStart).not_permitted_total, 3U);
}

TEST(KeyedBreaker, StatsLookAtABoundedPartAndNeverFall) {
  const auto breaker = Made(100'000);
  for (std::uint64_t key = 0; key < 2'000; ++key)  // Of one part.
    EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kSuccess));
  std::uint64_t before = 0;
  std::size_t looks = 0;
  while (before < 2'000 && looks < 10) {
    const KeyedBreakerStats stats = breaker->Stats(kStart);
    EXPECT_EQ(stats.keys, 2'000U);
    EXPECT_GE(stats.successes_total, before);
    EXPECT_LE(stats.successes_total, before + 600);
    before = stats.successes_total;
    ++looks;
  }
  EXPECT_EQ(before, 2'000U);
  EXPECT_EQ(looks, 4U);
}

TEST(KeyedBreaker, ALookTellsWhoseTrafficReturned) {
  const auto breaker = Made();
  for (const std::uint64_t key : {1U, 2U}) {
    for (int i = 0; i < 2; ++i)
      EXPECT_TRUE(Call(*breaker, key, Verdict::kFailure));
  }
  EXPECT_EQ(breaker->Look(kStart).returned, 0U);
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess, kStart + 5s));
  EXPECT_EQ(breaker->Look(kStart + 5s).returned, 1U);
  EXPECT_EQ(breaker->Look(kStart + 5s).returned, 0U);
  breaker->ForceOpen(kStart + 6s);
  breaker->Close(kStart + 6s);
  EXPECT_EQ(breaker->Look(kStart + 6s).returned, 2U);
}

TEST(KeyedBreaker, ResetForgetsWhatAllKeysHaveFailed) {
  const auto breaker = Made();
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  breaker->Reset(kStart);
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess));
  EXPECT_EQ(breaker->Stats(kStart).keys_not_closed, 0U);
}

TEST(KeyedBreaker, ALookTellsWhatIsNewOnce) {
  const auto breaker = Made();
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, 2, Verdict::kSuccess));
  KeyedBreakerNews news = breaker->Look(kStart);
  EXPECT_EQ(news.opened, 1U);
  EXPECT_EQ(news.keys, 2U);
  EXPECT_EQ(news.keys_not_closed, 1U);
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kSuccess, kStart + 5s));
  news = breaker->Look(kStart + 5s);
  EXPECT_EQ(news.opened, 0U);
  EXPECT_EQ(news.keys_not_closed, 0U);
}

TEST(KeyedBreaker, ALookTakesSomeKeysAndTheNextOnesTheOthers) {
  const auto breaker = Made(100'000);
  for (std::uint64_t key = 0; key < 2'000; ++key) {
    for (int i = 0; i < 2; ++i)
      EXPECT_TRUE(Call(*breaker, KeyOf(key), Verdict::kFailure));
  }
  std::uint64_t opened = 0;
  std::size_t looks = 0;
  for (; opened < 2'000 && looks < 10; ++looks) {
    const KeyedBreakerNews news = breaker->Look(kStart);
    EXPECT_LE(news.opened, 600U);
    opened += news.opened;
    EXPECT_EQ(news.keys_not_closed, opened);
    // Who is asked for meanwhile is neither missed nor told twice.
    EXPECT_FALSE(Call(*breaker, KeyOf(looks * 400), Verdict::kSuccess));
  }
  EXPECT_EQ(opened, 2'000U);
  EXPECT_EQ(looks, 4U);
}

TEST(KeyedBreaker, AKeyThatWasPushedOutBeforeALookIsStillTold) {
  const auto breaker = Made(8);  // One a part.
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Call(*breaker, KeyOf(0), Verdict::kFailure));
  EXPECT_TRUE(Call(*breaker, KeyOf(1), Verdict::kSuccess, kStart + 10min));
  const KeyedBreakerNews news = breaker->Look(kStart + 10min);
  EXPECT_EQ(breaker->Stats(kStart + 10min).evicted_total, 1U);
  EXPECT_EQ(news.opened, 1U);
  EXPECT_EQ(news.keys, 1U);
  EXPECT_EQ(news.keys_not_closed, 0U);
}

TEST(KeyedBreakerScenarios, D56_ShadowLetsThroughWhatItWouldRefuse) {
  BreakerOptions options = Plain();
  options.mode = GuardMode::kShadow;
  const auto breaker = *KeyedBreaker::Create({.breaker = options}, 1, kStart);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  EXPECT_EQ(breaker->Stats(kStart).would_refuse_total, 3U);
}

TEST(KeyedBreakerScenarios, D58_AReloadKeepsTheKeysAndTakesEffectAtOnce) {
  const auto breaker = Made();
  EXPECT_TRUE(Call(*breaker, 1, Verdict::kFailure));
  KeyedBreakerOptions options{.breaker = Plain()};
  options.breaker.consecutive_failures = 3;
  ASSERT_TRUE(breaker->Reconfigure(options, kStart).has_value());
  for (const std::uint64_t key : {1U, 2U}) {
    for (int i = key == 1 ? 1 : 0; i < 3; ++i)
      EXPECT_TRUE(Call(*breaker, key, Verdict::kFailure));
    EXPECT_FALSE(Call(*breaker, key, Verdict::kFailure));
  }
}

TEST(KeyedBreakerScenarios, D58_AReloadWithAProblemChangesNothing) {
  const auto breaker = Made();
  KeyedBreakerOptions options{.breaker = Plain(), .max_keys = 0};
  const Result<void> refused = breaker->Reconfigure(options, kStart);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().detail, HasSubstr("max_keys: must be 1..100000, got 0"));
  options.max_keys = 1;
  options.breaker.failure_rate_threshold = 0;
  EXPECT_FALSE(breaker->Reconfigure(options, kStart).has_value());
  options.breaker = Plain();
  options.breaker.name = "other";
  EXPECT_FALSE(breaker->Reconfigure(options, kStart).has_value());
  EXPECT_FALSE(KeyedBreaker::Create({.breaker = {}}, 1, kStart).has_value());
}

TEST(KeyedBreakerThreads, NothingIsLostWhileKeysComeAndGo) {
  const auto breaker = Made(16);
  std::atomic<std::uint64_t> settled{0};
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t call = 0; call < 3'000; ++call) {
        const std::uint64_t key = ((call * 31 + thread) % 200) << 30U;
        GuardDecision decision = breaker->Acquire({.key_hash = key}, kStart);
        if (!decision.admitted) continue;
        decision.permit.Settle({.verdict = Verdict::kSuccess}, kStart);
        ++settled;
        if (call % 1'000 == 0) static_cast<void>(breaker->Look(kStart));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(breaker->Stats(kStart).successes_total, settled.load());
  EXPECT_EQ(settled.load(), 12'000U);
  EXPECT_LE(breaker->Stats(kStart).keys, 16U);
}

}  // namespace
}  // namespace sluice::breaker
