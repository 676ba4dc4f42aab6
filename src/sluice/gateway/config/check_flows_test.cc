#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"
#include "sluice/gateway/config/show.h"

namespace sluice::gateway::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kResponse = R"(    response: {body: {u: "{{user.body}}"}})";
constexpr std::string_view kUser = R"(      - {name: user, upstream: u, path: /user})";

// A flow of these nodes and this response, behind one route.
std::string Flow(std::string_view nodes,
                 std::string_view response = kResponse,
                 std::string_view route = "flow: f") {
  return fmt::format(
      "listeners: [{{name: l, listen: \"127.0.0.1:8080\"}}]\n"
      "upstreams: [{{name: u, endpoints: [\"127.0.0.1:9001\"]}}]\n"
      "routes: [{{name: r, {}}}]\n"
      "flows:\n  - name: f\n    nodes:\n{}\n{}\n",
      route, nodes, response);
}

std::string Node(std::string_view extra) {
  return fmt::format("      - {{name: user, upstream: u, path: /user{}}}", extra);
}

TEST(CheckFlows, AGoodOneHasNothingWrong) {
  const std::string text = Flow(kUser);
  EXPECT_THAT(ProblemsOf(text), IsEmpty());
  EXPECT_THAT(WarningsOf(text), IsEmpty());
}

TEST(CheckFlows, WhatIsShownIsReadAgain) {
  const LoadOutcome first = LoadConfig(
      Flow(Node(R"(, method: POST, idempotent: true, body: {a: 5, b: "5", c: true, d: null, e: [x]},
              when: {value: request.query.q, equals: "7"}, retry: {attempts: 3})")),
      "test.yaml");
  ASSERT_TRUE(first.ok()) << FormatProblems(first);
  const std::string shown = ToYaml(first.config);
  const LoadOutcome second = LoadConfig(shown, "shown.yaml");
  ASSERT_TRUE(second.ok()) << FormatProblems(second) << shown;
  EXPECT_EQ(ToYaml(second.config), shown);
  EXPECT_THAT(shown, HasSubstr("b: \"5\""));
  EXPECT_THAT(shown, HasSubstr("a: 5"));
}

TEST(CheckFlows, ACycleIsToldWithItsWayAndPlaces) {
  const std::string text = Flow(R"(      - {name: a, upstream: u, path: "/{{b.body/x}}"}
      - {name: b, upstream: u, path: "/{{c.status}}"}
      - {name: c, upstream: u, path: /c, after: [a]})",
                                R"(    response: {body: {u: "{{a.body}}"}})");
  const LoadOutcome outcome = LoadConfig(text, "test.yaml");
  ASSERT_EQ(outcome.problems.size(), 1U);
  EXPECT_EQ(outcome.problems[0].ToString(),
            "test.yaml:7:9: flows[0].nodes[0]: cycle: a -> b -> c -> a; each waits for the next "
            "(a is at 7:9, b is at 8:9, c is at 9:9)");
}

TEST(CheckFlows, ANodeMayNotReadItself) {
  EXPECT_THAT(ProblemsOf(Flow(R"(      - {name: user, upstream: u, path: "/{{user.body/id}}"})")),
              ElementsAre(HasSubstr("cycle: user -> user")));
}

TEST(CheckFlows, UnknownNamesAreToldWhereTheyStand) {
  const std::string text = Flow(R"(      - name: user
        upstream: uu
        path: /{{usr.body/id}}
        body: {a: {b: "x {{uzer.status}}"}}
        method: POST
        after: [usr])");
  const LoadOutcome outcome = LoadConfig(text, "test.yaml");
  ASSERT_EQ(outcome.problems.size(), 4U) << FormatProblems(outcome);
  EXPECT_EQ(outcome.problems[0].ToString(),
            "test.yaml:8:19: flows[0].nodes[0].upstream: must name one of `upstreams`, got \"uu\"; "
            "did you mean `u`?");
  EXPECT_EQ(outcome.problems[1].ToString(),
            "test.yaml:9:15: flows[0].nodes[0].path: usr.body/id names no node; did you mean "
            "`user`?");
  EXPECT_EQ(outcome.problems[2].ToString(),
            "test.yaml:10:23: flows[0].nodes[0].body.a.b: uzer.status names no node; did you mean "
            "`user`?");
  EXPECT_THAT(outcome.problems[3].ToString(),
              HasSubstr("test.yaml:12:17: flows[0].nodes[0].after"));
}

