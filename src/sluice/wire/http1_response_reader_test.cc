// Every rule for responses. An upstream is trusted more than a client, but a length that two sides
// read differently poisons the connection for the next client, so the framing rules are the same.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/wire/http1_head_reader.h"

namespace sluice::wire {
namespace {

using namespace std::string_literals;

const ResponseHead& Read(ResponseHeadReader& reader,
                         std::string_view bytes,
                         Method request_method = Method::kGet) {
  reader.Reset(request_method);
  const Result<HeadProgress> progress = reader.Feed(bytes);
  EXPECT_TRUE(progress.has_value()) << (progress ? "" : progress.error().detail) << "\n" << bytes;
  if (progress) {
    EXPECT_TRUE(progress->complete) << bytes;
    EXPECT_EQ(progress->consumed, bytes.size()) << bytes;
  }
  return reader.head();
}

void ExpectRefused(std::string_view rule, const std::string& bytes, const HeadLimits& limits = {}) {
  ResponseHeadReader whole(limits);
  whole.Reset(Method::kGet);
  const Result<HeadProgress> at_once = whole.Feed(bytes);
  ASSERT_FALSE(at_once.has_value()) << rule << "\n" << bytes;
  EXPECT_EQ(at_once.error().code, ErrorCode::kBadResponse);
  EXPECT_EQ(at_once.error().side, Side::kUpstream);
  EXPECT_NE(at_once.error().detail.find(rule), std::string::npos)
      << "got: " << at_once.error().detail << "\nwant: " << rule << "\n"
      << bytes;

  ResponseHeadReader bytewise(limits);
  bytewise.Reset(Method::kGet);
  Result<HeadProgress> last = HeadProgress{};
  for (std::size_t i = 0; i < bytes.size() && last; ++i) {
    last = bytewise.Feed(std::string(1, bytes[i]));
  }
  ASSERT_FALSE(last.has_value()) << bytes;
  EXPECT_EQ(last.error().detail, at_once.error().detail) << bytes;
}

std::string Ok(std::string_view field_lines) {
  return "HTTP/1.1 200 OK\r\n" + std::string(field_lines) + "\r\n";
}

TEST(ResponseHeadReader, ReadsAWholeHead) {
  ResponseHeadReader reader;
  const ResponseHead& head =
      Read(reader, "HTTP/1.1 404 Not  Found\r\nContent-Length: 3\r\nServer: x\r\n\r\n");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not  Found");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 3U);
  EXPECT_TRUE(head.has_content_length);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.is_interim());
  EXPECT_EQ(head.headers.size(), 2U);
}

TEST(ResponseHeadReader, AcceptsAStatusLineWithoutReason) {
  ResponseHeadReader reader;
  EXPECT_EQ(Read(reader, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").reason, "");
  EXPECT_EQ(Read(reader, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status, 200);
  EXPECT_EQ(Read(reader, "HTTP/1.1 599 Caf\xe9\r\nContent-Length: 0\r\n\r\n").reason, "Caf\xe9");
}

TEST(ResponseHeadReader, FindsTheFramingOfEachResponse) {
  ResponseHeadReader reader;
  const ResponseHead& head = Read(reader, Ok("Transfer-Encoding: CHUNKED\r\n"));
  EXPECT_EQ(head.framing, BodyFraming::kChunked);
  EXPECT_TRUE(head.keep_alive);
  Read(reader, Ok(""));
  EXPECT_EQ(head.framing, BodyFraming::kUntilClose);
  EXPECT_FALSE(head.keep_alive);
  Read(reader, Ok("Connection: close\r\nContent-Length: 1\r\n"));
  EXPECT_FALSE(head.keep_alive);
  Read(reader, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n");
  EXPECT_FALSE(head.keep_alive);
  Read(reader, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.minor_version, 0);
}

TEST(ResponseHeadReader, KnowsWhichResponsesHaveNoBody) {
  ResponseHeadReader reader;
  const ResponseHead& head = Read(reader, Ok("Content-Length: 5\r\n"), Method::kHead);
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_TRUE(head.has_content_length);
  EXPECT_EQ(head.content_length, 5U);
  EXPECT_TRUE(head.keep_alive);
  Read(reader, Ok("Transfer-Encoding: chunked\r\n"), Method::kHead);
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_FALSE(head.has_content_length);
  Read(reader, Ok(""), Method::kHead);
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_TRUE(head.keep_alive);
  Read(reader, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_EQ(head.content_length, 9U);
  Read(reader, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_TRUE(head.keep_alive);
}

TEST(ResponseHeadReader, DoesNotReuseAConnectionWhose204DeclaresABody) {
  ResponseHeadReader reader;
  const ResponseHead& head = Read(reader, "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  EXPECT_FALSE(head.keep_alive);
  Read(reader, "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_FALSE(head.keep_alive);
  Read(reader, "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(head.keep_alive);
}

TEST(ResponseHeadReader, TellsInterimUpgradeAndTunnel) {
  ResponseHeadReader reader;
  const ResponseHead& head = Read(reader, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(head.is_interim());
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  Read(reader, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_TRUE(head.is_interim());
  Read(reader, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_FALSE(head.is_interim());
  EXPECT_TRUE(head.is_upgrade);
  EXPECT_EQ(head.upgrade_protocol, "websocket");
  EXPECT_FALSE(head.keep_alive);
  Read(reader, Ok("Content-Length: 5\r\n"), Method::kConnect);
  EXPECT_TRUE(head.is_tunnel);
  EXPECT_EQ(head.framing, BodyFraming::kNone);
  Read(reader, "HTTP/1.1 403 x\r\nContent-Length: 5\r\n\r\n", Method::kConnect);
  EXPECT_FALSE(head.is_tunnel);
  EXPECT_EQ(head.framing, BodyFraming::kLength);
}

TEST(ResponseHeadReader, LeavesBodyAndLaterBytesInTheView) {
  ResponseHeadReader reader;
  reader.Reset(Method::kGet);
  EXPECT_FALSE(reader.started());
  const std::string head = Ok("Content-Length: 2\r\n");
  const Result<HeadProgress> progress = reader.Feed(head + "hi");
  EXPECT_EQ(progress->consumed, head.size());
  EXPECT_TRUE(reader.started());
  EXPECT_EQ(reader.head_bytes(), head.size());
}

TEST(ResponseHeadReader, RefusesAmbiguousFraming) {
  ExpectRefused("together", Ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
  ExpectRefused("together", Ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
  ExpectRefused("more than one Content-Length", Ok("Content-Length: 5\r\nContent-Length: 5\r\n"));
  ExpectRefused("not a decimal", Ok("Content-Length: 5,5\r\n"));
  ExpectRefused("not a decimal", Ok("Content-Length: -1\r\n"));
  ExpectRefused("over 2^63-1", Ok("Content-Length: 99999999999999999999\r\n"));
  ExpectRefused("not exactly", Ok("Transfer-Encoding: gzip\r\n"));
  ExpectRefused("not exactly", Ok("Transfer-Encoding: gzip, chunked\r\n"));
  ExpectRefused("more than one Transfer-Encoding",
                Ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
  ExpectRefused("in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(ResponseHeadReader, RefusesMalformedStatusLines) {
  const std::string tail = "\r\nContent-Length: 0\r\n\r\n";
  ExpectRefused("does not begin with HTTP/", "\r\nHTTP/1.1 200 OK" + tail);
  ExpectRefused("does not begin with HTTP/", "ICY 200 OK" + tail);
  ExpectRefused("HTTP/1.0 or HTTP/1.1", "HTTP/2.0 200 OK" + tail);
  ExpectRefused("HTTP/1.0 or HTTP/1.1", "HTTP/0.9 200 OK" + tail);
  ExpectRefused("HTTP/1.0 or HTTP/1.1", "HTTP/1.1" + tail);
  ExpectRefused("HTTP/1.0 or HTTP/1.1", "Http/1.1 200 OK" + tail);
  ExpectRefused("three digits", "HTTP/1.1  200 OK" + tail);
  ExpectRefused("three digits", "HTTP/1.1 20 OK" + tail);
  ExpectRefused("three digits", "HTTP/1.1 2000 OK" + tail);
  ExpectRefused("three digits", "HTTP/1.1 099 OK" + tail);
  ExpectRefused("three digits", "HTTP/1.1 200\tOK" + tail);
  ExpectRefused("three digits", "HTTP/1.1 2x0 OK" + tail);
  ExpectRefused("control character in the reason", "HTTP/1.1 200 O\0K"s + tail);
  ExpectRefused("control character in the reason", "HTTP/1.1 200 O\rK" + tail);
}

TEST(ResponseHeadReader, RefusesMalformedLines) {
  ExpectRefused("bare LF", "HTTP/1.1 200 OK\nA: b\r\n\r\n");
  ExpectRefused("bare LF", Ok("A: b\n"));
  ExpectRefused("bare LF", "HTTP/1.1 200 OK\r\nA: b\r\n\n");
  ExpectRefused("obs-fold", Ok("A: b\r\n c\r\n"));
  ExpectRefused("before the colon", Ok("A : b\r\n"));
  ExpectRefused("not a token", Ok("A\x80: b\r\n"));
  ExpectRefused("control character", Ok("A: b\x02\r\n"));
  ExpectRefused("control character", Ok("A: b\rc\r\n"));
}

TEST(ResponseHeadReader, RefusesBodiesWhereNoneCanBe) {
  ExpectRefused("interim response", "HTTP/1.1 100 x\r\nContent-Length: 1\r\n\r\n");
  ExpectRefused("interim response", "HTTP/1.1 102 x\r\nTransfer-Encoding: chunked\r\n\r\n");
  ExpectRefused("101 without", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n");
  ExpectRefused("101 without", "HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n");
  ExpectRefused("101 that declares",
                "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\n");
}

TEST(ResponseHeadReader, RefusesWhatIsOverALimit) {
  const HeadLimits limits{.start_line_max = 64, .header_block_max = 64, .headers_max = 2};
  ExpectRefused("start line is too long", "HTTP/1.1 200 " + std::string(60, 'x'), limits);
  ExpectRefused("header block is too large", Ok("A: " + std::string(60, 'x') + "\r\n"), limits);
  ExpectRefused("too many", Ok("A:\r\nB:\r\nC:\r\n"), limits);
}

TEST(ResponseHeadReader, GivesTheSameHeadForEveryCut) {
  const std::string bytes = Ok("A: 1\r\nTransfer-Encoding: chunked\r\nB: \r\n");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    ResponseHeadReader reader;
    reader.Reset(Method::kGet);
    const std::string_view all = bytes;
    ASSERT_FALSE(reader.Feed(all.substr(0, cut))->complete);
    ASSERT_TRUE(reader.Feed(all.substr(cut))->complete);
    EXPECT_EQ(reader.head().status, 200);
    EXPECT_EQ(reader.head().reason, "OK");
    EXPECT_EQ(reader.head().framing, BodyFraming::kChunked);
    EXPECT_EQ(reader.head().headers.size(), 3U);
  }
}

TEST(ResponseHeadReader, KeepsViewsTrueWhileItsBufferGrows) {
  ResponseHeadReader reader;
  reader.Reset(Method::kGet);
  const std::string value(9'000, 'v');
  ASSERT_TRUE(reader.Feed("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"));
  ASSERT_TRUE(reader.Feed("Connection: upgrade\r\nBig: "));
  for (const char c : value)
    ASSERT_TRUE(reader.Feed(std::string(1, c)));
  ASSERT_TRUE(reader.Feed("\r\n\r\n")->complete);
  EXPECT_EQ(reader.head().reason, "Switching");
  EXPECT_EQ(reader.head().upgrade_protocol, "websocket");
  EXPECT_EQ(reader.head().headers.Find("big")->value, value);
}

}  // namespace
}  // namespace sluice::wire
