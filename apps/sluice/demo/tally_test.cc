#include "demo/tally.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

Sample Told(int status, std::string body, std::string reason = "", Nanos latency = 10ms) {
  return {.phase = 0,
          .due = Nanos(0),
          .answer = {.status = status,
                     .failure = {},
                     .latency = latency,
                     .reason = std::move(reason),
                     .body = std::move(body)}};
}

TEST(Tally, TellsRefusalsOfARuleFromFailures) {
  const std::vector<Sample> samples = {
      Told(201, "{}"),
      Told(503, "{}", "concurrency/bookings"),
      Told(503, "{}", "concurrency/bookings"),
      Told(502, R"({"error":"connect_failed"})", "upstream_connect_failed"),
      Told(503, R"({"error":"inventory is not available"})"),
      {.phase = 0, .due = Nanos(0), .answer = {.failure = "timeout"}},
  };
  const Tally tally = CountPhase(samples, 0);
  EXPECT_EQ(tally.asked, 6U);
  EXPECT_EQ(tally.good, 1U);
  EXPECT_EQ(tally.refused, 2U);
  EXPECT_EQ(tally.failed, 3U);
  EXPECT_THAT(tally.refusals, ElementsAre(Pair("concurrency/bookings", 2U)));
  EXPECT_THAT(tally.failures, ElementsAre(Pair("502 connect_failed", 1U),
                                          Pair("503 inventory is not available", 1U),
                                          Pair("no answer: timeout", 1U)));
}

TEST(Tally, DegradedIsWhatTheServiceOrTheGatewaySays) {
  EXPECT_TRUE(IsDegraded(Told(201, R"({"degraded":["coupons"]})").answer));
  EXPECT_FALSE(IsDegraded(Told(201, R"({"degraded":[]})").answer));
  EXPECT_FALSE(IsDegraded(Told(200, "no JSON").answer));
  Answer substitute{.status = 200, .body = "{}"};
  substitute.degraded = "static";
  EXPECT_TRUE(IsDegraded(substitute));
  const Tally tally = CountPhase({Told(201, R"({"degraded":["risk"]})"), Told(201, "{}")}, 0);
  EXPECT_EQ(tally.degraded, 1U);
}

TEST(Tally, LatenciesAreThoseOfTheServed) {
  std::vector<Sample> samples;
  for (int i = 1; i <= 100; ++i)
    samples.push_back(Told(200, "{}", "", std::chrono::milliseconds(i)));
  samples.push_back(Told(504, "{}", "", 900ms));
  samples.push_back(Told(503, "{}", "concurrency/bookings", 300ms));
  const Tally tally = CountPhase(samples, 0);
  EXPECT_EQ(tally.p50, 50ms);
  EXPECT_EQ(tally.p99, 99ms);
  EXPECT_EQ(tally.slowest, 900ms) << "of all";
  EXPECT_EQ(tally.refused_p99, 300ms) << "of the refused";
  EXPECT_DOUBLE_EQ(tally.PerSecond(tally.good, 2s), 50.0);
}

TEST(Tally, CountsOnePhase) {
  std::vector<Sample> samples = {Told(200, "{}"), Told(200, "{}")};
  samples[1].phase = 1;
  EXPECT_EQ(CountPhase(samples, 1).asked, 1U);
  EXPECT_EQ(CountPhase({}, 0).p99, Nanos(0));
  EXPECT_EQ(CountPhase({}, 0).refused_p99, Nanos(0));
}

}  // namespace
}  // namespace sluice::demo
