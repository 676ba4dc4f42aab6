// Question: what does it cost to choose a degraded answer and to word a refusal? Both happen most
// when the gateway has least to spare.
// Budget: 100 ns each; a refusal must be far cheaper than the request it refuses.

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "sluice/degrade/chain.h"
#include "sluice/degrade/refusal.h"

namespace sluice::degrade {
namespace {

void BM_Choose(benchmark::State& state) {
  const auto chain = *DegradeChain::Create(
      {.name = "bench", .steps = {{.answer = StaleCacheAnswer{}}, {.answer = StaticAnswer{}}}});
  for (auto _ : state) {
    benchmark::DoNotOptimize(chain->Choose(ErrorCode::kBreakerOpen, "POST"));
  }
}
BENCHMARK(BM_Choose);

void BM_WordRefusal(benchmark::State& state) {
  const Error error{.code = ErrorCode::kRateLimited,
                    .guard = "rate_limit",
                    .rule = "per-user",
                    .retry_after = std::chrono::milliseconds(1500)};
  std::string out;
  out.reserve(512);
  for (auto _ : state) {
    out.clear();
    AppendReason(error, out);
    AppendBody(error, out);
    AppendNumber(RetryAfterSeconds(error.retry_after), out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(BM_WordRefusal);

}  // namespace
}  // namespace sluice::degrade