TEST(CheckFlows, TemplatesAreReadBeforeTheyRun) {
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, headers: {a: "{{nope}}"})"))),
              ElementsAre(HasSubstr("headers.a: \"nope\" is no reference")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, query: {a: "{{user.body"})"))),
              ElementsAre(HasSubstr("query.a: has \"{{\" without \"}}\"")));
  EXPECT_THAT(ProblemsOf(Flow(R"(      - {name: user, upstream: u, path: "u/{{request.path}}"})")),
              ElementsAre(HasSubstr("path: must begin with /")));
  EXPECT_THAT(ProblemsOf(Flow(R"(      - {name: user, upstream: u, path: "/a/../b"})")),
              ElementsAre(HasSubstr("path: must be in normal form, /b")));
  EXPECT_THAT(ProblemsOf(Flow(R"(      - {name: user, upstream: u, path: "/a?x=é"})")),
              ElementsAre(HasSubstr("path: must be visible ASCII")));
}

TEST(CheckFlows, BodiesAndConditionsTellEveryProblem) {
  EXPECT_THAT(
      ProblemsOf(Flow(
          Node(R"(, method: POST, body: {a: "{{x", "{{b}}": 1}, when: {value: user, exists: 1})"))),
      ElementsAre(HasSubstr("a key must have no placehol"), HasSubstr("body.a: has \"{{\""),
                  HasSubstr("when.value: \"user\" is no reference")));
}

TEST(CheckFlows, TypesMustFit) {
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, for_each: {items: request.query.ids})"))),
              ElementsAre(HasSubstr("for_each.items: must lead into a body, where arrays are; "
                                    "request.query.ids is a text")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, for_each: {items: request.body/a})"),
                              R"(    response: {body: {u: "{{user.status}}"}})")),
              ElementsAre(HasSubstr("user.status asks for one answer, but user has one for each")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, query: {i: "{{item/id}}"})"))),
              ElementsAre(HasSubstr("item/id is known only to the templates of a node with for_")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, for_each: {items: request.body/a},
       when: {value: item/id, exists: true})"))),
              ElementsAre(HasSubstr("item/id is known only to the templates of a node with for_")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, when: {value: request.query.n, equals: 5})"))),
              ElementsAre(HasSubstr("is always a text, so it never equals 5")));
}

TEST(CheckFlows, PoliciesMustFitTheCall) {
  EXPECT_THAT(ProblemsOf(Flow(Node(", method: POST, retry: {attempts: 2}, hedge_after: 1ms"))),
              ElementsAre(HasSubstr("retry: needs a call that may be sent twice, and POST may not"),
                          HasSubstr("hedge_after: needs a call that may be sent twice")));
  EXPECT_THAT(ProblemsOf(Flow(Node(", method: POST, idempotent: true, retry: {attempts: 2}"))),
              IsEmpty());
  EXPECT_THAT(ProblemsOf(Flow(Node(", optional: true, fallback: {body: 1}"))),
              ElementsAre(HasSubstr("optional: contradicts `fallback`")));
  EXPECT_THAT(ProblemsOf(Flow(Node(R"(, fallback: {body: "{{request.path}}"})"))),
              ElementsAre(HasSubstr("fallback.body: must have no placeholders")));
  EXPECT_THAT(ProblemsOf(Flow(Node(", body: {a: 1}"))),
              ElementsAre(HasSubstr("body: must not be sent with GET")));
  EXPECT_THAT(ProblemsOf(Flow(Node(", accept: [\"302\"]"))),
              ElementsAre(HasSubstr("accept[0]: must lie within 400..599")));
  EXPECT_THAT(ProblemsOf(Flow(Node(", headers: {Host: a}"))),
              ElementsAre(HasSubstr("headers.host: must not be set here")));
  EXPECT_THAT(ProblemsOf(Flow(Node(", method: CONNECT"))),
              ElementsAre(HasSubstr("method: must be no CONNECT")));
}

