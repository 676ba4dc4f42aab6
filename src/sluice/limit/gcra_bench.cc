// Question: what does one decision of an unkeyed rate limit cost, admitted and refused, alone and
// with two threads on the same bucket? And are there ever more admitted than allowed?
// Budget: 25 ns each with `now` given, one thread, the whole rule included (design: bars).

#include <chrono>
#include <memory>

#include <benchmark/benchmark.h>

#include "sluice/limit/key_hash.h"
#include "sluice/limit/rate_limit.h"
#include "sluice/limit/shared_gcra.h"

namespace sluice::limit {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
// A million a second with a burst of a hundred: at 1 µs a step each request is admitted.
constexpr GcraOptions kMillion{.limit = 1'000'000, .burst = 100};

// Shared by all threads of a benchmark.
std::unique_ptr<SharedGcra> bucket;
std::atomic<std::int64_t> admitted_total;

void NewBucket(const benchmark::State&) {
  bucket = std::make_unique<SharedGcra>(kMillion, kStart);
  admitted_total = 0;
}

// `step_ns` is how far time moves between a thread's calls: long enough to refill, or not at all.
void BM_SharedGcra(benchmark::State& state) {
  const Nanos step(state.range(0));
  SteadyTime now = kStart;
  std::int64_t admitted = 0;
  for (auto _ : state) {
    now += step;
    admitted += bucket->TryTake(1, now).admitted ? 1 : 0;
  }
  admitted_total += admitted;
  // Bounded by the time of the fastest thread; one thread's steps are all the time there is.
  if (state.threads() == 1) {
    const std::int64_t allowed = 100 + (now - kStart) / std::chrono::microseconds(1);
    state.counters["over_admitted"] =
        static_cast<double>(std::max<std::int64_t>(0, admitted - allowed));
  } else if (step == Nanos(0)) {
    state.counters["over_admitted"] =
        static_cast<double>(std::max<std::int64_t>(0, admitted_total.load() - 100));
  }
}
BENCHMARK(BM_SharedGcra)
    ->Setup(NewBucket)
    ->ArgName("step_ns")
    ->Arg(1'000)
    ->Arg(0)
    ->Threads(1)
    ->Threads(2);

std::unique_ptr<RateLimit> rule;

void NewRule(const benchmark::State&) {
  rule = *RateLimit::Create({.name = "bench", .limit = 1'000'000, .burst = 100}, kStart);
}

// The whole rule: mode, near-limit signal, counters.
void BM_RateLimitDecide(benchmark::State& state) {
  const Nanos step(state.range(0));
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += step;
    benchmark::DoNotOptimize(rule->Decide(0, 1, now));
  }
}
BENCHMARK(BM_RateLimitDecide)
    ->Setup(NewRule)
    ->ArgName("step_ns")
    ->Arg(1'000)
    ->Arg(0)
    ->Threads(1)
    ->Threads(2);

// As a pool sees it: virtual, with a permit that is settled.
void BM_RateLimitAsGuard(benchmark::State& state) {
  Guard& guard = *rule;
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    GuardDecision decision = guard.Acquire({}, now);
    decision.permit.Settle({.verdict = Verdict::kSuccess}, now);
  }
}
BENCHMARK(BM_RateLimitAsGuard)->Setup(NewRule);

void BM_KeyHash(benchmark::State& state) {
  const KeyHasher hasher(1, 2);
  std::string_view key = "10.203.117.42";
  for (auto _ : state) {
    benchmark::DoNotOptimize(key);
    benchmark::DoNotOptimize(hasher.Hash(key));
  }
}
BENCHMARK(BM_KeyHash);

}  // namespace
}  // namespace sluice::limit
