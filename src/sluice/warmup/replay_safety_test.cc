#include "sluice/warmup/replay_safety.h"

#include <gtest/gtest.h>

#include "sluice/warmup/recorded_fixture.h"

namespace sluice::warmup {
namespace {

using wire::recording::RecordedExchange;

TEST(ReplaySafety, ReadsAreSent) {
  EXPECT_EQ(SkipOf(Recorded("GET", "/orders/1"), {}), Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("HEAD", "/orders/1"), {}), Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("OPTIONS", "*", 204), {}), Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("GET", "/orders/2", 404), {}), Skip::kNone);
}

TEST(ReplaySafety, WritesAreNotSent) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "PURGE"})
    EXPECT_EQ(SkipOf(Recorded(method, "/orders"), {}), Skip::kWrite) << method;
  // A write is no safe method, whoever lists it among them.
  const SafetyOptions listed{.methods = {"GET", "DELETE"}};
  EXPECT_EQ(SkipOf(Recorded("DELETE", "/orders/1"), listed), Skip::kWrite);
  EXPECT_EQ(SkipOf(Recorded("HEAD", "/orders/1"), listed), Skip::kWrite);
}

TEST(ReplaySafety, AWriteThatOnlyReadsIsSentWhereItsRouteOrPathSaysSo) {
  const SafetyOptions by_path{.safe_posts = {"/search"}};
  EXPECT_EQ(SkipOf(Recorded("POST", "/search"), by_path), Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("POST", "/search/hotels?page=2"), by_path), Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("POST", "/searches"), by_path), Skip::kWrite);
  EXPECT_EQ(SkipOf(Recorded("POST", "/orders"), by_path), Skip::kWrite);
  const SafetyOptions by_route{.safe_posts = {"all"}};
  EXPECT_EQ(SkipOf(Recorded("POST", "/anything"), by_route), Skip::kNone);
}

TEST(ReplaySafety, AGetThatStandsForAWriteIsNotSent) {
  EXPECT_EQ(SkipOf(Recorded("GET", "/orders/1", 200, "X-HTTP-Method-Override: DELETE\r\n"), {}),
            Skip::kWrite);
}

TEST(ReplaySafety, AGetThatDoesSomethingIsNotSent) {
  EXPECT_EQ(SkipOf(Recorded("GET", "/logout"), {}), Skip::kUnsafeGet);
  EXPECT_EQ(SkipOf(Recorded("GET", "/mail/unsubscribe?id=3"), {}), Skip::kUnsafeGet);
  EXPECT_EQ(SkipOf(Recorded("GET", "/mail?a=1&confirm=yes"), {}), Skip::kUnsafeGet);
  EXPECT_EQ(SkipOf(Recorded("GET", "/mail?confirmed=yes"), {}), Skip::kNone);
  RecordedExchange sets_cookie = Recorded("GET", "/home");
  sets_cookie.response.head += "Set-Cookie: a=b\r\n";
  EXPECT_EQ(SkipOf(sets_cookie, {}), Skip::kUnsafeGet);
  RecordedExchange leaves = Recorded("GET", "/home", 302);
  leaves.response.head += "Location: /auth/logout?x=1\r\n";
  EXPECT_EQ(SkipOf(leaves, {}), Skip::kUnsafeGet);
  EXPECT_EQ(SkipOf(sets_cookie, {.safe_gets = {"/home"}}), Skip::kNone);
}

TEST(ReplaySafety, WhatNeedsCredentialsWaitsForSome) {
  for (const char* field :
       {"Authorization: Bearer masked-0011223344556677\r\n", "authorization: Basic eA==\r\n",
        "X-Api-Key: k\r\n", "X-Session: masked-0011223344556677\r\n"}) {
    EXPECT_EQ(SkipOf(Recorded("GET", "/a", 200, field), {}), Skip::kAuth) << field;
    EXPECT_EQ(SkipOf(Recorded("GET", "/a", 200, field), {.has_credentials = true}), Skip::kNone)
        << field;
  }
  EXPECT_EQ(SkipOf(Recorded("GET", "/a", 200, "Cookie: a=masked-0011223344556677\r\n"), {}),
            Skip::kNone);
  EXPECT_EQ(SkipOf(Recorded("GET", "/a?key=masked-0011223344556677"), {.has_credentials = true}),
            Skip::kAuth);
}

TEST(ReplaySafety, CredentialsAreToldByTheirKind) {
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nAuthorization: bearer x\r\n"), AuthKind::kBearer);
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nAuthorization: Basic x\r\n"), AuthKind::kBasic);
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nAuthorization: AWS4 x\r\n"), AuthKind::kOther);
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nX-API-Key: x\r\n"), AuthKind::kApiKey);
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nCookie: x=y\r\n"), AuthKind::kCookie);
  EXPECT_EQ(AuthKindOf("GET / HTTP/1.1\r\nAccept: x\r\n"), AuthKind::kNone);
}

TEST(ReplaySafety, WhatFailedOrWasNeverAnsweredIsNotSent) {
  EXPECT_EQ(SkipOf(Recorded("GET", "/a", 503), {}), Skip::kNotAnswered);
  RecordedExchange refused = Recorded("GET", "/a", 429);
  refused.reason = "rate_limit/per-user";
  EXPECT_EQ(SkipOf(refused, {}), Skip::kNotAnswered);
  RecordedExchange silent = Recorded("GET", "/a");
  silent.status = 0;
  EXPECT_EQ(SkipOf(silent, {}), Skip::kNotAnswered);
}

TEST(ReplaySafety, WhatCannotBeSentAsItWasIsNotSent) {
  RecordedExchange cut = Recorded("GET", "/a");
  cut.request.is_truncated = true;
  EXPECT_EQ(SkipOf(cut, {}), Skip::kTruncated);
  RecordedExchange opaque = Recorded("GET", "/a");
  opaque.request.is_opaque = true;
  EXPECT_EQ(SkipOf(opaque, {}), Skip::kTruncated);
  RecordedExchange split = Recorded("GET", "/a");
  split.target = "/a HTTP/1.1\r\nX: y";
  EXPECT_EQ(SkipOf(split, {}), Skip::kMalformed);
  EXPECT_EQ(SkipOf(Recorded("GET", "/a", 200, "bad name: x\r\n"), {}), Skip::kMalformed);
  EXPECT_EQ(SkipOf(Recorded("GET", "http://a/b"), {}), Skip::kMalformed);
}

TEST(ReplaySafety, ReasonsHaveNames) {
  EXPECT_EQ(NameOf(Skip::kUnsafeGet), "unsafe_get");
  EXPECT_EQ(NameOf(Skip::kNoRoom), "no_room");
  EXPECT_EQ(NameOf(AuthKind::kApiKey), "api_key");
}

}  // namespace
}  // namespace sluice::warmup
