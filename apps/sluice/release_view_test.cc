#include "release_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

Json Baking() {
  return Json::parse(R"({
    "name": "v2", "stable": "shop", "candidate": "next", "state": "baking", "generation": 7,
    "step": 2, "exposed_seconds": 312, "explain": "step 2 of 3 bakes: 312 of 900 s",
    "steps_planned": [
      {"weight_percent": 1, "bake_seconds": 300, "approve": "auto"},
      {"weight_percent": 10, "bake_seconds": 900, "approve": "manual"},
      {"weight_percent": 100, "bake_seconds": 3600, "approve": "auto"}],
    "metrics": [{"name": "errors", "candidate_events": 3, "candidate_requests": 100,
                 "stable_events": 5, "stable_requests": 900, "e_value": 0.5, "e_threshold": 160}],
    "evidence": [{"source": "diff", "verdict": "pass", "reason": "same answers"}],
    "verdict": {"why": "baking: 100 of 1000 requests"}})");
}

TEST(ReleaseView, StepsArePassedUnderWayOrAhead) {
  EXPECT_THAT(
      DrawingOf(Baking()),
      ElementsAre(HasSubstr("v2: shop → next   baking, generation 7"),
                  "  ✓       1 %  ████████████████████  5:00",
                  "  ▶      10 %  ██████░░░░░░░░░░░░░░  5:12 of 15:00, then approval",
                  "  ·     100 %  ░░░░░░░░░░░░░░░░░░░░  1:00:00",
                  "  errors       candidate 3/100, stable 5/900, E 0.5 of 160",
                  "  diff         pass: same answers", "  judge: baking: 100 of 1000 requests",
                  "  step 2 of 3 bakes: 312 of 900 s"));
}

TEST(ReleaseView, ARollbackMarksItsStepAndSaysWhy) {
  Json release = Baking();
  release["state"] = "rolled_back";
  release["why"] = "FAIL errors";
  const std::vector<std::string> lines = DrawingOf(release);
  EXPECT_THAT(lines[2], StartsWith("  ✗      10 %"));
  EXPECT_EQ(lines.back(), "  FAIL errors");
}

TEST(ReleaseView, ACompletedReleaseHasPassedEverything) {
  Json release = Baking();
  release["state"] = "completed";
  EXPECT_THAT(DrawingOf(release)[3], StartsWith("  ✓     100 %"));
}

TEST(ReleaseView, AnAnswerOfAnotherVersionIsDrawnAsFarAsItGoes) {
  EXPECT_EQ(DrawingOf(Json::object()).size(), 2U);
}

}  // namespace
}  // namespace sluice::app
