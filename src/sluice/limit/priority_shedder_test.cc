#include "sluice/limit/priority_shedder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kSheddable = 0;
constexpr std::uint32_t kCritical = 2 * kLevelsPerClass;

struct Round {
  std::uint64_t passed_sheddable = 0;
  std::uint64_t passed_critical = 0;
};

// A quarter critical, three quarters sheddable, users spread over the levels.
Round Offer(PriorityShedder& shedder, std::uint32_t requests) {
  Round round;
  for (std::uint32_t i = 0; i < requests; ++i) {
    const std::uint32_t within = (i * 37) % kLevelsPerClass;
    if (i % 4 == 0) {
      if (shedder.Decide(kCritical + within).admitted) ++round.passed_critical;
    } else if (shedder.Decide(kSheddable + within).admitted) {
      ++round.passed_sheddable;
    }
  }
  return round;
}

// Of a limit that can serve `capacity` in the interval, behind a queue: its calls hold a slot for a
// millisecond.
LoadSignals Busy(std::uint64_t capacity, std::uint64_t turned_away) {
  return {.turned_away = turned_away,
          .room = static_cast<std::int64_t>(capacity) * milliseconds(1),
          .held = 10 * milliseconds(1),
          .ended = 10,
          .has_queue = true};
}

TEST(PriorityShedder, LetsEverythingPassWhileAllIsWell) {
  PriorityShedder shedder;
  for (int i = 0; i < 20; ++i) {
    const Round round = Offer(shedder, 200);
    EXPECT_EQ(round.passed_critical + round.passed_sheddable, 200U);
    shedder.Tick(Busy(/*capacity=*/100, /*turned_away=*/0));  // By chance long calls: no matter.
  }
  EXPECT_EQ(shedder.threshold(), 0U);
}

TEST(PriorityShedder, ReactsInOneStepWithTheQuantileOfWhatWasOffered) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2560));
  shedder.Tick(Busy(/*capacity=*/1280, /*turned_away=*/1280));  // Half of it was too much.
  const Round round = Offer(shedder, 2560);
  EXPECT_EQ(round.passed_critical, 640U);
  const auto passed = static_cast<double>(round.passed_critical + round.passed_sheddable);
  EXPECT_NEAR(passed, 1.2 * 1280, 20);  // For the queue to choose from; a level is 15 requests.
}

TEST(PriorityShedder, LeavesSlackWhereNobodyMayWait) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2560));
  LoadSignals signals = Busy(/*capacity=*/1280, /*turned_away=*/1280);
  signals.has_queue = false;
  shedder.Tick(signals);
  const Round round = Offer(shedder, 2560);
  const auto passed = static_cast<double>(round.passed_critical + round.passed_sheddable);
  EXPECT_NEAR(passed, 0.95 * 1280, 20);
}

TEST(PriorityShedder, D55ShedsTheExcessFromTheSheddableAloneAtTwiceTheCapacity) {
  PriorityShedder shedder;
  constexpr std::uint64_t kCapacity = 100;  // An interval.
  std::uint64_t critical_offered = 0;
  std::uint64_t critical_served = 0;
  std::uint64_t served = 0;
  for (int i = 0; i < 100; ++i) {
    const Round round = Offer(shedder, 200);
    const std::uint64_t passed = round.passed_critical + round.passed_sheddable;
    const std::uint64_t entered = std::min(passed, kCapacity);
    // Behind the gate the queue serves the critical first.
    critical_served += std::min(round.passed_critical, entered);
    critical_offered += 50;
    served += entered;
    shedder.Tick(Busy(kCapacity, passed - entered));
  }
  EXPECT_EQ(critical_served, critical_offered);
  EXPECT_GE(served, 100U * kCapacity * 98 / 100);
  EXPECT_GT(shedder.threshold(), 0U);
  EXPECT_LE(shedder.threshold(), kLevelsPerClass);
}

