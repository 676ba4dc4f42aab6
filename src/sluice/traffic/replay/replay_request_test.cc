#include "sluice/traffic/replay/replay_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/wire/http1_head_reader.h"

namespace sluice::traffic::replay {
namespace {

using testing::HasSubstr;
using testing::Not;
using wire::recording::RecordedExchange;

RecordedExchange Recorded(std::string head, std::string body = {}) {
  RecordedExchange exchange;
  exchange.request.head = std::move(head);
  exchange.request.body = std::move(body);
  exchange.request.body_bytes = exchange.request.body.size();
  FillFromHeads(exchange);
  return exchange;
}

TEST(PrepareRequest, WritesTheRequestAnew) {
  const ReplayRequest request = PrepareRequest(
      Recorded(
          "GET /a?b HTTP/1.0\r\nHost: x.test\r\nX-A: 1\r\nConnection: close\r\n"
          "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nX-Sluice-Purpose: warmup\r\n"),
      {});
  EXPECT_EQ(request.skip, Skip::kNone);
  EXPECT_EQ(request.bytes,
            "GET /a?b HTTP/1.1\r\nHost: x.test\r\nX-A: 1\r\nx-sluice-purpose: replay\r\n\r\n");
}

TEST(PrepareRequest, WritesAreSentOnlyWhenAllowed) {
  const RecordedExchange post =
      Recorded("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n", "abc");
  EXPECT_EQ(PrepareRequest(post, {}).skip, Skip::kWrite);
  const ReplayRequest request = PrepareRequest(post, {.writes = Writes::kAllow});
  EXPECT_EQ(request.method, wire::Method::kPost);
  EXPECT_THAT(request.bytes, HasSubstr("Content-Length: 3\r\n\r\nabc"));
  EXPECT_EQ(PrepareRequest(Recorded("PURGE /a HTTP/1.1\r\nHost: x\r\n"), {}).skip, Skip::kWrite);
}

TEST(PrepareRequest, WhatIsNotWholeIsNotSent) {
  RecordedExchange exchange = Recorded("GET / HTTP/1.1\r\nHost: x\r\n", "a");
  exchange.request.is_truncated = true;
  EXPECT_EQ(PrepareRequest(exchange, {}).skip, Skip::kTruncated);
  exchange.request.is_truncated = false;
  exchange.request.is_opaque = true;
  EXPECT_EQ(PrepareRequest(exchange, {}).skip, Skip::kTruncated);
}

TEST(PrepareRequest, AGetThatStandsForAWriteIsNotSent) {
  for (const char* name :
       {"X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X-Original-Method"}) {
    const RecordedExchange exchange =
        Recorded("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(name) + ": DELETE\r\n");
    EXPECT_EQ(PrepareRequest(exchange, {}).skip, Skip::kWrite) << name;
    EXPECT_THAT(PrepareRequest(exchange, {.writes = Writes::kAllow}).bytes, HasSubstr("DELETE"));
  }
}

TEST(PrepareRequest, WhatWouldBreakALineIsNotSent) {
  for (const char* head : {"GET  HTTP/1.1\r\n", "G(T / HTTP/1.1\r\n", "GET x HTTP/1.1\r\n", "",
                           "GET /\x01 HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: b\nc\r\n",
                           "GET / HTTP/1.1\r\nA b: c\r\n"}) {
    EXPECT_EQ(PrepareRequest(Recorded(head), {}).skip, Skip::kMalformed) << head;
  }
}

TEST(PrepareRequest, RewritesFields) {
  const ReplayRequest request = PrepareRequest(
      Recorded("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: masked\r\nCookie: c\r\n"),
      {.host = "y.test",
       .set_headers = {{"authorization", "Bearer fresh"}},
       .drop_headers = {"cookie"}});
  EXPECT_THAT(request.bytes, HasSubstr("Host: y.test\r\n"));
  EXPECT_THAT(request.bytes, HasSubstr("authorization: Bearer fresh\r\n"));
  EXPECT_THAT(request.bytes, Not(HasSubstr("masked")));
  EXPECT_THAT(request.bytes, Not(HasSubstr("Cookie")));
}

TEST(PrepareRequest, WhatItWritesOurOwnReaderTakes) {
  const ReplayRequest request =
      PrepareRequest(Recorded("GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n"), {});
  wire::RequestHeadReader reader;
  const Result<wire::HeadProgress> progress = reader.Feed(request.bytes);
  ASSERT_TRUE(progress) << progress.error().detail;
  EXPECT_TRUE(progress->complete);
}

}  // namespace
}  // namespace sluice::traffic::replay
