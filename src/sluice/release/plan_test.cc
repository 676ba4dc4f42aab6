#include "sluice/release/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::release {
namespace {

PlanOptions Plan(std::vector<StepOptions> steps) {
  return {.name = "r", .stable = "a", .candidate = "b", .steps = std::move(steps)};
}

std::string Problems(const PlanOptions& options) {
  ConfigProblems problems;
  Validate(options, "releases[0]", problems);
  std::string text;
  for (const ConfigProblem& problem : problems)
    text += problem.path + ": " + problem.text + "\n";
  return text;
}

TEST(Plan, RisingWeightsAreFine) {
  EXPECT_EQ(Problems(Plan({{.weight_percent = 1}, {.weight_percent = 1}, {.weight_percent = 100}})),
            "");
}

TEST(Plan, APlanThatCannotChangeTrafficIsRefused) {
  EXPECT_THAT(Problems(Plan({{.weight_percent = 0}})),
              testing::HasSubstr("steps: must have a step with a weight above 0"));
  EXPECT_THAT(Problems(Plan({})), testing::HasSubstr("steps: must have 1..100 items, got 0"));
  EXPECT_THAT(Problems(Plan({{.weight_percent = 0.00001}})),
              testing::HasSubstr("steps[0].weight_percent: must be at least 0.0001"));
  PlanOptions same = Plan({{.weight_percent = 1}});
  same.candidate = "a";
  EXPECT_THAT(Problems(same), testing::HasSubstr("candidate: must differ from `stable`"));
}

TEST(Plan, WeightsGoDownOnlyWhereThePlanSaysSo) {
  PlanOptions plan = Plan({{.weight_percent = 20}, {.weight_percent = 10}});
  EXPECT_THAT(Problems(plan), testing::HasSubstr("steps[1].weight_percent: must not be below"));
  plan.allow_decrease = true;
  EXPECT_EQ(Problems(plan), "");
}

TEST(Plan, WeightsAndSlicesAreBounded) {
  PlanOptions plan = Plan({{.weight_percent = 101}});
  plan.control_percent = 60;
  const std::string problems = Problems(plan);
  EXPECT_THAT(problems, testing::HasSubstr("steps[0].weight_percent: must be 0..100, got 101"));
  EXPECT_THAT(problems, testing::HasSubstr("control_percent: must be 0..50"));
}

TEST(Plan, TheSaltIsTheNameUnlessItIsSet) {
  PlanOptions plan = Plan({});
  EXPECT_EQ(plan.effective_salt(), "r");
  plan.salt = "ring";
  EXPECT_EQ(plan.effective_salt(), "ring");
}

}  // namespace
}  // namespace sluice::release
