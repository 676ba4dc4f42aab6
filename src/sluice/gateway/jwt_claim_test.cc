#include "sluice/gateway/jwt_claim.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

// {"alg":"none"} . {"sub":"anna","n":7,"a":[1],"":"x"} . nothing.
constexpr std::string_view kHead = "eyJhbGciOiJub25lIn0";
constexpr std::string_view kPayload = "eyJzdWIiOiJhbm5hIiwibiI6NywiYSI6WzFdLCIiOiJ4In0";

std::string Token(std::string_view scheme = "Bearer ", std::string_view payload = kPayload) {
  return std::string(scheme).append(kHead).append(".").append(payload).append(".");
}

std::string Claim(std::string_view authorization, std::string_view claim) {
  std::string scratch;
  return std::string(JwtClaim(authorization, claim, scratch).value_or("none"));
}

TEST(JwtClaim, ReadsTextsAndNumbers) {
  EXPECT_EQ(Claim(Token(), "sub"), "anna");
  EXPECT_EQ(Claim(Token("bearer "), "sub"), "anna");
  EXPECT_EQ(Claim(Token(), "n"), "7");
}

TEST(JwtClaim, WhatIsNoTokenHasNoClaim) {
  EXPECT_EQ(Claim("", "sub"), "none");
  EXPECT_EQ(Claim("Basic YTpi", "sub"), "none");
  EXPECT_EQ(Claim("Bearer abc", "sub"), "none");
  EXPECT_EQ(Claim("Bearer a.b", "sub"), "none");
  EXPECT_EQ(Claim(Token("Bearer ", "!!"), "sub"), "none");
  EXPECT_EQ(Claim(Token("Bearer ", "YWJj"), "sub"), "none") << "no JSON";
  EXPECT_EQ(Claim(Token("Bearer ", "WzFd"), "sub"), "none") << "an array";
  EXPECT_EQ(Claim(Token("Bearer ", "A"), "sub"), "none") << "half a byte";
}

TEST(JwtClaim, AClaimThatIsNotThereOrNoTextIsNone) {
  EXPECT_EQ(Claim(Token(), "email"), "none");
  EXPECT_EQ(Claim(Token(), "a"), "none");
}

}  // namespace
}  // namespace sluice::gateway
