#include "sluice/release/counts.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

TEST(Counts, PoissonHasItsMeanAndVariance) {
  for (const double mean : {0.3, 5.0, 9.9, 10.0, 47.0, 900.0}) {
    Random random(7);
    constexpr int kDraws = 40'000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const auto count = static_cast<double>(DrawPoisson(mean, random));
      sum += count;
      squares += count * count;
    }
    const double average = sum / kDraws;
    EXPECT_NEAR(average, mean, 5 * std::sqrt(mean / kDraws)) << mean;
    EXPECT_NEAR(squares / kDraws - average * average, mean, 0.05 * mean + 0.02) << mean;
  }
}

TEST(Counts, NothingComesOfNothing) {
  Random random(1);
  EXPECT_EQ(DrawPoisson(0, random), 0U);
}

TEST(Counts, NormalHasItsMeanAndVariance) {
  Random random(3);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 40'000; ++i) {
    const double value = DrawNormal(random);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 40'000, 0, 0.025);
  EXPECT_NEAR(squares / 40'000, 1, 0.05);
}

}  // namespace
}  // namespace sluice::release
