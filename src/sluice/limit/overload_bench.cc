// Question: what does each guard of overload control cost a call, let through and refused, with one
// thread and with all cores on the same guard? And are there ever more in than the limit?
// Budget: 60 ns for a slot, taken and given back, and for a throttle; 25 ns for a gate and for any
// refusal (a slot's holds two atomic additions); `now` given, one thread, nothing allocated.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/limit/adaptive_throttle.h"
#include "sluice/limit/concurrency_limit.h"
#include "sluice/limit/priority_shedder.h"

namespace sluice::limit {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr Outcome kDone{.verdict = Verdict::kSuccess, .duration = std::chrono::milliseconds(2)};

int AllCores() {
  return static_cast<int>(std::max(2U, std::thread::hardware_concurrency()));
}

// 0: fixed. 1: vegas. 2: vegas with a queue, which nobody has to wait in.
std::unique_ptr<ConcurrencyLimit> limit;
std::atomic<std::int64_t> inside;
std::atomic<std::int64_t> over;

ConcurrencyOptions OptionsOf(std::int64_t kind, std::int64_t slots) {
  ConcurrencyOptions options{.name = "bench", .initial_limit = slots, .min_limit = slots};
  if (kind == 0) options.algorithm = ConcurrencyAlgorithm::kFixed;
  if (kind == 2) options.queue.emplace();
  return options;
}

std::vector<Permit> taken;  // For as long as a benchmark of refusals runs.

void NewLimit(const benchmark::State& state) {
  taken.clear();
  limit = *ConcurrencyLimit::Create(OptionsOf(state.range(0), 100), kStart);
}

void BM_SlotTakenAndGivenBack(benchmark::State& state) {
  AdmissionWaiter waiter;
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    ConcurrencyDecision decision = limit->Enter(waiter, 0.5, now);
    decision.permit.Settle(kDone, now);
  }
}
BENCHMARK(BM_SlotTakenAndGivenBack)
    ->Setup(NewLimit)
    ->ArgName("kind")
    ->DenseRange(0, 2)
    ->Threads(1)
    ->Threads(AllCores());

void NewFullLimit(const benchmark::State& state) {
  NewLimit(state);
  for (int i = 0; i < 100; ++i)
    taken.push_back(limit->TryEnter(0, kStart).permit);
}

void BM_SlotRefused(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(limit->TryEnter(0, kStart));
  }
}
BENCHMARK(BM_SlotRefused)
    ->Setup(NewFullLimit)
    ->ArgName("kind")
    ->Arg(0)
    ->Arg(1)
    ->Threads(1)
    ->Threads(AllCores());

void NewSingleSlot(const benchmark::State& state) {
  taken.clear();
  limit = *ConcurrencyLimit::Create(OptionsOf(state.range(0), 1), kStart);
  inside = 0;
  over = 0;
}

// One slot that all cores want: counts whoever meets another inside.
void BM_SlotContended(benchmark::State& state) {
  for (auto _ : state) {
    ConcurrencyDecision decision = limit->TryEnter(0, kStart);
    if (decision.kind != ConcurrencyDecision::Kind::kAdmitted) continue;
    if (inside.fetch_add(1) > 0) over.fetch_add(1);
    inside.fetch_sub(1);
    decision.permit.Settle(kDone, kStart);
  }
  if (state.thread_index() == 0) {
    state.counters["over_admitted"] = static_cast<double>(over.load());
  }
}
BENCHMARK(BM_SlotContended)->Setup(NewSingleSlot)->ArgName("kind")->Arg(0)->Threads(AllCores());

std::unique_ptr<PriorityShedder> gate;

// `shedding` of the levels are below the threshold, or none.
void NewGate(const benchmark::State& state) {
  gate = std::make_unique<PriorityShedder>();
  if (state.range(0) == 0) return;
  for (std::uint32_t request = 0; request < 2000; ++request)
    static_cast<void>(gate->Decide(request % kLevelsPerClass));
  gate->Tick({.turned_away = 2000,
              .room = std::chrono::milliseconds(100),
              .held = std::chrono::milliseconds(100),
              .ended = 1});
}

void BM_Gate(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(gate->Decide(5));
  }
}
BENCHMARK(BM_Gate)
    ->Setup(NewGate)
    ->ArgName("shedding")
    ->Arg(0)
    ->Arg(1)
    ->Threads(1)
    ->Threads(AllCores());

std::unique_ptr<AdaptiveThrottle> throttle;

void NewThrottle(const benchmark::State& /*state*/) {
  throttle = *AdaptiveThrottle::Create({.name = "bench"});
}

void BM_ThrottleDecidedAndSettled(benchmark::State& state) {
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    ThrottleDecision decision = throttle->Decide(0.5, now);
    decision.permit.Settle(kDone, now);
  }
}
BENCHMARK(BM_ThrottleDecidedAndSettled)->Setup(NewThrottle)->Threads(1)->Threads(AllCores());

}  // namespace
}  // namespace sluice::limit
