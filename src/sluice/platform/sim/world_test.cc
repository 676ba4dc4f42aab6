#include "sluice/platform/sim/world.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/timer.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

struct Ticker {
  explicit Ticker(Loop& its_loop) : loop(its_loop), timer(&Fire, this) {}
  static void Fire(Timer& timer, SteadyTime now) {
    static_cast<Ticker*>(timer.owner)->fired_at.push_back(now);
  }
  Loop& loop;
  Timer timer;
  std::vector<SteadyTime> fired_at;
};

TEST(World, FiresATimerExactlyWhenItIsDue) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime due = world.now() + 1ms + 1ns;

  ticker.loop.Arm(ticker.timer, due);
  EXPECT_TRUE(ticker.timer.armed());
  world.RunFor(1ms);
  EXPECT_TRUE(ticker.fired_at.empty());
  world.RunFor(1ns);

  EXPECT_EQ(ticker.fired_at, std::vector{due});
  EXPECT_FALSE(ticker.timer.armed());
}

TEST(World, MovesATimerThatIsArmedAgain) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime later = world.now() + 2s;

  ticker.loop.Arm(ticker.timer, world.now() + 1s);
  ticker.loop.Arm(ticker.timer, later);
  EXPECT_EQ(world.armed_timers(), 1U);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(ticker.fired_at, std::vector{later});
}

TEST(World, FiresNoDisarmedTimer) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());

  ticker.loop.Arm(ticker.timer, world.now() + 1s);
  ticker.loop.Disarm(ticker.timer);
  ticker.loop.Disarm(ticker.timer);
  EXPECT_EQ(world.armed_timers(), 0U);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_TRUE(ticker.fired_at.empty());
}

TEST(World, FiresATimerDueInThePastInTheNextTurn) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime start = world.now();

  ticker.loop.Arm(ticker.timer, start - 1h);
  EXPECT_TRUE(ticker.fired_at.empty());
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(ticker.fired_at, std::vector{start});
}

TEST(World, LetsATimerArmItselfAgain) {
  struct Periodic {
    static void Fire(Timer& timer, SteadyTime now) {
      auto& self = *static_cast<Periodic*>(timer.owner);
      if (++self.count < 3) self.loop.Arm(timer, now + 1s);
    }
    Loop& loop;
    int count = 0;
  };
  World world(/*seed=*/1);
  Periodic periodic{.loop = world.AddLoop()};
  Timer timer(&Periodic::Fire, &periodic);
  const SteadyTime start = world.now();

  periodic.loop.Arm(timer, start + 1s);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(periodic.count, 3);
  EXPECT_EQ(world.now(), start + 3s);
}

TEST(World, FiresTimersOfOneMomentInTheOrderTheyWereArmed) {
  struct Numbered {
    static void Fire(Timer& timer, SteadyTime /*now*/) {
      auto& self = *static_cast<Numbered*>(timer.owner);
      self.order.push_back(self.number);
    }
    std::vector<int>& order;
    int number;
  };
  World world(/*seed=*/1);
  Loop& loop = world.AddLoop();
  std::vector<int> order;
  Numbered first{order, 1};
  Numbered second{order, 2};
  Numbered third{order, 3};
  Timer first_timer(&Numbered::Fire, &first);
  Timer second_timer(&Numbered::Fire, &second);
  Timer third_timer(&Numbered::Fire, &third);
  const SteadyTime due = world.now() + 1s;

  loop.Arm(first_timer, due);
  loop.Arm(second_timer, due);
  loop.Arm(third_timer, due);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(World, RunsPostedWorkLaterAndInOrder) {
  World world(/*seed=*/1);
  Loop& loop = world.AddLoop();
  std::string ran;

  const auto post = [&loop, &ran] {
    loop.Post([&ran] { ran += "a"; });
    loop.Post([&ran] { ran += "b"; });
    ran += "posted:";
  };
  loop.Enter(post);
  EXPECT_EQ(ran, "posted:");
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(ran, "posted:ab");
}

TEST(World, KeepsTheOrderOfPostsThoughItShuffles) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    World world({.seed = seed, .shuffle = true});
    Loop& loop = world.AddLoop();
    std::vector<int> order;
    for (int i = 0; i < 10; ++i)
      loop.Post([&order, i] { order.push_back(i); });

    ASSERT_TRUE(world.RunUntilIdle());

    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  }
}

