// The runner against a pass-through: above all, that it fails where it has to.

#include "tests/sim/runner.h"

#include <string>

#include "tests/sim/parse.h"
#include "tests/sim/pass_through.h"
#include "tests/sim/systems.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kGivens =
    "given gateway config\n"
    "  listen 10.0.0.1:8080\n"
    "  forward 10.0.1.1:80\n"
    "given upstream pay at 10.0.1.1:80 answers 200 \"ok\" after 10ms\n"
    "given patience 5s\n";

RunReport Play(const std::string& sentences, std::uint64_t seed = 1) {
  const Result<Scenario> scenario = Parse("x.scenario", std::string(kGivens) + sentences);
  EXPECT_TRUE(scenario.has_value()) << scenario.error().detail;
  if (!scenario) return {};
  return PlayScenario(*scenario, seed, &MakePassThrough);
}

std::vector<std::string> FailuresOf(const std::string& sentences) {
  return Play(sentences).failures;
}

TEST(Runner, IsContentWhenAllIsAsExpected) {
  EXPECT_THAT(FailuresOf("at 0s 3 clients send GET /pay expect 200 \"ok\" from pay within 10ms\n"
                         "finally upstream pay got 3 requests\n"
                         "finally no exchange is in flight\n"),
              IsEmpty());
}

TEST(Runner, TellsThePlaceOfAFailureAndHowItCameToIt) {
  const RunReport report = Play("at 1s 1 client sends GET /pay expect 503\n");

  EXPECT_THAT(report.failures,
              ElementsAre("x.scenario:6: expected 503: got 200 `ok` after 10ms (client 1 of 1)"));
  EXPECT_THAT(report.timeline, HasSubstr("    1.010000000  upstream pay/1 answered 200\n"));
}

TEST(Runner, FailsEachCheckThatDoesNotHold) {
  EXPECT_THAT(
      FailuresOf("at 0s 1 client sends GET /pay\n"
                 "at 1s counter pass_through_connections_total is 2\n"
                 "at 1s counter pass_through_connections_total is at least 2\n"
                 "at 1s counter pass_through_connections_total is at most 0\n"
                 "at 1s counter pass_through_flights_total is 0\n"
                 "at 1s upstream pay got 2 requests\n"
                 "at 1s upstream pay/1 got 0% to 50% of requests\n"
                 "at 1s upstream pay saw \"secret\"\n"
                 "at 1s upstream pay never saw \"GET /pay\"\n"
                 "at 1s upstream pay has at least 1 connections\n"),
      ElementsAre(
          "x.scenario:7: expected pass_through_connections_total to be 2, it is 1",
          "x.scenario:8: expected pass_through_connections_total to be at least 2, it is 1",
          "x.scenario:9: expected pass_through_connections_total to be at most 0, it is 1",
          "x.scenario:10: there is no counter pass_through_flights_total, by its name or its "
          "labels",
          "x.scenario:11: expected upstream pay to have got 2 requests, it got 1",
          "x.scenario:12: expected upstream pay/1 to have got 0% to 50% of requests, it got 1 of 1",
          "x.scenario:13: upstream pay never saw `secret`",
          "x.scenario:14: upstream pay saw `GET /pay`",
          "x.scenario:15: expected upstream pay to have at least 1 connections, it has 0"));
}

TEST(Runner, FailsAnExchangeThatIsStillInFlight) {
  EXPECT_THAT(FailuresOf("at 0s client ann sends GET /pay\n"
                         "at 1s no exchange is in flight\n"),
              ElementsAre("x.scenario:7: 1 exchanges are in flight"));
}

TEST(Runner, FailsAShareWhenNothingWasSent) {
  EXPECT_THAT(FailuresOf("at 1s upstream pay/1 got 0% to 100% of requests\n"),
              ElementsAre(HasSubstr("it got 0 of 0")));
}

TEST(Runner, PassesOnConfigurationsAndReloads) {
  EXPECT_THAT(
      FailuresOf("at 1s reload config\n  forward 10.0.9.9:80\n"
                 "at 2s 1 client sends GET /pay expect reset\n"
                 "at 3s reload config expect problem \"not an address\"\n  forward nowhere\n"
                 "at 4s reload config expect problem \"other\"\n  forward nowhere\n"
                 "at 5s reload config expect problem \"any\"\n  forward 10.0.9.9:80\n"
                 "at 6s reload config\n  forward nowhere\n"),
      ElementsAre(HasSubstr("x.scenario:11: expected a problem with `other`, got: "),
                  HasSubstr("x.scenario:13: expected a problem, and the reload succeeded"),
                  HasSubstr("x.scenario:15: the reload failed: ")));
}

