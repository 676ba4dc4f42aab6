// Question: what does a timer cost a loop? Budget: 20 ns to arm or move one among 10,000, 3 ns for
// an Advance() in which nothing is due (every turn of a loop pays it).

#include <chrono>
#include <deque>

#include <benchmark/benchmark.h>

#include "sluice/contract/random.h"
#include "sluice/platform/timer_wheel.h"

namespace sluice::platform {
namespace {

using namespace std::chrono_literals;

void Ignore(Timer& /*timer*/, SteadyTime /*now*/) {}

// Deadlines of requests: 10,000 timers between 0 and 60 s, one of them moved per call.
void BM_Move(benchmark::State& state) {
  Random random(1);
  SteadyTime now{1h};
  TimerWheel wheel(now);
  std::deque<Timer> timers;
  for (int i = 0; i < 10'000; ++i) {
    timers.emplace_back(&Ignore, nullptr);
  }
  std::size_t at = 0;
  for (auto _ : state) {
    wheel.Arm(timers[at], now + Nanos(static_cast<std::int64_t>(random.Next() % 60'000'000'000)));
    at = at + 1 == timers.size() ? 0 : at + 1;
  }
  for (Timer& timer : timers) {
    wheel.Disarm(timer);
  }
}
BENCHMARK(BM_Move);

void BM_AdvanceWithNothingDue(benchmark::State& state) {
  SteadyTime now{1h};
  TimerWheel wheel(now);
  Timer timer(&Ignore, nullptr);
  wheel.Arm(timer, kNever);
  for (auto _ : state) {
    now += 20us;
    wheel.Advance(now);
    benchmark::DoNotOptimize(wheel.NextDue());
  }
  wheel.Disarm(timer);
}
BENCHMARK(BM_AdvanceWithNothingDue);

// A sleep of 333 µs, again and again: pacing.
void BM_ArmAndFire(benchmark::State& state) {
  SteadyTime now{1h};
  TimerWheel wheel(now);
  Timer timer(&Ignore, nullptr);
  for (auto _ : state) {
    now += 333us;
    wheel.Arm(timer, now);
    wheel.Advance(now);
  }
}
BENCHMARK(BM_ArmAndFire);

}  // namespace
}  // namespace sluice::platform
