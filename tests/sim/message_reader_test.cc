#include "tests/sim/message_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

using Side = MessageReader::Side;

MessageReader Read(Side side, std::string_view bytes, std::string_view method = {}) {
  MessageReader reader(side);
  reader.Begin(method);
  // Byte by byte: a reader that depends on where bytes are cut is of no use here.
  for (const char byte : bytes)
    reader.Feed(std::string_view(&byte, 1));
  return reader;
}

TEST(MessageReader, ReadsARequestWithABody) {
  const MessageReader reader =
      Read(Side::kRequests, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:  3 \r\n\r\nabcGET");

  ASSERT_TRUE(reader.complete()) << reader.problem();
  EXPECT_EQ(reader.message().method, "POST");
  EXPECT_EQ(reader.message().target, "/x");
  EXPECT_EQ(reader.message().body, "abc");
  EXPECT_EQ(reader.left_over(), 3U);
}

TEST(MessageReader, ReadsOneMessageAfterTheOther) {
  MessageReader reader(Side::kRequests);
  reader.Feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.message().target, "/1");

  reader.Begin();
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.message().target, "/2");

  reader.Begin();
  EXPECT_TRUE(reader.untouched());
}

TEST(MessageReader, ReadsChunksAndTrailers) {
  const MessageReader reader = Read(Side::kResponses,
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-sum: 7\r\n\r\n");

  ASSERT_TRUE(reader.complete()) << reader.problem();
  EXPECT_EQ(reader.message().body, "abc0123456789");
  ASSERT_EQ(reader.message().trailers.size(), 1U);
  EXPECT_EQ(reader.message().trailers[0].second, "7");
}

TEST(MessageReader, ReadsAResponseUntilTheEnd) {
  MessageReader reader = Read(Side::kResponses, "HTTP/1.0 200 OK\r\n\r\nabc");
  EXPECT_FALSE(reader.complete());

  reader.FeedEnd();

  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.message().body, "abc");
}

TEST(MessageReader, AnEndInAHeadCompletesNothing) {
  MessageReader reader = Read(Side::kResponses, "HTTP/1.1 200 OK\r\n");
  reader.FeedEnd();

  EXPECT_FALSE(reader.complete());
}

TEST(MessageReader, ReadsNoBodyWhereThereIsNone) {
  EXPECT_TRUE(
      Read(Side::kResponses, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD").complete());
  EXPECT_TRUE(Read(Side::kResponses, "HTTP/1.1 204 None\r\n\r\n").complete());
  EXPECT_TRUE(Read(Side::kResponses, "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n").complete());
}

TEST(MessageReader, SkipsInterimResponses) {
  const MessageReader reader =
      Read(Side::kResponses,
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

  ASSERT_TRUE(reader.complete());
  EXPECT_EQ(reader.message().status, 200);
  EXPECT_EQ(reader.interim(), std::vector{100});
}

TEST(MessageReader, FindsHeadersInAnyCaseAndTokensInLists) {
  const MessageReader reader =
      Read(Side::kRequests, "GET / HTTP/1.1\r\nConnection: keep-alive, CLOSE\r\n\r\n");

  EXPECT_EQ(reader.message().Find("CONNECTION"), "keep-alive, CLOSE");
  EXPECT_TRUE(reader.message().Lists("connection", "close"));
  EXPECT_FALSE(reader.message().Lists("connection", "upgrade"));
  EXPECT_FALSE(reader.message().Find("host"));
}

TEST(MessageReader, BreaksOnWhatIsNotHttp) {
  const char* heads[] = {
      "nonsense\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/2 200 OK\r\n\r\n",
      "HTTP/1.1 200\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nspace : before\r\n\r\n",
      "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n",
  };
  for (const char* head : heads) {
    SCOPED_TRACE(head);
    const MessageReader reader = Read(Side::kResponses, head);
    EXPECT_FALSE(reader.complete());
    EXPECT_FALSE(reader.problem().empty());
  }
  EXPECT_FALSE(Read(Side::kRequests, "GET  / HTTP/1.1\r\n\r\n").problem().empty());
  EXPECT_FALSE(Read(Side::kRequests, "GET / HTTP/1.0\r\n\r\n").problem().empty());
}

}  // namespace
}  // namespace sluice::scenario
