#include "sluice/breaker/outlier_statistics.h"

#include <array>
#include <chrono>

#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""us;

TEST(OutlierStatisticsScenarios, D47_MeanNinetyAndDeviationTwentyMakeFiftyTwo) {
  const std::array<double, 5> rates = {50, 100, 100, 100, 100};
  EXPECT_DOUBLE_EQ(SuccessRateThreshold(rates, 1900), 52);
}

TEST(DurationBuckets, EachDurationLiesBelowItsBoundAndAtOrAboveTheOneBefore) {
  for (Nanos duration = 64us; duration < Nanos(90'000ms); duration += duration / 7) {
    const std::size_t index = DurationBuckets::IndexOf(duration);
    EXPECT_LT(duration, DurationBuckets::BoundOf(index)) << duration.count();
    EXPECT_GE(duration, DurationBuckets::BoundOf(index - 1)) << duration.count();
  }
}

TEST(DurationBuckets, BoundsAreWithinAQuarterOfOneAnother) {
  for (std::size_t index = 1; index < DurationBuckets::kCount; ++index) {
    const auto below = static_cast<double>(DurationBuckets::BoundOf(index - 1).count());
    const auto above = static_cast<double>(DurationBuckets::BoundOf(index).count());
    EXPECT_GT(above, below);
    EXPECT_LE(above, below * 1.25);
  }
}

TEST(DurationBuckets, WhatIsOutOfRangeFallsIntoTheOuterOnes) {
  EXPECT_EQ(DurationBuckets::IndexOf(0ns), 0U);
  EXPECT_EQ(DurationBuckets::IndexOf(-5ms), 0U);
  EXPECT_EQ(DurationBuckets::IndexOf(63us), 0U);
  EXPECT_EQ(DurationBuckets::IndexOf(24h), DurationBuckets::kCount - 1);
}

TEST(QuantileOf, IsTheBoundOfTheBucketWithThatRank) {
  DurationCounts counts{};
  EXPECT_EQ(QuantileOf(counts, 0.9), Nanos(0));
  counts[DurationBuckets::IndexOf(1ms)] = 90;
  counts[DurationBuckets::IndexOf(1000ms)] = 10;
  EXPECT_LT(QuantileOf(counts, 0.9), Nanos(2ms));
  EXPECT_GT(QuantileOf(counts, 0.91), Nanos(1000ms));
  EXPECT_LT(QuantileOf(counts, 0), Nanos(2ms));
}

TEST(MedianOf, TakesTheLowerOfTwoMiddleOnes) {
  std::array<Nanos, 2> two = {100ms, 10ms};
  EXPECT_EQ(MedianOf(two), Nanos(10ms));
  std::array<Nanos, 3> three = {30ms, 10ms, 20ms};
  EXPECT_EQ(MedianOf(three), Nanos(20ms));
}

}  // namespace
}  // namespace sluice::breaker
