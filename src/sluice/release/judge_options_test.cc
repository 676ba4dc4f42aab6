#include "sluice/release/judge_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::release {
namespace {

std::string Problems(const JudgeOptions& options) {
  ConfigProblems problems;
  Validate(options, "judge", problems);
  std::string text;
  for (const ConfigProblem& problem : problems)
    text += problem.path + ": " + problem.text + "\n";
  return text;
}

TEST(JudgeOptions, TheDefaultsAreValid) {
  EXPECT_EQ(Problems({}), "");
}

TEST(JudgeOptions, EachRuleIsToldWithItsPlace) {
  JudgeOptions options;
  options.alpha = 0.5;
  options.metrics = {{.name = "a", .event = "purple"},
                     {.name = "a", .quantiles = {0}, .tolerance_ratio = 0.5},
                     {.name = "b"},
                     {.name = "c", .quantiles = std::vector<double>(15, 50)}};
  const std::string problems = Problems(options);
  EXPECT_THAT(problems, testing::HasSubstr("judge.alpha: must be 0.000001..0.2"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics[0].event: must be conditions"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics[1].name: must be unique"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics[1].quantiles: must be percentages"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics[1].tolerance_ratio: must be 1..100"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics[2]: must have either"));
  EXPECT_THAT(problems, testing::HasSubstr("judge.metrics: must have at most 16"));
}

TEST(JudgeOptions, AJudgeOfNothingIsRefused) {
  JudgeOptions options;
  options.metrics.clear();
  EXPECT_THAT(Problems(options), testing::HasSubstr("judge.metrics: must have 1..8"));
}

}  // namespace
}  // namespace sluice::release
