#include "sluice/gateway/flows/condition.h"

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
ValueTree List(std::vector<ValueTree> items) {
  return {.kind = Kind::kList, .items = std::move(items)};
}
ValueTree Map(std::vector<std::string> keys, std::vector<ValueTree> items) {
  return {.kind = Kind::kMap, .keys = std::move(keys), .items = std::move(items)};
}
ValueTree Compare(std::string reference, std::string comparison, ValueTree operand) {
  return Map({"value", std::move(comparison)}, {Word(std::move(reference)), std::move(operand)});
}

FixedScope Request() {
  FixedScope scope;
  scope.Json("a.body", R"({"n":5,"s":"go\u006cd","t":true,"z":null,"l":[1]})")
      .Text("request.query.q", "7")
      .Number("a.status", "404");
  return scope;
}

bool Holds(const ValueTree& tree) {
  const auto condition = Condition::Compile(tree);
  EXPECT_TRUE(condition);
  if (!condition) {
    ADD_FAILURE() << condition.error().front().path << ": " << condition.error().front().text;
    return false;
  }
  FixedScope scope = Request();
  return condition->Holds(scope);
}

std::string Problem(const ValueTree& tree) {
  const auto condition = Condition::Compile(tree);
  if (condition) return "none";
  return condition.error().front().path + ": " + condition.error().front().text;
}

TEST(Condition, ExistsMeansThereAndNotNull) {
  EXPECT_TRUE(Holds(Compare("a.body/n", "exists", Word("true"))));
  EXPECT_FALSE(Holds(Compare("a.body/z", "exists", Word("true"))));
  EXPECT_TRUE(Holds(Compare("a.body/none", "exists", Word("false"))));
}

TEST(Condition, EqualMeansSameTypeAndValue) {
  EXPECT_TRUE(Holds(Compare("a.body/s", "equals", Word("gold"))));
  EXPECT_TRUE(Holds(Compare("a.body/n", "equals", Word("5.0"))));
  EXPECT_FALSE(Holds(Compare("a.body/n", "equals", Text("5"))));
  EXPECT_TRUE(Holds(Compare("a.body/t", "equals", Word("true"))));
  EXPECT_TRUE(Holds(Compare("request.query.q", "equals", Text("7"))));
  EXPECT_TRUE(Holds(Compare("a.status", "equals", Word("404"))));
  EXPECT_FALSE(Holds(Compare("a.body/l", "equals", Word("1"))));
}

TEST(Condition, NumbersAreComparedToTheLastDigit) {
  FixedScope scope;
  scope.Json("a.body", R"({"n":9007199254740993,"m":0.1})");
  const auto holds = [&scope](const ValueTree& tree) {
    return Condition::Compile(tree)->Holds(scope);
  };
  EXPECT_FALSE(holds(Compare("a.body/n", "equals", Word("9007199254740992"))));
  EXPECT_TRUE(holds(Compare("a.body/n", "equals", Word("9007199254740993"))));
  EXPECT_TRUE(holds(Compare("a.body/n", "equals", Word("9007199254740993.0"))));
  EXPECT_TRUE(holds(Compare("a.body/n", "gt", Word("9007199254740992"))));
  EXPECT_FALSE(holds(Compare("a.body/n", "lte", Word("9007199254740992"))));
  EXPECT_FALSE(holds(Compare("a.body/m", "in", List({Word("0.10000000000000000001")}))));
}

TEST(Condition, InIsOneOfThem) {
  EXPECT_TRUE(Holds(Compare("a.body/s", "in", List({Word("silver"), Word("gold")}))));
  EXPECT_FALSE(Holds(Compare("a.body/s", "in", List({Word("silver")}))));
}

