#include "sluice/wire/authority.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(SplitAuthority, SplitsHostAndPort) {
  EXPECT_EQ(SplitAuthority("Ex-a_mple.com")->host, "Ex-a_mple.com");
  EXPECT_EQ(SplitAuthority("example.com")->port, std::nullopt);
  EXPECT_EQ(SplitAuthority("10.0.0.1:65535")->port, 65535);
  EXPECT_EQ(SplitAuthority("a:0")->port, 0);
  EXPECT_EQ(SplitAuthority("[::1]")->host, "[::1]");
  EXPECT_EQ(SplitAuthority("[::ffff:1.2.3.4]:80")->host, "[::ffff:1.2.3.4]");
  EXPECT_EQ(SplitAuthority("[::1]:80")->port, 80);
}

TEST(SplitAuthority, RefusesEverythingElse) {
  for (const std::string text :
       {"",    ":80",   "a:",     "a:x",     "a:65536", "a:123456", "a:-1",  "a:+1",  "a b",
        "a/",  "u@a",   "a%41",   "a,b",     "[::1",    "[]",       "[]:80", "[::g]", "[1]",
        "::1", "a:1:2", "[::1]x", "[::1]80", "a\\",     "\xc3\xa4", "a:1 "}) {
    EXPECT_EQ(SplitAuthority(text).error().code, ErrorCode::kBadRequest) << text;
  }
  EXPECT_TRUE(SplitAuthority(std::string(255, 'a')).has_value());
  EXPECT_FALSE(SplitAuthority(std::string(256, 'a')).has_value());
}

bool Same(std::string_view a, std::string_view b, std::string_view scheme) {
  return SameAuthority(*SplitAuthority(a), *SplitAuthority(b), scheme);
}

TEST(SameAuthority, KnowsCaseAndDefaultPorts) {
  EXPECT_TRUE(Same("A.com", "a.com:80", "http"));
  EXPECT_TRUE(Same("a:443", "a", "https"));
  EXPECT_FALSE(Same("a:443", "a", "http"));
  EXPECT_FALSE(Same("a", "b", "http"));
  EXPECT_FALSE(Same("a:80", "a", ""));
}

TEST(AppendCanonicalAuthority, LowersTheHostAndLeavesTheDefaultPortOut) {
  std::string out;
  AppendCanonicalAuthority(*SplitAuthority("A.Com:80"), "http", out);
  out.push_back(' ');
  AppendCanonicalAuthority(*SplitAuthority("A.Com:8080"), "http", out);
  out.push_back(' ');
  AppendCanonicalAuthority(*SplitAuthority("[::A]"), "https", out);
  EXPECT_EQ(out, "a.com a.com:8080 [::a]");
}

TEST(FindQueryParameter, FindsDecodedNamesAndValues) {
  std::string scratch;
  EXPECT_EQ(FindQueryParameter("a=1&b=2", "b", scratch), "2");
  EXPECT_EQ(FindQueryParameter("a=1&b", "b", scratch), "");
  EXPECT_EQ(FindQueryParameter("a=1&a=2", "a", scratch), "1");
  EXPECT_EQ(FindQueryParameter("%61=x%20y+z", "a", scratch), "x y z");
  EXPECT_EQ(FindQueryParameter("a=b=c", "a", scratch), "b=c");
  EXPECT_EQ(FindQueryParameter("a=%4", "a", scratch), "%4");
  EXPECT_EQ(FindQueryParameter("&&a=", "a", scratch), "");
  EXPECT_EQ(FindQueryParameter("ab=1", "a", scratch), std::nullopt);
  EXPECT_EQ(FindQueryParameter("", "a", scratch), std::nullopt);
}

}  // namespace
}  // namespace sluice::wire
