// Every rule of the request policy, as raw bytes and the answer they get.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/wire/http1_head_reader.h"

namespace sluice::wire {
namespace {

using namespace std::string_literals;

struct Refused {
  std::string_view rule;  // A part of the error's detail.
  std::string bytes;
  ErrorCode code = ErrorCode::kBadRequest;
};

// A refusal, whatever the cut: once whole, once byte by byte.
void ExpectRefused(const Refused& expected, const HeadLimits& limits = {}) {
  RequestHeadReader whole(limits);
  const Result<HeadProgress> at_once = whole.Feed(expected.bytes);
  ASSERT_FALSE(at_once.has_value()) << expected.rule << "\n" << expected.bytes;
  EXPECT_EQ(at_once.error().code, expected.code) << expected.rule << "\n" << expected.bytes;
  EXPECT_EQ(at_once.error().side, Side::kClient);
  EXPECT_NE(at_once.error().detail.find(expected.rule), std::string::npos)
      << "got: " << at_once.error().detail << "\nwant: " << expected.rule << "\n"
      << expected.bytes;

  RequestHeadReader bytewise(limits);
  Result<HeadProgress> last = HeadProgress{};
  for (std::size_t i = 0; i < expected.bytes.size() && last; ++i) {
    last = bytewise.Feed(std::string(1, expected.bytes[i]));
  }
  ASSERT_FALSE(last.has_value()) << expected.bytes;
  EXPECT_EQ(last.error().detail, at_once.error().detail) << expected.bytes;
  EXPECT_EQ(last.error().code, at_once.error().code) << expected.bytes;
}

// The head of well-formed bytes; the reader must outlive it.
const RequestHead& Read(RequestHeadReader& reader, std::string_view bytes) {
  reader.Reset();
  const Result<HeadProgress> progress = reader.Feed(bytes);
  EXPECT_TRUE(progress.has_value()) << (progress ? "" : progress.error().detail) << "\n" << bytes;
  if (progress) {
    EXPECT_TRUE(progress->complete) << bytes;
    EXPECT_EQ(progress->consumed, bytes.size()) << bytes;
  }
  return reader.head();
}

std::string WithField(std::string_view field_lines) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(field_lines) + "\r\n";
}

TEST(RequestHeadReader, ReadsAWholeHead) {
  RequestHeadReader reader;
  const std::string bytes =
      "POST /book?seat=4&x HTTP/1.1\r\nHost: Example.com:8080\r\nContent-Length: 12\r\n"
      "X-User:\t alice \r\nEmpty:\r\nConnection: close\r\n\r\n";
  const Result<HeadProgress> progress = reader.Feed(bytes + "hello world!");
  ASSERT_TRUE(progress.has_value()) << progress.error().detail;
  EXPECT_TRUE(progress->complete);
  EXPECT_EQ(progress->consumed, bytes.size());

  const RequestHead& head = reader.head();
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.target, "/book?seat=4&x");
  EXPECT_EQ(head.path, "/book");
  EXPECT_EQ(head.query, "seat=4&x");
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.scheme, "");
  EXPECT_EQ(head.authority, "example.com:8080");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_FALSE(head.wants_upgrade);
  ASSERT_EQ(head.headers.size(), 5U);
  EXPECT_EQ(head.headers.Find("x-user")->value, "alice");
  EXPECT_EQ(head.headers.Find("empty")->value, "");
  EXPECT_EQ(reader.head_bytes(), bytes.size());
}

TEST(RequestHeadReader, DoesNotNeedTheInputAfterFeed) {
  RequestHeadReader reader;
  std::string bytes = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n";
  ASSERT_TRUE(reader.Feed(bytes)->complete);
  bytes.assign(bytes.size(), '#');
  EXPECT_EQ(reader.head().path, "/a");
  EXPECT_EQ(reader.head().authority, "b");
}

