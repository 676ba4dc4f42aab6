#include "sluice/warmup/report_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::warmup {
namespace {

using namespace std::chrono_literals;

TEST(ReportJson, TellsTheOutcomeAndWhatItIsKnownBy) {
  WarmupReport report{.outcome = Outcome::kTooSlow,
                      .phase = Phase::kDone,
                      .reason = "3 times",
                      .took = 120s,
                      .requests = 5000,
                      .is_stalled = true};
  report.verdict.level = 3.00049;
  report.verdict.groups.push_back({.label = "GET /a", .answers = 5000, .level = 3.00049});
  report.coverage.skipped[static_cast<std::size_t>(Skip::kWrite)] = 7;
  report.classes.push_back({.label = "GET /\xff", .sent = 9, .recorded_p50 = 1500us});
  const nlohmann::json json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["outcome"], "warm_regression");
  EXPECT_EQ(json["ready"], false);
  EXPECT_EQ(json["stalled"], true);
  EXPECT_EQ(json["took_ms"], 120'000);
  EXPECT_EQ(json["level"], 3);
  EXPECT_EQ(json["groups"][0]["warm"], false);
  EXPECT_EQ(json["coverage"]["skipped"].size(), 1U);
  EXPECT_EQ(json["coverage"]["skipped"]["write"], 7);
  EXPECT_EQ(json["classes"][0]["recorded_p50_ms"], 1.5);
}

TEST(ReportJson, ProgressGrowsWithRequestsAndFallingLevel) {
  WarmupReport report{.phase = Phase::kConnect};
  EXPECT_EQ(report.progress(), 0);
  report.phase = Phase::kPump;
  report.target = 1000;
  report.requests = 500;
  report.verdict.level = 10;
  const double before = report.progress();
  EXPECT_GT(before, 0);
  report.verdict.level = 1.2;
  EXPECT_GT(report.progress(), before);
  EXPECT_LT(report.progress(), 0.9);
  report.phase = Phase::kVerify;
  EXPECT_EQ(report.progress(), 0.9);
  report.phase = Phase::kDone;
  report.outcome = Outcome::kWarm;
  EXPECT_EQ(report.progress(), 1);
  EXPECT_EQ(nlohmann::json::parse(ReportJson(report))["ready"], true);
}

TEST(ReportJson, EveryOutcomeAndPhaseHasAName) {
  for (int i = 0; i <= static_cast<int>(Outcome::kStopped); ++i)
    EXPECT_NE(NameOf(static_cast<Outcome>(i)), "unknown");
  for (int i = 0; i <= static_cast<int>(Phase::kDone); ++i)
    EXPECT_NE(NameOf(static_cast<Phase>(i)), "unknown");
}

}  // namespace
}  // namespace sluice::warmup
