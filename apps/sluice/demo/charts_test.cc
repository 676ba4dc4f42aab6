#include "demo/charts.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(PhaseTable, HasAColumnOnlyForWhatHappened) {
  const std::vector<PhaseRow> rows = {
      {"well", {.asked = 40, .good = 40, .p50 = 97ms, .p99 = 105ms, .slowest = 108ms}},
      {"dead", {.asked = 60, .failed = 60, .slowest = 4ms}}};
  EXPECT_THAT(PhaseTable(rows),
              ElementsAre("         asked    served    failed       p50       p99   slowest",
                          "well        40        40         0     97 ms    105 ms    108 ms",
                          "dead        60         0        60         –         –    4.0 ms"));
  const std::vector<PhaseRow> refused = {{"spike", {.asked = 2, .good = 1, .refused = 1}}};
  EXPECT_THAT(PhaseTable(refused).front(), HasSubstr("refused"));
  EXPECT_THAT(PhaseTable(refused).front(), Not(HasSubstr("degraded")));
}

TEST(PhasesAsJson, HasEverything) {
  const auto json = PhasesAsJson(
      {{"spike",
        {.asked = 2, .good = 1, .refused = 1, .refusals = {{"overload/shed", 1}}, .p50 = 1500us}}});
  EXPECT_EQ(json[0]["phase"], "spike");
  EXPECT_EQ(json[0]["p50_ms"], 1.5);
  EXPECT_EQ(json[0]["refusals"]["overload/shed"], 1);
}

TEST(TimeChart, DrawsBarsToScale) {
  EXPECT_THAT(TimeChart({{.name = "cart", .start_ms = 0, .end_ms = 50, .is_critical = true},
                         {.name = "user", .start_ms = 0, .end_ms = 25},
                         {.name = "payment", .start_ms = 50, .end_ms = 100, .is_critical = true}},
                        8),
              ElementsAre("cart     ████      50",  //
                          "user     ░░        25",  //
                          "payment      ████  50"));
}

TEST(TimeChart, ShowsWhatTookNoTimeAndNothingOfNothing) {
  EXPECT_THAT(TimeChart({{.name = "a", .start_ms = 0, .end_ms = 9},
                         {.name = "b", .start_ms = 9, .end_ms = 9}},
                        3),
              ElementsAre("a  ░░░  9", "b    ░  0"));
  EXPECT_TRUE(TimeChart({}, 8).empty());
}

}  // namespace
}  // namespace sluice::demo