TEST(Runner, TellsWhyASystemDoesNotStart) {
  const Result<Scenario> scenario = Parse("x.scenario", "given gateway config\n  listen here\n");
  ASSERT_TRUE(scenario);

  EXPECT_THAT(PlayScenario(*scenario, /*seed=*/1, &MakePassThrough).failures,
              ElementsAre(HasSubstr("x.scenario: the gateway did not start: ")));
}

TEST(Runner, TellsWhatASystemLeavesOpen) {
  const Result<Scenario> scenario =
      Parse("x.scenario", "given gateway config\n  listen 10.0.0.1:8080\n  leak\nat 1s drain\n");
  ASSERT_TRUE(scenario);

  EXPECT_THAT(PlayScenario(*scenario, /*seed=*/1, &MakePassThrough).failures,
              ElementsAre("x.scenario: after its stop the gateway has left 0 streams, 1 listeners "
                          "and 0 operations open"));
}

TEST(Runner, KeepsTheConnectionOfANamedClient) {
  EXPECT_THAT(FailuresOf("at 0s client ann sends GET /pay expect 200 and keep\n"
                         "at 9s client ann sends GET /pay expect 200\n"
                         "at 9.1s client ann hangs up\n"
                         "at 9.2s client ann sends GET /pay expect 200\n"
                         "at 10s client ann resets\n"
                         "finally counter pass_through_connections_total is 2\n"),
              IsEmpty());
}

TEST(Runner, ReconnectsANamedClientWhoseConnectionEnded) {
  EXPECT_THAT(FailuresOf("at 0s client ann sends GET /pay expect 200\n"
                         "at 1s connections to pay are reset\n"
                         "at 2s client ann sends GET /pay expect 200\n"
                         "finally counter pass_through_connections_total is 2\n"),
              IsEmpty());
}

TEST(Runner, FailsClientsThatAreBusyOrUnknown) {
  EXPECT_THAT(FailuresOf("at 0s client ann sends GET /pay\n"
                         "at 0s client ann sends GET /pay\n"
                         "at 0s client bob hangs up\n"),
              ElementsAre("x.scenario:7: client ann still waits for its last answer",
                          "x.scenario:8: client bob has sent nothing yet"));
}

TEST(Runner, SendsRawBytesPieceByPiece) {
  EXPECT_THAT(FailuresOf(R"(at 0s client ann sends raw "GET /raw HT"
at 1s client ann sends raw "TP/1.1\r\n\r\n" expect 200 within 10ms
at 2s client ann ends sending
finally upstream pay saw "GET /raw HTTP/1.1"
)"),
              IsEmpty());
}

TEST(Runner, SendsAndReadsSlowly) {
  EXPECT_THAT(
      FailuresOf("at 0s 1 client sends POST /pay with body \"0123456789\" in pieces of 1 every "
                 "10ms expect 200 not before 500ms\n"
                 "at 9s 1 client sends GET /pay reading 10 every 100ms expect 200 not before "
                 "500ms\n"),
      IsEmpty());
}

TEST(Runner, WaitsForAContinueButNotForEver) {
  EXPECT_THAT(FailuresOf("at 0s 1 client sends POST /pay with header \"Expect: 100-continue\" "
                         "with body \"x\" expect 200 not before 1s within 1.02s\n"),
              IsEmpty());
}

TEST(Runner, LetsClientsHangUp) {
  EXPECT_THAT(FailuresOf("at 0s upstream pay stops answering\n"
                         "at 0s 2 clients send GET /pay and hang up after 100ms\n"
                         "at 1s no exchange is in flight\n"),
              IsEmpty());
}

TEST(Runner, RepeatsAndSpreadsRequestsOverTime) {
  EXPECT_THAT(FailuresOf("at 0s 4 clients send GET /pay every 1s expect 200\n"
                         "at 0s loop 10 times every 100ms\n"
                         "  1 client sends GET /pay expect 200\n"
                         "at 950ms upstream pay got 11 requests\n"
                         "finally upstream pay got 14 requests\n"),
              IsEmpty());
}

