// The tap of the whole gateway, in simulated time: what is in the file afterwards.

#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "tests/sim/gateway_system.h"
#include "tests/sim/parse.h"
#include "tests/sim/runner.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/traffic/archive/recording_reader.h"

namespace sluice::scenario {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using traffic::archive::RecordingEntry;
using traffic::archive::RecordingReader;
using wire::recording::RecordedExchange;

class RecordingSim : public testing::Test {
 protected:
  RecordingSim()
      : path_(testing::TempDir() + "sim_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".db") {
    RemoveFiles();
  }
  ~RecordingSim() override { RemoveFiles(); }

  // Plays `sentences` with `record` (its members) in the configuration, and reads what is left.
  std::vector<RecordedExchange> Play(const std::string& record, const std::string& sentences) {
    const std::string text = fmt::format(
        "given upstream shop at 10.0.1.1:80 answers 200 \"ok\" after 5ms\n"
        "given upstream sick at 10.0.2.1:80 answers 500\n"
        "given gateway config\n"
        "  admin: {{listen: \"127.0.0.1:7070\"}}\n"
        "  listeners: [{{name: public, listen: \"10.0.0.1:8080\"}}]\n"
        "  upstreams: [{{name: shop, endpoints: [\"10.0.1.1:80\"]}}, {{name: sick, endpoints: "
        "[\"10.0.2.1:80\"]}}]\n"
        "  routes:\n"
        "    - {{name: sick, match: {{path_prefix: /sick}}, upstream: sick}}\n"
        "    - {{name: own, match: {{path_prefix: /own}}, action: deny}}\n"
        "    - {{name: all, upstream: shop}}\n"
        "  record: {{path: {}, {}}}\n{}",
        path_, record, sentences);
    const Result<Scenario> scenario = Parse("recording", text);
    EXPECT_TRUE(scenario) << scenario.error().detail;
    const RunReport report = PlayScenario(*scenario, 1, &MakeGateway);
    EXPECT_THAT(report.failures, IsEmpty()) << report.timeline;
    std::vector<RecordedExchange> exchanges;
    const auto reader = *RecordingReader::Open(path_);
    for (const RecordingEntry& entry : reader->List({}).entries)
      exchanges.push_back(*reader->Load(entry.id));
    return exchanges;
  }

