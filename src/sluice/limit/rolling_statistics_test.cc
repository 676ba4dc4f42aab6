#include "sluice/limit/rolling_statistics.h"

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

TEST(MovingAverage, IsTheMeanOfTheFirstSamplesAndThenExponential) {
  MovingAverage average(/*age=*/9, /*warm_up=*/2);
  EXPECT_DOUBLE_EQ(average.Add(10), 10);
  EXPECT_DOUBLE_EQ(average.Add(20), 15);
  EXPECT_DOUBLE_EQ(average.Add(25), 17);  // Factor 0.2.
}

TEST(MovingMedian, IgnoresAnOutlier) {
  MovingMedian median(3);
  static_cast<void>(median.Add(10));
  static_cast<void>(median.Add(12));
  EXPECT_DOUBLE_EQ(median.Add(1000), 12);
  EXPECT_DOUBLE_EQ(median.Add(11), 12);  // 12, 1000, 11.
  EXPECT_DOUBLE_EQ(median.Add(11), 11);  // 1000, 11, 11.
}

TEST(MovingMaximum, ForgetsWhatIsOlderThanItsWindow) {
  MovingMaximum maximum(2);
  EXPECT_DOUBLE_EQ(maximum.Add(3), 3);
  EXPECT_DOUBLE_EQ(maximum.Add(1), 3);
  EXPECT_DOUBLE_EQ(maximum.Add(2), 2);
}

TEST(MovingCorrelation, TellsHowTwoSeriesMove) {
  MovingCorrelation same(10);
  MovingCorrelation opposite(10);
  MovingCorrelation flat(10);
  MovingCorrelation::Value got_same;
  MovingCorrelation::Value got_opposite;
  MovingCorrelation::Value got_flat;
  for (int i = 1; i <= 5; ++i) {
    got_same = same.Add(i, 3.0 * i);
    got_opposite = opposite.Add(i, 100.0 - i);
    got_flat = flat.Add(i, 7);
  }
  EXPECT_NEAR(got_same.correlation, 1, 1e-9);
  EXPECT_NEAR(got_opposite.correlation, -1, 1e-9);
  EXPECT_EQ(got_flat.correlation, 0);
  EXPECT_EQ(got_flat.variation_of_y, 0);
  EXPECT_NEAR(got_same.variation_of_y, 1.41421356 / 3, 1e-6);
}

TEST(MovingCorrelation, ForgetsWhatIsOlderThanItsSize) {
  MovingCorrelation series(3);
  static_cast<void>(series.Add(1, 100));
  static_cast<void>(series.Add(2, 1));
  static_cast<void>(series.Add(3, 2));
  EXPECT_NEAR(series.Add(4, 3).correlation, 1, 1e-9);
  EXPECT_EQ(series.count(), 3U);
}

}  // namespace
}  // namespace sluice::limit
