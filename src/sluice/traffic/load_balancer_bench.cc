// Question: what does one pick cost, by algorithm and number of endpoints, the look at the gates
// included (one a millisecond)? Budget: 60 ns up to 16 endpoints on the reference machine
// (bench/README.md), 100 ns for round robin with unequal weights, which looks at every endpoint; a
// request picks once per attempt.

#include <memory>
#include <utility>

#include <benchmark/benchmark.h>

#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

std::shared_ptr<Upstream> Make(LoadBalancing balancing, std::size_t endpoints, bool weighted) {
  std::vector<std::uint32_t> weights;
  for (std::size_t i = 0; i < endpoints; ++i) {
    weights.push_back(weighted ? static_cast<std::uint32_t>(i % 5 + 1) : 1);
  }
  auto upstream = *Upstream::Create(OptionsOf(balancing, weights), /*workers=*/1);
  upstream->AddGate(std::make_shared<ScriptedGate>());
  return upstream;
}

// `step`: how far time moves between picks. 10 us is 100,000 requests a second on one core.
void Pick(benchmark::State& state, LoadBalancing balancing, bool weighted) {
  const auto upstream = Make(balancing, static_cast<std::size_t>(state.range(0)), weighted);
  LoadBalancer balancer(upstream, /*worker=*/0);
  Random random(1);
  SteadyTime now{};
  const Nanos step = std::chrono::microseconds(10);
  for (auto _ : state) {
    now += step;
    const Selection selection = balancer.Pick({.key_hash = random.Next()}, now, random);
    benchmark::DoNotOptimize(&*selection);
  }
}

void BM_RoundRobin(benchmark::State& state) {
  Pick(state, LoadBalancing::kRoundRobin, /*weighted=*/false);
}
void BM_RoundRobinWeighted(benchmark::State& state) {
  Pick(state, LoadBalancing::kRoundRobin, /*weighted=*/true);
}
void BM_Random(benchmark::State& state) {
  Pick(state, LoadBalancing::kRandom, /*weighted=*/false);
}
void BM_LeastRequest(benchmark::State& state) {
  Pick(state, LoadBalancing::kLeastRequest, /*weighted=*/false);
}
void BM_LeastRequestWeighted(benchmark::State& state) {
  Pick(state, LoadBalancing::kLeastRequest, /*weighted=*/true);
}
void BM_RingHash(benchmark::State& state) {
  Pick(state, LoadBalancing::kRingHash, /*weighted=*/false);
}

BENCHMARK(BM_RoundRobin)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);
BENCHMARK(BM_RoundRobinWeighted)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);
BENCHMARK(BM_Random)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);
BENCHMARK(BM_LeastRequest)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);
BENCHMARK(BM_LeastRequestWeighted)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);
BENCHMARK(BM_RingHash)->ArgName("endpoints")->Arg(2)->Arg(16)->Arg(256);

}  // namespace
}  // namespace sluice::traffic
