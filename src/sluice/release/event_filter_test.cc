#include "sluice/release/event_filter.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::release {
namespace {

TEST(EventFilter, TakesOneEventOfAKeyAndChannelInAStep) {
  EventFilter filter;
  EXPECT_TRUE(filter.IsNew(7, 0));
  EXPECT_FALSE(filter.IsNew(7, 0));
  EXPECT_TRUE(filter.IsNew(7, 1));
  EXPECT_TRUE(filter.IsNew(8, 0));
  filter.BeginEpoch();
  EXPECT_TRUE(filter.IsNew(7, 0));
}

TEST(EventFilter, AHundredThousandKeysAreHardlyEverMistaken) {
  EventFilter filter;
  Random random(1);
  std::uint64_t missed = 0;
  for (int i = 0; i < 100'000; ++i)
    missed += filter.IsNew(random.Next(), 0) ? 0 : 1;
  EXPECT_LE(missed, 10U);
}

TEST(EventFilter, OldStepsDoNotFillItForEver) {
  EventFilter filter;
  Random random(2);
  std::uint64_t missed = 0;
  for (int step = 0; step < 20; ++step) {
    filter.BeginEpoch();
    missed = 0;
    for (int i = 0; i < 200'000; ++i)
      missed += filter.IsNew(random.Next(), 0) ? 0 : 1;
  }
  EXPECT_LE(missed, 6'000U);
}

TEST(EventFilter, ThreadsShareIt) {
  EventFilter filter;
  std::atomic<int> taken{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&filter, &taken] {
      for (std::uint64_t i = 1; i <= 10'000; ++i)
        taken += filter.IsNew(i * 0x9e3779b97f4a7c15U, 3) ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_GE(taken.load(), 9'990);
  EXPECT_LE(taken.load(), 20'000);
  EXPECT_FALSE(filter.IsNew(0x9e3779b97f4a7c15U, 3));
}

}  // namespace
}  // namespace sluice::release
