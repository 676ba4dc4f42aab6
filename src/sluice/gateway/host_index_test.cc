#include "sluice/gateway/host_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::size_t> All(const HostIndex& index, std::string_view host) {
  std::vector<std::size_t> routes;
  HostIndex::Candidates candidates = index.Find(host);
  while (const std::optional<std::size_t> route = candidates.Next())
    routes.push_back(*route);
  return routes;
}

TEST(HostIndex, GivesExactWildcardAndAnyRoutesInTheirOrder) {
  const HostIndex index({"", "pay.example", "*.example", "shop.example", "", "pay.example"});
  EXPECT_THAT(All(index, "pay.example"), ElementsAre(0, 1, 2, 4, 5));
  EXPECT_THAT(All(index, "shop.example"), ElementsAre(0, 2, 3, 4));
  EXPECT_THAT(All(index, "other.example"), ElementsAre(0, 2, 4));
  EXPECT_THAT(All(index, "deep.other.example"), ElementsAre(0, 2, 4));
  EXPECT_THAT(All(index, "elsewhere"), ElementsAre(0, 4));
}

TEST(HostIndex, AWildcardIsNotForItsOwnParentNorForHalfAName) {
  const HostIndex index({"*.example"});
  EXPECT_THAT(All(index, "example"), IsEmpty());
  EXPECT_THAT(All(index, ".example"), IsEmpty());
  EXPECT_THAT(All(index, "notexample"), IsEmpty());
  EXPECT_THAT(All(index, ""), IsEmpty());
}

TEST(HostIndex, WildcardsWithinWildcardsAllCount) {
  const HostIndex index({"*.b.c", "*.c", "x.b.c"});
  EXPECT_THAT(All(index, "a.b.c"), ElementsAre(0, 1));
  EXPECT_THAT(All(index, "x.b.c"), ElementsAre(0, 1, 2));
  EXPECT_THAT(All(index, "b.c"), ElementsAre(1));
  EXPECT_THAT(All(index, "x.y.b.c"), ElementsAre(0, 1));
}

TEST(HostIndex, TellsTheFirstRouteThatNamesAHost) {
  const HostIndex index({"", "*.example", "pay.example"});
  EXPECT_EQ(index.FindNaming("pay.example"), 1U);
  EXPECT_EQ(index.FindNaming("a.example"), 1U);
  EXPECT_EQ(index.FindNaming("elsewhere"), std::nullopt);
  EXPECT_THAT(All(HostIndex(), "pay.example"), IsEmpty());
}

}  // namespace
}  // namespace sluice::gateway
