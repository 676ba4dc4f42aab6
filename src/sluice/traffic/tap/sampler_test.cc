#include "sluice/traffic/tap/sampler.h"

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::traffic::tap {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1h};
constexpr ExchangeClass kRare{.route = "rare", .method = "GET", .status = 200};

TEST(IsInShare, TakesThatShareAndAKeyIsWhole) {
  Random random(7);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t key = random.Next();
    const bool is_in = IsInShare(key, 10);
    taken += is_in ? 1 : 0;
    EXPECT_EQ(IsInShare(key, 10), is_in);
    EXPECT_TRUE(!is_in || IsInShare(key, 20));  // A larger share holds the smaller one.
  }
  EXPECT_NEAR(taken, 10'000, 400);
}

TEST(IsInShare, HasItsEnds) {
  for (const std::uint64_t hash : {std::uint64_t{0}, UINT64_MAX / 2, UINT64_MAX}) {
    EXPECT_FALSE(IsInShare(hash, 0));
    EXPECT_TRUE(IsInShare(hash, 100));
  }
}

TEST(Sampler, KeepsSomeOfEachClassHoweverRare) {
  Sampler sampler({.class_quota = 2, .class_window = 1min});
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart));
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart));
  EXPECT_FALSE(sampler.Classify(kRare, false, kStart + 59s));
  EXPECT_TRUE(sampler.Classify({.route = "rare", .method = "GET", .status = 503}, false, kStart));
  EXPECT_TRUE(sampler.Classify({.route = "rare", .method = "PUT", .status = 200}, false, kStart));
  EXPECT_FALSE(sampler.Classify({.route = "rare", .method = "GET", .status = 204}, false, kStart));
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart + 1min));
}

TEST(Sampler, WhatTheShareKeepsCountsForTheQuota) {
  Sampler sampler({.class_quota = 1});
  EXPECT_TRUE(sampler.Classify(kRare, true, kStart));
  EXPECT_FALSE(sampler.Classify(kRare, false, kStart));
  EXPECT_TRUE(sampler.Classify(kRare, true, kStart));
}

TEST(Sampler, CountsWhatItSawAndKept) {
  Sampler sampler({.class_quota = 1});
  for (int i = 0; i < 5; ++i)
    static_cast<void>(sampler.Classify(kRare, false, kStart));
  std::vector<archive::ClassCount> counts;
  sampler.TakeCounts(counts);
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].route, "rare");
  EXPECT_EQ(counts[0].status_class, 2);
  EXPECT_EQ(counts[0].seen, 5U);
  EXPECT_EQ(counts[0].kept, 1U);
  counts.clear();
  sampler.TakeCounts(counts);
  EXPECT_TRUE(counts.empty());
}

TEST(Sampler, WhatWasLostGivesItsPlaceBack) {
  Sampler sampler({.class_quota = 1});
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart));
  sampler.Uncount(kRare);
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart));
  std::vector<archive::ClassCount> counts;
  sampler.TakeCounts(counts);
  EXPECT_EQ(counts[0].kept, 1U);
}

TEST(Sampler, ClassesAreBounded) {
  Sampler sampler({.class_quota = 9, .classes_max = 1});
  EXPECT_TRUE(sampler.Classify(kRare, false, kStart));
  EXPECT_FALSE(sampler.Classify({.route = "other"}, false, kStart));
  EXPECT_TRUE(sampler.Classify({.route = "other"}, true, kStart));
}

TEST(Sampler, TheCapBoundsASecond) {
  Sampler sampler({.per_second_max = 10});
  int taken = 0;
  for (int i = 0; i < 100; ++i)
    taken += sampler.TakeUnderCap(kStart) ? 1 : 0;
  EXPECT_EQ(taken, 10);
  EXPECT_TRUE(sampler.TakeUnderCap(kStart + 100ms));
  EXPECT_FALSE(sampler.TakeUnderCap(kStart + 100ms));
  EXPECT_FALSE(sampler.TakeUnderCap(kStart));  // A clock that steps back pays nothing out.
}

TEST(Sampler, WithoutACapEverythingPasses) {
  Sampler sampler({});
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(sampler.TakeUnderCap(kStart));
}

}  // namespace
}  // namespace sluice::traffic::tap
