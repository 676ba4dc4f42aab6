#include "sluice/gateway/admin/totals.h"

#include <cstddef>

#include <gtest/gtest.h>

namespace sluice::gateway::admin {
namespace {

// Where the bucket with the inclusive upper bound `nanos` is.
std::size_t BucketOf(std::int64_t nanos) {
  std::size_t at = 0;
  while (LatencyHistogram::kBoundsNanos[at] != nanos)
    ++at;
  return at;
}

TEST(Quantiles, LieEvenlyWithinTheirBucket) {
  RouteTotals totals;
  totals.duration[BucketOf(100'000)] = 90;  // 50 to 100 µs.
  totals.duration[BucketOf(800'000)] = 10;  // 400 to 800 µs.
  EXPECT_DOUBLE_EQ(totals.QuantileSeconds(0.45), 75e-6);
  EXPECT_DOUBLE_EQ(totals.QuantileSeconds(0.90), 100e-6);
  EXPECT_DOUBLE_EQ(totals.QuantileSeconds(0.95), 600e-6);
  EXPECT_DOUBLE_EQ(totals.QuantileSeconds(1), 800e-6);
}

TEST(Quantiles, AreTheLastBoundWhereTheyLieBeyond) {
  RouteTotals totals;
  totals.duration.back() = 3;
  EXPECT_DOUBLE_EQ(totals.QuantileSeconds(0.5), 10);
}

TEST(Quantiles, AreZeroWithoutRequests) {
  EXPECT_EQ(RouteTotals().QuantileSeconds(0.99), 0);
}

}  // namespace
}  // namespace sluice::gateway::admin
