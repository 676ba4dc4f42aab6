#include "sluice/wire/recording/har.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::wire::recording {
namespace {

using testing::HasSubstr;
using testing::Not;

RecordedExchange Exchange() {
  RecordedExchange exchange;
  exchange.direction = Direction::kEgress;
  exchange.started = WallTime(Nanos(1'767'225'600'123'456'789));
  exchange.duration = Nanos(12'345'678);
  exchange.upstream_duration = Nanos(10'000'001);
  exchange.listener = "public";
  exchange.route = "search";
  exchange.upstream = "booking";
  exchange.endpoint = "10.0.0.1:80";
  exchange.version = "v2";
  exchange.trace_id = std::string(32, 'a');
  exchange.span_id = std::string(16, 'b');
  exchange.parent_id = std::string(16, 'c');
  exchange.sequence = 17;
  exchange.connection = 4;
  exchange.attempts = 2;
  exchange.masked = 3;
  exchange.request.head =
      "POST /s%20x?q=a%26b&&z HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\n"
      "X-Twice: 1\r\nX-Twice: 2\r\n";
  exchange.request.body = "{\"q\":\"\xc3\xa4\"}";
  exchange.request.body_bytes = exchange.request.body.size();
  exchange.response.head =
      "HTTP/1.1 200 Very OK\r\nContent-Encoding: br\r\nTransfer-Encoding: chunked\r\n";
  exchange.response.body = std::string("\x00\xff\x80", 3);
  exchange.response.body_bytes = 1000;
  exchange.response.is_truncated = true;
  FillFromHeads(exchange);
  return exchange;
}

std::string Har(const std::vector<RecordedExchange>& exchanges) {
  std::string out;
  AppendHarBegin("1", out);
  for (const RecordedExchange& exchange : exchanges) {
    const bool is_first = &exchange == exchanges.data();
    AppendHarEntry(exchange, is_first ? HarPlace::kFirst : HarPlace::kFurther, out);
  }
  AppendHarEnd(out);
  return out;
}

TEST(Har, AnExchangeWrittenAndReadIsTheSame) {
  const RecordedExchange before = Exchange();
  const Imported got = ReadHar(Har({before, before}));
  EXPECT_EQ(got.unreadable, 0U);
  ASSERT_EQ(got.exchanges.size(), 2U);
  const RecordedExchange& after = got.exchanges[1];
  EXPECT_EQ(after.direction, before.direction);
  EXPECT_EQ(after.started, before.started);
  EXPECT_EQ(after.duration, before.duration);
  EXPECT_EQ(after.upstream_duration, before.upstream_duration);
  EXPECT_EQ(after.method, before.method);
  EXPECT_EQ(after.host, before.host);
  EXPECT_EQ(after.target, before.target);
  EXPECT_EQ(after.status, before.status);
  EXPECT_EQ(after.route + after.listener + after.upstream + after.endpoint + after.version,
            before.route + before.listener + before.upstream + before.endpoint + before.version);
  EXPECT_EQ(after.trace_id + after.span_id + after.parent_id,
            before.trace_id + before.span_id + before.parent_id);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.connection, before.connection);
  EXPECT_EQ(after.attempts, before.attempts);
  EXPECT_EQ(after.masked, before.masked);
  EXPECT_EQ(after.request.head, before.request.head);
  EXPECT_EQ(after.request.body, before.request.body);
  EXPECT_EQ(after.request.body_bytes, before.request.body_bytes);
  EXPECT_EQ(after.response.head, before.response.head);
  EXPECT_EQ(after.response.body, before.response.body);
  EXPECT_EQ(after.response.body_bytes, before.response.body_bytes);
  EXPECT_TRUE(after.response.is_truncated);
  EXPECT_FALSE(after.request.is_truncated);
}

