#include "sluice/gateway/flows/flow_stats.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway::flows {
namespace {

TEST(FlowStats, ANodeKeepsItsCountersByName) {
  FlowStats stats(2);
  stats.Node("a", 1).started.Add(3);
  EXPECT_EQ(&stats.Node("a", 1), &stats.Node("a", 1));
  EXPECT_NE(&stats.Node("a", 0), &stats.Node("a", 1));
  std::string seen;
  stats.ForEachNode([&seen](const std::string& name, const auto& tallies) {
    seen += name + std::to_string(tallies[1]->started.value());
  });
  EXPECT_EQ(seen, "a3");
}

TEST(FlowStats, RunnersAddUpAsLongAsTheyLive) {
  FlowStats stats(1);
  dag::RunnerCounts one;
  dag::RunnerCounts other;
  one.in_flight.Add(2);
  other.in_flight.Add(3);
  other.queued.Add(1);
  stats.AddRunner(one);
  stats.AddRunner(other);
  EXPECT_EQ(stats.in_flight(), 5);
  EXPECT_EQ(stats.queued(), 1);
  stats.RemoveRunner(one);
  EXPECT_EQ(stats.in_flight(), 3);
}

}  // namespace
}  // namespace sluice::gateway::flows
