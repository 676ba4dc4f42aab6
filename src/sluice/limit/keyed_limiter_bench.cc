// Question: what does a decision about a known key cost among a million keys, and how many bytes
// does a key take?
// Budget: 120 ns at 1,000,000 keys with `now` given (design: bars). The table is far larger than
// the caches, so this is the price of one miss in memory; 10,000 keys show the work itself.

#include <chrono>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/contract/random.h"
#include "sluice/limit/keyed_limiter.h"

namespace sluice::limit {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

std::unique_ptr<KeyedLimiter> limiter;
std::vector<std::uint64_t> keys;

void FillTable(const benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  if (limiter != nullptr && keys.size() == count) return;
  // 1,000 an hour: every key keeps its debt, so all of them stay in the table.
  limiter = std::make_unique<KeyedLimiter>(
      KeyedLimiterOptions{.each = {.limit = 1'000, .period = std::chrono::hours(1), .burst = 1'000},
                          .max_keys = count},
      kStart);
  keys.clear();
  Random random(11);
  while (keys.size() < count) {
    keys.push_back(random.Next());
    (void)limiter->TryTake(keys.back(), 1, kStart);
  }
}

void BM_KeyedHit(benchmark::State& state) {
  Random random(static_cast<std::uint64_t>(state.thread_index()) + 1);
  // The order of asking is drawn beforehand: what is measured is the decision.
  constexpr std::size_t kOrder = 1U << 16U;
  std::vector<std::uint64_t> order;
  for (std::size_t index = 0; index < kOrder; ++index) {
    order.push_back(keys[random.Below(keys.size())]);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(limiter->TryTake(order[next++ % kOrder], 1, kStart));
  }
  if (state.thread_index() == 0) {
    const KeyedLimiterStats stats = limiter->Stats();
    state.counters["bytes_per_key"] =
        static_cast<double>(stats.bytes) / static_cast<double>(stats.keys);
    state.counters["keys"] = static_cast<double>(stats.keys);
  }
}
BENCHMARK(BM_KeyedHit)
    ->Setup(FillTable)
    ->ArgName("keys")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Threads(1)
    ->Threads(2);

}  // namespace
}  // namespace sluice::limit
