#include "sluice/breaker/acquire_all.h"

#include <array>
#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "sluice/breaker/breaker.h"

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};

std::unique_ptr<Breaker> Make(const char* name) {
  return *Breaker::Create({.name = name,
                           .wait_backoff = {.jitter_ratio = 0},
                           .permitted_number_of_calls_in_half_open_state = 1},
                          /*seed=*/1, kStart);
}

// Leaves the breaker open, its wait ended: the next call is its only probe.
void MakeReadyToProbe(Breaker& breaker) {
  for (int call = 0; call < 20; ++call) {
    breaker.Settle(breaker.TryAcquire(kStart).token, {.verdict = Verdict::kFailure}, kStart);
  }
}

// D22, item 10: a call that needs several breakers takes all permits or none.
TEST(AcquireAllScenarios, D22_ARefusalGivesTheProbesOfTheOthersBack) {
  const auto route = Make("route");
  const auto upstream = Make("upstream");
  MakeReadyToProbe(*route);
  upstream->ForceOpen(kStart);
  const std::array<Guard*, 2> guards = {route.get(), upstream.get()};
  std::array<Permit, 2> permits;

  const AllDecision refused = AcquireAll(guards, {}, kStart + 6s, permits);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.refused_by, upstream.get());
  EXPECT_EQ(refused.retry_after, Nanos(0));  // Opened by hand: not known.
  EXPECT_FALSE(permits[0]);
  EXPECT_EQ(route->Snapshot(kStart + 6s).probes_in_flight, 0);

  upstream->Close(kStart + 6s);
  const AllDecision admitted = AcquireAll(guards, {}, kStart + 6s, permits);
  EXPECT_TRUE(admitted.admitted);
  EXPECT_TRUE(permits[0]);
  EXPECT_TRUE(permits[1]);
  EXPECT_EQ(route->Snapshot(kStart + 6s).probes_in_flight, 1);
}

TEST(AcquireAll, TellsThatAShadowWouldHaveRefused) {
  const auto shadow = *Breaker::Create({.name = "s", .mode = GuardMode::kShadow}, 1, kStart);
  shadow->ForceOpen(kStart);
  const std::array<Guard*, 1> guards = {shadow.get()};
  std::array<Permit, 1> permits;
  const AllDecision decision = AcquireAll(guards, {}, kStart, permits);
  EXPECT_TRUE(decision.admitted);
  EXPECT_TRUE(decision.would_refuse);
}

TEST(AcquireAll, NoGuardsAdmit) {
  EXPECT_TRUE(AcquireAll({}, {}, kStart, {}).admitted);
}

}  // namespace
}  // namespace sluice::breaker
