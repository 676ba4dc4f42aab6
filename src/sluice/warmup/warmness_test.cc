#include "sluice/warmup/warmness.h"

#include <cmath>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kRecorded = 10ms;

Nanos Times(double level) {
  return Nanos(static_cast<Nanos::rep>(level * static_cast<double>(kRecorded.count())));
}

JudgedClass Class(double share, Nanos p50 = kRecorded) {
  return {.label = "c", .share = share, .expected = 1e6, .p50 = p50, .p90 = p50 * 2};
}

class Warmness : public testing::Test {
 protected:
  // `count` answers of a class at `level` times the recorded latency, 10 ms apart.
  void Feed(WarmnessJudge& judge, double level, std::size_t count = 50, std::size_t index = 0) {
    for (std::size_t i = 0; i < count; ++i) {
      now_ += 10ms;
      judge.Observe(index, Times(level), /*is_worse=*/false, now_);
    }
  }

  SteadyTime now_{1h};
};

TEST_F(Warmness, NothingIsKnownBeforeFiveBlocks) {
  WarmnessJudge judge({}, {Class(1)});
  Feed(judge, 1, 249);
  EXPECT_FALSE(judge.Judge().is_warm);
  EXPECT_FALSE(judge.Judge().groups.at(0).has_enough);
  Feed(judge, 1, 1);
  EXPECT_TRUE(judge.Judge().is_warm);
  EXPECT_FALSE(judge.Judge().was_ever_cold);
}

TEST_F(Warmness, LevelIsHeldAgainstTheRecordedMedian) {
  WarmnessJudge judge({}, {Class(1)});
  Feed(judge, 1.26, 250);
  EXPECT_FALSE(judge.Judge().is_warm);
  EXPECT_NEAR(judge.Judge().level, 1.26, 0.001);
  EXPECT_TRUE(judge.Judge().was_ever_cold);
  Feed(judge, 1.24, 250);
  EXPECT_TRUE(judge.Judge().is_warm);
}

TEST_F(Warmness, WhatStillGetsFasterIsNotWarm) {
  WarmnessJudge judge({}, {Class(1)});
  for (const double level : {1.2, 1.15, 1.1, 1.05, 1.0})
    Feed(judge, level);
  const Verdict verdict = judge.Judge();
  EXPECT_TRUE(verdict.groups.at(0).level_holds);
  EXPECT_FALSE(verdict.groups[0].slope_holds);
  EXPECT_NEAR(verdict.groups[0].slope, 5 * std::log(1.0 / 1.2) / 4, 0.01);
  EXPECT_FALSE(verdict.is_warm);
  Feed(judge, 1, 200);
  EXPECT_TRUE(judge.Judge().is_warm);
}

TEST_F(Warmness, AnErrorIsForgottenAfterThreeBlocks) {
  WarmnessJudge judge({}, {Class(1)});
  Feed(judge, 1, 250);
  EXPECT_FALSE(judge.Observe(0, 1ns, /*is_worse=*/true, now_));
  EXPECT_FALSE(judge.Judge().is_warm);
  Feed(judge, 1, 149);
  EXPECT_FALSE(judge.Judge().groups.at(0).errors_hold);
  Feed(judge, 1, 51);
  EXPECT_TRUE(judge.Judge().is_warm);
  EXPECT_EQ(judge.Judge().groups.at(0).worse, 1U);
}

TEST_F(Warmness, AnAnswerWithAnErrorSaysNothingOfTheLevel) {
  WarmnessJudge judge({}, {Class(1)});
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(judge.Observe(0, 1us, /*is_worse=*/true, now_));
  EXPECT_EQ(judge.Judge().level, 0);
  EXPECT_FALSE(judge.Judge().is_warm);
}

