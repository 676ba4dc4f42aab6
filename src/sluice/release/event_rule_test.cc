#include "sluice/release/event_rule.h"

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

bool Counts(std::string_view rule, const AnswerFacts& answer) {
  const Result<EventRule> parsed = EventRule::Parse(rule);
  EXPECT_TRUE(parsed.has_value()) << rule;
  return parsed && parsed->Counts(answer);
}

TEST(EventRule, ComparesStatuses) {
  EXPECT_TRUE(Counts("status >= 500", {.status = 500}));
  EXPECT_FALSE(Counts("status >= 500", {.status = 499}));
  EXPECT_TRUE(Counts("status==404", {.status = 404}));
  EXPECT_TRUE(Counts("status != 200", {.status = 201}));
  EXPECT_TRUE(Counts("status > 499", {.status = 500}));
  EXPECT_TRUE(Counts("status < 300", {.status = 204}));
  EXPECT_TRUE(Counts("status <= 204", {.status = 204}));
}

TEST(EventRule, AnAnswerThatNeverCameHasNoStatus) {
  EXPECT_FALSE(Counts("status < 300", {.status = 0}));
}

TEST(EventRule, KnowsHowAttemptsFail) {
  constexpr std::string_view kAny = "timeout || reset || connect_failure";
  EXPECT_TRUE(Counts(kAny, {.timed_out = true}));
  EXPECT_TRUE(Counts(kAny, {.was_reset = true}));
  EXPECT_TRUE(Counts(kAny, {.connect_failed = true}));
  EXPECT_FALSE(Counts(kAny, {.status = 500}));
}

TEST(EventRule, AndBindsCloserThanOr) {
  constexpr std::string_view kRule = "status == 200 && duration > 250ms || status >= 500";
  EXPECT_TRUE(Counts(kRule, {.status = 200, .duration = std::chrono::milliseconds(300)}));
  EXPECT_FALSE(Counts(kRule, {.status = 200, .duration = std::chrono::milliseconds(200)}));
  EXPECT_TRUE(Counts(kRule, {.status = 503}));
  EXPECT_TRUE(Counts("duration >= 2s", {.duration = std::chrono::seconds(2)}));
}

TEST(EventRule, RefusesWhatItDoesNotKnowAndSaysWhatToWrite) {
  for (const std::string_view text : {"", "status", "status >= ", "status >= 50", "status ~ 500",
                                      "duration > 5", "timeout ||", "purple", "status >= 500x"}) {
    const Result<EventRule> rule = EventRule::Parse(text);
    ASSERT_FALSE(rule.has_value()) << text;
    EXPECT_NE(rule.error().detail.find("status >= 500 || timeout"), std::string::npos);
  }
  const Result<EventRule> body = EventRule::Parse("body.code != 0");
  ASSERT_FALSE(body.has_value());
  EXPECT_NE(body.error().detail.find("not available yet"), std::string::npos);
}

}  // namespace
}  // namespace sluice::release
