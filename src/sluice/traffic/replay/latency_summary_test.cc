#include "sluice/traffic/replay/latency_summary.h"

#include <gtest/gtest.h>

namespace sluice::traffic::replay {
namespace {

using namespace std::chrono_literals;

TEST(LatencySummary, TellsQuantilesWithinItsError) {
  LatencySummary summary;
  for (int i = 1; i <= 10'000; ++i)
    summary.Add(std::chrono::microseconds(100 * i));
  for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = quantile * 1e9;
    const auto told = static_cast<double>(summary.Quantile(quantile).count());
    EXPECT_GE(told, exact);
    EXPECT_LE(told, exact * 1.033);
  }
  EXPECT_EQ(summary.Quantile(1), 1s);
  EXPECT_EQ(summary.max(), 1s);
  EXPECT_EQ(summary.count(), 10'000U);
}

TEST(LatencySummary, HasItsEnds) {
  LatencySummary summary;
  EXPECT_EQ(summary.Quantile(0.5), 0s);
  summary.Add(-1s);
  summary.Add(0s);
  EXPECT_EQ(summary.Quantile(0.5), 0s);
  summary.Add(std::chrono::hours(1000));
  EXPECT_EQ(summary.Quantile(1), std::chrono::hours(1000));
}

}  // namespace
}  // namespace sluice::traffic::replay
