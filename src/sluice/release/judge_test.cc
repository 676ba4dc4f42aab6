#include "sluice/release/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::release {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr CandidateHealth kWell{.endpoints = 1, .ready = 1};
constexpr double kShare = 0.1;

Judge Make(JudgeOptions options = {}) {
  Result<Judge> judge = Judge::Create(options);
  EXPECT_TRUE(judge.has_value());
  judge->BeginStep(kWell);
  return *judge;
}

// A second of 100 requests, a tenth of them on the candidate.
Tick Second(std::uint64_t candidate_errors, std::uint64_t stable_errors) {
  Tick tick;
  tick.of(Arm::kCandidate).requests = 10;
  tick.of(Arm::kCandidate).failures = candidate_errors;
  tick.of(Arm::kCandidate).events[0] = candidate_errors;
  tick.of(Arm::kStable).requests = 80;
  tick.of(Arm::kStable).failures = stable_errors;
  tick.of(Arm::kStable).events[0] = stable_errors;
  tick.of(Arm::kControl).requests = 10;
  return tick;
}

Verdict Ask(const Judge& judge, Nanos exposed = seconds(1), Nanos bake = minutes(5)) {
  return judge.Decide({.exposed = exposed, .bake = bake}, kWell, {});
}

TEST(Judge, FailsWithASentenceOfCountsAndRatio) {
  Judge judge = Make();
  for (int i = 0; i < 300 && Ask(judge).finding != Finding::kFail; ++i)
    judge.Add(Second(i % 5 == 0 ? 1 : 0, i % 2 == 0 ? 1 : 0), kShare);
  const Verdict verdict = Ask(judge);
  EXPECT_EQ(verdict.finding, Finding::kFail);
  EXPECT_EQ(verdict.reason, "errors");
  EXPECT_TRUE(verdict.critical);
  EXPECT_THAT(verdict.sentence,
              testing::ContainsRegex("FAIL errors: candidate .* % \\(.*/.*\\) vs stable .*"
                                     ", ratio .* \\[.*-.*\\], E=.* >= 160"));
}

