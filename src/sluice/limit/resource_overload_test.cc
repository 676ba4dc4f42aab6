#include "sluice/limit/resource_overload.h"

#include <limits>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::seconds;

constexpr ResourceTrigger kScaled{.action = ResourceAction::kReduceTimeouts,
                                  .scaling_threshold = 0.85,
                                  .saturation_threshold = 0.95};
constexpr ResourcePressures kUnknown = {-1, -1, -1, -1, -1, -1};

ResourcePressures With(ResourceMonitor monitor, double pressure) {
  ResourcePressures pressures = kUnknown;
  pressures[static_cast<std::size_t>(monitor)] = pressure;
  return pressures;
}

TEST(ResourceOverload, D53ScalesBetweenItsThresholds) {
  EXPECT_NEAR(ActivationOf(kScaled, 0.92), 0.70, 1e-9);
  EXPECT_EQ(ActivationOf(kScaled, 0.85), 0);
  EXPECT_EQ(ActivationOf(kScaled, 0.95), 1);
  EXPECT_EQ(ActivationOf(kScaled, 2), 1);
}

TEST(ResourceOverload, D53ReducesATimeoutTowardsItsLeast) {
  const Nanos reduced = ReducedTimeout(seconds(600), seconds(2), ActivationOf(kScaled, 0.92));
  EXPECT_NEAR(static_cast<double>(reduced.count()) / 1e9, 181.4, 1e-6);
  EXPECT_EQ(ReducedTimeout(seconds(600), seconds(2), 0), seconds(600));
  EXPECT_EQ(ReducedTimeout(seconds(600), seconds(2), 1), seconds(2));
  EXPECT_EQ(ReducedTimeout(seconds(1), seconds(2), 1), seconds(1));  // Never longer.
}

TEST(ResourceOverload, ActsAtOnceWhereBothThresholdsAreOne) {
  const ResourceTrigger at_once{.scaling_threshold = 0.9, .saturation_threshold = 0.9};
  EXPECT_EQ(ActivationOf(at_once, 0.899), 0);
  EXPECT_EQ(ActivationOf(at_once, 0.9), 1);
}

TEST(ResourceOverload, WhatIsUnknownActivatesNothing) {
  EXPECT_EQ(ActivationOf(kScaled, -1), 0);
  EXPECT_EQ(ActivationOf(kScaled, std::numeric_limits<double>::quiet_NaN()), 0);
}

TEST(ResourceOverload, AnActionTakesItsHighestTriggerAndNamesItsCause) {
  ResourceOverload overload;
  const std::vector<ResourceTrigger> triggers = {
      {.monitor = ResourceMonitor::kCgroupMemory, .scaling_threshold = 0.5},
      {.monitor = ResourceMonitor::kOpenFiles, .scaling_threshold = 0.5},
      {.monitor = ResourceMonitor::kPressureIo,
       .action = ResourceAction::kStopAccepting,
       .scaling_threshold = 0.9,
       .saturation_threshold = 0.9}};
  ResourcePressures pressures = With(ResourceMonitor::kCgroupMemory, 0.6);
  pressures[static_cast<std::size_t>(ResourceMonitor::kOpenFiles)] = 0.75;
  overload.Update(triggers, pressures);
  EXPECT_NEAR(overload.activation(ResourceAction::kRefuseRequests), 0.5, 1e-9);
  EXPECT_EQ(overload.cause(ResourceAction::kRefuseRequests), ResourceMonitor::kOpenFiles);
  EXPECT_EQ(overload.activation(ResourceAction::kStopAccepting), 0);
  EXPECT_EQ(overload.pressure(ResourceMonitor::kOpenFiles), 0.75);
  overload.Update(triggers, kUnknown);
  EXPECT_EQ(overload.activation(ResourceAction::kRefuseRequests), 0);
}

TEST(ResourceOverload, HasANameForEachMonitorAndAction) {
  EXPECT_EQ(NameOf(ResourceMonitor::kCgroupMemory), "cgroup_memory");
  EXPECT_EQ(NameOf(ResourceMonitor::kPressureIo), "psi_io");
  EXPECT_EQ(NameOf(ResourceAction::kRefuseRequests), "stop_accepting_requests");
  EXPECT_EQ(NameOf(ResourceAction::kStopAccepting), "stop_accepting_connections");
}

TEST(ResourceTriggers, SayWhatIsWrong) {
  ConfigProblems problems;
  Validate({{.scaling_threshold = 2}, {.scaling_threshold = 0.9, .saturation_threshold = 0.8}}, "t",
           problems);
  ASSERT_EQ(problems.size(), 3U);  // The first's other threshold is below it, too.
  EXPECT_EQ(problems[0].path, "t[0].scaling_threshold");
  EXPECT_EQ(problems[2].path, "t[1].saturation_threshold");
}

}  // namespace
}  // namespace sluice::limit
