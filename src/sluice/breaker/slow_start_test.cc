#include "sluice/breaker/slow_start.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr SteadyTime kStart{1h};

TEST(SlowStartScenarios, D49_TheShareGrowsAlongEnvoysCurve) {
  const SlowStartOptions even{.window = 60s};
  EXPECT_DOUBLE_EQ(SlowStartWeight(even, 1s), 0.1);
  EXPECT_DOUBLE_EQ(SlowStartWeight(even, 15s), 0.25);
  EXPECT_DOUBLE_EQ(SlowStartWeight(even, 30s), 0.5);
  EXPECT_DOUBLE_EQ(SlowStartWeight(even, 60s), 1.0);
  const SlowStartOptions eager{.window = 60s, .aggression = 2};
  EXPECT_NEAR(SlowStartWeight(eager, 1s), 0.129, 0.0005);
  EXPECT_NEAR(SlowStartWeight(eager, 15s), 0.5, 0.0005);
  EXPECT_NEAR(SlowStartWeight(eager, 30s), 0.707, 0.0005);
  EXPECT_DOUBLE_EQ(SlowStartWeight(eager, 60s), 1.0);
}

TEST(SlowStart, WhoNeverBeganHasTheWholeShare) {
  const SlowStart gate({}, 4);
  EXPECT_DOUBLE_EQ(gate.Weight(3, kStart), 1);
  EXPECT_EQ(gate.reason(), "warming");
}

TEST(SlowStart, EachEndpointRampsFromItsOwnBeginning) {
  SlowStart gate({.window = 10s, .min_weight_percent = 5}, 2);
  gate.Begin(0, kStart);
  gate.Begin(1, kStart + 5s);
  EXPECT_DOUBLE_EQ(gate.Weight(0, kStart + 6s), 0.6);
  EXPECT_DOUBLE_EQ(gate.Weight(1, kStart + 6s), 0.1);
  EXPECT_DOUBLE_EQ(gate.Weight(0, kStart + 10s), 1);
}

TEST(SlowStart, ABeginningThatLiesAheadHasTheLeastShare) {
  SlowStart gate({.window = 10s, .min_weight_percent = 20}, 1);
  gate.Begin(0, kStart + 5s);
  EXPECT_DOUBLE_EQ(gate.Weight(0, kStart), 0.2);
}

TEST(SlowStart, SkippingGivesTheWholeShareAtOnce) {
  SlowStart gate({.window = 10s}, 1);
  gate.Begin(0, kStart);
  gate.Skip(0);
  EXPECT_DOUBLE_EQ(gate.Weight(0, kStart), 1);
}

TEST(SlowStart, AReloadHoldsForRampsUnderWay) {
  SlowStart gate({.window = 10s}, 1);
  gate.Begin(0, kStart);
  gate.Reconfigure({.window = 20s});
  EXPECT_DOUBLE_EQ(gate.Weight(0, kStart + 10s), 0.5);
}

TEST(SlowStart, AWindowShorterThanASecondIsAStep) {
  const SlowStartOptions options{.window = 500ms};
  EXPECT_DOUBLE_EQ(SlowStartWeight(options, 100ms), 1);
}

}  // namespace
}  // namespace sluice::breaker
