#include "sluice/traffic/hash_ring.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sluice/traffic/load_balancer.h"

namespace sluice::traffic {
namespace {

constexpr std::size_t kKeys = 20'000;

std::vector<std::string> Names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(fmt::format("10.0.0.{}:8080", i));
  }
  return names;
}

HashRing RingOf(const std::vector<std::string>& names, std::uint32_t weight = 1) {
  std::vector<RingMember> members;
  for (const std::string& name : names) {
    members.push_back({.name = name, .weight = weight});
  }
  return HashRing(members);
}

std::size_t OwnerOf(const HashRing& ring, std::size_t key) {
  return ring.MemberAt(ring.Find(HashKey(fmt::format("user-{}", key))));
}

TEST(HashRing, GivesEachMember160PointsPerWeight) {
  EXPECT_EQ(RingOf(Names(5)).points(), 5 * 160U);
  EXPECT_EQ(RingOf(Names(5), /*weight=*/2).points(), 5 * 320U);
}

TEST(HashRing, IsEmptyWithoutMembers) {
  EXPECT_EQ(HashRing().points(), 0U);
  EXPECT_EQ(RingOf({}).points(), 0U);
}

TEST(HashRing, SpreadsKeysOverMembersWithinAFifth) {
  const HashRing ring = RingOf(Names(10));
  std::vector<std::size_t> owned(10, 0);
  for (std::size_t key = 0; key < kKeys; ++key) {
    ++owned[OwnerOf(ring, key)];
  }
  // 160 points: the shares' standard deviation is about 8 %; the hash is fixed, so is the outcome.
  EXPECT_GT(*std::min_element(owned.begin(), owned.end()), kKeys / 10 * 75 / 100);
  EXPECT_LT(*std::max_element(owned.begin(), owned.end()), kKeys / 10 * 125 / 100);
}

TEST(HashRing, MovesOnlyTheKeysOfTheMemberThatLeaves) {
  std::vector<std::string> names = Names(10);
  const HashRing before = RingOf(names);
  const std::string gone = names[3];
  std::vector<std::string> left = names;
  left.erase(left.begin() + 3);
  const HashRing after = RingOf(left);
  std::size_t moved = 0;
  for (std::size_t key = 0; key < kKeys; ++key) {
    const std::string& owner_before = names[OwnerOf(before, key)];
    const std::string& owner_after = left[OwnerOf(after, key)];
    if (owner_before == gone) {
      ++moved;
    } else {
      EXPECT_EQ(owner_before, owner_after) << "key " << key;
    }
  }
  EXPECT_GT(moved, 0U);
}

TEST(HashRing, DoesNotDependOnTheOrderOfMembers) {
  const std::vector<std::string> names = Names(10);
  const std::vector<std::string> reversed(names.rbegin(), names.rend());
  const HashRing forward = RingOf(names);
  const HashRing backward = RingOf(reversed);
  for (std::size_t key = 0; key < kKeys; ++key) {
    ASSERT_EQ(names[OwnerOf(forward, key)], reversed[OwnerOf(backward, key)]);
  }
}

TEST(HashRing, StaysWithinItsBoundAndForgetsNobody) {
  const HashRing ring = RingOf(Names(4), /*weight=*/1000);
  EXPECT_LE(ring.points(), HashRing::kPointsMax);
  EXPECT_GT(ring.points(), HashRing::kPointsMax * 9 / 10);

  const std::vector<std::string> names = Names(2);
  const std::vector<RingMember> uneven = {{.name = names[0], .weight = 1'000'000},
                                          {.name = names[1], .weight = 1}};
  const HashRing tilted(uneven);
  std::size_t small = 0;
  for (std::size_t position = 0; position < tilted.points(); ++position) {
    small += tilted.MemberAt(position);
  }
  EXPECT_EQ(small, 1U);
}

TEST(HashRing, WrapsAroundBehindTheLastPoint) {
  const HashRing ring = RingOf(Names(3));
  EXPECT_EQ(ring.Find(~std::uint64_t{0}), 0U);
  EXPECT_EQ(ring.Find(0), 0U);
}

}  // namespace
}  // namespace sluice::traffic