TEST(RequestHeadReader, KeepsViewsTrueWhileItsBufferGrows) {
  RequestHeadReader reader;
  const std::string value(20'000, 'v');
  ASSERT_TRUE(reader.Feed("GET /path HTTP/1.1\r\nHost: name\r\nUpgrade: websocket\r\n"));
  ASSERT_TRUE(reader.Feed("Connection: upgrade\r\nBig: "));
  for (const char c : value)
    ASSERT_TRUE(reader.Feed(std::string(1, c)));
  ASSERT_TRUE(reader.Feed("\r\n\r\n")->complete);
  EXPECT_EQ(reader.head().path, "/path");
  EXPECT_EQ(reader.head().method_text, "GET");
  EXPECT_EQ(reader.head().authority, "name");
  EXPECT_EQ(reader.head().upgrade_protocol, "websocket");
  EXPECT_EQ(reader.head().headers.Find("big")->value, value);
}

TEST(RequestHeadReader, LeavesTheNextMessageInTheView) {
  RequestHeadReader reader;
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string second = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string both = first + second;
  const Result<HeadProgress> progress = reader.Feed(both);
  EXPECT_EQ(progress->consumed, first.size());
  EXPECT_EQ(reader.head().path, "/1");
  reader.Reset();
  EXPECT_FALSE(reader.started());
  EXPECT_TRUE(reader.Feed(std::string_view(both).substr(progress->consumed))->complete);
  EXPECT_EQ(reader.head().path, "/2");
}

TEST(RequestHeadReader, RefusesMoreBytesUntilReset) {
  RequestHeadReader reader;
  ASSERT_TRUE(reader.Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")->complete);
  EXPECT_EQ(reader.Feed("GET").error().code, ErrorCode::kBadRequest);
  reader.Reset();
  EXPECT_EQ(reader.Feed("\x16\x03\x01").error().code, ErrorCode::kBadRequest);
  EXPECT_EQ(reader.Feed("GET / HTTP/1.1\r\n").error().code, ErrorCode::kBadRequest);
  reader.Reset();
  EXPECT_TRUE(reader.Feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")->complete);
}

TEST(RequestHeadReader, SplitsTheFourFormsOfATarget) {
  RequestHeadReader reader;
  const RequestHead& head = Read(reader, "GET http://H.x:80/a/b?c HTTP/1.1\r\nHost: h.X\r\n\r\n");
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c");
  EXPECT_EQ(head.scheme, "http");
  EXPECT_EQ(head.authority, "h.x:80");

  Read(reader, "GET HTTPS://h HTTP/1.1\r\nHost: h:443\r\n\r\n");
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.scheme, "https");
  EXPECT_FALSE(head.has_query);

  Read(reader, "GET http://h?q=/ HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.query, "q=/");

  Read(reader, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.path, "*");
  Read(reader, "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.path, "*");

  Read(reader, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.method, Method::kConnect);
  EXPECT_EQ(head.path, "");
  EXPECT_EQ(head.authority, "h:443");

  Read(reader, "GET /a? HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.query, "");
  EXPECT_EQ(head.authority, "[::1]:80");
}

TEST(RequestHeadReader, TellsWhetherTheConnectionGoesOn) {
  RequestHeadReader reader;
  const RequestHead& head = Read(reader, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(head.keep_alive);
  Read(reader, WithField("Connection: foo , CLOSE\r\n"));
  EXPECT_FALSE(head.keep_alive);
  Read(reader, WithField("Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(head.keep_alive);
  Read(reader, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.authority, "");
  Read(reader, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHeadReader, TellsExpectationsAndUpgrades) {
  RequestHeadReader reader;
  const RequestHead& head = Read(reader, WithField("Expect: 100-Continue\r\n"));
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.has_unknown_expectation);
  Read(reader, WithField("Expect: 200-ok\r\n"));
  EXPECT_FALSE(head.expects_continue);
  EXPECT_TRUE(head.has_unknown_expectation);
  Read(reader,
       "GET / HTTP/1.0\r\nExpect: 100-continue\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  EXPECT_FALSE(head.expects_continue);
  EXPECT_FALSE(head.wants_upgrade);

  Read(reader, WithField("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_TRUE(head.wants_upgrade);
  EXPECT_EQ(head.upgrade_protocol, "websocket");
  Read(reader, WithField("Upgrade: websocket\r\n"));
  EXPECT_FALSE(head.wants_upgrade);
  EXPECT_EQ(head.upgrade_protocol, "");
}

TEST(RequestHeadReader, ReadsEachSpellingOfAllowedFraming) {
  RequestHeadReader reader;
  const RequestHead& head = Read(reader, WithField("transfer-ENCODING:\tChunked\r\n"));
  EXPECT_EQ(head.framing, BodyFraming::kChunked);
  Read(reader, WithField("Content-Length:   0010\r\n"));
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 10U);
  Read(reader, WithField("Content-Length: 9223372036854775807\r\n"));
  EXPECT_EQ(head.content_length, 9223372036854775807U);
  Read(reader, WithField("Content-Length: 0\r\n"));
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 0U);
  Read(reader, WithField(""));
  EXPECT_EQ(head.framing, BodyFraming::kNone);
}

TEST(RequestHeadReader, RefusesAmbiguousFraming) {
  const std::vector<Refused> cases = {
      {"together", WithField("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n")},
      {"together", WithField("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n")},
      {"more than one Content-Length", WithField("Content-Length: 6\r\nContent-Length: 7\r\n")},
      {"more than one Content-Length", WithField("Content-Length: 6\r\ncontent-length: 6\r\n")},
      {"not a decimal", WithField("Content-Length: +5\r\n")},
      {"not a decimal", WithField("Content-Length: -5\r\n")},
      {"not a decimal", WithField("Content-Length: 0x5\r\n")},
      {"not a decimal", WithField("Content-Length: 5,5\r\n")},
      {"not a decimal", WithField("Content-Length: 5 5\r\n")},
      {"not a decimal", WithField("Content-Length: 5.0\r\n")},
      {"white space behind", WithField("Content-Length: 5 \r\n")},
      {"white space behind", WithField("Content-Length: 5\t\r\n")},
      {"is empty", WithField("Content-Length:\r\n")},
      {"over 2^63-1", WithField("Content-Length: 9223372036854775808\r\n")},
      {"over 2^63-1", WithField("Content-Length: 18446744073709551621\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: identity, chunked\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: chunked, identity\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: gzip, chunked\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: chunked, chunked\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: identity\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: xchunked\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: \"chunked\"\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: chunked;q=1\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding: chunked \r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding:\r\n")},
      {"more than one Transfer-Encoding",
       WithField("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"a body where the method has none",
       "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n"},
      {"a body where the method has none",
       "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesMalformedFieldLines) {
  const std::vector<Refused> cases = {
      {"obs-fold", WithField("A: b\r\n c\r\n")},
      {"obs-fold", WithField("A: b\r\n\tc\r\n")},
      {"not exactly `chunked`", WithField("Transfer-Encoding:\r\n chunked\r\n")},
      {"obs-fold", WithField("Transfer-Encoding: chunked\r\n , identity\r\n")},
      {"obs-fold", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"obs-fold", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"},
      {"before the colon", WithField("A : b\r\n")},
      {"before the colon", WithField("Transfer-Encoding\t: chunked\r\n")},
      {"no colon", WithField("A\r\n")},
      {"name is empty", WithField(": b\r\n")},
      {"not a token", WithField("A(b): c\r\n")},
      {"not a token", WithField("A\"b: c\r\n")},
      {"not a token", WithField("\xc3\xa4: c\r\n")},
      {"not a token", WithField("A\0b: c\r\n"s)},
      {"not a token", WithField("A\x7f: c\r\n")},
      {"control character", WithField("A: b\0c\r\n"s)},
      {"control character", WithField("A: b\x01"
                                      "c\r\n")},
      {"control character", WithField("A: b\x0b\r\n")},
      {"control character", WithField("A: b\x7f\r\n")},
      {"control character", WithField("A: b\rc\r\n")},
      {"control character", WithField("A: b\r\r\n")},
      {"Connection option", WithField("Connection: a b\r\n")},
      {"Connection option", WithField("Connection: close;x\r\n")},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesBareLineFeedsAndEmptyLinesBefore) {
  const std::vector<Refused> cases = {
      {"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {"bare LF", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"bare LF", "GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n"},
      {"bare LF", "GET / HTTP/1.1\r\nHost: a\r\nA: \nb\r\n\r\n"},
      {"empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"empty line before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesMalformedRequestLines) {
  const ErrorCode k505 = ErrorCode::kVersionNotSupported;
  const ErrorCode k405 = ErrorCode::kMethodNotAllowed;
  const std::string tail = "\r\nHost: a\r\n\r\n";
  const std::vector<Refused> cases = {
      {"HTTP/0.9", "GET /\r\n"},
      {"method and a space", "GET\r\n"},
      {"does not begin with a method", " GET / HTTP/1.1" + tail},
      {"does not begin with a method", "\x16\x03\x01\x02"},
      {"does not begin with a method", "(GET) / HTTP/1.1" + tail},
      {"method and a space", "G\x80T / HTTP/1.1" + tail},
      {"method and a space", "GET\t/ HTTP/1.1" + tail},
      {"more than two spaces", "GET  / HTTP/1.1" + tail},
      {"more than two spaces", "GET /  HTTP/1.1" + tail},
      {"more than two spaces", "GET / HTTP/1.1 " + tail},
      {"more than two spaces", "GET /a b HTTP/1.1" + tail},
      {"does not end in HTTP/1.1", "GET / http/1.1" + tail},
      {"does not end in HTTP/1.1", "GET / HTTP/1.10" + tail},
      {"does not end in HTTP/1.1", "GET / HTTP/1" + tail},
      {"does not end in HTTP/1.1", "GET / HTTP/1,1" + tail},
      {"does not end in HTTP/1.1", "SOURCE / ICE/1.0" + tail},
      {"does not end in HTTP/1.1", "GET / HTTP/1.1\t" + tail},
      {"does not end in HTTP/1.1", "GET / HTTP/1.1\r" + tail},
      {"neither HTTP/1.0 nor", "GET / HTTP/2.0" + tail, k505},
      {"neither HTTP/1.0 nor", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", k505},
      {"neither HTTP/1.0 nor", "GET / HTTP/1.2" + tail, k505},
      {"neither HTTP/1.0 nor", "GET / HTTP/0.9" + tail, k505},
      {"neither HTTP/1.0 nor", "GET / HTTP/3.0" + tail, k505},
      {"not a registered one", "BREW / HTTP/1.1" + tail, k405},
      {"not a registered one", "get / HTTP/1.1" + tail, k405},
      {"not a registered one", "GETX / HTTP/1.1" + tail, k405},
      {"not a registered one", "DESCRIBE / HTTP/1.1" + tail, k405},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesMalformedTargets) {
  const auto get = [](std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const std::vector<Refused> cases = {
      {"backslash", get("/a\\b")},
      {"control character", get("/a\tb")},
      {"control character", get("/a\0b"s)},
      {"control character", get("/a\x7f")},
      {"control character", get("/a\rb")},
      {"not ASCII", get("/\xc3\xa4")},
      {"not ASCII", get("/?\xff")},
      {"fragment", get("/a#b")},
      {"method not OPTIONS", get("*")},
      {"none of the four forms", get("a/b")},
      {"none of the four forms", get("*a")},
      {"none of the four forms", get("a:80")},
      {"neither http nor https", get("ftp://a/")},
      {"not host:port", get("http://")},
      {"not host:port", get("http:///x")},
      {"not host:port", get("http://u@a/")},
      {"not host:port", get("http://a:/")},
      {"not host:port", get("http://a:99999/")},
      {"not host:port", get("http://a%41/")},
      {"target of CONNECT", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target of CONNECT", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target of CONNECT", "CONNECT http://a:1/ HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesWrongHosts) {
  const std::vector<Refused> cases = {
      {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
      {"no Host", "GET http://a/ HTTP/1.1\r\n\r\n"},
      {"more than one Host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"more than one Host", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"Host is empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"},
      {"Host is not host:port", "GET / HTTP/1.0\r\nHost: http://a\r\n\r\n"},
      {"Host differs", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"},
      {"Host differs", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"Host differs", "CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n"},
  };
  for (const Refused& refused : cases)
    ExpectRefused(refused);
}

TEST(RequestHeadReader, RefusesWhatIsOverALimit) {
  const ErrorCode k431 = ErrorCode::kHeadTooLarge;
  const HeadLimits limits{.start_line_max = 64, .header_block_max = 80, .headers_max = 3};
  const std::string line = "GET /" + std::string(64 - 5 - 11, 'p') + " HTTP/1.1\r\n";
  ASSERT_EQ(line.size(), 64U);
  RequestHeadReader reader(limits);
  Read(reader, line + "Host: a\r\n\r\n");
  ExpectRefused({"start line is too long", "GET /p" + line.substr(5) + "Host: a\r\n\r\n",
                 ErrorCode::kTargetTooLong},
                limits);
  ExpectRefused(
      {"start line is too long", "GET /" + std::string(90, 'p'), ErrorCode::kTargetTooLong},
      limits);

  const std::string block = "Host: a\r\nB: " + std::string(80 - 16, 'b') + "\r\n\r\n";
  ASSERT_EQ(block.size(), 80U);
  Read(reader, "GET / HTTP/1.1\r\n" + block);
  ExpectRefused({"header block is too large", "GET / HTTP/1.1\r\nC" + block, k431}, limits);
  ExpectRefused({"header block is too large", "GET / HTTP/1.1\r\n" + std::string(99, 'b'), k431},
                limits);

  Read(reader, "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n");
  ExpectRefused({"too many", "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\nC:\r\n\r\n", k431}, limits);
  // Dropped fields count as well: they cost us as much.
  ExpectRefused({"too many", "GET / HTTP/1.1\r\nHost: a\r\nA_:\r\nB_:\r\nC_:\r\n\r\n", k431},
                limits);
}

TEST(RequestHeadReader, HasTheDefaultLimitsOfThePolicy) {
  const HeadLimits limits;
  EXPECT_EQ(limits.start_line_max, 8192U);
  EXPECT_EQ(limits.header_block_max, 32768U);
  EXPECT_EQ(limits.headers_max, 100U);
}

TEST(RequestHeadReader, TreatsUnderscoresAsToldTo) {
  const std::string bytes = WithField("X_User: root\r\nContent_Length: 5\r\nX-User: alice\r\n");
  RequestHeadReader dropping;
  EXPECT_EQ(Read(dropping, bytes).headers.size(), 2U);
  EXPECT_EQ(dropping.head().headers.Find("x_user"), nullptr);
  RequestHeadReader keeping({.underscore_names = UnderscoreNames::kKeep});
  EXPECT_EQ(Read(keeping, bytes).headers.Find("x_user")->value, "root");
  ExpectRefused({"underscore", bytes}, {.underscore_names = UnderscoreNames::kRefuse});
}

TEST(RequestHeadReader, GivesTheSameHeadForEveryCut) {
  const std::string bytes =
      "PUT http://Example.com/a%20b?c=d HTTP/1.1\r\nHost: example.com\r\nA: 1\r\nX_y: 2\r\n"
      "Transfer-Encoding: chunked\r\nConnection: a, close\r\nEmpty: \r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    RequestHeadReader reader;
    const std::string_view all = bytes;
    const Result<HeadProgress> first = reader.Feed(all.substr(0, cut));
    ASSERT_TRUE(first.has_value()) << cut;
    EXPECT_EQ(first->consumed, cut);
    EXPECT_EQ(first->complete, cut == bytes.size());
    if (!first->complete) {
      const Result<HeadProgress> second = reader.Feed(all.substr(cut));
      ASSERT_TRUE(second.has_value()) << cut << second.error().detail;
      EXPECT_TRUE(second->complete);
      EXPECT_EQ(second->consumed, bytes.size() - cut);
    }
    EXPECT_EQ(reader.head().path, "/a%20b");
    EXPECT_EQ(reader.head().authority, "example.com");
    EXPECT_EQ(reader.head().framing, BodyFraming::kChunked);
    EXPECT_EQ(reader.head().headers.size(), 5U);
    EXPECT_FALSE(reader.head().keep_alive);
  }
}

TEST(RequestHeadReader, AcceptsRegisteredMethodsWithoutANameOfTheirOwn) {
  RequestHeadReader reader;
  EXPECT_EQ(Read(reader, "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::kOther);
  EXPECT_EQ(reader.head().method_text, "PROPFIND");
  EXPECT_EQ(Read(reader, "M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n").method_text, "M-SEARCH");
}

}  // namespace
}  // namespace sluice::wire
