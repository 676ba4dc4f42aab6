#include "sluice/contract/task.h"

#include <coroutine>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "sluice/contract/result.h"
#include "sluice/contract/task_group.h"

namespace sluice {
namespace {

// Lets a test hold a coroutine at a point and let it go on later.
struct Gate {
  Ready waiter;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) { waiter.handle = awaiter; }
  void await_resume() const {}
  void Open() { RunQueue::Current().Push(waiter); }
};

class TaskTest : public testing::Test {
 protected:
  RunQueue queue_;
  RunQueue::Binding binding_{queue_};
  TaskGroup group_;
};

Task<int> Answer() {
  co_return 42;
}

Task<int> AnswerAfter(Gate& gate) {
  co_await gate;
  co_return 42;
}

Task<void> Keep(Task<int> task, int& out) {
  out = co_await task;
}

TEST_F(TaskTest, CompletesInlineWhenNothingSuspends) {
  int got = 0;
  group_.Spawn(Keep(Answer(), got));
  EXPECT_EQ(got, 42);
  EXPECT_EQ(group_.running(), 0U);
}

TEST_F(TaskTest, GoesOnThroughTheQueueAfterASuspension) {
  Gate gate;
  int got = 0;
  group_.Spawn(Keep(AnswerAfter(gate), got));
  EXPECT_EQ(got, 0);
  gate.Open();
  EXPECT_EQ(got, 0);
  queue_.Drain();
  EXPECT_EQ(got, 42);
}

Task<int> One() {
  co_return 1;
}

Task<void> AwaitMany(int times, int& sum) {
  for (int i = 0; i < times; ++i) {
    sum += co_await One();
  }
}

TEST_F(TaskTest, AMillionSynchronousCompletionsNeedNoStack) {
  int sum = 0;
  group_.Spawn(AwaitMany(1'000'000, sum));
  EXPECT_EQ(sum, 1'000'000);
}

Task<int> Deep(int depth, Gate& gate) {
  if (depth == 0) {
    co_await gate;
    co_return 0;
  }
  const int below = co_await Deep(depth - 1, gate);
  co_return below + 1;
}

Task<void> KeepDeep(int depth, Gate& gate, int& out) {
  out = co_await Deep(depth, gate);
}

TEST_F(TaskTest, ALongChainUnwindsWithoutNesting) {
  Gate gate;
  int got = -1;
  group_.Spawn(KeepDeep(1'000, gate, got));
  gate.Open();
  queue_.Drain();
  EXPECT_EQ(got, 1'000);
}

Task<Result<std::string>> Failing() {
  co_return Fail(ErrorCode::kTimeout, "late");
}

Task<void> KeepResult(Result<std::string>& out) {
  out = co_await Failing();
}

TEST_F(TaskTest, CarriesResults) {
  Result<std::string> got;
  group_.Spawn(KeepResult(got));
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(got.error().detail, "late");
}

Task<void> WaitFor(Gate& gate) {
  co_await gate;
}

Task<void> AwaitDrained(TaskGroup& group, bool& drained) {
  co_await group.Drained();
  drained = true;
}

TEST_F(TaskTest, AGroupIsDrainedWhenItsLastTaskCompletes) {
  TaskGroup group;
  Gate first;
  Gate second;
  group.Spawn(WaitFor(first));
  group.Spawn(WaitFor(second));
  bool drained = false;
  group_.Spawn(AwaitDrained(group, drained));
  first.Open();
  queue_.Drain();
  EXPECT_FALSE(drained);
  EXPECT_EQ(group.running(), 1U);
  second.Open();
  queue_.Drain();
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace sluice
