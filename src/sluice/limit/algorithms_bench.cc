// Question: what does one decision of each kind of counting cost, admitted and refused, without a
// key and among a million of them; and what does telling the greatest keys add?
// Budget: 60 ns without key (a lock and two words), 120 ns at 1,000,000 keys, 30 ns for the
// greatest keys, `now` given, nothing allocated.

#include <chrono>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/contract/random.h"
#include "sluice/limit/heavy_hitters.h"
#include "sluice/limit/limiter.h"

namespace sluice::limit {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr WallTime kWall{std::chrono::hours(500'000)};

enum class Kind : std::int64_t { kWindow, kFixed, kMonth, kLog, kPacing, kWarmUp };

RateLimitOptions OptionsOf(Kind kind) {
  RateLimitOptions options{.name = "bench", .limit = 1'000'000};
  switch (kind) {
    case Kind::kWindow:
      options.algorithm = Algorithm::kSlidingWindow;
      break;
    case Kind::kFixed:
      options.algorithm = Algorithm::kFixedWindow;
      break;
    case Kind::kMonth:
      options.algorithm = Algorithm::kFixedWindow;
      options.calendar = Calendar::kMonth;
      options.limit = 1'000'000'000;
      break;
    case Kind::kLog:
      options.algorithm = Algorithm::kSlidingLog;
      options.limit = 10;
      options.period = std::chrono::microseconds(1'000);
      break;
    case Kind::kPacing:
      options.algorithm = Algorithm::kPacing;
      break;
    case Kind::kWarmUp:
      options.warm_up = WarmUpOptions();
      break;
  }
  return options;
}

// `step_ns` is how far time moves between calls: so far that all are admitted, or not at all, and
// then nearly all are refused.
void BM_Decide(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  const Nanos step(state.range(1));
  const auto limiter = MakeLimiter(OptionsOf(kind), kStart);
  Moment moment{.now = kStart, .wall = kWall};
  for (int request = 0; step == Nanos(0) && request < 2'000'000; ++request) {
    if (!limiter->TryTake(0, 1, moment).admitted) break;
  }
  std::int64_t admitted = 0;
  for (auto _ : state) {
    moment.now += step;
    moment.wall += step;
    admitted += limiter->TryTake(0, 1, moment).admitted ? 1 : 0;
  }
  state.counters["admitted_ratio"] =
      static_cast<double>(admitted) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_Decide)
    ->ArgNames({"kind", "step_ns"})
    ->ArgsProduct({{0, 1, 2, 3, 4, 5}, {0, 200'000}});

std::unique_ptr<Limiter> limiter;
std::vector<std::uint64_t> keys;
std::int64_t filled = -1;

void FillTable(const benchmark::State& state) {
  if (filled == state.range(0)) return;
  filled = state.range(0);
  RateLimitOptions options = OptionsOf(static_cast<Kind>(state.range(0)));
  options.keying = Keying::kKeyed;
  options.max_keys = static_cast<std::size_t>(state.range(1));
  options.limit = std::min<std::int64_t>(options.limit, 1'000);
  options.period = std::chrono::hours(1);
  limiter = MakeLimiter(options, kStart);
  keys.clear();
  Random random(11);
  while (keys.size() < options.max_keys) {
    keys.push_back(random.Next());
    (void)limiter->TryTake(keys.back(), 1, {.now = kStart, .wall = kWall});
  }
}

void BM_KeyedDecide(benchmark::State& state) {
  Random random(1);
  constexpr std::size_t kOrder = 1U << 16U;
  std::vector<std::uint64_t> order;
  for (std::size_t index = 0; index < kOrder; ++index)
    order.push_back(keys[random.Below(keys.size())]);
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        limiter->TryTake(order[next++ % kOrder], 1, {.now = kStart, .wall = kWall}));
  }
  const KeyedLimiterStats stats = limiter->Stats();
  state.counters["bytes_per_key"] =
      static_cast<double>(stats.bytes) / static_cast<double>(stats.keys);
}
BENCHMARK(BM_KeyedDecide)
    ->Setup(FillTable)
    ->ArgNames({"kind", "keys"})
    ->ArgsProduct({{0, 2, 3, 4}, {1'000'000}});

// As requests come: `step_ns` apart, a tenth of them of one key.
void BM_HeavyHitters(benchmark::State& state) {
  HeavyHitters hitters(kStart);
  hitters.NoteText(1, "ann");
  const Nanos step(state.range(0));
  Random random(3);
  std::vector<std::uint64_t> order;
  constexpr std::size_t kOrder = 1U << 16U;
  for (std::size_t index = 0; index < kOrder; ++index)
    order.push_back(random.Below(10) == 0 ? 1 : random.Next());
  SteadyTime now = kStart;
  std::size_t next = 0;
  for (auto _ : state) {
    now += step;
    benchmark::DoNotOptimize(hitters.Note(order[next++ % kOrder], Asked::kAdmitted, now));
  }
}
BENCHMARK(BM_HeavyHitters)->ArgName("step_ns")->Arg(1'000)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace sluice::limit
