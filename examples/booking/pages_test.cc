#include "booking/pages.h"

#include <chrono>
#include <string_view>

#include <gtest/gtest.h>

namespace booking {
namespace {

using namespace std::chrono_literals;
using sluice::wire::Method;

Reply Ask(std::string_view path, std::string_view query = {}) {
  sluice::wire::RequestHead head;
  head.path = path;
  head.query = query;
  return PageOf(head);
}

Reply Post(std::string_view path) {
  sluice::wire::RequestHead head;
  head.method = Method::kPost;
  head.path = path;
  return PageOf(head);
}

TEST(Pages, HealthIsPlainText) {
  const Reply reply = Ask("/healthz");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain");
  EXPECT_EQ(reply.body, "ok\n");
}

TEST(Pages, SearchRepeatsTheQuery) {
  const Reply reply = Ask("/search", "page=2&q=lisbon");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.starts_with(R"({"query":"lisbon","hotels":[{"id":"alfama")"))
      << reply.body;
}

TEST(Pages, QueryThatIsNotUtf8StillGivesJson) {
  EXPECT_TRUE(Ask("/search", "q=\xff").body.starts_with("{\"query\":\"\xef\xbf\xbd\""));
}

TEST(Pages, PriceIsTheSameEveryTime) {
  EXPECT_EQ(Ask("/price/alfama").body, Ask("/price/alfama").body);
  EXPECT_NE(Ask("/price/alfama").body, Ask("/price/belem").body);
  EXPECT_EQ(Ask("/price/").status, 404);
}

TEST(Pages, SlowWaitsAsLongAsAsked) {
  EXPECT_EQ(Ask("/slow", "ms=250").delay, 250ms);
  EXPECT_EQ(Ask("/slow").delay, 1s);
  EXPECT_EQ(Ask("/slow", "ms=60001").delay, 1s) << "beyond its bound a wish is not heard";
}

TEST(Pages, FailGivesTheStatusAskedFor) {
  EXPECT_EQ(Ask("/fail", "status=503").status, 503);
  EXPECT_EQ(Ask("/fail", "status=200").status, 500);
  EXPECT_EQ(Ask("/fail", "status=50x").status, 500);
}

TEST(Pages, StreamSaysHowManyChunksAndHowFarApart) {
  const Reply reply = Ask("/stream", "chunks=3&ms=20");
  EXPECT_EQ(reply.chunks, 3);
  EXPECT_EQ(reply.delay, 20ms);
}

TEST(Pages, UnknownPagesAndMethodsAreTold) {
  EXPECT_EQ(Ask("/nowhere").status, 404);
  EXPECT_EQ(Post("/search").status, 405);
}

}  // namespace
}  // namespace booking
