#include "sluice/platform/sim/worker_pool.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.
using testing::ElementsAre;

struct TimedJob : PoolJob {
  TimedJob(World& its_world, sluice::Loop& loop)
      : PoolJob(
            loop,
            [](PoolJob& job) { static_cast<TimedJob&>(job).worked = true; },
            [](PoolJob& job) {
              auto& self = static_cast<TimedJob&>(job);
              self.done_at = self.world.now();
            }),
        world(its_world) {}
  World& world;
  bool worked = false;
  SteadyTime done_at{};
};

TEST(SimWorkerPool, JobsWaitForAWorkerInTheirOrder) {
  World world(1);
  Loop& loop = world.AddLoop();
  const SteadyTime start = world.now();
  WorkerPool pool({.workers = 1, .queue_max = 1, .duration = 50ms});
  TimedJob first(world, loop);
  TimedJob second(world, loop);
  TimedJob refused(world, loop);
  loop.Enter([&] {
    EXPECT_TRUE(pool.Submit(first));
    EXPECT_TRUE(pool.Submit(second));
    EXPECT_FALSE(pool.Submit(refused));
  });
  EXPECT_EQ(pool.queued(), 1U);
  EXPECT_TRUE(world.RunUntilIdle());
  EXPECT_EQ(first.done_at, start + 50ms);
  EXPECT_EQ(second.done_at, start + 100ms);
  EXPECT_TRUE(first.worked && second.worked);
  EXPECT_FALSE(refused.worked);
}

TEST(SimWorkerPool, OnlyAJobThatWaitsCanBeWithdrawn) {
  World world(1);
  Loop& loop = world.AddLoop();
  WorkerPool pool({.workers = 1, .queue_max = 1, .duration = 50ms});
  TimedJob running(world, loop);
  TimedJob waiting(world, loop);
  loop.Enter([&] {
    EXPECT_TRUE(pool.Submit(running));
    EXPECT_TRUE(pool.Submit(waiting));
    EXPECT_FALSE(pool.Withdraw(running));
    EXPECT_TRUE(pool.Withdraw(waiting));
    EXPECT_FALSE(pool.Withdraw(waiting));
  });
  EXPECT_TRUE(world.RunUntilIdle());
  EXPECT_TRUE(running.worked);
  EXPECT_FALSE(waiting.worked);
}

}  // namespace
}  // namespace sluice::sim