// Few requests an interval, by chance many or few, and a queue behind the gate that is short: what
// is served is less than could be, and must not become the measure of it.
TEST(PriorityShedder, UsesTheCapacityThoughArrivalsAreUneven) {
  PriorityShedder shedder;
  constexpr std::uint64_t kCapacity = 50;  // An interval.
  constexpr std::uint64_t kQueueMax = 5;
  std::uint64_t waiting = 0;
  std::uint64_t served = 0;
  std::uint64_t critical_passed = 0;
  std::uint64_t critical_offered = 0;
  std::uint32_t chance = 1;
  for (int i = 0; i < 300; ++i) {
    chance = chance * 1664525U + 1013904223U;
    const std::uint32_t offered = 80 + 4 * ((chance >> 16U) % 11);  // 80 .. 120.
    const Round round = Offer(shedder, offered);
    critical_passed += round.passed_critical;
    critical_offered += offered / 4;
    const std::uint64_t wanted = waiting + round.passed_critical + round.passed_sheddable;
    const std::uint64_t entered = std::min(wanted, kCapacity);
    const std::uint64_t turned_away =
        wanted - entered > kQueueMax ? wanted - entered - kQueueMax : 0;
    waiting = wanted - entered - turned_away;
    served += entered;
    shedder.Tick(Busy(kCapacity, turned_away));
  }
  EXPECT_GE(served, 300 * kCapacity * 95 / 100);
  EXPECT_EQ(critical_passed, critical_offered);
}

TEST(PriorityShedder, WhatAnIncidentAllowedDoesNotBindTheNextEpisode) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 400));
  shedder.Tick(Busy(/*capacity=*/20, /*turned_away=*/380));  // Hardly anything is served.
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(Offer(shedder, 8));
    shedder.Tick(Busy(/*capacity=*/20, /*turned_away=*/0));
  }
  ASSERT_EQ(shedder.threshold(), 0U);
  const Round round = Offer(shedder, 400);
  EXPECT_EQ(round.passed_critical + round.passed_sheddable, 400U);
  shedder.Tick(Busy(/*capacity=*/400, /*turned_away=*/0));  // All of it can be served again.
  EXPECT_EQ(shedder.threshold(), 0U);
}

TEST(PriorityShedder, GivesAUserTheSameAnswerWhileTheThresholdStands) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2000));
  shedder.Tick(Busy(/*capacity=*/1000, /*turned_away=*/1000));
  for (std::uint32_t level = 0; level < kLevelCount; ++level) {
    EXPECT_EQ(shedder.Decide(level).admitted, level >= shedder.threshold());
  }
}

TEST(PriorityShedder, TheThresholdFallsByATenthAnIntervalAtMost) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2000));
  shedder.Tick(Busy(/*capacity=*/1000, /*turned_away=*/1000));
  std::uint32_t before = shedder.threshold();
  ASSERT_GT(before, 50U);
  int ticks = 0;
  while (shedder.threshold() > 0) {
    static_cast<void>(Offer(shedder, 200));
    shedder.Tick(Busy(/*capacity=*/1000, /*turned_away=*/0));
    EXPECT_GE(shedder.threshold(), static_cast<std::uint32_t>(before * 0.9));
    EXPECT_LT(shedder.threshold(), before);
    before = shedder.threshold();
    ++ticks;
  }
  EXPECT_LE(ticks, 40);  // Four seconds at 100 ms.
}

TEST(PriorityShedder, ProbesGentlyWhileOverloadIsRecent) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2000));
  shedder.Tick(Busy(/*capacity=*/1000, /*turned_away=*/1000));
  const auto before = static_cast<double>(shedder.threshold());
  std::vector<double> parts;
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(Offer(shedder, 200));
    shedder.Tick(Busy(/*capacity=*/1000, /*turned_away=*/0));
    parts.push_back(static_cast<double>(shedder.threshold()) / before);
  }
  EXPECT_NEAR(parts[0], 0.99, 0.015);  // Whole levels.
  EXPECT_NEAR(parts[1], 0.97, 0.02);
  EXPECT_NEAR(parts[2], 0.93, 0.03);
}

