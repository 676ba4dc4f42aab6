#include "sluice/gateway/config/endpoint.h"

#include <gtest/gtest.h>

namespace sluice::gateway::config {
namespace {

std::string ProblemOf(std::string_view text) {
  const Result<Endpoint> endpoint = ParseEndpoint(text);
  return endpoint ? "" : endpoint.error().detail;
}

TEST(Endpoint, LiteralAddressesNeedNoResolver) {
  const Result<Endpoint> ipv4 = ParseEndpoint("127.0.0.1:9001");
  ASSERT_TRUE(ipv4.has_value());
  EXPECT_EQ(ipv4->address->ToString(), "127.0.0.1:9001");
  EXPECT_EQ(ipv4->host, "127.0.0.1");
  EXPECT_EQ(ipv4->port, 9001);
  EXPECT_EQ(ipv4->authority, "127.0.0.1:9001");

  const Result<Endpoint> ipv6 = ParseEndpoint("http://[::1]:80/");
  ASSERT_TRUE(ipv6.has_value());
  EXPECT_EQ(ipv6->address->ToString(), "[::1]:80");
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->authority, "[::1]:80");
}

TEST(Endpoint, NamesAreLeftToTheResolver) {
  const Result<Endpoint> endpoint = ParseEndpoint("Booking.local:9001");
  ASSERT_TRUE(endpoint.has_value());
  EXPECT_FALSE(endpoint->address.has_value());
  EXPECT_EQ(endpoint->host, "booking.local");
  EXPECT_EQ(endpoint->port, 9001);
  EXPECT_EQ(endpoint->authority, "Booking.local:9001");
}

TEST(Endpoint, OnlyUrlsHaveADefaultPort) {
  const Result<Endpoint> url = ParseEndpoint("http://booking.local");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->port, 80);
  EXPECT_EQ(url->authority, "booking.local");
  EXPECT_EQ(ProblemOf("booking.local"), R"(must have a port, as in "booking.local:9001")");
  EXPECT_EQ(ProblemOf("[::1]"), R"(must have a port, as in "booking.local:9001")");
}

TEST(Endpoint, UnixSocketsHaveAPath) {
  const Result<Endpoint> endpoint = ParseEndpoint("unix:/run/app.sock");
  ASSERT_TRUE(endpoint.has_value());
  EXPECT_EQ(endpoint->address->path(), "/run/app.sock");
  EXPECT_EQ(endpoint->authority, "localhost");
  EXPECT_NE(ProblemOf("unix:"), "");
}

TEST(Endpoint, SaysWhatToWriteInstead) {
  const std::string expected =
      R"(must be an endpoint such as "127.0.0.1:9001", "booking.local:9001", "[::1]:9001" or )"
      R"("unix:/path")";
  for (const std::string_view text :
       {"300.0.0.1:80", "1.2.3:80", "::1:80", "[1.2.3.4]:80", "[x]:80", "a b:80", ":80", "*.a:80",
        "user@host:80", "a..b:80"}) {
    EXPECT_EQ(ProblemOf(text), expected) << text;
  }
  for (const std::string_view text : {"a:0", "a:65536", "a:", "a:x", "a:000080"}) {
    EXPECT_EQ(ProblemOf(text), "must have a port of 1..65535") << text;
  }
  EXPECT_EQ(ProblemOf("https://a"), "https endpoints are not available yet");
  EXPECT_EQ(ProblemOf("http://a/b"),
            "must be an endpoint without a path (a route's prefix_rewrite changes paths)");
}

}  // namespace
}  // namespace sluice::gateway::config
