#include "sluice/release/lane_order.h"

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

using std::chrono::seconds;

constexpr WallTime kNow{seconds(1'800'000'000)};
constexpr OrderRules kRules{.release = "booking-v2", .secret = "hush", .is_trusted = false};

std::string Order() {
  return SignLaneOrder("booking-v2", "canary", kNow + seconds(60), "hush");
}

TEST(LaneOrder, G8ASignatureOrdersTheCandidate) {
  EXPECT_EQ(ReadLaneOrder(Order(), kRules, kNow), Arm::kCandidate);
}

TEST(LaneOrder, G8AnUnsignedOrderCountsOnlyFromTheTrusted) {
  EXPECT_EQ(ReadLaneOrder("canary", kRules, kNow), std::nullopt);
  OrderRules trusted = kRules;
  trusted.is_trusted = true;
  EXPECT_EQ(ReadLaneOrder("canary", trusted, kNow), Arm::kCandidate);
  EXPECT_EQ(ReadLaneOrder("stable", trusted, kNow), Arm::kStable);
}

TEST(LaneOrder, G8AnExpiredOrderIsNone) {
  EXPECT_EQ(ReadLaneOrder(Order(), kRules, kNow + seconds(60)), std::nullopt);
  EXPECT_EQ(ReadLaneOrder(Order(), kRules, kNow + seconds(59)), Arm::kCandidate);
}

TEST(LaneOrder, WhatWasSignedForAnotherReleaseLaneOrTimeIsNone) {
  OrderRules other = kRules;
  other.release = "checkout-v2";
  EXPECT_EQ(ReadLaneOrder(Order(), other, kNow), std::nullopt);
  std::string order = Order();
  order.replace(0, 6, "stable");
  EXPECT_EQ(ReadLaneOrder(order, kRules, kNow), std::nullopt);
  order = Order();
  order.replace(order.find("exp=1") + 4, 1, "2");
  EXPECT_EQ(ReadLaneOrder(order, kRules, kNow), std::nullopt);
}

TEST(LaneOrder, NonsenseIsNone) {
  for (const std::string_view text :
       {"", "purple", "canary; exp=", "canary; exp=x; sig=y", "canary; sig=y; exp=1", ";;;"}) {
    EXPECT_EQ(ReadLaneOrder(text, kRules, kNow), std::nullopt) << text;
  }
  EXPECT_EQ(ReadLaneOrder(Order() + "; more", kRules, kNow), std::nullopt);
}

TEST(LaneOrder, WithoutASecretNoSignatureIsRight) {
  OrderRules open = kRules;
  open.secret = {};
  const std::string order = SignLaneOrder("booking-v2", "canary", kNow + seconds(60), "");
  EXPECT_EQ(ReadLaneOrder(order, open, kNow), std::nullopt);
}

}  // namespace
}  // namespace sluice::release