// A load that is above the capacity by chance in one interval and below it in the next.
TEST(PriorityShedder, AnIntervalOfManyLeavesNoLastingMark) {
  PriorityShedder shedder;
  std::uint32_t highest = 0;
  for (int i = 0; i < 200; ++i) {
    static_cast<void>(Offer(shedder, i == 50 ? 400 : 200));
    shedder.Tick(Busy(/*capacity=*/120, /*turned_away=*/10));
    if (i < 100) highest = std::max(highest, shedder.threshold());
  }
  // 200 offered, 1.2 x 120 let in: 28 % shed, all of them of the lowest 75 %.
  EXPECT_NEAR(shedder.threshold(), kLevelsPerClass * 0.28 / 0.75, 4);
  EXPECT_GT(highest, shedder.threshold() + 10);
}

TEST(PriorityShedder, GivesWayStepByStepWhereNobodyCountsWhatIsTooMuch) {
  PriorityShedder shedder;
  double before = 1;
  for (int i = 0; i < 5; ++i) {
    const Round round = Offer(shedder, 2560);
    const double passed = static_cast<double>(round.passed_critical + round.passed_sheddable);
    EXPECT_LE(passed / 2560, before + 1e-9);
    before = passed / 2560;
    shedder.Tick({.is_overloaded = true});
  }
  EXPECT_NEAR(before, std::pow(0.9, 4), 0.03);
}

TEST(PriorityShedder, FollowsTheProcessor) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 2560));
  shedder.Tick({.cpu_ratio = 1.25});  // 100 % where 80 % is wanted.
  const Round round = Offer(shedder, 2560);
  EXPECT_NEAR(static_cast<double>(round.passed_critical + round.passed_sheddable), 2560 * 0.8, 20);
}

TEST(PriorityShedder, WaitsForEnoughRequestsToTell) {
  PriorityShedder shedder;
  static_cast<void>(Offer(shedder, 10));
  shedder.Tick(Busy(/*capacity=*/5, /*turned_away=*/5));
  EXPECT_EQ(shedder.threshold(), 0U);
  static_cast<void>(Offer(shedder, 10));
  shedder.Tick(Busy(/*capacity=*/5, /*turned_away=*/5));
  EXPECT_GT(shedder.threshold(), 0U);
}

TEST(PriorityShedder, InShadowCountsWhatItWouldHaveShed) {
  PriorityShedder enforced;
  PriorityShedder shadow(GuardMode::kShadow);
  for (PriorityShedder* each : {&enforced, &shadow}) {
    for (int i = 0; i < 20; ++i) {
      static_cast<void>(Offer(*each, 200));
      each->Tick(Busy(/*capacity=*/100, /*turned_away=*/50));
    }
  }
  EXPECT_GT(enforced.Totals().denied, 500U);
  EXPECT_EQ(shadow.Totals().denied, 0U);
  EXPECT_EQ(shadow.Totals().would_deny, enforced.Totals().denied);
}

TEST(PriorityShedder, DisabledCountsNothing) {
  PriorityShedder shedder;
  shedder.Reconfigure(GuardMode::kDisabled, 100);
  EXPECT_TRUE(shedder.Decide(0).admitted);
  EXPECT_EQ(shedder.Totals().allowed, 0U);
}

TEST(PriorityShedder, CountsEveryRequestOfManyThreads) {
  PriorityShedder shedder;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&shedder] {
      for (std::uint32_t j = 0; j < 5000; ++j)
        static_cast<void>(shedder.Decide(j % kLevelCount));
    });
  }
  for (int i = 0; i < 100; ++i)
    shedder.Tick(Busy(/*capacity=*/100, /*turned_away=*/10));
  threads.clear();
  const DecisionTotals totals = shedder.Totals();
  EXPECT_EQ(totals.allowed + totals.denied, 20'000U);
}

}  // namespace
}  // namespace sluice::limit
