#include "sluice/warmup/statistics.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::warmup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Statistics, MedianOfOddAndEvenSamples) {
  EXPECT_EQ(Median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(Median(std::vector<double>{4, 1, 3, 2}), 2.5);
  EXPECT_EQ(Median(std::vector<double>{7}), 7);
}

TEST(Statistics, QuantilesAreNearestRanks) {
  const std::vector<double> values{10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
  EXPECT_EQ(Quantile(values, 0.5), 5);
  EXPECT_EQ(Quantile(values, 0.9), 9);
  EXPECT_EQ(Quantile(values, 1), 10);
  EXPECT_EQ(Quantile(values, 0), 1);
}

TEST(Statistics, AnOutlierDoesNotTiltTheSlope) {
  EXPECT_DOUBLE_EQ(TheilSenSlope(std::vector<double>{5, 4, 3, 2, 1}), -1);
  EXPECT_DOUBLE_EQ(TheilSenSlope(std::vector<double>{0, 0, 90, 0, 0}), 0);
  EXPECT_EQ(TheilSenSlope(std::vector<double>{3}), 0);
}

TEST(Statistics, VariationIsRelativeToTheMean) {
  EXPECT_DOUBLE_EQ(CoefficientOfVariation(std::vector<double>{9, 11}), std::sqrt(2.0) / 10);
  EXPECT_EQ(CoefficientOfVariation(std::vector<double>{9, 9, 9}), 0);
  EXPECT_EQ(CoefficientOfVariation(std::vector<double>{9}), 0);
}

// Noise of about the normal kind: the sum of some uniform draws.
std::vector<double> Noise(Random& random, std::size_t count, double mean, double width) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (int draw = 0; draw < 6; ++draw)
      sum += random.Unit() - 0.5;
    values.push_back(mean + width * sum);
  }
  return values;
}

TEST(Statistics, AChangeOfTheMeanIsFoundWhereItIs) {
  Random random(7);
  std::vector<double> series = Noise(random, 200, 3, 0.1);
  const std::vector<double> later = Noise(random, 300, 1, 0.1);
  series.insert(series.end(), later.begin(), later.end());
  EXPECT_THAT(Changepoints(series, 15 * std::log(500.0)), ElementsAre(200));
}

TEST(Statistics, AChangeOfTheVarianceIsFound) {
  Random random(7);
  std::vector<double> series = Noise(random, 200, 1, 1);
  const std::vector<double> later = Noise(random, 200, 1, 0.05);
  series.insert(series.end(), later.begin(), later.end());
  const std::vector<std::size_t> changes = Changepoints(series, 15 * std::log(400.0));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_NEAR(static_cast<double>(changes[0]), 200, 5);
}

TEST(Statistics, SteadyNoiseHasNoChange) {
  Random random(7);
  EXPECT_THAT(Changepoints(Noise(random, 500, 1, 0.2), 15 * std::log(500.0)), IsEmpty());
  EXPECT_THAT(Changepoints(std::vector<double>(300, 1.0), 15 * std::log(300.0)), IsEmpty());
  EXPECT_THAT(Changepoints(std::vector<double>(9, 1.0), 1), IsEmpty());
}

}  // namespace
}  // namespace sluice::warmup
