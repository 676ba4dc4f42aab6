#include "load/messages.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::load {
namespace {

TEST(Messages, ARequestNamesItsAnswerAndItsNumber) {
  RequestText text({.path_prefix = "/search", .answer_bytes = 65536, .users = 10});

  const std::string request(text.HeadOf(1234));
  const Head head = ScanHead(request);

  ASSERT_EQ(head.scan, Scan::kComplete);
  EXPECT_EQ(head.bytes, request.size());
  EXPECT_EQ(head.first_line, "GET /search/65536/0000001234 HTTP/1.1");
  EXPECT_NE(request.find("\r\nX-User-Id: u00004\r\n"), std::string::npos);
  const std::optional<Target> target = TargetOf(head.first_line);
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->answer_bytes, 65536U);
  EXPECT_EQ(target->number, 1234U);
}

TEST(Messages, ARequestWithABodySaysItsLength) {
  RequestText text({.method = "POST", .body_bytes = 17});

  EXPECT_EQ(ScanHead(text.HeadOf(0)).content_length, 17U);
}

TEST(Messages, OtherRequestLinesAreNotOurs) {
  for (const std::string_view line :
       {"GET / HTTP/1.1", "GET /healthz HTTP/1.1", "GET /a/1 HTTP/1.1", "GET /1/a HTTP/1.1",
        "GET /1/2", "GET /99999999/1 HTTP/1.1", ""}) {
    EXPECT_FALSE(TargetOf(line).has_value()) << line;
  }
}

TEST(Messages, AnAnswerHeadReadsBack) {
  std::string text;
  AppendAnswerHead({.answer_bytes = 128, .number = 7}, text);

  const Head head = ScanHead(text);

  EXPECT_EQ(head.scan, Scan::kComplete);
  EXPECT_EQ(head.bytes, text.size());
  EXPECT_EQ(StatusOf(head.first_line), 200);
  EXPECT_EQ(head.content_length, 128U);
  EXPECT_EQ(head.number, 7U);
  EXPECT_FALSE(head.closes);
  EXPECT_FALSE(head.chunked);
}

TEST(Messages, EveryPrefixOfAHeadIsIncomplete) {
  std::string text;
  AppendAnswerHead({.answer_bytes = 128, .number = 7}, text);

  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    EXPECT_EQ(ScanHead(text.substr(0, bytes)).scan, Scan::kIncomplete) << bytes;
  }
}

TEST(Messages, FieldsThatFrameAMessageAreReadInAnyCase) {
  const Head head =
      ScanHead("HTTP/1.1 503 No\r\nCONNECTION: Close\r\nTransfer-encoding: chunked\r\n\r\nrest");

  EXPECT_EQ(StatusOf(head.first_line), 503);
  EXPECT_TRUE(head.closes);
  EXPECT_TRUE(head.chunked);
}

TEST(Messages, UnreadableLengthsAreMalformed) {
  for (const std::string_view fields :
       {"Content-Length: x", "Content-Length: -1",
        "Content-Length:", "Content-Length: 1\r\nContent-Length: 1", "no colon"}) {
    const std::string text = "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n";
    EXPECT_EQ(ScanHead(text).scan, Scan::kMalformed) << fields;
  }
}

TEST(Messages, OnlyAStatusLineHasAStatus) {
  EXPECT_EQ(StatusOf("HTTP/1.1 404 Not Found"), 404);
  EXPECT_EQ(StatusOf("HTTP/1.0 200 OK"), 0);
  EXPECT_EQ(StatusOf("HTTP/1.1 2x0 OK"), 0);
  EXPECT_EQ(StatusOf(""), 0);
}

TEST(Messages, OnlyEachSoManyThRequestIsCritical) {
  RequestText text({.critical_every = 3});

  for (std::uint64_t number = 0; number < 7; ++number) {
    const std::string_view head = text.HeadOf(number);
    const bool critical = head.find("\r\nX-Criticality: CRITICAL \r\n") != std::string_view::npos;
    const bool sheddable = head.find("\r\nX-Criticality: SHEDDABLE\r\n") != std::string_view::npos;
    EXPECT_EQ(critical, number % 3 == 0) << number;
    EXPECT_EQ(sheddable, number % 3 != 0) << number;
    EXPECT_EQ(ScanHead(head).scan, Scan::kComplete) << number;
  }
}

TEST(Messages, WithoutClassesNoRequestSaysOne) {
  RequestText text(RequestOptions{});

  EXPECT_EQ(text.HeadOf(0).find("X-Criticality"), std::string_view::npos);
}

TEST(Messages, NeighboursHaveDifferentBodies) {
  std::set<std::string_view> bodies;
  for (std::uint64_t number = 0; number < 61; ++number)
    bodies.insert(BodyOf(number, 16));

  EXPECT_EQ(bodies.size(), 61U);
  EXPECT_EQ(BodyOf(5, kBodyBytesMax).size(), kBodyBytesMax);
}

}  // namespace
}  // namespace sluice::load