TEST(Har, IsAHar) {
  const nlohmann::json har = nlohmann::json::parse(Har({Exchange()}));
  EXPECT_EQ(har["log"]["version"], "1.2");
  const nlohmann::json& entry = har["log"]["entries"][0];
  EXPECT_EQ(entry["startedDateTime"], "2026-01-01T00:00:00.123456789Z");
  EXPECT_EQ(entry["request"]["url"], "http://shop.test/s%20x?q=a%26b&&z");
  EXPECT_EQ(entry["request"]["queryString"][0]["value"], "a&b");
  EXPECT_EQ(entry["response"]["content"]["encoding"], "base64");
  EXPECT_TRUE(entry["timings"].contains("wait"));
}

TEST(Har, ReadsWhatABrowserWrites) {
  const Imported got = ReadHar(R"({"log":{"version":"1.2","pages":[],"entries":[
    {"startedDateTime":"2026-01-01T02:00:00.5+02:00","time":20.5,"connection":"443",
     "request":{"method":"GET","url":"https://a.test/p?q#frag","httpVersion":"h2","headers":[
       {"name":":authority","value":"a.test"},{"name":"accept","value":"*/*"}],"bodySize":-1},
     "response":{"status":200,"statusText":"","headers":[
       {"name":"content-encoding","value":"gzip"},{"name":"x","value":"y"}],
       "content":{"size":900,"text":"plain"},"bodySize":-1},"timings":{"wait":11}}]}})");
  ASSERT_EQ(got.exchanges.size(), 1U);
  const RecordedExchange& exchange = got.exchanges[0];
  EXPECT_EQ(exchange.started, WallTime(Nanos(1'767'225'600'500'000'000)));
  EXPECT_EQ(exchange.request.head, "GET /p?q HTTP/1.1\r\naccept: */*\r\nHost: a.test\r\n");
  EXPECT_EQ(exchange.response.head, "HTTP/1.1 200 OK\r\nx: y\r\n");
  EXPECT_EQ(exchange.response.body, "plain");
  EXPECT_FALSE(exchange.response.is_truncated);
  EXPECT_EQ(exchange.connection, 443U);
  EXPECT_EQ(exchange.upstream_duration, std::chrono::milliseconds(11));
}

TEST(Har, AFileThatWasCutGivesTheEntriesBefore) {
  const std::string whole = Har({Exchange(), Exchange()});
  for (const std::size_t lost : {6U, 40U, 400U}) {
    const Imported got = ReadHar(std::string_view(whole).substr(0, whole.size() - lost));
    EXPECT_GE(got.exchanges.size(), 1U);
    EXPECT_EQ(got.unreadable, 1U);
  }
}

TEST(Har, CountsEntriesThatAreNoExchange) {
  const Imported got = ReadHar(R"({"log":{"entries":[{},{"startedDateTime":"x"},
    {"startedDateTime":"2026-13-01T00:00:00Z","request":{"method":"GET","url":"http://a/"}},
    {"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"G T","url":"http://a/"}},
    {"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://a/b c"}},
    {"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://a/",
      "headers":[{"name":"x","value":"a\r\nb"}]}},
    {"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://a/",
      "postData":{"text":"!","_encoding":"base64"}}},
    {"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://a"},
      "response":{"status":0}}]}})");
  EXPECT_EQ(got.unreadable, 7U);
  ASSERT_EQ(got.exchanges.size(), 1U);
  EXPECT_EQ(got.exchanges[0].status, 0);
  EXPECT_EQ(got.exchanges[0].target, "/");
}

TEST(Har, AForeignFileIsNone) {
  EXPECT_EQ(ReadHar("").unreadable, 1U);
  EXPECT_EQ(ReadHar("SQLite format 3").unreadable, 1U);
  EXPECT_EQ(ReadHar("{\"entries\":[").unreadable, 1U);
  const std::string deep = "{\"entries\":[" + std::string(100'000, '{');
  EXPECT_EQ(ReadHar(deep).unreadable, 1U);
}

}  // namespace
}  // namespace sluice::wire::recording
