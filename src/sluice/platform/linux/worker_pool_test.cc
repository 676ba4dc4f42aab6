#include "sluice/platform/linux/worker_pool.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/platform/linux/loop_thread.h"

namespace sluice::platform {
namespace {

struct CountingJob : PoolJob {
  CountingJob(Loop& loop, std::atomic<int>& its_done)
      : PoolJob(
            loop,
            [](PoolJob& job) {
              static_cast<CountingJob&>(job).worked_on = std::this_thread::get_id();
            },
            [](PoolJob& job) {
              auto& self = static_cast<CountingJob&>(job);
              self.done_on = std::this_thread::get_id();
              std::atomic<int>& count = self.done;
              count.fetch_add(1);  // From here on the job may be gone.
              count.notify_all();
            }),
        done(its_done) {}
  std::atomic<int>& done;
  std::thread::id worked_on;
  std::thread::id done_on;
};

// Holds a thread of the pool until told.
struct GateJob : PoolJob {
  explicit GateJob(Loop& loop)
      : PoolJob(
            loop,
            [](PoolJob& job) {
              auto& self = static_cast<GateJob&>(job);
              self.begun.set_value();
              self.open.get_future().wait();
            },
            [](PoolJob& job) { static_cast<GateJob&>(job).ended.set_value(); }) {}
  std::promise<void> begun;
  std::promise<void> open;
  std::promise<void> ended;
};

TEST(WorkerPool, WorksOnItsThreadsAndIsDoneOnTheLoop) {
  std::atomic<int> done = 0;  // Outlives the loop that counts.
  const auto home = *LoopThread::Start();
  const auto pool = *WorkerPool::Start({.workers = 2, .queue_max = 1000});
  std::vector<std::unique_ptr<CountingJob>> jobs;
  for (int i = 0; i < 500; ++i) {
    jobs.push_back(std::make_unique<CountingJob>(home->loop(), done));
  }
  std::promise<std::thread::id> loop_thread;
  home->loop().Post([&] {
    loop_thread.set_value(std::this_thread::get_id());
    for (const auto& job : jobs)
      EXPECT_TRUE(pool->Submit(*job));
  });
  const std::thread::id loop_id = loop_thread.get_future().get();
  for (int seen = done.load(); seen != 500; seen = done.load())
    done.wait(seen);
  for (const auto& job : jobs) {
    EXPECT_EQ(job->done_on, loop_id);
    EXPECT_NE(job->worked_on, loop_id);
  }
}

TEST(WorkerPool, RefusesBeyondItsQueueAndGivesBackWhatWaits) {
  std::atomic<int> done = 0;  // Outlives the loop that counts.
  const auto home = *LoopThread::Start();
  const auto pool = *WorkerPool::Start({.workers = 1, .queue_max = 1});
  GateJob gate(home->loop());
  CountingJob waiting(home->loop(), done);
  CountingJob refused(home->loop(), done);
  ASSERT_TRUE(pool->Submit(gate));
  gate.begun.get_future().wait();
  EXPECT_TRUE(pool->Submit(waiting));
  EXPECT_EQ(pool->queued(), 1U);
  EXPECT_FALSE(pool->Submit(refused));
  EXPECT_FALSE(pool->Withdraw(gate));
  EXPECT_TRUE(pool->Withdraw(waiting));
  EXPECT_EQ(pool->queued(), 0U);
  gate.open.set_value();
  gate.ended.get_future().wait();
  EXPECT_EQ(done.load(), 0);
}

TEST(WorkerPool, RefusesImpossibleSizes) {
  EXPECT_EQ(WorkerPool::Start({.workers = 0}).error().code, ErrorCode::kInvalidOption);
  EXPECT_EQ(WorkerPool::Start({.workers = 1025}).error().code, ErrorCode::kInvalidOption);
}

}  // namespace
}  // namespace sluice::platform