 private:
  void RemoveFiles() const {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((path_ + suffix).c_str());
  }
  std::string path_;
};

TEST_F(RecordingSim, AnExchangeIsThereWithEverythingAboutIt) {
  const std::vector<RecordedExchange> exchanges = Play(
      "masking: {}",
      "at 0s 1 client sends POST /pay?token=t0ken with header \"Authorization: Bearer s3cret\" "
      "with header \"Host: shop.test\" with header \"traceparent: "
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\" with body \"4111111111111111\" "
      "expect 200 \"ok\"\n");
  ASSERT_EQ(exchanges.size(), 1U);
  const RecordedExchange& exchange = exchanges[0];
  EXPECT_EQ(exchange.method, "POST");
  EXPECT_EQ(exchange.host, "shop.test");
  EXPECT_THAT(exchange.target, HasSubstr("/pay?token=masked-"));
  EXPECT_THAT(exchange.request.head, Not(HasSubstr("s3cret")));
  EXPECT_EQ(exchange.request.body.size(), 16U);
  EXPECT_THAT(exchange.request.body, Not(HasSubstr("1111111111")));
  EXPECT_EQ(exchange.status, 200);
  EXPECT_EQ(exchange.response.body, "ok");
  EXPECT_EQ(exchange.route, "all");
  EXPECT_EQ(exchange.upstream, "shop");
  EXPECT_EQ(exchange.endpoint, "10.0.1.1:80");
  EXPECT_EQ(exchange.listener, "public");
  EXPECT_EQ(exchange.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(exchange.parent_id, "b7ad6b7169203331");
  EXPECT_EQ(exchange.attempts, 1U);
  EXPECT_GE(exchange.duration, std::chrono::milliseconds(5));
  EXPECT_GE(exchange.upstream_duration, std::chrono::milliseconds(5));
  EXPECT_FALSE(exchange.request.is_truncated);
  EXPECT_NE(exchange.connection, 0U);
}

TEST_F(RecordingSim, AUserIsWholeOrNotThere) {
  std::string sentences;
  for (int user = 0; user < 40; ++user) {
    sentences += fmt::format(
        "at {}ms 5 clients send GET /a with header \"x-user: u{}\" every 7ms expect 200\n", user,
        user);
  }
  const std::vector<RecordedExchange> exchanges =
      Play("sample_percent: 30, sample_by: {header: x-user}, reservoir: {per_class: 0}", sentences);
  std::map<std::string, int> users;
  for (const RecordedExchange& exchange : exchanges)
    ++users[std::string(wire::recording::FieldOf(exchange.request.head, "x-user"))];
  EXPECT_GT(users.size(), 3U);
  EXPECT_LT(users.size(), 25U);
  for (const auto& [user, count] : users)
    EXPECT_EQ(count, 5) << user;
}

TEST_F(RecordingSim, WhatIsRareIsThereWhateverTheShare) {
  const std::vector<RecordedExchange> exchanges =
      Play("sample_percent: 0, reservoir: {per_class: 2, window: 1h}",
           "at 0s 100 clients send GET /a every 1ms expect 200\n"
           "at 50ms 1 client sends GET /sick expect 500\n"
           "at 60ms 1 client sends GET /own expect 403\n"
           "at 70ms 1 client sends DELETE /a expect 200\n"
           "at 1s counter sluice_record_skipped_total{reason=\"not_sampled\"} is at least 96\n");
  std::map<std::string, int> classes;
  for (const RecordedExchange& exchange : exchanges)
    ++classes[fmt::format("{} {} {}", exchange.route, exchange.method, exchange.status)];
  // Two workers have a quota of one each.
  EXPECT_EQ(classes["all GET 200"], 2);
  EXPECT_EQ(classes["sick GET 500"], 1);
  EXPECT_EQ(classes["own GET 403"], 1);
  EXPECT_EQ(classes["all DELETE 200"], 1);
}

TEST_F(RecordingSim, TheFirstRuleThatMatchesSaysTheShare) {
  const std::vector<RecordedExchange> exchanges = Play(
      "reservoir: {per_class: 0}, rules: [{match: {path_prefix: /keep}}, "
      "{match: {routes: [all], methods: [GET]}, sample_percent: 0}]",
      "at 0s 3 clients send GET /keep/x expect 200\n"
      "at 0s 3 clients send GET /drop expect 200\n"
      "at 0s 3 clients send PUT /drop expect 200\n"
      "at 0s 3 clients send GET /keep with header \"x-sluice-purpose: warmup\" expect 200\n");
  std::multiset<std::string> kept;
  for (const RecordedExchange& exchange : exchanges)
    kept.insert(exchange.method + exchange.target);
  EXPECT_EQ(kept.count("GET/keep/x"), 3U);
  EXPECT_EQ(kept.count("PUT/drop"), 3U);
  EXPECT_EQ(kept.size(), 6U);
}

TEST_F(RecordingSim, AFullQueueDropsTheCopyAndNeverTheAnswer) {
  const std::vector<RecordedExchange> exchanges =
      Play("max_queue_bytes: 1MiB, max_body_bytes: 8MiB",
           "at 0s upstream shop answers 200 with body of 600KiB\n"
           "at 1s 2 clients send GET /large every 100ms expect 200 with body of 600KiB\n"
           "at 2s upstream shop answers 200 \"ok\"\n"
           "at 3s 4 clients send GET /small expect 200 \"ok\"\n"
           "at 9s counter sluice_record_dropped_total{reason=\"queue_full\"} is 2\n"
           "at 9s counter sluice_record_written_total is 4\n"
           "at 9s counter sluice_record_queue_bytes is 0\n");
  ASSERT_EQ(exchanges.size(), 4U);
  EXPECT_EQ(exchanges[0].target, "/small");
}

TEST_F(RecordingSim, BodiesAreStreamedAndCut) {
  const std::vector<RecordedExchange> exchanges =
      Play("max_body_bytes: 1KiB",
           "at 0s 1 client sends POST /up chunked with body of 200KiB in pieces of 10KiB every "
           "1ms expect 200\n"
           "at 1s upstream shop answers 200 with body of 300KiB chunked\n"
           "at 2s 1 client sends GET /down expect 200 with body of 300KiB\n");
  ASSERT_EQ(exchanges.size(), 2U);
  EXPECT_EQ(exchanges[0].request.body.size(), 1024U);
  EXPECT_EQ(exchanges[0].request.body_bytes, 200U * 1024);
  EXPECT_TRUE(exchanges[0].request.is_truncated);
  EXPECT_EQ(exchanges[1].response.body.size(), 1024U);
  EXPECT_EQ(exchanges[1].response.body_bytes, 300U * 1024);
  EXPECT_TRUE(exchanges[1].response.is_truncated);
}

TEST_F(RecordingSim, ACapBoundsASecond) {
  const std::vector<RecordedExchange> exchanges =
      Play("max_per_second: 10",
           "at 0s 60 clients send GET /a expect 200\n"
           "at 5s counter sluice_record_skipped_total{reason=\"rate_cap\"} is 50\n");
  EXPECT_EQ(exchanges.size(), 10U);
}

}  // namespace
}  // namespace sluice::scenario
