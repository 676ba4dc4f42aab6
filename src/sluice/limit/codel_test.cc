#include "sluice/limit/codel.h"

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;

SteadyTime At(int ms) {
  return SteadyTime(milliseconds(ms));
}

TEST(Codel, DropsOnlyAfterAWholeIntervalInWhichEverybodyWaitedLong) {
  Codel codel({});
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1000)));  // Begins an interval.
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1050)));
  EXPECT_FALSE(codel.IsOverloaded(At(1099)));
  EXPECT_TRUE(codel.IsOverloaded(At(1100)));
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1101)));  // The first is never dropped.
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(10), At(1102)));  // Twice the target, not more.
  EXPECT_TRUE(codel.ShouldDrop(milliseconds(11), At(1102)));
}

TEST(Codel, OneShortWaitEndsTheOverload) {
  Codel codel({});
  static_cast<void>(codel.ShouldDrop(milliseconds(50), At(1000)));
  static_cast<void>(codel.ShouldDrop(milliseconds(50), At(1100)));
  EXPECT_TRUE(codel.IsOverloaded(At(1150)));
  codel.NoteNoWait(At(1150));
  EXPECT_FALSE(codel.IsOverloaded(At(1200)));
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1200)));
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1201)));
}

TEST(Codel, APauseIsForgotten) {
  Codel codel({});
  static_cast<void>(codel.ShouldDrop(milliseconds(50), At(1000)));
  static_cast<void>(codel.ShouldDrop(milliseconds(50), At(1100)));
  EXPECT_FALSE(codel.IsOverloaded(At(1300)));
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1300)));
  EXPECT_FALSE(codel.ShouldDrop(milliseconds(50), At(1301)));
}

TEST(Codel, TellsHowLongWhoIsServedMayHaveWaited) {
  const Codel codel({.target_delay = milliseconds(7)});
  EXPECT_EQ(codel.DelayMax(), milliseconds(14));
}

}  // namespace
}  // namespace sluice::limit