TEST(Runner, SendsFromOtherHostsToOtherAddresses) {
  EXPECT_THAT(FailuresOf("at 0s host 192.0.2.1 is dropped\n"
                         "at 0s 1 client sends GET /pay from 192.0.2.1 expect no answer\n"
                         "at 0s 1 client sends GET /pay to 10.0.1.1:80 expect 200\n"
                         "at 0s 1 client sends GET /pay to 10.0.1.1:81 expect refused\n"
                         "at 9s host 192.0.2.1 is back\n"
                         "at 9s 1 client sends GET /pay from 192.0.2.1 expect 200\n"
                         "finally counter pass_through_connections_total is 1\n"),
              IsEmpty());
}

TEST(Runner, CallsTheAdminListener) {
  EXPECT_THAT(FailuresOf("at 0s admin GET /healthz expect refused\n"
                         "at 0s admin GET /healthz expect 200\n"
                         "at 0s breaker pay force_open\n"),
              ElementsAre("x.scenario:7: expected 200: got refused after 0ns",
                          "x.scenario:8: expected 2xx: got refused after 0ns"));
}

TEST(Runner, SwitchesTheWorld) {
  EXPECT_THAT(FailuresOf("at 0s link to pay has latency 100ms\n"
                         "at 0s link to gateway has latency 10ms\n"
                         "at 0s 1 client sends GET /pay expect 200 not before 450ms within 450ms\n"
                         "at 1s gateway has room for 0 streams\n"
                         "at 1s 1 client sends GET /pay expect no answer\n"
                         "at 7s gateway has room for 10 streams\n"
                         "at 8s wall clock steps +1h\n"
                         "at 8s name pay.local is 10.0.1.1\n"
                         "at 8s name pay.local fails\n"
                         "at 8s name pay.local is silent\n"
                         "at 8s name pay.local is gone\n"
                         "at 8s fault archive.write strikes 1 times\n"
                         "at 8s fault archive.write heals\n"),
              IsEmpty());
}

TEST(Runner, PlaysTheSameSeedTheSameWay) {
  const std::string sentences =
      "at 0s upstream pay answers 200 but 503 to 50%\n"
      "at 0s loop 100 times every 1ms\n"
      "  3 clients send GET /pay\n";
  const RunReport first = Play(sentences, /*seed=*/5);
  const RunReport second = Play(sentences, /*seed=*/5);
  const RunReport other = Play(sentences, /*seed=*/6);

  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.timeline, second.timeline);
  EXPECT_NE(first.trace_hash, other.trace_hash);
}

TEST(Runner, PlaysThousandsOfRequestsInAMoment) {
  EXPECT_THAT(FailuresOf("at 0s loop 1000 times every 10ms\n"
                         "  5 clients send GET /pay expect 200\n"
                         "finally upstream pay got 5000 requests\n"),
              IsEmpty());
}

// A Poisson process of mean rate 1 a second: what falls into the first 200 s has the mean 200 and
// the standard deviation 14; evenly it would be 201 whatever the seed.
TEST(Runner, BringsARandomLoadAtTheAskedRate) {
  const auto play = [](std::uint64_t seed, int within_s) {
    return Play(fmt::format("at 0s 300 clients send GET /pay every 1s at random\n"
                            "at {}s upstream pay got at least 200 requests\n",
                            within_s),
                seed)
        .failures;
  };
  EXPECT_THAT(play(/*seed=*/1, 260), IsEmpty());
  EXPECT_THAT(play(/*seed=*/2, 260), IsEmpty());
  EXPECT_THAT(play(/*seed=*/1, 140), SizeIs(1));
  EXPECT_THAT(play(/*seed=*/2, 140), SizeIs(1));
  EXPECT_NE(play(/*seed=*/1, 140), play(/*seed=*/2, 140));  // Other seeds, other arrivals.
}

TEST(Systems, AreFoundByName) {
  EXPECT_NE(FindSystem("pass_through"), nullptr);
  EXPECT_EQ(FindSystem("other"), nullptr);
}

}  // namespace
}  // namespace sluice::scenario
