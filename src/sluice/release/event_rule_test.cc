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
}

// One member, "/code".
struct Body final : BodyFacts {
  explicit Body(std::optional<BodyValue> its_code) : code(its_code) {}
  std::optional<BodyValue> At(std::string_view pointer) const override {
    return pointer == "/code" ? code : std::nullopt;
  }
  std::optional<BodyValue> code;
};

bool CountsCode(std::string_view rule, std::optional<BodyValue> code) {
  const Body body(code);
  return Counts(rule, {.status = 200, .body = &body});
}

constexpr BodyValue kSeven{.kind = BodyValue::Kind::kNumber, .number = 7};
constexpr BodyValue kFraud{.kind = BodyValue::Kind::kText, .text = "fraud"};
constexpr BodyValue kTrue{.kind = BodyValue::Kind::kBoolean, .number = 1};
constexpr BodyValue kNull{.kind = BodyValue::Kind::kNull};

TEST(EventRule, ReadsMembersOfTheBody) {
  for (const std::string_view rule : {"body.code != 0", "body/code != 0", "body.code>=7",
                                      "body.code == 7 && status == 200", "body.code < 7.5"}) {
    EXPECT_TRUE(CountsCode(rule, kSeven)) << rule;
  }
  EXPECT_FALSE(CountsCode("body.code == 0", kSeven));
  EXPECT_TRUE(CountsCode("body.code == 'fraud'", kFraud));
  EXPECT_FALSE(CountsCode("body.code != 'fraud'", kFraud));
  EXPECT_TRUE(CountsCode("body.code == true", kTrue));
  EXPECT_TRUE(CountsCode("body.code != false", kTrue));
  EXPECT_TRUE(CountsCode("body.code == null", kNull));
  EXPECT_TRUE(CountsCode("body.code != null", kSeven));
}

TEST(EventRule, AMemberThatIsNotThereCountsNothing) {
  EXPECT_FALSE(CountsCode("body.code != 0", std::nullopt));
  EXPECT_FALSE(CountsCode("body.other == 7", kSeven));
  EXPECT_FALSE(Counts("body.code != 0", {.status = 200}));
}

TEST(EventRule, OfOtherTypesAValueIsDifferentAndHasNoOrder) {
  EXPECT_TRUE(CountsCode("body.code != 0", kFraud));
  EXPECT_FALSE(CountsCode("body.code >= 0", kFraud));
  EXPECT_FALSE(CountsCode("body.code == true", kSeven));
}

TEST(EventRule, TellsWhatItAsksOfBodies) {
  const Result<EventRule> rule = EventRule::Parse("body.a.b == 1 || status >= 500 || body/c/0 > 2");
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->pointers(), (std::vector<std::string_view>{"/a/b", "/c/0"}));
}

TEST(EventRule, RefusesWhatCannotBeAskedOfABody) {
  for (const char* const text :
       {"body.code", "body.code >", "body. == 1", "body..a == 1", "body.code >= 'x'",
        "body.code < true", "body.code == x", "body.code == 1x", "body/a~2 == 1", "body == 1"}) {
    EXPECT_FALSE(EventRule::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sluice::release
