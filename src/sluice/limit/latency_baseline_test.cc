#include "sluice/limit/latency_baseline.h"

#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;

constexpr double kTen = 10e6;

LatencyBaseline Settled(Nanos latency) {
  LatencyBaseline baseline{{}};
  for (int i = 0; i < 30; ++i)
    baseline.Add(latency, BaselineRise::kFree);
  return baseline;
}

TEST(LatencyBaseline, KnowsNothingBeforeTheFirstWindow) {
  LatencyBaseline baseline{{}};
  EXPECT_EQ(baseline.baseline(), Nanos(0));
  baseline.Add(milliseconds(10), BaselineRise::kHeld);
  EXPECT_EQ(baseline.baseline(), milliseconds(10));
}

TEST(LatencyBaseline, RisesByAFiftiethAWindowAtMost) {
  LatencyBaseline baseline = Settled(milliseconds(10));
  for (int i = 0; i < 20; ++i)
    baseline.Add(milliseconds(100), BaselineRise::kFree);
  EXPECT_LE(baseline.value(), kTen * std::pow(1.02, 20) * 1.0001);
  EXPECT_GE(baseline.value(), kTen * std::pow(1.02, 15));
}

TEST(LatencyBaseline, HardlyRisesWhereWhatItSeesMayBeAQueue) {
  LatencyBaseline baseline = Settled(milliseconds(10));
  for (int i = 0; i < 60; ++i)
    baseline.Add(milliseconds(100), BaselineRise::kHeld);
  EXPECT_LE(baseline.value(), kTen * 1.13);
}

TEST(LatencyBaseline, FallsWithoutBound) {
  LatencyBaseline baseline = Settled(milliseconds(100));
  for (int i = 0; i < 60; ++i)
    baseline.Add(milliseconds(10), BaselineRise::kHeld);
  EXPECT_NEAR(baseline.value(), kTen, kTen * 0.01);
}

TEST(LatencyBaseline, OneSlowWindowChangesNothing) {
  LatencyBaseline baseline = Settled(milliseconds(10));
  baseline.Add(milliseconds(500), BaselineRise::kFree);
  EXPECT_DOUBLE_EQ(baseline.recent(), kTen);
  EXPECT_DOUBLE_EQ(baseline.value(), kTen);
}

}  // namespace
}  // namespace sluice::limit
