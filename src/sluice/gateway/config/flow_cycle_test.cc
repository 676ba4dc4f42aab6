#include "sluice/gateway/config/flow_cycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gateway::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FlowCycle, ATreeAndADiamondHaveNone) {
  EXPECT_THAT(FindCycles({}), IsEmpty());
  EXPECT_THAT(FindCycles({{}, {0}, {0}, {1, 2}}), IsEmpty());
}

TEST(FlowCycle, ANodeMayWaitForItself) {
  EXPECT_THAT(FindCycles({{}, {1}}), ElementsAre(ElementsAre(1)));
}

TEST(FlowCycle, TheWayRoundIsToldInOrderAndShort) {
  EXPECT_THAT(FindCycles({{1}, {2}, {0}}), ElementsAre(ElementsAre(0, 1, 2)));
  EXPECT_THAT(FindCycles({{1, 2}, {2}, {0}}), ElementsAre(ElementsAre(0, 2)));
}

TEST(FlowCycle, EachKnotIsToldOnce) {
  EXPECT_THAT(FindCycles({{1}, {0}, {3}, {2}, {0}}),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

}  // namespace
}  // namespace sluice::gateway::config
