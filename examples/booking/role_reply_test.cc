#include "booking/role_reply.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace booking {
namespace {

using sluice::wire::Method;

Reply Get(Role role, std::string_view path, std::string_view query = {}) {
  sluice::wire::RequestHead head;
  head.path = path;
  head.query = query;
  RoleState state;
  return ReplyOf(role, head, {}, state);
}

Reply Post(Role role,
           std::string_view path,
           std::string_view body,
           RoleState& state,
           std::string_view key = {}) {
  sluice::wire::RequestHead head;
  head.method = Method::kPost;
  head.path = path;
  if (!key.empty()) head.headers.Add("idempotency-key", key);
  return ReplyOf(role, head, body, state);
}

TEST(RoleReply, EachRoleKnowsItsOwnPages) {
  EXPECT_EQ(Get(Role::kUser, "/users/ann").body, "{\"name\":\"ann\",\"tier\":\"standard\"}\n");
  EXPECT_EQ(Get(Role::kCart, "/carts/ann").status, 200);
  EXPECT_EQ(Get(Role::kCoupons, "/coupons/ann").status, 200);
  EXPECT_EQ(Get(Role::kRisk, "/scores/mallory").body, "{\"score\":95}\n");
  EXPECT_EQ(Get(Role::kUser, "/carts/ann").status, 404);
  EXPECT_EQ(Get(Role::kUser, "/users/").status, 404);
}

TEST(RoleReply, ACartIsTheUsersOwnButForWhatIsWished) {
  EXPECT_EQ(Get(Role::kCart, "/carts/ann", "hotel=belem&room=").body,
            "{\"hotel\":\"belem\",\"room\":\"double\",\"nights\":5}\n");
  EXPECT_EQ(Get(Role::kCart, "/carts/ann", "room=suite").body,
            "{\"hotel\":\"chiado\",\"room\":\"suite\",\"nights\":5}\n");
}

TEST(RoleReply, APriceIsByTheNightAndLessThePercentage) {
  EXPECT_EQ(Get(Role::kPrice, "/quotes/alfama/1").body, "{\"amount_cents\":8290}\n");
  EXPECT_EQ(Get(Role::kPrice, "/quotes/alfama/2", "percent=10").body, "{\"amount_cents\":14922}\n");
  for (const char* path : {"/quotes/alfama", "/quotes/alfama/", "/quotes/alfama/31", "/quotes/a/x"})
    EXPECT_EQ(Get(Role::kPrice, path).status, 400) << path;
  EXPECT_EQ(Get(Role::kPrice, "/quotes/alfama/1", "percent=101").status, 400);
}

TEST(RoleReply, WhatIsRepeatedIsDoneOnce) {
  RoleState state;
  const Reply one = Post(Role::kPayment, "/charges", "{}", state, "k");
  EXPECT_EQ(one.status, 201);
  EXPECT_EQ(Post(Role::kPayment, "/charges", "{}", state, "k").body, one.body);
  Post(Role::kPayment, "/charges", "{}", state);
  Post(Role::kPayment, "/charges", "{}", state);
  EXPECT_EQ(state.requests, 4U);
  EXPECT_EQ(state.done, 3U);
}

TEST(RoleReply, ADeclinedChargeIsNotMade) {
  RoleState state;
  EXPECT_EQ(Post(Role::kPayment, "/charges", R"({"user":"pauper"})", state).status, 402);
  EXPECT_EQ(state.done, 0U);
}

TEST(RoleReply, NonsenseIsRefused) {
  RoleState state;
  EXPECT_EQ(Post(Role::kPayment, "/charges", "[]", state).status, 400);
  EXPECT_EQ(Post(Role::kPayment, "/reservations", "{}", state).status, 404);
  sluice::wire::RequestHead head;
  head.method = Method::kPut;
  EXPECT_EQ(ReplyOf(Role::kPayment, head, {}, state).status, 405);
}

TEST(RoleReply, EachTellsOfItselfWithoutCountingIt) {
  RoleState state;
  Post(Role::kInventory, "/reservations", "{}", state);
  sluice::wire::RequestHead head;
  head.path = "/stats";
  EXPECT_TRUE(IsAboutItself(head));
  EXPECT_EQ(ReplyOf(Role::kInventory, head, {}, state).body, "{\"requests\":1,\"done\":1}\n");
  head.path = "/healthz";
  EXPECT_EQ(ReplyOf(Role::kInventory, head, {}, state).body, "ok\n");
  head.method = Method::kPost;
  EXPECT_EQ(ReplyOf(Role::kInventory, head, {}, state).status, 405);
}

TEST(KeyMemory, ForgetsTheOldestBeyondItsBound) {
  KeyMemory memory;
  EXPECT_TRUE(memory.Remember("first"));
  EXPECT_FALSE(memory.Remember("first"));
  for (std::size_t i = 0; i < KeyMemory::kKeysMax; ++i)
    memory.Remember(std::to_string(i));
  EXPECT_TRUE(memory.Remember("first"));
  EXPECT_TRUE(memory.Remember("")) << "no key is never a repetition";
}

}  // namespace
}  // namespace booking
