#include "sluice/warmup/class_draw.h"

#include <gtest/gtest.h>

namespace sluice::warmup {
namespace {

TEST(ClassDraw, DrawsByShare) {
  ClassDraw draw({0.75, 0.25}, 1, 10'000);
  Random random(5);
  for (int i = 0; i < 10'000; ++i)
    static_cast<void>(draw.Draw(random));
  EXPECT_NEAR(static_cast<double>(draw.count(0)), 7500, 150);
  EXPECT_TRUE(draw.is_fulfilled());
}

TEST(ClassDraw, W2_ARareClassIsDrawnAsOftenAsItMust) {
  ClassDraw draw({0.9899, 0.01, 0.0001}, 20, 1000);
  Random random(5);
  while (!draw.is_fulfilled())
    static_cast<void>(draw.Draw(random));
  EXPECT_GE(draw.count(1), 20U);
  EXPECT_GE(draw.count(2), 20U);
  // What the target leaves short is drawn at once: nothing is drawn in vain.
  EXPECT_LE(draw.total(), 1020U);
}

TEST(ClassDraw, ManyClassesRaiseTheTarget) {
  const ClassDraw draw(std::vector<double>(30, 1.0 / 30), 20, 200);
  EXPECT_EQ(draw.target(), 600U);
  EXPECT_NEAR(draw.Expected(7), 20, 0.01);
}

TEST(ClassDraw, SharesThatNobodyKnowsAreEqual) {
  ClassDraw draw({0, 0}, 5, 10);
  Random random(5);
  while (!draw.is_fulfilled())
    static_cast<void>(draw.Draw(random));
  EXPECT_GE(draw.count(0), 5U);
  EXPECT_GE(draw.count(1), 5U);
}

}  // namespace
}  // namespace sluice::warmup
