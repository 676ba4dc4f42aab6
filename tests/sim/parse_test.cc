#include "tests/sim/parse.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

using namespace std::chrono_literals;

Scenario Read(std::string_view text) {
  Result<Scenario> scenario = Parse("x.scenario", text);
  EXPECT_TRUE(scenario.has_value()) << scenario.error().detail;
  return scenario.value_or(Scenario());
}

std::string ProblemsOf(std::string_view text) {
  const Result<Scenario> scenario = Parse("x.scenario", text);
  return scenario ? std::string() : scenario.error().detail;
}

// An action of a scenario with one upstream, `pay`, of two endpoints.
template <typename Kind>
Kind ReadAction(const std::string& sentence) {
  const Scenario scenario =
      Read("given upstream pay with 2 endpoints answers 200\nat 1s " + sentence);
  EXPECT_EQ(scenario.steps.size(), 1U);
  const Kind* action = std::get_if<Kind>(&scenario.steps.at(0).action);
  EXPECT_NE(action, nullptr);
  return action == nullptr ? Kind() : *action;
}

TEST(Parse, ReadsTheExampleOfTheStyleGuide) {
  const Scenario scenario = Read(R"(
# A dead upstream must cost clients 5 slow answers, not 5 seconds each for ever.
given upstream pay answers 200 after 10ms
given breaker pay opens after 5 failures, probes after 2s
given fallback for /pay is 200 {"queued":true}

at 0s     upstream pay stops answering
at 0s     5 clients send GET /pay       expect 200 {"queued":true} within 1s each   # our deadline
at 1.1s   1 client  sends GET /pay      expect 200 {"queued":true} within 1ms       # open
at 2.5s   upstream pay answers 200 after 10ms
at 3.2s   1 client  sends GET /pay      expect 200 from pay                         # the probe
at 3.3s   20 clients send GET /pay      expect 200 from pay
finally   counter sluice_breaker_opened_total{upstream="pay"} is 1
finally   no exchange is in flight
)");

  ASSERT_EQ(scenario.upstreams.size(), 1U);
  EXPECT_EQ(scenario.upstreams[0].endpoints, std::vector{Address::Ipv4({10, 0, 1, 1}, 80)});
  EXPECT_EQ(scenario.upstreams[0].behaviour.delay, 10ms);
  ASSERT_EQ(scenario.breakers.size(), 1U);
  EXPECT_EQ(scenario.breakers[0].failures, 5);
  EXPECT_EQ(scenario.breakers[0].wait, 2s);
  ASSERT_EQ(scenario.fallbacks.size(), 1U);
  EXPECT_EQ(scenario.fallbacks[0].body, R"({"queued":true})");
  ASSERT_EQ(scenario.steps.size(), 6U);
  const auto& five = std::get<SendRequests>(scenario.steps[1].action);
  EXPECT_EQ(five.clients, 5U);
  EXPECT_EQ(five.expectation->within, 1s);
  EXPECT_EQ(five.expectation->body, R"({"queued":true})");
  EXPECT_EQ(scenario.steps[2].at, 1100ms);
  EXPECT_EQ(scenario.steps[2].line, 9);
  EXPECT_EQ(std::get<SendRequests>(scenario.steps[5].action).expectation->from, "pay");
  ASSERT_EQ(scenario.finals.size(), 2U);
  const auto& counter = std::get<CheckCounter>(scenario.finals[0].action);
  EXPECT_EQ(counter.series, "sluice_breaker_opened_total{upstream=\"pay\"}");
  EXPECT_EQ(counter.value, 1);
}

TEST(Parse, OrdersStepsByTimeAndKeepsTheOrderOfOneMoment) {
  const Scenario scenario = Read("at 2s drain\nat 1s wall clock steps -1h\nat 1s drain\n");

  ASSERT_EQ(scenario.steps.size(), 3U);
  EXPECT_EQ(scenario.steps[0].line, 2);
  EXPECT_EQ(scenario.steps[1].line, 3);
  EXPECT_EQ(scenario.steps[2].line, 1);
}

