#include "sluice/gateway/flows/json_body.h"

#include <string>

#include <gtest/gtest.h>

#include "sluice/gateway/flows/scope_fixture.h"

namespace sluice::gateway::flows {
namespace {

using Kind = ValueTree::Kind;

ValueTree Text(std::string text) {
  return {.kind = Kind::kText, .text = std::move(text)};
}
ValueTree Word(std::string text) {
  return {.kind = Kind::kWord, .text = std::move(text)};
}
ValueTree Map(std::vector<std::string> keys, std::vector<ValueTree> items) {
  return {.kind = Kind::kMap, .keys = std::move(keys), .items = std::move(items)};
}
ValueTree List(std::vector<ValueTree> items) {
  return {.kind = Kind::kList, .items = std::move(items)};
}

std::string Rendered(const ValueTree& tree, FixedScope scope = {}) {
  const auto body = JsonBody::Compile(tree);
  if (!body) return "problem at " + body.error().front().path;
  std::string out;
  const Result<void> rendered = body->Render(scope, out);
  return rendered ? out : "error: " + rendered.error().detail;
}

TEST(JsonBody, WordsHaveTheirTypesAndTextsAreTexts) {
  EXPECT_EQ(
      Rendered(Map({"a", "b", "c", "d", "e"},
                   {Word("5"), Text("5"), Word("gold"), {}, List({Word("true"), Word("no")})})),
      R"({"a":5,"b":"5","c":"gold","d":null,"e":[true,"no"]})");
  EXPECT_EQ(Rendered(Map({}, {})), "{}");
  EXPECT_EQ(Rendered(List({})), "[]");
}

TEST(JsonBody, ALonePlaceholderKeepsItsType) {
  FixedScope scope;
  scope.Json("a.body", R"({"n":1.10,"o":{"k":[1]},"s":"x\"","z":null})")
      .Text("request.query.q", "7")
      .Number("a.status", "200");
  EXPECT_EQ(Rendered(Map({"n", "o", "s", "z", "q", "c", "m"},
                         {Text("{{a.body/n}}"), Text("{{a.body/o}}"), Text("{{a.body/s}}"),
                          Text("{{a.body/z}}"), Text("{{request.query.q}}"), Text("{{a.status}}"),
                          Text("{{a.body/missing}}")}),
                     scope),
            R"({"n":1.10,"o":{"k":[1]},"s":"x\"","z":null,"q":"7","c":200,"m":null})");
}

TEST(JsonBody, ADefaultTakesThePlaceOfNothing) {
  EXPECT_EQ(Rendered(List({Text("{{a.body/x ?? []}}"), Text("{{a.body/x ?? \"e\"}}")})),
            R"([[],"e"])");
}

TEST(JsonBody, InsideATextAValueCannotEscape) {
  FixedScope scope;
  scope.Text("request.query.q", "\"}, \"admin\": true, \"x\": \"\n");
  EXPECT_EQ(Rendered(Map({"a"}, {Text("hi {{request.query.q}}!")}), scope),
            R"({"a":"hi \"}, \"admin\": true, \"x\": \"\n!"})");
}

TEST(JsonBody, WhatIsMissingInsideATextIsAnError) {
  EXPECT_EQ(Rendered(Map({"a"}, {Text("hi {{a.body/x}}")})), "error: a.body/x is missing");
}

TEST(JsonBody, EveryProblemIsToldWithItsPath) {
  const auto body = JsonBody::Compile(
      Map({"a", "{{b}}"}, {List({Word("1"), Text("{{nope}}")}), Text("{{a.body")}));
  ASSERT_FALSE(body);
  ASSERT_EQ(body.error().size(), 3U);
  EXPECT_EQ(body.error()[0].path, ".a[1]");
  EXPECT_EQ(body.error()[1].path, ".{{b}}");
  EXPECT_EQ(body.error()[1].text, "a key must have no placeholder");
  EXPECT_EQ(body.error()[2].path, ".{{b}}");
}

}  // namespace
}  // namespace sluice::gateway::flows
