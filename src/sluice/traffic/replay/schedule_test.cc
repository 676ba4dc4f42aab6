#include "sluice/traffic/replay/schedule.h"

#include <gtest/gtest.h>

namespace sluice::traffic::replay {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kDay{std::chrono::seconds(1'767'225'600)};

std::vector<WallTime> At(std::initializer_list<Nanos> since) {
  std::vector<WallTime> begun;
  for (const Nanos span : since)
    begun.push_back(kDay + span);
  return begun;
}

TEST(Schedule, KeepsTheRecordedDistancesExactly) {
  Schedule schedule = *Schedule::Create(At({5s, 5s + 1ns, 7s}), {});
  EXPECT_EQ(schedule.Next()->due, 0ns);
  EXPECT_EQ(schedule.Next()->due, 1ns);
  EXPECT_EQ(schedule.Next()->due, 2s);
  EXPECT_FALSE(schedule.Next());
  EXPECT_EQ(schedule.length(), 2s);
}

TEST(Schedule, SendsInTheOrderOfBeginning) {
  // Out of order in the file by 1.39 s: still 1.5 s long, and in the order of the stamps.
  Schedule schedule = *Schedule::Create(At({0s, 1500ms, 110ms}), {});
  EXPECT_EQ(schedule.Next()->index, 0U);
  const std::optional<Planned> second = schedule.Next();
  EXPECT_EQ(second->index, 2U);
  EXPECT_EQ(second->due, 110ms);
  EXPECT_EQ(schedule.Next()->due, 1500ms);
}

TEST(Schedule, SpeedDividesEveryDistance) {
  Schedule schedule = *Schedule::Create(At({0s, 4s}), {.speed = 8});
  EXPECT_EQ(schedule.Next()->due, 0s);
  EXPECT_EQ(schedule.Next()->due, 500ms);
}

TEST(Schedule, ARateSpacesEvenly) {
  Schedule schedule = *Schedule::Create(At({0s, 4s, 5s}), {.rate_per_second = 100});
  EXPECT_EQ(schedule.Next()->due, 0s);
  EXPECT_EQ(schedule.Next()->due, 10ms);
  EXPECT_EQ(schedule.Next()->due, 20ms);
}

TEST(Schedule, LoopsFollowOneAnotherAtTheMeanDistance) {
  Schedule schedule = *Schedule::Create(At({0s, 1s, 2s}), {.loops = 2});
  for (const Nanos due : {0s, 1s, 2s, 3s, 4s, 5s})
    EXPECT_EQ(schedule.Next()->due, due);
  EXPECT_FALSE(schedule.Next());
}

TEST(Schedule, MayGoOnForEver) {
  Schedule schedule = *Schedule::Create(At({0s}), {.loops = 0});
  std::optional<Planned> last;
  for (int i = 0; i < 1000; ++i)
    last = schedule.Next();
  EXPECT_EQ(last->loop, 999U);
  EXPECT_EQ(last->due, 999ms);  // One request alone is sent once a millisecond.
}

TEST(Schedule, OfNothingIsEmpty) {
  EXPECT_FALSE(Schedule::Create({}, {.loops = 0})->Next());
}

TEST(Schedule, RefusesWhatMakesNoSense) {
  EXPECT_FALSE(Schedule::Create({}, {.speed = 0}));
  EXPECT_FALSE(Schedule::Create({}, {.speed = 1e9}));
  EXPECT_FALSE(Schedule::Create({}, {.rate_per_second = -1}));
}

}  // namespace
}  // namespace sluice::traffic::replay
