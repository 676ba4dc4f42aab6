// Question: what does a breaker cost a call, let through and refused, alone and with two threads on
// the same breaker?
// Budget: acquire and settle 60 ns together with `now` given, one thread (design: bars).

#include <chrono>
#include <memory>

#include <benchmark/benchmark.h>

#include "sluice/breaker/breaker.h"

namespace sluice::breaker {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

std::unique_ptr<Breaker> breaker;

void NewBreaker(const benchmark::State& state) {
  const auto type = state.range(0) == 0 ? WindowType::kTime : WindowType::kCount;
  breaker = *Breaker::Create({.name = "bench", .sliding_window = {.type = type}}, 1, kStart);
}

// A call in twenty fails, time moves 1 µs a call.
void BM_AcquireAndSettle(benchmark::State& state) {
  SteadyTime now = kStart;
  int call = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    const BreakerDecision decision = breaker->TryAcquire(now);
    call = call == 19 ? 0 : call + 1;
    breaker->Settle(decision.token,
                    {.verdict = call == 0 ? Verdict::kFailure : Verdict::kSuccess,
                     .duration = std::chrono::milliseconds(2)},
                    now);
  }
}
BENCHMARK(BM_AcquireAndSettle)
    ->Setup(NewBreaker)
    ->ArgName("count_window")
    ->Arg(0)
    ->Arg(1)
    ->Threads(1)
    ->Threads(2);

// The same as a pool sees it: virtual calls and a permit.
void BM_AsGuard(benchmark::State& state) {
  Guard& guard = *breaker;
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    GuardDecision decision = guard.Acquire({}, now);
    decision.permit.Settle({.verdict = Verdict::kSuccess}, now);
  }
}
BENCHMARK(BM_AsGuard)->Setup(NewBreaker)->ArgName("count_window")->Arg(0);

void BM_RefusedWhileOpen(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(breaker->TryAcquire(kStart));
  }
}
void NewOpenBreaker(const benchmark::State& state) {
  NewBreaker(state);
  breaker->ForceOpen(kStart);
}
BENCHMARK(BM_RefusedWhileOpen)
    ->Setup(NewOpenBreaker)
    ->ArgName("count_window")
    ->Arg(0)
    ->Threads(1)
    ->Threads(2);

}  // namespace
}  // namespace sluice::breaker
