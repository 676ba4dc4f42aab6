#include "sluice/degrade/bulkhead.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::degrade {
namespace {

TEST(Bulkhead, AdmitsAsManyAsItHasPlaces) {
  Bulkhead bulkhead(2);
  std::optional<Bulkhead::Place> first = bulkhead.TryEnter();
  const std::optional<Bulkhead::Place> second = bulkhead.TryEnter();
  EXPECT_TRUE(first.has_value());
  EXPECT_TRUE(second.has_value());
  EXPECT_FALSE(bulkhead.TryEnter().has_value());
  EXPECT_EQ(bulkhead.in_flight(), 2);
  first.reset();
  EXPECT_TRUE(bulkhead.TryEnter().has_value());
}

TEST(Bulkhead, WithoutABoundItOnlyCounts) {
  Bulkhead bulkhead;
  std::vector<Bulkhead::Place> places;
  for (int entry = 0; entry < 1'000; ++entry)
    places.push_back(*bulkhead.TryEnter());
  EXPECT_EQ(bulkhead.in_flight(), 1'000);
  places.clear();
  EXPECT_EQ(bulkhead.in_flight(), 0);
}

TEST(Bulkhead, AMovedPlaceIsGivenBackOnce) {
  Bulkhead bulkhead(1);
  {
    Bulkhead::Place place = std::move(*bulkhead.TryEnter());
    Bulkhead::Place other;
    other = std::move(place);
    EXPECT_EQ(bulkhead.in_flight(), 1);
  }
  EXPECT_EQ(bulkhead.in_flight(), 0);
}

TEST(Bulkhead, ThreadsTogetherNeverExceedIt) {
  Bulkhead bulkhead(3);
  std::atomic<int> inside{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int index = 0; index < 6; ++index) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1'000; ++round) {
        const std::optional<Bulkhead::Place> place = bulkhead.TryEnter();
        if (!place) continue;
        if (inside.fetch_add(1) >= 3) exceeded = true;
        inside.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_FALSE(exceeded.load());
  EXPECT_EQ(bulkhead.in_flight(), 0);
}

}  // namespace
}  // namespace sluice::degrade
