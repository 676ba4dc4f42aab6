// Question: what do six guards in a row cost a call that all let through, settled at its end, with
// one thread and with all cores on the same six; and one that the first or the last refuses?
// Budget: 250 ns with `now` given, one thread; nothing allocated (design: bars).
//
// The six, as the gateway asks them: the gate that sheds by priority, a rate limit by key among
// 100,000 keys, admission control, the breakers of the route and of the upstream, and the
// concurrency limit of the upstream (vegas, with a queue).

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/breaker/breaker.h"
#include "sluice/contract/allocation_count.h"
#include "sluice/contract/random.h"
#include "sluice/limit/adaptive_throttle.h"
#include "sluice/limit/concurrency_limit.h"
#include "sluice/limit/priority_shedder.h"
#include "sluice/limit/rate_limit.h"

namespace sluice {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr std::uint32_t kCritical = 2 * limit::kLevelsPerClass;
constexpr std::size_t kKeys = 100'000;
constexpr Outcome kDone{.verdict = Verdict::kSuccess, .duration = std::chrono::milliseconds(2)};

struct Chain {
  limit::PriorityShedder gate;
  std::unique_ptr<limit::RateLimit> rate;
  std::unique_ptr<limit::AdaptiveThrottle> throttle;
  std::array<std::unique_ptr<breaker::Breaker>, 2> breakers;
  std::unique_ptr<limit::ConcurrencyLimit> concurrency;
  std::vector<std::uint64_t> keys;
};

std::unique_ptr<Chain> chain;

void NewChain(const benchmark::State& /*state*/) {
  chain = std::make_unique<Chain>();
  // Threads have clocks of their own here, which drift apart: the burst lasts for a thousand
  // seconds.
  chain->rate = *limit::RateLimit::Create({.name = "per-user",
                                           .limit = 1'000,
                                           .burst = 1'000'000,
                                           .keying = limit::Keying::kKeyed,
                                           .max_keys = 2 * kKeys},
                                          kStart);
  chain->throttle = *limit::AdaptiveThrottle::Create({.name = "pay"});
  for (auto& each : chain->breakers)
    each = *breaker::Breaker::Create({.name = "pay"}, 1, kStart);
  limit::ConcurrencyOptions options{.name = "pay"};
  options.queue.emplace();
  chain->concurrency = *limit::ConcurrencyLimit::Create(options, kStart);
  Random random(11);
  while (chain->keys.size() < kKeys) {
    chain->keys.push_back(random.Next());
    static_cast<void>(chain->rate->Decide(chain->keys.back(), 1, kStart));
  }
}

// One call from its admission to its end. False when some guard refused it.
bool Call(Chain& guards, std::uint64_t key, std::uint32_t level, SteadyTime now) {
  if (!guards.gate.Decide(level).admitted) return false;
  limit::RateDecision rate = guards.rate->Decide(key, 1, now);
  if (!rate.admitted) return false;
  limit::ThrottleDecision throttle = guards.throttle->Decide(0.5, now);
  if (!throttle.admitted) return false;
  std::array<breaker::BreakerDecision, 2> asked;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    asked[i] = guards.breakers[i]->TryAcquire(now);
    if (!asked[i].admitted) return false;
  }
  limit::AdmissionWaiter waiter;
  limit::ConcurrencyDecision slot = guards.concurrency->Enter(waiter, 0.5, now);
  if (slot.kind != limit::ConcurrencyDecision::Kind::kAdmitted) return false;
  slot.permit.Settle(kDone, now);
  for (std::size_t i = 0; i < asked.size(); ++i)
    guards.breakers[i]->Settle(asked[i].token, kDone, now);
  throttle.permit.Settle(kDone, now);
  return true;
}

void BM_SixGuards(benchmark::State& state) {
  Random random(static_cast<std::uint64_t>(state.thread_index()) + 1);
  constexpr std::size_t kOrder = 1U << 14U;
  std::vector<std::uint64_t> order;
  for (std::size_t index = 0; index < kOrder; ++index)
    order.push_back(chain->keys[random.Below(kKeys)]);
  SteadyTime now = kStart;
  std::size_t next = 0;
  std::int64_t refused = 0;
  const std::uint64_t allocated = ThreadAllocationCount();
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    refused += Call(*chain, order[next++ % kOrder], kCritical, now) ? 0 : 1;
  }
  state.counters["allocations"] = static_cast<double>(ThreadAllocationCount() - allocated);
  state.counters["refused"] = static_cast<double>(refused);
}
BENCHMARK(BM_SixGuards)
    ->Setup(NewChain)
    ->Threads(1)
    ->Threads(static_cast<int>(std::max(2U, std::thread::hardware_concurrency())));

}  // namespace
}  // namespace sluice