TEST(Parse, TakesTheConfigurationAsItStands) {
  const Scenario scenario = Read(
      "given gateway config\n"
      "    listeners:\n"
      "      - {listen: x}  # kept\n"
      "\n"
      "    routes: []\n"
      "\n"
      "at 1s reload config\n"
      "  other: 1\n");

  EXPECT_EQ(scenario.config, "listeners:\n  - {listen: x}  # kept\n\nroutes: []\n");
  EXPECT_EQ(std::get<Reload>(scenario.steps[0].action).config, "other: 1\n");
}

TEST(Parse, JoinsLinesThatEndInABackslash) {
  const Scenario scenario = Read("at 1s \\\n  client ann sends GET / \\\n  expect 200\n");

  const auto& send = std::get<SendRequests>(scenario.steps.at(0).action);
  EXPECT_EQ(send.client, "ann");
  EXPECT_TRUE(send.expectation);
}

TEST(Parse, ReadsPlacesNamesAndFaultsThatAreGiven) {
  const Scenario scenario = Read(R"(
given gateway at 10.0.0.1:8081
given admin at 10.0.0.1:7071
given link latency 2ms
given patience 3s
given name pay.local is 10.0.1.1, 10.0.1.2 for 5s
given fault archive.write strikes 2 times in 50% of cases after 3 cases
given upstream pay at 10.0.1.1:9001, unix:/pay answers 200
given timeout for /pay is 250ms
given limit for /pay is 10 per 1s, burst 20
)");

  EXPECT_EQ(scenario.gateway.port(), 8081);
  EXPECT_EQ(scenario.admin.port(), 7071);
  EXPECT_EQ(scenario.latency, 2ms);
  EXPECT_EQ(scenario.patience, 3s);
  ASSERT_EQ(scenario.givens.size(), 2U);
  const auto& name = std::get<SetName>(scenario.givens[0].action);
  EXPECT_EQ(name.host, "pay.local");
  EXPECT_EQ(name.answer.addresses.size(), 2U);
  EXPECT_EQ(name.answer.time_to_live, 5s);
  const auto& fault = std::get<SetFaultPoint>(scenario.givens[1].action);
  EXPECT_EQ(fault.options->times, 2U);
  EXPECT_EQ(fault.options->probability, 0.5);
  EXPECT_EQ(fault.options->after, 3U);
  EXPECT_EQ(scenario.upstreams[0].endpoints[1], Address::Unix("/pay"));
  EXPECT_EQ(scenario.timeouts[0].timeout, 250ms);
  EXPECT_EQ(scenario.limits[0].limit, 10);
  EXPECT_EQ(scenario.limits[0].burst, 20);
}

