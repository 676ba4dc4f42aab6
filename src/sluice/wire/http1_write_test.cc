#include "sluice/wire/http1_write.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/wire/http1_head_reader.h"

namespace sluice::wire {
namespace {

// A request read from `bytes` and written anew.
std::string Rewrite(std::string_view bytes, const RequestRewrite& rewrite = {}) {
  RequestHeadReader reader;
  const Result<HeadProgress> progress = reader.Feed(bytes);
  EXPECT_TRUE(progress && progress->complete) << bytes;
  std::string out;
  const Result<void> written = AppendRequestHead(reader.head(), rewrite, out);
  EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().detail);
  return out;
}

struct Answer {
  std::string bytes;
  ResponseFraming framing;
};

Answer RewriteResponse(std::string_view bytes, const ResponseRewrite& rewrite = {}) {
  ResponseHeadReader reader;
  reader.Reset(rewrite.request_method);
  const Result<HeadProgress> progress = reader.Feed(bytes);
  EXPECT_TRUE(progress && progress->complete) << bytes;
  Answer answer;
  const Result<ResponseFraming> written = AppendResponseHead(reader.head(), rewrite, answer.bytes);
  EXPECT_TRUE(written.has_value()) << (written ? "" : written.error().detail);
  if (written) answer.framing = *written;
  return answer;
}

TEST(AppendRequestHead, WritesOneCanonicalForm) {
  EXPECT_EQ(Rewrite("GET /a?b HTTP/1.1\r\nX-A:  1 \r\nHOST: Ex.com\r\nx-b:\r\n\r\n"),
            "GET /a?b HTTP/1.1\r\nHost: ex.com\r\nX-A: 1\r\nx-b: \r\n\r\n");
  EXPECT_EQ(Rewrite("GET http://Ex.com:80/a? HTTP/1.0\r\nHost: ex.com\r\n\r\n"),
            "GET /a? HTTP/1.1\r\nHost: ex.com:80\r\n\r\n");
  EXPECT_EQ(Rewrite("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(Rewrite("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
}

TEST(AppendRequestHead, WritesOneFraming) {
  EXPECT_EQ(Rewrite("POST / HTTP/1.1\r\nContent-Length: 007\r\nHost: a\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(Rewrite("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(AppendRequestHead, StripsWhatIsForOneHop) {
  EXPECT_EQ(
      Rewrite("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: 5\r\n"
              "Proxy-Connection: x\r\nProxy-Authorization: x\r\nTE: trailers\r\nTrailer: x\r\n"
              "Upgrade: h2c\r\nHTTP2-Settings: x\r\nExpect: 100-continue\r\nx-hop: 1\r\n"
              "X-Stay: 1\r\n\r\n"),
      "GET / HTTP/1.1\r\nHost: a\r\nX-Stay: 1\r\n\r\n");
  EXPECT_EQ(Rewrite("POST / HTTP/1.1\r\nHost: a\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n"
                    "\r\n"),
            "POST / HTTP/1.1\r\nHost: a\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(AppendRequestHead, KeepsWhatConnectionMayNotName) {
  EXPECT_EQ(
      Rewrite("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nAuthorization: s\r\nCookie: c\r\n"
              "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Prefix: /p\r\nX-Real-IP: 1\r\n"
              "Connection: host, content-length, authorization, cookie, x-forwarded-for, x-real-ip,"
              " x-forwarded-prefix, user-agent\r\nUser-Agent: u\r\n\r\n"),
      "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: s\r\nCookie: c\r\nX-Forwarded-For: 1.2.3.4\r\n"
      "X-Forwarded-Prefix: /p\r\nX-Real-IP: 1\r\nContent-Length: 1\r\n\r\n");
}

TEST(AppendRequestHead, AppliesTheRewrite) {
  const std::array extra{ExtraHeader{"x-forwarded-for", "9.9.9.9"}, ExtraHeader{"via", "1.1 s"}};
  const std::array<std::string_view, 1> dropped{"x-secret"};
  const std::string request =
      "GET /a/../b?q HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Sluice-Lane: x\r\n"
      "X-Forwarded-Any: x\r\nx-level: 1\r\nX-Secret: x\r\n\r\n";
  EXPECT_EQ(Rewrite(request, {.path = "/b",
                              .authority = "up:1",
                              .extra = extra,
                              .drop = kIdentityHeaders,
                              .drop_names = dropped,
                              .persistence = Persistence::kClose}),
            "GET /b?q HTTP/1.1\r\nHost: up:1\r\nx-forwarded-for: 9.9.9.9\r\nvia: 1.1 s\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(Rewrite("GET /a?q HTTP/1.1\r\nHost: b\r\n\r\n", {.use_absolute_form = true}),
            "GET http://b/a?q HTTP/1.1\r\nHost: b\r\n\r\n");
}

TEST(AppendRequestHead, PassesAnUpgradeOnOnlyWhenTold) {
  const std::string request =
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: k\r\n\r\n";
  EXPECT_EQ(Rewrite(request, {.pass_upgrade = true}),
            "GET /ws HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\n"
            "Upgrade: websocket\r\n\r\n");
  EXPECT_EQ(Rewrite(request), "GET /ws HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\n\r\n");
}

TEST(AppendRequestHead, AppendsBehindWhatIsThere) {
  RequestHeadReader reader;
  ASSERT_TRUE(reader.Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  std::string out = "before";
  ASSERT_TRUE(AppendRequestHead(reader.head(), {}, out));
  EXPECT_EQ(out, "beforeGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(AppendRequestHead, IsAFixedPointOfReading) {
  for (const std::string_view bytes :
       {"GET http://Ex.com:80/a? HTTP/1.0\r\nHost: ex.com\r\n\r\n",
        "POST /%7e HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nA:\tb\t\r\nConnection: a\r\n\r\n",
        "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    const std::string once = Rewrite(bytes);
    EXPECT_EQ(Rewrite(once), once);
  }
}

TEST(AppendRequestHead, RefusesToWriteWhatWouldBreakALine) {
  RequestHeadReader reader;
  ASSERT_TRUE(reader.Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const std::array bad_value{ExtraHeader{"a", "b\r\nc: d"}};
  const std::array bad_name{ExtraHeader{"a b", "c"}};
  const std::array empty_name{ExtraHeader{"", "c"}};
  std::string out = "kept";
  for (const RequestRewrite& rewrite :
       {RequestRewrite{.extra = bad_value}, RequestRewrite{.extra = bad_name},
        RequestRewrite{.extra = empty_name}, RequestRewrite{.path = "/a b"},
        RequestRewrite{.path = "/a\r\n"}, RequestRewrite{.authority = "a\r\nb: c"}}) {
    const Result<void> written = AppendRequestHead(reader.head(), rewrite, out);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, ErrorCode::kInvalidOption);
    EXPECT_EQ(out, "kept");
  }

  RequestHead by_hand;
  by_hand.authority = "a";
  by_hand.headers.Add("x", "1\n2");
  EXPECT_FALSE(AppendRequestHead(by_hand, {}, out).has_value());
  by_hand.headers.Clear();
  by_hand.query = "a b";
  by_hand.has_query = true;
  EXPECT_FALSE(AppendRequestHead(by_hand, {}, out).has_value());
  by_hand.query = "";
  by_hand.method_text = "G T";
  EXPECT_FALSE(AppendRequestHead(by_hand, {}, out).has_value());
  by_hand.method_text = "GET";
  by_hand.wants_upgrade = true;
  by_hand.upgrade_protocol = "a\r";
  EXPECT_FALSE(AppendRequestHead(by_hand, {.pass_upgrade = true}, out).has_value());
  EXPECT_EQ(out, "kept");
}

TEST(AppendRequestHead, NeedsAnAuthority) {
  RequestHeadReader reader;
  ASSERT_TRUE(reader.Feed("GET / HTTP/1.0\r\n\r\n"));
  std::string out;
  EXPECT_FALSE(AppendRequestHead(reader.head(), {}, out).has_value());
  EXPECT_TRUE(AppendRequestHead(reader.head(), {.authority = "up"}, out).has_value());
  EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: up\r\n\r\n");
}

TEST(AppendRequestHead, WritesAHeadFilledByHand) {
  RequestHead head;
  head.path = "/healthz";
  head.authority = "up:80";
  head.headers.Add("user-agent", "sluice");
  std::string out;
  ASSERT_TRUE(AppendRequestHead(head, {.persistence = Persistence::kClose}, out));
  EXPECT_EQ(out,
            "GET /healthz HTTP/1.1\r\nHost: up:80\r\nuser-agent: sluice\r\nConnection: close\r\n"
            "\r\n");
}

TEST(AppendResponseHead, KeepsStatusReasonAndFields) {
  const Answer answer = RewriteResponse(
      "HTTP/1.0 404 Nope \r\nContent-Length: 03\r\nServer: s\r\nConnection: x-hop\r\nX-Hop: 1\r\n"
      "Keep-Alive: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
  EXPECT_EQ(answer.bytes,
            "HTTP/1.1 404 Nope \r\nServer: s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
            "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(answer.framing.framing, BodyFraming::kLength);
  EXPECT_EQ(answer.framing.content_length, 3U);
  EXPECT_EQ(answer.framing.persistence, Persistence::kKeepAlive);
}

TEST(AppendResponseHead, FramesForTheClientsVersion) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n";
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string out_chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string out_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

  EXPECT_EQ(RewriteResponse(chunked).bytes,
            "HTTP/1.1 200 OK\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(RewriteResponse(until_close).bytes, out_chunked);
  EXPECT_EQ(RewriteResponse(until_close).framing.framing, BodyFraming::kChunked);
  for (const std::string& bytes : {chunked, until_close}) {
    const Answer answer = RewriteResponse(bytes, {.client_minor_version = 0});
    EXPECT_EQ(answer.bytes, out_close);
    EXPECT_EQ(answer.framing.framing, BodyFraming::kUntilClose);
    EXPECT_EQ(answer.framing.persistence, Persistence::kClose);
  }
  EXPECT_EQ(
      RewriteResponse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", {.client_minor_version = 0})
          .bytes,
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(RewriteResponse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
                            {.persistence = Persistence::kClose})
                .bytes,
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n");
}

TEST(AppendResponseHead, DescribesBodiesThatDoNotCome) {
  const Answer head = RewriteResponse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                                      {.request_method = Method::kHead});
  EXPECT_EQ(head.bytes, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(head.framing.framing, BodyFraming::kNone);
  EXPECT_EQ(RewriteResponse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                            {.request_method = Method::kHead})
                .bytes,
            "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(RewriteResponse("HTTP/1.1 304 x\r\nContent-Length: 5\r\nETag: e\r\n\r\n").bytes,
            "HTTP/1.1 304 x\r\nETag: e\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(RewriteResponse("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n").bytes,
            "HTTP/1.1 204 x\r\n\r\n");
}

TEST(AppendResponseHead, PassesInterimAndUpgradeResponsesOn) {
  EXPECT_EQ(RewriteResponse("HTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n",
                            {.persistence = Persistence::kClose})
                .bytes,
            "HTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n");
  const Answer upgrade = RewriteResponse(
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: k\r\n"
      "\r\n",
      {.pass_upgrade = true});
  EXPECT_EQ(upgrade.bytes,
            "HTTP/1.1 101 x\r\nSec-WebSocket-Accept: k\r\nConnection: upgrade\r\n"
            "Upgrade: websocket\r\n\r\n");
  EXPECT_EQ(upgrade.framing.framing, BodyFraming::kNone);
}

TEST(AppendResponseHead, EndsAResponseFilledByHandWithoutABody) {
  ResponseHead head;
  head.reason = "OK";
  std::string out;
  const Result<ResponseFraming> written = AppendResponseHead(head, {}, out);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(written->framing, BodyFraming::kLength);
}

TEST(AppendResponseHead, AddsAndDropsFields) {
  const std::array extra{ExtraHeader{"x-sluice-reason", "r"}};
  EXPECT_EQ(RewriteResponse("HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 0\r\n\r\n",
                            {.extra = extra, .drop = {HeaderId::kServer}})
                .bytes,
            "HTTP/1.1 200 OK\r\nx-sluice-reason: r\r\nContent-Length: 0\r\n\r\n");
}

TEST(AppendResponseHead, RefusesToWriteWhatWouldBreakALine) {
  const std::array bad{ExtraHeader{"a", "b\nc"}};
  std::string out = "kept";
  ResponseHead head;
  EXPECT_FALSE(AppendResponseHead(head, {.extra = bad}, out).has_value());
  head.reason = "a\r\nb";
  EXPECT_FALSE(AppendResponseHead(head, {}, out).has_value());
  head.reason = "";
  head.status = 1000;
  EXPECT_FALSE(AppendResponseHead(head, {}, out).has_value());
  EXPECT_EQ(out, "kept");
}

TEST(AppendSimpleResponse, WritesHeadAndBody) {
  const std::array extra{ExtraHeader{"retry-after", "1"}};
  SimpleResponse response{
      .status = 429, .content_type = "application/json", .body = "{}", .extra = extra};
  std::string out;
  ASSERT_TRUE(AppendSimpleResponse(response, out));
  EXPECT_EQ(out,
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nretry-after: 1\r\n"
            "Content-Length: 2\r\n\r\n{}");
  out.clear();
  response = {.status = 200,
              .body = "abc",
              .request_method = Method::kHead,
              .persistence = Persistence::kClose};
  ASSERT_TRUE(AppendSimpleResponse(response, out));
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
  out.clear();
  ASSERT_TRUE(AppendSimpleResponse({.status = 204, .body = "x", .client_minor_version = 0}, out));
  EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(AppendSimpleResponse, RefusesWhatCannotBeWritten) {
  const std::array bad{ExtraHeader{"a", "b\r\n"}};
  std::string out = "kept";
  EXPECT_FALSE(AppendSimpleResponse({.status = 100}, out).has_value());
  EXPECT_FALSE(AppendSimpleResponse({.content_type = "a\n"}, out).has_value());
  EXPECT_FALSE(AppendSimpleResponse({.extra = bad}, out).has_value());
  EXPECT_EQ(out, "kept");
}

TEST(AppendChunk, WritesSizesAndTheEnd) {
  std::string out;
  AppendChunkHeader(1, out);
  AppendChunkHeader(0xabcdef, out);
  AppendChunkHeader(~std::uint64_t{0}, out);
  AppendLastChunk(out);
  EXPECT_EQ(out, "1\r\nabcdef\r\nffffffffffffffff\r\n0\r\n\r\n");
}

TEST(AppendChunk, WritesOnlyTrailersThatMayBeTrailers) {
  HeaderTable trailers;
  trailers.Add("x-sum", "1");
  trailers.Add("Content-Length", "5");
  trailers.Add("x-bad", "a\r\nb");
  std::string out;
  AppendLastChunk(trailers, out);
  EXPECT_EQ(out, "0\r\nx-sum: 1\r\n\r\n");
}

TEST(ReasonPhrase, KnowsTheRegistry) {
  EXPECT_EQ(ReasonPhrase(200), "OK");
  EXPECT_EQ(ReasonPhrase(404), "Not Found");
  EXPECT_EQ(ReasonPhrase(511), "Network Authentication Required");
  EXPECT_EQ(ReasonPhrase(299), "Unknown");
  EXPECT_EQ(ReasonPhrase(999), "Unknown");
}

TEST(StatusOf, AnswersEachProtocolError) {
  EXPECT_EQ(StatusOf(ErrorCode::kBadRequest), 400);
  EXPECT_EQ(StatusOf(ErrorCode::kMethodNotAllowed), 405);
  EXPECT_EQ(StatusOf(ErrorCode::kRequestTimeout), 408);
  EXPECT_EQ(StatusOf(ErrorCode::kBodyTooLarge), 413);
  EXPECT_EQ(StatusOf(ErrorCode::kTargetTooLong), 414);
  EXPECT_EQ(StatusOf(ErrorCode::kExpectationFailed), 417);
  EXPECT_EQ(StatusOf(ErrorCode::kHeadTooLarge), 431);
  EXPECT_EQ(StatusOf(ErrorCode::kBadResponse), 502);
  EXPECT_EQ(StatusOf(ErrorCode::kVersionNotSupported), 505);
  EXPECT_EQ(StatusOf(ErrorCode::kNoRoute), 500);
}

}  // namespace
}  // namespace sluice::wire