TEST(World, DestroysUnrunWhatWasPostedToAStoppedLoop) {
  World world(/*seed=*/1);
  Loop& loop = world.AddLoop();
  bool ran = false;
  auto token = std::make_shared<int>(0);

  loop.Post([&ran, token] { ran = true; });
  loop.Stop();
  loop.Post([&ran, token] { ran = true; });

  EXPECT_EQ(token.use_count(), 1);
  ASSERT_TRUE(world.RunUntilIdle());
  EXPECT_FALSE(ran);
}

Task<void> Sleep(Loop& loop, SteadyTime until, SteadyTime& woke_at) {
  co_await loop.SleepUntil(until);
  woke_at = loop.now();
}

TEST(World, WakesASleeperAtItsTime) {
  World world(/*seed=*/1);
  Loop& loop = world.AddLoop();
  TaskGroup tasks;
  SteadyTime woke_at{};
  const SteadyTime until = world.now() + 24h;

  const auto start = [&] { tasks.Spawn(Sleep(loop, until, woke_at)); };
  loop.Enter(start);
  ASSERT_TRUE(world.RunUntilIdle(25h));

  EXPECT_EQ(woke_at, until);
}

TEST(World, RunForEndsAtItsEndThoughNothingHappens) {
  World world(/*seed=*/1);
  const SteadyTime start = world.now();

  world.RunFor(5s);

  EXPECT_EQ(world.now(), start + 5s);
}

TEST(World, RunUntilStopsRightAfterTheEventThatMadeItTrue) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime due = world.now() + 1s;
  ticker.loop.Arm(ticker.timer, due);

  EXPECT_TRUE(world.RunUntil([&ticker] { return !ticker.fired_at.empty(); }, 1min));

  EXPECT_EQ(world.now(), due);
}

TEST(World, RunUntilGivesUpAtItsLimit) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime start = world.now();
  ticker.loop.Arm(ticker.timer, start + 1h);

  EXPECT_FALSE(world.RunUntil([] { return false; }, 1min));
  EXPECT_EQ(world.now(), start + 1min);
  EXPECT_TRUE(ticker.fired_at.empty());

  ticker.loop.Disarm(ticker.timer);
}

TEST(World, RunUntilIdleGivesUpAtItsLimit) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime start = world.now();
  ticker.loop.Arm(ticker.timer, start + 2h);

  EXPECT_FALSE(world.RunUntilIdle(1h));
  EXPECT_EQ(world.now(), start + 1h);

  ticker.loop.Disarm(ticker.timer);
}

TEST(World, SteppingTheWallClockLeavesSteadyTimeAlone) {
  World world(/*seed=*/1);
  Ticker ticker(world.AddLoop());
  const SteadyTime due = world.now() + 1s;
  const WallTime wall = world.wall_now();
  ticker.loop.Arm(ticker.timer, due);

  world.StepWallClock(-1h);
  EXPECT_EQ(ticker.loop.wall_now(), wall - 1h);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(ticker.fired_at, std::vector{due});
  EXPECT_EQ(world.wall_now(), wall - 1h + 1s);
}

TEST(World, GivesEachLoopChanceOfItsOwn) {
  World one(/*seed=*/7);
  World other(/*seed=*/7);
  World third(/*seed=*/8);
  Loop& first = one.AddLoop();
  Loop& second = one.AddLoop();
  const std::uint64_t drawn = first.random().Next();

  EXPECT_NE(drawn, second.random().Next());
  EXPECT_EQ(drawn, other.AddLoop().random().Next());
  EXPECT_NE(drawn, third.AddLoop().random().Next());
}

TEST(World, NamesItsLoops) {
  World world(/*seed=*/1);

  EXPECT_EQ(world.AddLoop({.name = "gateway"}).name(), "gateway");
  EXPECT_EQ(world.AddLoop().name(), "loop-1");
}

TEST(WorldDeathTest, RefusesToEndBeforeAListener) {
  const auto leak = [] {
    World world(/*seed=*/1);
    Loop& loop = world.AddLoop();
    (void)loop.Listen(Address::Ipv4({10, 0, 0, 1}, 80), {}).value().release();
  };
  EXPECT_DEATH(leak(), "open_listeners");
}

TEST(WorldDeathTest, RefusesATurnWithinATurn) {
  World world(/*seed=*/1);
  Loop& loop = world.AddLoop();
  const auto inner = [] {};
  const auto outer = [&] { loop.Enter(inner); };
  EXPECT_DEATH(loop.Enter(outer), "in_turn_");
}

}  // namespace
}  // namespace sluice::sim
