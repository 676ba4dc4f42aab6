#include "sluice/limit/criticality.h"

#include <array>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST(Criticality, ReadsTheFourNamesInAnyCase) {
  EXPECT_EQ(ParseCriticality("CRITICAL_PLUS"), Criticality::kCriticalPlus);
  EXPECT_EQ(ParseCriticality("critical"), Criticality::kCritical);
  EXPECT_EQ(ParseCriticality("Sheddable_Plus"), Criticality::kSheddablePlus);
  EXPECT_EQ(ParseCriticality("SHEDDABLE"), Criticality::kSheddable);
  EXPECT_EQ(ParseCriticality(""), std::nullopt);
  EXPECT_EQ(ParseCriticality("CRITICAL "), std::nullopt);
  for (const Criticality each : {Criticality::kSheddable, Criticality::kCriticalPlus}) {
    EXPECT_EQ(ParseCriticality(NameOf(each)), each);
  }
}

TEST(Criticality, AUserKeepsItsLevelForAnHour) {
  const WallTime start{hours(500'000)};
  const std::uint32_t level = LevelOf(Criticality::kCritical, 42, start);
  EXPECT_EQ(LevelOf(Criticality::kCritical, 42, start + minutes(59)), level);
  std::size_t changed = 0;
  for (std::uint64_t user = 0; user < 1000; ++user) {
    const std::uint32_t before = LevelOf(Criticality::kCritical, user, start);
    if (LevelOf(Criticality::kCritical, user, start + hours(1)) != before) ++changed;
  }
  EXPECT_GT(changed, 950U);  // One in 128 meets the same level again.
}

TEST(Criticality, AClassIsAboveEveryLevelOfTheOneBelow) {
  const WallTime now{hours(500'000)};
  for (std::uint64_t user = 0; user < 1000; ++user) {
    EXPECT_LT(LevelOf(Criticality::kSheddable, user, now), kLevelsPerClass);
    const std::uint32_t level = LevelOf(Criticality::kCritical, user, now);
    EXPECT_EQ(CriticalityOf(level), Criticality::kCritical);
  }
}

TEST(Criticality, SpreadsUsersEvenlyOverTheLevels) {
  std::array<int, kLevelsPerClass> users{};
  for (std::uint64_t user = 0; user < 128'000; ++user)
    ++users[LevelOf(Criticality::kSheddable, user, WallTime{})];
  for (const int count : users) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

}  // namespace
}  // namespace sluice::limit
