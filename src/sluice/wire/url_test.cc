#include "sluice/wire/url.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(ParseHttpUrl, SplitsAUrl) {
  const Result<HttpUrl> url = ParseHttpUrl("http://Ex.com:8080/a/b?c=d");
  ASSERT_TRUE(url.has_value());
  EXPECT_FALSE(url->is_https);
  EXPECT_EQ(url->authority, "Ex.com:8080");
  EXPECT_EQ(url->host, "Ex.com");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(url->query, "c=d");
}

TEST(ParseHttpUrl, FillsInWhatIsNotWritten) {
  EXPECT_EQ(ParseHttpUrl("http://a")->port, 80);
  EXPECT_EQ(ParseHttpUrl("HTTPS://a")->port, 443);
  EXPECT_TRUE(ParseHttpUrl("https://a")->is_https);
  EXPECT_EQ(ParseHttpUrl("http://a")->path, "/");
  EXPECT_EQ(ParseHttpUrl("http://a?q")->path, "/");
  EXPECT_EQ(ParseHttpUrl("http://a?q")->query, "q");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:1/")->host, "::1");
}

TEST(ParseHttpUrl, KnowsUnixSockets) {
  const Result<HttpUrl> url = ParseHttpUrl("http://unix:/run/app.sock");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->unix_path, "/run/app.sock");
  EXPECT_EQ(url->host, "");
  EXPECT_EQ(url->path, "/");
}

TEST(ParseHttpUrl, RefusesEverythingElseAndSaysWhy) {
  for (const std::string text :
       {"", "a", "a:80", "ftp://a", "http:/a", "http://", "http:///x", "http://a:x", "http://u@a",
        "http://a b", "http://a/#f", "http://a/\xc3\xa4", "http://unix:", "http://a\\b"}) {
    const Result<HttpUrl> url = ParseHttpUrl(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidOption);
    EXPECT_NE(url.error().detail.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::wire