TEST(CheckFlows, NamesAreUniqueAndFree) {
  EXPECT_THAT(ProblemsOf(Flow(std::string(kUser) + "\n" + std::string(kUser))),
              ElementsAre(HasSubstr("nodes[1].name: must be unique, got \"user\" twice")));
  EXPECT_THAT(ProblemsOf(Flow("      - {name: request, upstream: u, path: /}",
                              "    response: {status: 204}")),
              ElementsAre(HasSubstr("name: must be 1..64 letters")));
}

TEST(CheckFlows, TheResponseIsCheckedToo) {
  EXPECT_THAT(ProblemsOf(Flow(kUser, R"(    response: {status: 204, body: "{{user.body}}"})")),
              ElementsAre(HasSubstr("response.status: must be one with a body, got 204")));
  EXPECT_THAT(ProblemsOf(Flow(kUser, R"(    response: {status: 99, body: "{{user.body}}"})")),
              ElementsAre(HasSubstr("response.status: must be 200..599, or a placeholder")));
  EXPECT_THAT(ProblemsOf(Flow(kUser, R"(    response: {status: "{{user.status}}"})")), IsEmpty());
  EXPECT_THAT(
      ProblemsOf(Flow(kUser, R"(    response: {headers: {Date: x}, body: "{{user.body}}"})")),
      ElementsAre(HasSubstr("response.headers.date: must not be set here")));
}

TEST(CheckFlows, ACaptureMustBeOfEveryRoute) {
  const std::string nodes = R"(      - {name: user, upstream: u, path: "/{{request.capture.id}}"})";
  EXPECT_THAT(
      ProblemsOf(Flow(nodes)),
      ElementsAre(HasSubstr("routes[0].flow: needs {id} in this route's match.path_templ")));
  EXPECT_THAT(ProblemsOf(Flow(nodes, kResponse, "match: {path_template: \"/u/{id}\"}, flow: f")),
              IsEmpty());
}

TEST(CheckFlows, ARouteSaysWhichFlowAndNothingOfCalls) {
  EXPECT_THAT(ProblemsOf(Flow(kUser, kResponse, "flow: g")),
              ElementsAre(HasSubstr("routes[0].flow: must name one of `flows`, got \"g\"")));
  EXPECT_THAT(
      ProblemsOf(Flow(kUser, kResponse, "flow: f, upstream: u, retry: {}, circuit_breaker: {}")),
      ElementsAre(HasSubstr("upstream: is not read with `flow`"),
                  HasSubstr("retry: is not read with `flow`"),
                  HasSubstr("circuit_breaker: is not read with `flow`")));
}

TEST(CheckFlows, AFlowDoesNotCallItself) {
  const std::string text = "listeners: [{name: l, listen: \"0.0.0.0:9001\"}]\n" +
                           Flow(kUser).substr(Flow(kUser).find('\n') + 1);
  EXPECT_THAT(ProblemsOf(text), ElementsAre(HasSubstr("upstream: would call this flow again")));
}

TEST(CheckFlows, WhatIsProbablyNotMeantIsWarnedOf) {
  EXPECT_THAT(WarningsOf(Flow(std::string(kUser) + "\n      - {name: x, upstream: u, path: /x}")),
              ElementsAre(HasSubstr("nodes[1]: x is never called, because the response does not")));
  EXPECT_THAT(WarningsOf(Flow(std::string(kUser) +
                              "\n      - {name: x, upstream: u, path: /x, effect: true}")),
              IsEmpty());
  EXPECT_THAT(WarningsOf(Flow(kUser, kResponse, "upstream: u")),
              ElementsAre(HasSubstr("flows[0]: flow \"f\" is not used by any route")));
}

TEST(CheckFlows, AFileOfFlowsAloneIsEnoughForDrawing) {
  const std::string text = Flow(kUser);
  const std::size_t first = text.find("upstreams:");
  const std::size_t routes = text.find("routes:");
  const std::string part = text.substr(first, routes - first) + text.substr(text.find("flows:"));
  EXPECT_FALSE(LoadConfig(part, "test.yaml").ok());
  const LoadOutcome outcome = LoadConfig(part, "test.yaml", {.may_lack_routes = true});
  EXPECT_TRUE(outcome.ok()) << FormatProblems(outcome);
  EXPECT_THAT(Said(outcome.warnings), IsEmpty());
}

}  // namespace
}  // namespace sluice::gateway::config
