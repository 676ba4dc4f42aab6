#include "sluice/gateway/router.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

class RouterTest : public testing::Test {
 protected:
  bool Matches(const config::MatchConfig& match, std::string_view path) {
    matcher_ = RouteMatcher::Create(match);
    EXPECT_TRUE(matcher_.has_value());
    return matcher_->Matches({.head = &head_, .path = path, .scratch = &scratch_}, captures_);
  }

  Result<RouteMatcher> matcher_ = RouteMatcher::Create({});  // Captures point into it.
  wire::RequestHead head_;
  PathCaptures captures_;
  std::string scratch_;
};

TEST_F(RouterTest, AnEmptyMatchMatchesEverything) {
  EXPECT_TRUE(Matches({}, "/any/thing"));
}

TEST_F(RouterTest, APrefixEndsAtASegment) {
  const config::MatchConfig match{.path_prefix = "/pay"};
  EXPECT_TRUE(Matches(match, "/pay"));
  EXPECT_TRUE(Matches(match, "/pay/now"));
  EXPECT_FALSE(Matches(match, "/payments"));
  EXPECT_FALSE(Matches(match, "/"));
  EXPECT_TRUE(Matches({.path_prefix = "/"}, "/x"));
  EXPECT_TRUE(Matches({.path_prefix = "/pay/"}, "/pay/now"));
}

TEST_F(RouterTest, AnExactPathIsTheWholePath) {
  EXPECT_TRUE(Matches({.path_exact = "/healthz"}, "/healthz"));
  EXPECT_FALSE(Matches({.path_exact = "/healthz"}, "/healthz/"));
}

TEST_F(RouterTest, ATemplateCatchesWholeSegments) {
  const config::MatchConfig match{.path_template = "/users/{id}/orders/{order}"};
  EXPECT_TRUE(Matches(match, "/users/42/orders/7"));
  EXPECT_EQ(captures_.Find("id"), "42");
  EXPECT_EQ(captures_.Find("order"), "7");
  EXPECT_EQ(captures_.Find("other"), "");
  EXPECT_FALSE(Matches(match, "/users//orders/7"));
  EXPECT_FALSE(Matches(match, "/users/42/orders"));
  EXPECT_FALSE(Matches(match, "/users/42/orders/7/x"));
}

TEST_F(RouterTest, AHostMatchesWithoutItsPortAndByWildcard) {
  head_.authority = "shop.example.com:8080";
  EXPECT_TRUE(Matches({.host = "shop.example.com"}, "/"));
  EXPECT_TRUE(Matches({.host = "*.example.com"}, "/"));
  EXPECT_FALSE(Matches({.host = "example.com"}, "/"));
  head_.authority = "example.com";
  EXPECT_FALSE(Matches({.host = "*.example.com"}, "/"));
  head_.authority = "[::1]:80";
  EXPECT_TRUE(Matches({.host = "[::1]"}, "/"));
}

TEST_F(RouterTest, TheMethodAloneMakesTheDifferenceBetween404And405) {
  head_.method = wire::Method::kPost;
  head_.method_text = "POST";
  const Result<RouteMatcher> matcher =
      RouteMatcher::Create({.path_exact = "/a", .methods = {"GET", "HEAD"}});
  const RouteQuery query{.head = &head_, .path = "/a", .scratch = &scratch_};
  EXPECT_FALSE(matcher->Matches(query, captures_));
  EXPECT_TRUE(matcher->MatchesButMethod(query, captures_));
}

TEST_F(RouterTest, HeadersAreComparedByValuePrefixExpressionAndPresence) {
  head_.headers.Add("X-Tenant", "acme-7");
  using config::HeaderMatch;
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-tenant"}}}, "/"));
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .exact = "acme-7"}}}, "/"));
  EXPECT_FALSE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .exact = "acme"}}}, "/"));
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .prefix = "acme"}}}, "/"));
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .regex = "acme-\\d"}}}, "/"));
  EXPECT_FALSE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .regex = "acme"}}}, "/"));
  EXPECT_FALSE(Matches({.headers = {HeaderMatch{.name = "x-tenant", .present = false}}}, "/"));
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-none", .present = false}}}, "/"));
}

TEST_F(RouterTest, AFieldSentTwiceMatchesByAnyOfItsValues) {
  head_.headers.Add("X-Role", "user");
  head_.headers.Add("x-role", "admin");
  using config::HeaderMatch;
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-role", .exact = "admin"}}}, "/"));
  EXPECT_TRUE(Matches({.headers = {HeaderMatch{.name = "x-role", .exact = "user"}}}, "/"));
  EXPECT_FALSE(Matches({.headers = {HeaderMatch{.name = "x-role", .exact = "guest"}}}, "/"));
}

TEST_F(RouterTest, QueryParametersAreComparedDecoded) {
  head_.query = "mode=a%20b&debug";
  using config::QueryMatch;
  EXPECT_TRUE(Matches({.query = {QueryMatch{.name = "mode", .exact = "a b"}}}, "/"));
  EXPECT_TRUE(Matches({.query = {QueryMatch{.name = "debug", .present = true}}}, "/"));
  EXPECT_TRUE(Matches({.query = {QueryMatch{.name = "none", .present = false}}}, "/"));
  EXPECT_FALSE(Matches({.query = {QueryMatch{.name = "mode", .exact = "c"}}}, "/"));
}

TEST(RouteMatcher, RefusesABrokenExpression) {
  const Result<RouteMatcher> matcher =
      RouteMatcher::Create({.headers = {config::HeaderMatch{.name = "a", .regex = "("}}});
  ASSERT_FALSE(matcher.has_value());
  EXPECT_EQ(matcher.error().code, ErrorCode::kInvalidConfig);
}

}  // namespace
}  // namespace sluice::gateway
