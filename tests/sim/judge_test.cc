#include "tests/sim/judge.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Answer Answered(int status, std::string body = {}) {
  Answer answer{.ending = Ending::kAnswered, .took = 5ms};
  answer.message.status = status;
  answer.message.headers = {{"x-answered-by", "pay/2"}, {"a", "b"}};
  answer.message.body = std::move(body);
  return answer;
}

Expectation Expected(int status) {
  return {.all = Outcome{.status_min = status, .status_max = status}};
}

TEST(Judge, IsContentWithWhatIsExpected) {
  Expectation expectation = Expected(200);
  expectation.body = "yes";
  expectation.containing = "es";
  expectation.body_bytes = 3;
  expectation.from = "pay";
  expectation.within = 5ms;
  expectation.not_before = 5ms;
  expectation.with_headers = {{"A", "b"}, {"x-answered-by", ""}};
  expectation.without_headers = {"c"};
  expectation.closes = false;

  EXPECT_THAT(Judge(expectation, {Answered(200, "yes"), Answered(200, "yes")}), IsEmpty());
  expectation.from = "pay/2";
  EXPECT_THAT(Judge(expectation, {Answered(200, "yes")}), IsEmpty());
}

TEST(Judge, TellsWhichClientGotWhat) {
  EXPECT_THAT(Judge(Expected(200), {Answered(200), Answered(503, "no")}),
              ElementsAre("expected 200: got 503 `no` after 5ms (client 2 of 2)"));
}

TEST(Judge, TellsTheReasonThatTheGatewayGave) {
  Answer answer = Answered(429);
  answer.message.headers.emplace_back("x-sluice-reason", "rate_limit/x");

  EXPECT_THAT(Judge(Expected(200), {answer}),
              ElementsAre(HasSubstr("got 429 (rate_limit/x) after 5ms")));
}

TEST(Judge, TellsEachThingThatIsNotAsExpected) {
  const auto complaint = [](auto change) {
    Expectation expectation = Expected(200);
    change(expectation);
    const std::vector<std::string> problems = Judge(expectation, {Answered(200, "yes")});
    return problems.size() == 1 ? problems[0] : std::string();
  };

  EXPECT_THAT(complaint([](Expectation& e) { e.body = "no"; }),
              HasSubstr("expected body `no`, got `yes`"));
  EXPECT_THAT(complaint([](Expectation& e) { e.containing = "no"; }),
              HasSubstr("expected a body containing `no`"));
  EXPECT_THAT(complaint([](Expectation& e) { e.body_bytes = 4; }),
              HasSubstr("expected a body of 4 bytes, got 3"));
  EXPECT_THAT(complaint([](Expectation& e) { e.from = "pa"; }),
              HasSubstr("expected from pa, got it from pay/2"));
  EXPECT_THAT(complaint([](Expectation& e) { e.within = 4ms; }), HasSubstr("within 4ms"));
  EXPECT_THAT(complaint([](Expectation& e) { e.not_before = 6ms; }), HasSubstr("not before 6ms"));
  EXPECT_THAT(complaint([](Expectation& e) { e.with_headers = {{"a", "c"}}; }),
              HasSubstr("expected header `a: c`, got `b`"));
  EXPECT_THAT(complaint([](Expectation& e) { e.with_headers = {{"c", ""}}; }),
              HasSubstr("expected header `c: …`, got `none`"));
  EXPECT_THAT(complaint([](Expectation& e) { e.without_headers = {"A"}; }),
              HasSubstr("expected no header `A`, got `b`"));
  EXPECT_THAT(complaint([](Expectation& e) { e.closes = true; }),
              HasSubstr("expected the connection to close"));
}

TEST(Judge, TellsAConnectionThatClosesUnexpectedly) {
  Expectation expectation = Expected(200);
  expectation.closes = false;
  Answer answer = Answered(200);
  answer.closes = true;

  EXPECT_THAT(Judge(expectation, {answer}), ElementsAre(HasSubstr("connection to stay")));
}

TEST(Judge, CountsOutcomes) {
  const Expectation expectation{
      .counts = {{1, {.status_min = 200, .status_max = 200}}, {1, {.ending = Ending::kReset}}}};

  EXPECT_THAT(Judge(expectation, {Answered(200), {.ending = Ending::kReset}}), IsEmpty());
  EXPECT_THAT(Judge(expectation, {Answered(200), Answered(200)}),
              ElementsAre("expected 1x 200, got 2 of 2", "expected 1x reset, got 0 of 2"));
}

TEST(Judge, TellsEveryEnding) {
  const auto told = [](Ending ending) { return Tell(Answer{.ending = ending, .took = 1500ms}); };

  EXPECT_EQ(told(Ending::kRefused), "refused after 1.5s");
  EXPECT_EQ(told(Ending::kReset), "reset after 1.5s");
  EXPECT_EQ(told(Ending::kClosed), "closed after 1.5s");
  EXPECT_EQ(told(Ending::kNoAnswer), "no answer after 1.5s");
  EXPECT_EQ(told(Ending::kGaveUp), "gave up after 1.5s");
  EXPECT_EQ(Tell(Answer{.ending = Ending::kMalformed, .took = 2us, .problem = "why"}),
            "malformed (why) after 2us");
}

TEST(Judge, ShortensLongBodies) {
  EXPECT_LT(Tell(Answered(200, std::string(100'000, 'x'))).size(), 250U);
}

}  // namespace
}  // namespace sluice::scenario
