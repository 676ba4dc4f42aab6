#include "sluice/gateway/release_state.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(ReleaseState, TheSplitIsOneWordThatComesBack) {
  ReleaseState state(2);
  EXPECT_FALSE(state.split().is_live);
  state.SetSplit({.is_live = true, .shares = {.candidate = 1'000'000, .control = 123'456}});
  const ReleaseState::Split split = state.split();
  EXPECT_TRUE(split.is_live);
  EXPECT_EQ(split.shares.candidate, 1'000'000U);
  EXPECT_EQ(split.shares.control, 123'456U);
}

TEST(ReleaseState, PartsOfLatencyAreInOrderAndEndWhereTheNextBegins) {
  for (std::size_t part = 0; part + 1 < kLatencyParts; ++part) {
    EXPECT_EQ(LatencyPartOf(LatencyPartEnd(part)), part);
    EXPECT_EQ(LatencyPartOf(LatencyPartEnd(part) + Nanos(1)), part + 1);
  }
  EXPECT_EQ(LatencyPartOf(Nanos(-1)), 0U);
  EXPECT_EQ(LatencyPartOf(std::chrono::hours(9)), kLatencyParts - 1);
}

TEST(ReleaseState, TotalsAreOfAllWorkersAndRoutes) {
  ReleaseState state(2);
  ReleaseRoute& search = state.Route("search");
  search.workers[0]->arms[2].requests.Add(3);
  search.workers[1]->arms[2].requests.Add(4);
  state.Route("book").workers[0]->arms[0].events[5].Add();
  const release::Tick totals = state.Totals();
  EXPECT_EQ(totals.of(release::Arm::kCandidate).requests, 7U);
  EXPECT_EQ(totals.of(release::Arm::kStable).events[5], 1U);
  EXPECT_EQ(&state.Route("search"), &search);
  EXPECT_EQ(search.thresholds_nanos[0].load(), ReleaseRoute::kNoThreshold);
}

TEST(ReleaseState, EachSourceHasAName) {
  EXPECT_EQ(NameOf(KeySourceKind::kClientIp), "client_ip");
  EXPECT_EQ(NameOf(KeySourceKind::kNone), "none");
}

}  // namespace
}  // namespace sluice::gateway