TEST(Judge, PassesWithTimeAndSamplesOnly) {
  Judge judge = Make({.min_samples = 1'000});
  for (int i = 0; i < 99; ++i)
    judge.Add(Second(0, 0), kShare);
  EXPECT_EQ(Ask(judge, minutes(5)).finding, Finding::kWait);
  judge.Add(Second(0, 0), kShare);
  EXPECT_EQ(Ask(judge, minutes(5)).finding, Finding::kPass);
  EXPECT_EQ(Ask(judge, minutes(5) - seconds(1)).finding, Finding::kWait);
}

TEST(Judge, G17TooFewSamplesInTheTimeAllowedHold) {
  const Judge judge = Make({.max_duration = minutes(60)});
  EXPECT_EQ(Ask(judge, minutes(59)).finding, Finding::kWait);
  const Verdict verdict = Ask(judge, minutes(60));
  EXPECT_EQ(verdict.finding, Finding::kHold);
  EXPECT_EQ(verdict.reason, "insufficient_samples");
}

TEST(Judge, AnEffectBelowTheFloorDoesNotFail) {
  JudgeOptions options;
  options.metrics.front().min_abs_percent = 5;
  options.guards = {.burn_fast = 0, .burn_slow = 0};
  Judge judge = Make(options);
  for (int i = 0; i < 1'000; ++i)
    judge.Add(Second(i % 5 == 0 ? 1 : 0, i % 2 == 0 ? 1 : 0), kShare);
  EXPECT_NE(Ask(judge).finding, Finding::kFail);
}

TEST(Judge, KeysThatGoElsewhereThanTheWeightSaysHold) {
  Judge judge = Make();
  Tick tick = Second(0, 0);
  tick.of(Arm::kCandidate).keys = 5;
  tick.of(Arm::kStable).keys = 95;
  for (int i = 0; i < 200; ++i)
    judge.Add(tick, kShare);
  const Verdict verdict = Ask(judge);
  EXPECT_EQ(verdict.finding, Finding::kHold);
  EXPECT_EQ(verdict.reason, "routing_mismatch");
}

TEST(Judge, AControlSliceThatDiffersTakesTheRightToFail) {
  JudgeOptions options;
  options.guards = {.burn_fast = 0, .burn_slow = 0, .success_floor_percent = 0};
  Judge judge = Make(options);
  Tick tick = Second(2, 0);
  tick.of(Arm::kControl).events[0] = 2;
  for (int i = 0; i < 50; ++i)
    judge.Add(tick, kShare);
  const Verdict verdict = Ask(judge);
  EXPECT_EQ(verdict.finding, Finding::kHold);
  EXPECT_EQ(verdict.reason, "control_differs");
}

TEST(Judge, SlowAnswersFailTheLatencyMetric) {
  Judge judge = Make();
  Tick tick = Second(0, 0);
  tick.of(Arm::kStable).events[2] = 8;
  tick.of(Arm::kCandidate).events[2] = 3;
  for (int i = 0; i < 200; ++i)
    judge.Add(tick, kShare);
  const Verdict verdict = Ask(judge);
  EXPECT_EQ(verdict.finding, Finding::kFail);
  EXPECT_EQ(verdict.reason, "latency");
  EXPECT_FALSE(verdict.critical);
}

TEST(Judge, OutsideEvidenceFailsAndHolds) {
  const Judge judge = Make({.min_samples = 0});
  const StepQuestion done{.exposed = minutes(5), .bake = minutes(5)};
  EXPECT_EQ(judge.Decide(done, kWell, {}).finding, Finding::kPass);
  const OutsideEvidence diff{.source = "diff", .verdict = Finding::kFail, .reason = "3 differ"};
  const Verdict failed = judge.Decide(done, kWell, {diff});
  EXPECT_EQ(failed.finding, Finding::kFail);
  EXPECT_EQ(failed.sentence, "FAIL diff: 3 differ");
  const OutsideEvidence ares{.source = "ares", .verdict = Finding::kHold, .reason = "running"};
  EXPECT_EQ(judge.Decide(done, kWell, {ares}).finding, Finding::kHold);
}

TEST(Judge, G19EvidenceSurvivesARestartUnchanged) {
  Judge judge = Make();
  for (int i = 0; i < 50; ++i)
    judge.Add(Second(i % 7 == 0 ? 1 : 0, 1), kShare);
  Judge other = Make();
  ASSERT_TRUE(other.Restore(judge.Save()).has_value());
  EXPECT_EQ(other.Save(), judge.Save());
  EXPECT_EQ(other.Report().front().log_e, judge.Report().front().log_e);
  EXPECT_EQ(other.in_step(), judge.in_step());
  EXPECT_FALSE(other.Restore("1 2 3").has_value());
}

TEST(Judge, WhatAStepIsComparedWithSurvivesARestart) {
  Judge judge = Make();
  for (int i = 0; i < 60; ++i)
    judge.Add(Second(0, 0), kShare);
  judge.BeginStep({.endpoints = 4, .ready = 4});
  Judge other = Make();
  ASSERT_TRUE(other.Restore(judge.Save()).has_value());
  other.GoOn();
  const CandidateHealth lost{.endpoints = 4, .ready = 1};
  EXPECT_NE(other.Decide({}, lost, {}).finding, Finding::kFail);  // They are being found.
  for (int i = 0; i < 30; ++i)
    other.Add(Second(0, 0), kShare);
  EXPECT_NE(other.Decide({}, {.endpoints = 4, .ready = 4}, {}).finding, Finding::kFail);
  EXPECT_EQ(other.Decide({}, lost, {}).reason, "endpoint_loss");
}

TEST(Judge, ReportsWhatItCouldHaveSeen) {
  Judge judge = Make();
  for (int i = 0; i < 600; ++i)
    judge.Add(Second(0, i % 2 == 0 ? 1 : 0), kShare);
  const MetricReport report = judge.Report().front();
  EXPECT_EQ(report.candidate_requests, 6'000U);
  EXPECT_GT(report.detectable_ratio, 1.2);
  EXPECT_LT(report.detectable_ratio, 10);
}

}  // namespace
}  // namespace sluice::release
