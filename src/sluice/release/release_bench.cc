// What does a release cost a request, and a second? Budget: all that a request needs within 200 ns,
// 2 % of what the gateway takes for it.

#include <cstdint>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>

#include "sluice/contract/random.h"
#include "sluice/release/bucket.h"
#include "sluice/release/decision.h"
#include "sluice/release/event_filter.h"
#include "sluice/release/judge.h"

namespace sluice::release {
namespace {

// A request with a key and nothing else to say.
class KeyOnly final : public RequestFacts {
 public:
  KeyOnly(std::string_view key, std::uint64_t seed) : key_(key), seed_(seed) {}
  std::optional<Arm> Forced() override { return std::nullopt; }
  std::optional<Arm> Lane() override { return std::nullopt; }
  bool IsDenied() override { return false; }
  bool IsMatched() override { return false; }
  std::optional<std::uint32_t> Bucket() override { return BucketOf(key_, seed_); }

 private:
  std::string_view key_;
  std::uint64_t seed_;
};

void DecideByKey(benchmark::State& state) {
  const std::string key = "4be0643f-1d98-573b-97cd-ca98a65347dd";
  const std::uint64_t seed = SaltSeed("booking-v2");
  const Shares shares{.candidate = 100'000, .control = 100'000};
  for (auto _ : state) {
    KeyOnly facts(key, seed);
    benchmark::DoNotOptimize(Decide(facts, shares));
  }
}
BENCHMARK(DecideByKey);

void NoteAKey(benchmark::State& state) {
  EventFilter filter;
  Random random(1);
  for (auto _ : state)
    benchmark::DoNotOptimize(filter.IsNew(random.Next(), 63));
}
BENCHMARK(NoteAKey);

void JudgeASecond(benchmark::State& state) {
  Judge judge = *Judge::Create({});
  Tick tick;
  tick.of(Arm::kCandidate).requests = 100;
  tick.of(Arm::kStable).requests = 900;
  tick.of(Arm::kStable).events[0] = 4;
  for (auto _ : state) {
    judge.Add(tick, 0.1);
    benchmark::DoNotOptimize(judge.Decide({}, {.endpoints = 1, .ready = 1}, {}));
  }
}
BENCHMARK(JudgeASecond);

}  // namespace
}  // namespace sluice::release
