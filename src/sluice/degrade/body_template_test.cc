#include "sluice/degrade/body_template.h"

#include <map>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Values final : public BodyTemplate::Values {
 public:
  explicit Values(std::string path) : path_(std::move(path)) {}
  std::string_view ValueOf(const BodyTemplate::Variable& variable) override {
    if (variable.source == BodyTemplate::Source::kPath) return path_;
    shown_ = std::to_string(static_cast<int>(variable.source)) + ":" + variable.name;
    return shown_;
  }

 private:
  std::string path_;
  std::string shown_;
};

std::string Rendered(std::string_view text, std::string path, Escaping escaping) {
  const Result<BodyTemplate> parsed = BodyTemplate::Parse(text);
  EXPECT_TRUE(parsed.has_value());
  Values values(std::move(path));
  std::string out;
  parsed->Render(values, escaping, out);
  return out;
}

TEST(BodyTemplate, PutsEachVariableInItsPlace) {
  EXPECT_EQ(Rendered("{{method}} {{ path }} {{host}} {{reason}} {{rule}} {{retry_after_seconds}} "
                     "{{header.X-User}} {{query.q}} {{capture.id}} end",
                     "/a", Escaping::kPlain),
            "0: /a 2: 3: 4: 5: 6:x-user 7:q 8:id end");
}

TEST(BodyTemplate, TextWithoutVariablesStaysAsItIs) {
  EXPECT_EQ(Rendered(R"({"a":{"b":1}})", "", Escaping::kJson), R"({"a":{"b":1}})");
  EXPECT_EQ(Rendered("", "", Escaping::kJson), "");
}

TEST(BodyTemplate, InJsonAValueCannotLeaveItsString) {
  EXPECT_EQ(Rendered(R"({"p":"{{path}}"})", "/\"},\\\n\x7f", Escaping::kJson),
            R"({"p":"/\"},\\\u000a\u007f"})");
}

TEST(BodyTemplate, InMarkupAValueIsText) {
  EXPECT_EQ(Rendered("<p>{{path}}</p>", "<script a='b' c=\"d\">&", Escaping::kMarkup),
            "<p>&lt;script a=&#39;b&#39; c=&quot;d&quot;&gt;&amp;</p>");
}

TEST(BodyTemplate, ElsewhereControlCharactersAreDropped) {
  EXPECT_EQ(Rendered("{{path}}", "a\r\nb\"<", Escaping::kPlain), "ab\"<");
}

TEST(BodyTemplate, WhatIsNotUtf8IsReplacedByteByByte) {
  EXPECT_EQ(Rendered("{{path}}", "ü\xff\xc3", Escaping::kJson), "ü??");
  EXPECT_EQ(Rendered("{{path}}", "\xc0\xaf", Escaping::kJson), "??");            // Overlong.
  EXPECT_EQ(Rendered("{{path}}", "\xed\xa0\x80", Escaping::kJson), "???");       // A surrogate.
  EXPECT_EQ(Rendered("{{path}}", "\xf4\x90\x80\x80", Escaping::kJson), "????");  // Beyond.
  EXPECT_EQ(Rendered("{{path}}", "€😀", Escaping::kJson), "€😀");
}

TEST(BodyTemplate, LongValuesAreCut) {
  EXPECT_EQ(Rendered("{{path}}!", std::string(5'000, 'a'), Escaping::kPlain),
            std::string(BodyTemplate::kValueBytesMax, 'a') + "!");
}

TEST(BodyTemplate, UnknownVariablesAndOpenBracesAreRefused) {
  const auto problem = [](std::string_view text) {
    return BodyTemplate::Parse(text).error().detail;
  };
  EXPECT_THAT(problem("{{body}}"), HasSubstr("unknown variable `{{body}}`; known are method"));
  EXPECT_THAT(problem("{{header.}}"), HasSubstr("unknown variable"));
  EXPECT_THAT(problem("{{}}"), HasSubstr("unknown variable"));
  EXPECT_THAT(problem("a {{path"), HasSubstr("without its `}}`"));
}

TEST(BodyTemplate, KnowsTheCapturesItNeeds) {
  EXPECT_THAT(BodyTemplate::Parse("{{capture.a}}{{path}}{{capture.b}}")->captures(),
              ElementsAre("a", "b"));
}

TEST(BodyTemplate, TemplatesOfEqualTextAreEqual) {
  EXPECT_EQ(*BodyTemplate::Parse("{{path}}"), *BodyTemplate::Parse("{{path}}"));
  EXPECT_FALSE(*BodyTemplate::Parse("{{path}}") == *BodyTemplate::Parse("{{method}}"));
}

TEST(EscapingFor, GoesByTheTypesName) {
  EXPECT_EQ(EscapingFor("application/json"), Escaping::kJson);
  EXPECT_EQ(EscapingFor("application/problem+JSON"), Escaping::kJson);
  EXPECT_EQ(EscapingFor("text/html; charset=utf-8"), Escaping::kMarkup);
  EXPECT_EQ(EscapingFor("application/xml"), Escaping::kMarkup);
  EXPECT_EQ(EscapingFor("text/plain"), Escaping::kPlain);
}

}  // namespace
}  // namespace sluice::degrade