TEST(Condition, NumbersAreCompared) {
  EXPECT_TRUE(Holds(Compare("a.body/n", "gt", Word("4.9"))));
  EXPECT_FALSE(Holds(Compare("a.body/n", "gt", Word("5"))));
  EXPECT_TRUE(Holds(Compare("a.body/n", "gte", Word("5"))));
  EXPECT_TRUE(Holds(Compare("a.body/n", "lt", Word("6"))));
  EXPECT_FALSE(Holds(Compare("a.body/n", "lte", Word("4"))));
  EXPECT_TRUE(Holds(Compare("request.query.q", "gt", Word("6"))));
  EXPECT_FALSE(Holds(Compare("a.body/s", "gt", Word("0"))));
}

TEST(Condition, WhatIsNotThereFailsEveryComparison) {
  for (const char* comparison : {"gt", "gte", "lt", "lte"}) {
    EXPECT_FALSE(Holds(Compare("a.body/none", comparison, Word("0"))));
  }
  EXPECT_FALSE(Holds(Compare("a.body/z", "equals", Word("0"))));
}

TEST(Condition, ConditionsCombine) {
  const ValueTree yes = Compare("a.body/n", "exists", Word("true"));
  const ValueTree no = Compare("a.body/n", "exists", Word("false"));
  EXPECT_TRUE(Holds(Map({"all"}, {List({yes, yes})})));
  EXPECT_FALSE(Holds(Map({"all"}, {List({yes, no})})));
  EXPECT_TRUE(Holds(Map({"any"}, {List({no, yes})})));
  EXPECT_FALSE(Holds(Map({"any"}, {List({no, no})})));
  EXPECT_TRUE(Holds(Map({"not"}, {no})));
  EXPECT_FALSE(Holds(Map({"not"}, {Map({"any"}, {List({yes})})})));
}

TEST(Condition, NamesEveryReference) {
  const auto condition = Condition::Compile(
      Map({"all"}, {List({Compare("a.body/n", "exists", Word("true")),
                          Map({"not"}, {Compare("b.status", "equals", Word("1"))})})}));
  std::string nodes;
  condition->ForEachReference([&nodes](const Reference& reference) { nodes += reference.node; });
  EXPECT_EQ(nodes, "ab");
}

TEST(Condition, SaysWhatIsWrong) {
  EXPECT_TRUE(Problem(Word("x")).starts_with(": must be a mapping"));
  EXPECT_EQ(Problem(Map({"valeu"}, {Word("a.body")})).substr(0, 28),
            ".valeu: unknown key; known h");
  EXPECT_EQ(Problem(Map({}, {})), ": must have exactly one of value, all, any, not");
  EXPECT_EQ(Problem(Map({"value"}, {Word("a.body")})),
            ": must have exactly one of exists, equals, in, gt, gte, lt, lte");
  EXPECT_TRUE(
      Problem(Compare("nope", "exists", Word("true"))).starts_with(".value: \"nope\" is no"));
  EXPECT_EQ(Problem(Compare("a.body", "exists", Text("true"))), ".exists: must be true or false");
  EXPECT_EQ(Problem(Compare("a.body", "gt", Word("x"))), ".gt: must be a number");
  EXPECT_EQ(Problem(Compare("a.body", "in", Word("x"))),
            ".in: must be a list of texts, numbers, true or false");
  EXPECT_EQ(Problem(Map({"all"}, {List({})})), ".all: must be a list of conditions");
  EXPECT_EQ(Problem(Map({"not", "equals"}, {Compare("a.body", "exists", Word("true")), Word("1")})),
            ": a comparison needs `value`");
}

TEST(Condition, AWrongTypeIsToldBeforeItRuns) {
  EXPECT_EQ(Problem(Compare("request.query.q", "equals", Word("7"))),
            ".equals: request.query.q is always a text, so it never equals 7; write \"7\"");
  EXPECT_EQ(Problem(Compare("a.status", "in", List({Word("200"), Word("ok")}))),
            ".in[1]: a.status is always a number, so it never equals \"ok\"");
  EXPECT_EQ(Problem(Compare("a.body", "equals", List({}))),
            ".equals: must be a text, a number, true or false; for null write exists: false");
}

}  // namespace
}  // namespace sluice::gateway::flows