TEST(Parse, ReadsAllThatAClientMaySend) {
  const auto send = ReadAction<SendRequests>(
      R"(3 clients send PUT /x?y=1 with header "a: b" with header "c: d" with body "text" chunked )"
      R"(to 10.0.0.1:81 from 192.0.2.1 every 5ms at random in pieces of 2 every 1s )"
      R"(reading 3 every 2s and hang up after 4s)");

  EXPECT_EQ(send.clients, 3U);
  EXPECT_EQ(send.method, "PUT");
  EXPECT_EQ(send.target, "/x?y=1");
  EXPECT_EQ(send.headers, (std::vector<Header>{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(send.body, "text");
  EXPECT_TRUE(send.chunked);
  EXPECT_EQ(send.to->port(), 81);
  EXPECT_EQ(send.from_host->ToString(), "192.0.2.1:0");
  EXPECT_EQ(send.every, 5ms);
  EXPECT_TRUE(send.at_random);
  EXPECT_EQ(send.piece_bytes, 2U);
  EXPECT_EQ(send.piece_every, 1s);
  EXPECT_EQ(send.read_bytes, 3U);
  EXPECT_EQ(send.read_every, 2s);
  EXPECT_EQ(send.hang_up_after, 4s);
  EXPECT_FALSE(send.expectation);
}

TEST(Parse, ReadsAllThatMayBeExpected) {
  const auto send = ReadAction<SendRequests>(
      R"(client ann sends GET / expect 5xx "body" containing "od" with body of 4 from pay/2 )"
      R"(within 2s not before 1s each with header "a: b" with header "c" without header "d" )"
      R"(and close)");
  const Expectation& expectation = *send.expectation;

  EXPECT_EQ(send.client, "ann");
  EXPECT_EQ(expectation.all->status_min, 500);
  EXPECT_EQ(expectation.all->status_max, 599);
  EXPECT_EQ(expectation.body, "body");
  EXPECT_EQ(expectation.containing, "od");
  EXPECT_EQ(expectation.body_bytes, 4U);
  EXPECT_EQ(expectation.from, "pay/2");
  EXPECT_EQ(expectation.within, 2s);
  EXPECT_EQ(expectation.not_before, 1s);
  EXPECT_EQ(expectation.with_headers, (std::vector<Header>{{"a", "b"}, {"c", ""}}));
  EXPECT_EQ(expectation.without_headers, std::vector<std::string>{"d"});
  EXPECT_EQ(expectation.closes, true);
}

TEST(Parse, ReadsCountsOfOutcomes) {
  const auto send =
      ReadAction<SendRequests>("10 clients send GET / expect 7x 200 and 2x 429 and 1x no answer");

  ASSERT_EQ(send.expectation->counts.size(), 3U);
  EXPECT_EQ(send.expectation->counts[0].first, 7U);
  EXPECT_EQ(send.expectation->counts[1].second.status_min, 429);
  EXPECT_EQ(send.expectation->counts[2].second.ending, Ending::kNoAnswer);
}

TEST(Parse, ReadsEveryOtherOutcome) {
  const auto ending = [](const std::string& word) {
    return ReadAction<SendRequests>("1 client sends GET / expect " + word).expectation->all->ending;
  };

  EXPECT_EQ(ending("refused"), Ending::kRefused);
  EXPECT_EQ(ending("reset"), Ending::kReset);
  EXPECT_EQ(ending("closed"), Ending::kClosed);
  EXPECT_EQ(ending("malformed"), Ending::kMalformed);
  EXPECT_EQ(ending("no answer"), Ending::kNoAnswer);
}

TEST(Parse, ReadsRawBytesAndActsOfClients) {
  EXPECT_EQ(ReadAction<SendRequests>(R"(client ann sends raw "GET\r\n")").raw, "GET\r\n");
  EXPECT_EQ(ReadAction<ClientAct>("client ann hangs up").kind, ClientAct::Kind::kHangsUp);
  EXPECT_EQ(ReadAction<ClientAct>("client ann resets").kind, ClientAct::Kind::kResets);
  EXPECT_EQ(ReadAction<ClientAct>("client ann ends sending").kind, ClientAct::Kind::kEndsSending);
}

TEST(Parse, ReadsAllThatAnUpstreamMayAnswer) {
  const Behaviour answer =
      ReadAction<SetUpstream>(
          R"(upstream pay/2 answers 201 "made" after 1s with header "a: b" chunked and closes )"
          R"(in pieces of 2 every 3s but 500 to 10%)")
          .behaviour;
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "made");
  EXPECT_EQ(answer.delay, 1s);
  EXPECT_EQ(answer.headers, (std::vector<Header>{{"a", "b"}}));
  EXPECT_TRUE(answer.chunked);
  EXPECT_TRUE(answer.closes_after);
  EXPECT_EQ(answer.piece_bytes, 2U);
  EXPECT_EQ(answer.piece_every, 3s);
  EXPECT_EQ(answer.failing_status, 500);
  EXPECT_DOUBLE_EQ(answer.failing_ratio, 0.1);

  const Behaviour cut =
      ReadAction<SetUpstream>("upstream pay answers 200 with body of 9 and resets after 5")
          .behaviour;
  EXPECT_EQ(cut.body, "abcdefghi");
  EXPECT_EQ(cut.cut_after, 5U);
  EXPECT_TRUE(cut.cut_by_reset);
  EXPECT_FALSE(ReadAction<SetUpstream>("upstream pay answers 200 and closes after 5")
                   .behaviour.cut_by_reset);
}

TEST(Parse, ReadsAllThatAnUpstreamMayDo) {
  const auto kind = [](const std::string& does) {
    return ReadAction<SetUpstream>("upstream pay " + does).behaviour.kind;
  };

  EXPECT_EQ(kind("answers raw \"HTTP\""), Behaviour::Kind::kAnswersRaw);
  EXPECT_EQ(kind("stops answering"), Behaviour::Kind::kStopsAnswering);
  EXPECT_EQ(kind("refuses connections"), Behaviour::Kind::kRefuses);
  EXPECT_EQ(kind("goes silent"), Behaviour::Kind::kSilent);
  EXPECT_EQ(kind("accepts connections"), Behaviour::Kind::kAccepts);
}

TEST(Parse, ReadsChecksOfUpstreams) {
  EXPECT_EQ(ReadAction<CheckRequests>("upstream pay got 1 request").count, 1U);
  EXPECT_EQ(ReadAction<CheckRequests>("upstream pay got at least 2 requests").comparison,
            Comparison::kAtLeast);
  EXPECT_EQ(ReadAction<CheckShare>("upstream pay/1 got 40% to 60% of requests").ratio_max, 0.6);
  EXPECT_TRUE(ReadAction<CheckSaw>("upstream pay saw \"x\"").saw);
  EXPECT_FALSE(ReadAction<CheckSaw>("upstream pay never saw \"x\"").saw);
  EXPECT_EQ(ReadAction<CheckConnections>("upstream pay has at most 3 connections").count, 3U);
}

TEST(Parse, ReadsWhatHappensToTheWorld) {
  EXPECT_EQ(ReadAction<AdminCall>("breaker pay force_open").target,
            "/api/v1/breakers/pay/force_open");
  const auto call = ReadAction<AdminCall>(
      R"(admin POST /api/v1/config with body {"a":1} expect 200 containing "ok")");
  EXPECT_EQ(call.body, R"({"a":1})");
  EXPECT_EQ(call.containing, "ok");
  EXPECT_EQ(ReadAction<SetLatency>("link to pay has latency 2s").latency, 2s);
  EXPECT_EQ(ReadAction<SetLatency>("link to gateway has latency 2s").upstream.name, "");
  EXPECT_TRUE(ReadAction<SetHost>("host 10.0.0.1 is dropped").dropped);
  EXPECT_FALSE(ReadAction<SetHost>("host 10.0.0.1 is back").dropped);
  EXPECT_EQ(ReadAction<ResetConnections>("connections to pay/2 are reset").upstream.endpoint, 2U);
  EXPECT_EQ(ReadAction<LimitStreams>("gateway has room for 5 streams").streams_max, 5U);
  EXPECT_EQ(ReadAction<StepWallClock>("wall clock steps +1h").step, 1h);
  EXPECT_FALSE(ReadAction<SetFaultPoint>("fault x heals").options);
  EXPECT_EQ(ReadAction<SetName>("name a fails").kind, SetName::Kind::kFails);
  EXPECT_EQ(ReadAction<SetName>("name a is silent").kind, SetName::Kind::kSilent);
  EXPECT_EQ(ReadAction<SetName>("name a is gone").kind, SetName::Kind::kGone);
  EXPECT_EQ(ReadAction<Reload>("reload config expect problem \"line 3\"\n  x: 1").expected_problem,
            "line 3");
}

TEST(Parse, ReadsLoopsWithTheLinesOfTheirSentences) {
  const auto loop = ReadAction<Repeat>(
      "loop 1000 times every 10ms\n"
      "    1 client sends GET /a\n"
      "\n"
      "    reload config\n"
      "      x: 1\n");

  EXPECT_EQ(loop.times, 1000U);
  EXPECT_EQ(loop.every, 10ms);
  ASSERT_EQ(loop.steps.size(), 2U);
  EXPECT_EQ(loop.steps[0].line, 3);
  EXPECT_EQ(loop.steps[1].line, 5);
  EXPECT_EQ(std::get<Reload>(loop.steps[1].action).config, "x: 1\n");
}

TEST(Parse, TellsAllProblemsAtOnceEachWithItsLine) {
  EXPECT_EQ(ProblemsOf("given upstream pay answers 200\n"
                       "at 1 drain\n"
                       "at 1s upstream pya stops answering\n"
                       "sometimes drain\n"),
            "x.scenario:2: expected a time with a unit such as 250ms or 1.5s, got `1`\n"
            "x.scenario:4: a sentence begins with given, at or finally, got `sometimes`\n"
            "x.scenario:3: there is no upstream `pya`");
}

TEST(Parse, TellsEachProblem) {
  const std::pair<const char*, const char*> wrongs[] = {
      {"given gateway config\n", ":1: indented lines are missing below"},
      {"at 1s drain\n  x\n", ":1: nothing that is indented belongs to this sentence"},
      {"at 1s drain now\n", ":1: `now` is not understood here"},
      {"at 1s\n", ":1: a sentence ends too early"},
      {"at 1s dance\n", ":1: `dance` is not understood here"},
      {"given weather fine\n", ":1: `weather` is not something to be given"},
      {"given upstream a answers 200\ngiven upstream a answers 200\n",
       ":2: there is an upstream `a` already"},
      {"given upstream a with 0 endpoints answers 200\n", ":1: an upstream has 1 to 250 endpoints"},
      {"given upstream a dances\n", ":1: `dances`: an upstream answers, stops answering"},
      {"given upstream a answers 20\n", ":1: a status has three digits"},
      {"given upstream a answers 200\nat 1s connections to a/2 are reset\n",
       ":2: upstream `a` has 1 endpoints"},
      {"at 1s connections to a/0 are reset\n", ":1: `a/0`: an endpoint is a number from 1"},
      {"at 1s 1 client sends GET / expect 200 from a\n", ":1: there is no upstream `a`"},
      {"at 1s 0 clients send GET /\n", ":1: there must be a client"},
      {"at 1s 3 clients send GET / expect 1x 200 and 1x 429\n",
       ":1: 2 outcomes are expected of 3 clients"},
      {"at 1s 2 clients send GET / expect 1x 200 and 503\n",
       ":1: expected a part such as 8x, got `503`"},
      {"at 1s 1 client sends GET / expect well\n", ":1: expected a status, a class such as 5xx"},
      {"at 1s client ann dances\n", ":1: `dances`: a client sends, hangs up, resets"},
      {"at 1s breaker pay melt\n",
       ":1: a breaker is told force_open, disable, metrics_only, close or reset, got `melt`"},
      {"at 1s loop 2 times every 1s\n  dance\n", ":2: `dance` is not understood here"},
      {"at 1s loop 2 times every 1s\n  drain\n    x\n",
       ":2: nothing that is indented belongs here"},
      {"given timeout for /pay is 1s\n", ":1: there is no upstream for `/pay`"},
      {"given gateway config\n  x\ngiven upstream pay answers 200\ngiven timeout for /pay is 1s\n",
       ":4: this sentence is for a written configuration"},
  };
  for (const auto& [text, problem] : wrongs) {
    SCOPED_TRACE(text);
    EXPECT_THAT(ProblemsOf(text), testing::HasSubstr(std::string("x.scenario") + problem));
  }
}

}  // namespace
}  // namespace sluice::scenario
