#include "sluice/release/guard_rails.h"

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

constexpr CandidateHealth kWell{.endpoints = 4, .ready = 4};

Tick Second(std::uint64_t candidate,
            std::uint64_t failed,
            std::uint64_t stable = 0,
            std::uint64_t stable_failed = 0) {
  Tick tick;
  tick.of(Arm::kCandidate).requests = candidate;
  tick.of(Arm::kCandidate).failures = failed;
  tick.of(Arm::kStable).requests = stable;
  tick.of(Arm::kStable).failures = stable_failed;
  return tick;
}

std::string RailOf(const GuardRails& rails, const CandidateHealth& health = kWell) {
  const std::optional<Trip> trip = rails.Check(health);
  return trip ? trip->rail : "none";
}

TEST(GuardRails, HalfTheAnswersFailingTripsTheFloorFromTwentyRequestsOn) {
  GuardRails rails{{}};
  rails.Add(Second(19, 19, 100));
  EXPECT_EQ(RailOf(rails), "none");
  rails.Add(Second(1, 1, 100));
  EXPECT_EQ(RailOf(rails), "success_floor");
}

TEST(GuardRails, TheFloorForgetsAfterTenSeconds) {
  GuardRails rails{{.burn_fast = 0, .burn_slow = 0}};
  rails.Add(Second(20, 20, 100));
  for (int i = 0; i < 10; ++i)
    rails.Add(Second(20, 0, 100));
  EXPECT_EQ(RailOf(rails), "none");
}

TEST(GuardRails, ABurnMustBeLargeNowAndOverTheLongerWindow) {
  GuardRails rails{{.burn_slow = 0}};
  for (int i = 0; i < 300; ++i)
    rails.Add(Second(10, i % 5 == 0 ? 1 : 0, 90));  // 2 %, with a promise of 0.1 %.
  EXPECT_EQ(RailOf(rails), "burn_rate");
  for (int i = 0; i < 61; ++i)
    rails.Add(Second(10, 0, 90));
  EXPECT_EQ(RailOf(rails), "none");
}

TEST(GuardRails, ABurnThatStableSharesIsNotTheCandidates) {
  GuardRails rails{{}};
  for (int i = 0; i < 300; ++i)
    rails.Add(Second(10, i % 5 == 0 ? 1 : 0, 90, i % 5 == 0 ? 9 : 0));
  EXPECT_EQ(RailOf(rails), "none");
}

TEST(GuardRails, AStableThatSuffersIsNoticedAfterARestartToo) {
  GuardRails before{{}};
  for (int i = 0; i < 300; ++i)
    before.Add(Second(10, 0, 90, i % 30 == 0 ? 1 : 0));
  before.BeginStep(kWell);
  GuardRails rails{{}};
  rails.RestoreStep(before.step_start());
  for (int i = 0; i < 60; ++i)
    rails.Add(Second(10, 0, 90, 5));
  EXPECT_EQ(RailOf(rails), "shared_fate");
}

TEST(GuardRails, FewFailuresOfFewRequestsAreChance) {
  GuardRails rails{{}};
  for (int i = 0; i < 150; ++i)
    rails.Add(Second(1, i % 50 == 0 ? 1 : 0, 9, i % 20 == 0 ? 1 : 0));
  EXPECT_EQ(RailOf(rails), "none");
}

TEST(GuardRails, LosingMostEndpointsOfTheStepTrips) {
  GuardRails rails{{}};
  rails.BeginStep(kWell);
  EXPECT_EQ(RailOf(rails, {.endpoints = 4, .ready = 2}), "none");
  EXPECT_EQ(RailOf(rails, {.endpoints = 4, .ready = 1}), "endpoint_loss");
}

TEST(GuardRails, AnOpenBreakerTrips) {
  const GuardRails rails{{}};
  EXPECT_EQ(RailOf(rails, {.endpoints = 1, .ready = 1, .breaker_open = true}), "breaker_open");
}

TEST(GuardRails, TheCeilingIsOfNinetyNineInAHundred) {
  GuardRails rails{{.latency_ceiling = std::chrono::seconds(2)}};
  Tick tick = Second(100, 0, 900);
  tick.of(Arm::kCandidate).slow = 1;
  rails.Add(tick);
  EXPECT_EQ(RailOf(rails), "none");
  tick.of(Arm::kCandidate).slow = 4;
  rails.Add(tick);
  EXPECT_EQ(RailOf(rails), "latency_ceiling");
}

TEST(GuardRails, StableSufferingSinceTheStepIsASharedFate) {
  GuardRails rails{{}};
  for (int i = 0; i < 120; ++i)
    rails.Add(Second(0, 0, 100, i % 10 == 0 ? 1 : 0));
  rails.BeginStep(kWell);
  for (int i = 0; i < 60; ++i)
    rails.Add(Second(10, 0, 100, 1));
  EXPECT_EQ(RailOf(rails), "shared_fate");
}

}  // namespace
}  // namespace sluice::release