TEST_F(Warmness, HeavyClassesAreJudgedAloneAndTheRestTogether) {
  WarmnessJudge judge({}, {Class(0.5), Class(0.35), Class(0.1), Class(0.05)});
  EXPECT_EQ(judge.Judge().groups.size(), 3U);
  EXPECT_EQ(judge.Judge().groups[2].label, "the rest");
  Feed(judge, 1, 250, 0);
  Feed(judge, 3, 250, 1);
  Feed(judge, 1, 125, 2);
  Feed(judge, 1, 125, 3);
  // One cold class in three hundred requests a second keeps the whole instance closed.
  EXPECT_FALSE(judge.Judge().is_warm);
  EXPECT_NEAR(judge.Judge().level, 3, 0.01);
  Feed(judge, 1, 250, 1);
  EXPECT_TRUE(judge.Judge().is_warm);
}

TEST_F(Warmness, EachClassHasItsOwnReference) {
  WarmnessJudge judge({}, {Class(0.9), Class(0.06, 100ms), Class(0.04, 1s)});
  Feed(judge, 1, 250, 0);
  for (int i = 0; i < 125; ++i) {
    judge.Observe(1, 100ms, false, now_);
    judge.Observe(2, 1s, false, now_);
  }
  EXPECT_TRUE(judge.Judge().is_warm);
  EXPECT_NEAR(judge.Judge().level, 1, 0.001);
}

TEST_F(Warmness, BlocksAreSmallerWhereFewAnswersAreExpected) {
  JudgedClass few = Class(1);
  few.expected = 40;
  WarmnessJudge judge({}, {few});
  Feed(judge, 1, 39);
  EXPECT_FALSE(judge.Judge().is_warm);
  Feed(judge, 1, 1);
  EXPECT_TRUE(judge.Judge().is_warm);
}

TEST_F(Warmness, DispersionIsReportedAndNotWaitedFor) {
  WarmnessJudge judge({}, {Class(1)});
  for (int i = 0; i < 250; ++i)
    judge.Observe(0, Times(i % 5 == 0 ? 10 : 1), false, now_);
  const Verdict verdict = judge.Judge();
  EXPECT_NEAR(verdict.groups.at(0).dispersion, 5, 0.01);  // 10 against the recorded 2.
  EXPECT_FALSE(verdict.groups[0].dispersion_holds);
  EXPECT_TRUE(verdict.is_warm);
}

TEST_F(Warmness, WithoutAReferenceASteadyInstanceIsToldSo) {
  WarmnessJudge judge({}, {Class(1, Nanos(0))});
  Feed(judge, 30, 200);
  EXPECT_FALSE(judge.Judge().is_warm);
  Feed(judge, 1, 990);
  EXPECT_FALSE(judge.Judge().is_warm) << "the change is less than 10 s old";
  Feed(judge, 1, 60);
  EXPECT_TRUE(judge.Judge().is_warm);
  EXPECT_FALSE(judge.Judge().is_referenced);
  EXPECT_EQ(judge.Judge().level, 0);
}

TEST_F(Warmness, WithoutAReferenceFiveHundredAnswersAreTheLeast) {
  WarmnessJudge judge({}, {Class(1, Nanos(0))});
  for (int i = 0; i < 499; ++i) {
    now_ += 1s;
    judge.Observe(0, 5ms, false, now_);
  }
  EXPECT_FALSE(judge.Judge().is_warm);
  Feed(judge, 0.5, 50);
  EXPECT_TRUE(judge.Judge().is_warm);
}

TEST_F(Warmness, AColdInstanceIsGuessedFromItsFirstAnswers) {
  WarmnessJudge judge({}, {Class(0.9), Class(0.1)});
  EXPECT_EQ(judge.FirstLevel(), 0);
  Feed(judge, 8, 10, 0);
  Feed(judge, 2, 5, 1);
  EXPECT_NEAR(judge.FirstLevel(), 8, 0.001);
}

TEST_F(Warmness, OptionsAreCheckedAllAtOnce) {
  ConfigProblems problems;
  Validate(DetectOptions{.level_ratio = 1, .slope_percent = 0, .block = 3, .blocks = 21}, "d",
           problems);
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0].path, "d.level_ratio");
  EXPECT_EQ(problems[3].text, "must be 3..20, got 21");
  problems.clear();
  Validate(DetectOptions{}, "d", problems);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace sluice::warmup
