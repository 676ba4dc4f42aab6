#include "sluice/warmup/path_template.h"

#include <gtest/gtest.h>

namespace sluice::warmup {
namespace {

TEST(PathTemplate, NumbersAndIdentifiersAreLeftOut) {
  EXPECT_EQ(PathTemplate("/orders/4711"), "/orders/{}");
  EXPECT_EQ(PathTemplate("/orders/4711/lines/2"), "/orders/{}/lines/{}");
  EXPECT_EQ(PathTemplate("/u/7f0c9a1e-2b3c-4d5e-8f90-a1b2c3d4e5f6"), "/u/{}");
  EXPECT_EQ(PathTemplate("/b/deadbeef01"), "/b/{}");
  EXPECT_EQ(PathTemplate("/o/B-10023"), "/o/{}");
  EXPECT_EQ(PathTemplate("/day/2026-11-24"), "/day/{}");
}

TEST(PathTemplate, WordsStay) {
  EXPECT_EQ(PathTemplate("/api/v1/orders/new"), "/api/v1/orders/new");
  EXPECT_EQ(PathTemplate("/oauth2/facade"), "/oauth2/facade");
  EXPECT_EQ(PathTemplate("/"), "/");
  EXPECT_EQ(PathTemplate("/orders/"), "/orders/");
  EXPECT_EQ(PathTemplate("*"), "*");
}

TEST(PathTemplate, TheQueryIsNoPartOfIt) {
  EXPECT_EQ(PathTemplate("/orders?page=2"), "/orders");
  EXPECT_EQ(PathTemplate("/orders/17?x=/a/1"), "/orders/{}");
}

TEST(PathTemplate, WhatIsMaskedOrEncodedNamesOneThing) {
  EXPECT_EQ(PathTemplate("/t/masked-0011223344556677"), "/t/{}");
  EXPECT_EQ(PathTemplate("/city/K%C3%B6ln"), "/city/{}");
  EXPECT_EQ(PathTemplate("/x/" + std::string(41, 'a')), "/x/{}");
}

}  // namespace
}  // namespace sluice::warmup
