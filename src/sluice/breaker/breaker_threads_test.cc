// What threads may not do to a breaker. Run under TSan too.

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/breaker/breaker.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};
constexpr int kThreads = 4;

template <typename Work>
void OnThreads(const Work& work) {
  std::vector<std::thread> threads;
  for (int index = 0; index < kThreads; ++index)
    threads.emplace_back(work);
  for (std::thread& thread : threads)
    thread.join();
}

TEST(BreakerThreads, ExactlyThePermittedProbesGo) {
  for (int round = 0; round < 50; ++round) {
    const auto breaker =
        *Breaker::Create({.name = "pay", .wait_backoff = {.jitter_ratio = 0}}, 1, kStart);
    for (int call = 0; call < 20; ++call) {
      breaker->Settle(breaker->TryAcquire(kStart).token, {.verdict = Verdict::kFailure}, kStart);
    }
    std::atomic<int> admitted{0};
    OnThreads([&] {
      for (int call = 0; call < 20; ++call) {
        if (breaker->TryAcquire(kStart + 5s).admitted) ++admitted;
      }
    });
    ASSERT_EQ(admitted.load(), 5);
  }
}

TEST(BreakerThreads, NoOutcomeIsLost) {
  const auto breaker = *Breaker::Create({.name = "pay", .failure_rate_threshold = 100}, 1, kStart);
  OnThreads([&] {
    for (int call = 0; call < 2'000; ++call) {
      const BreakerDecision decision = breaker->TryAcquire(kStart);
      const bool failed = call % 4 == 0;
      breaker->Settle(decision.token, {.verdict = failed ? Verdict::kFailure : Verdict::kSuccess},
                      kStart);
    }
  });
  const BreakerSnapshot snapshot = breaker->Snapshot(kStart);
  EXPECT_EQ(snapshot.window.calls, 2'000U * kThreads);
  EXPECT_EQ(snapshot.window.failed, 500U * kThreads);
  EXPECT_EQ(snapshot.successes_total, 1'500U * kThreads);
}

TEST(BreakerThreads, EveryCallIsEitherSettledOrRefusedThroughAllStates) {
  BreakerOptions options{.name = "pay",
                         .minimum_number_of_calls = 5,
                         .wait_duration_in_open_state = 5ms,
                         .wait_backoff = {.max = 20ms},
                         .permitted_number_of_calls_in_half_open_state = 2,
                         .recovery_ramp = {.length = 10ms}};
  const auto breaker = *Breaker::Create(options, 7, kStart);
  std::atomic<std::uint64_t> settled{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::int64_t> clock_us{0};
  OnThreads([&] {
    for (int call = 0; call < 3'000; ++call) {
      const std::int64_t tick = clock_us.fetch_add(20);
      const SteadyTime now = kStart + std::chrono::microseconds(tick);
      GuardDecision decision = breaker->Acquire({}, now);
      if (!decision.admitted) {
        ++refused;
        continue;
      }
      const bool failed = tick / 20'000 % 2 == 0;  // The upstream fails every other 20 ms.
      decision.permit.Settle({.verdict = failed ? Verdict::kFailure : Verdict::kSuccess}, now);
      ++settled;
      if (call % 500 == 0) (void)breaker->Snapshot(now);
      if (call % 1'000 == 0) {
        const Result<void> reloaded = breaker->Reconfigure(options, now);
        ASSERT_TRUE(reloaded.has_value());
      }
    }
  });
  const BreakerSnapshot end = breaker->Snapshot(kStart + 1s);
  EXPECT_EQ(end.successes_total + end.failures_total, settled.load());
  EXPECT_EQ(end.not_permitted_total, refused.load());
  EXPECT_GT(refused.load(), 100U);
  EXPECT_GT(settled.load(), 1'000U);
  EXPECT_EQ(end.probes_in_flight, 0);
}

}  // namespace
}  // namespace sluice::breaker
