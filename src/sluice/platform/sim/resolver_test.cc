#include "sluice/platform/sim/resolver.h"

#include <chrono>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

struct Answer {
  bool done = false;
  SteadyTime at{};
  Result<Resolution> result{};
};

Task<void> Ask(Loop& loop, std::string host, SteadyTime deadline, Answer& answer) {
  answer.result = co_await loop.resolver().Resolve(host, /*port=*/80, deadline);
  answer.at = loop.now();
  answer.done = true;
}

class ResolverTest : public testing::Test {
 protected:
  void Resolve(std::string host, Answer& answer, SteadyTime deadline = kNever) {
    const auto start = [&, this] { tasks.Spawn(Ask(loop, std::move(host), deadline, answer)); };
    loop.Enter(start);
  }

  World world{/*seed=*/1};
  Loop& loop = world.AddLoop();
  TaskGroup tasks;
};

TEST_F(ResolverTest, AnswersFromTheTableAfterItsDelay) {
  Answer answer;
  const SteadyTime start = world.now();
  world.names().Set(
      "pay.local", {.addresses = {Address::Ipv4({10, 0, 0, 1}, 0), Address::Ipv4({10, 0, 0, 2}, 0)},
                    .time_to_live = 5s,
                    .delay = 3ms});

  Resolve("pay.local", answer);
  EXPECT_FALSE(answer.done);
  ASSERT_TRUE(world.RunUntilIdle());

  ASSERT_TRUE(answer.result.has_value());
  EXPECT_EQ(answer.at, start + 3ms);
  EXPECT_EQ(answer.result->time_to_live, 5s);
  ASSERT_EQ(answer.result->addresses.size(), 2U);
  EXPECT_EQ(answer.result->addresses[0].ToString(), "10.0.0.1:80");
  EXPECT_EQ(answer.result->addresses[1].ToString(), "10.0.0.2:80");
}

TEST_F(ResolverTest, CancelledAQuestionFailsAtOnceAndItsAnswerIsNobodys) {
  Answer soon;
  Answer never;
  const SteadyTime start = world.now();
  world.names().Set("pay.local", {.addresses = {Address::Ipv4({10, 0, 0, 1}, 0)}, .delay = 3ms});
  world.names().Silence("silent.local");
  Resolve("pay.local", soon);
  Resolve("silent.local", never);
  const auto cancel = [this] { loop.resolver().CancelAll(); };
  loop.Enter(cancel);
  ASSERT_TRUE(world.RunUntilIdle());

  for (const Answer& answer : {std::cref(soon), std::cref(never)}) {
    ASSERT_TRUE(answer.done);
    EXPECT_EQ(answer.at, start);
    EXPECT_EQ(answer.result.error().code, ErrorCode::kCancelled);
  }
  Answer again;
  Resolve("pay.local", again);
  ASSERT_TRUE(world.RunUntilIdle());
  EXPECT_TRUE(again.result.has_value());
}

TEST_F(ResolverTest, AnswersForAddressesWithoutTheTableButNeverAtOnce) {
  Answer answer;

  Resolve("10.0.0.9", answer);
  EXPECT_FALSE(answer.done);
  ASSERT_TRUE(world.RunUntilIdle());

  ASSERT_TRUE(answer.result.has_value());
  EXPECT_EQ(answer.result->addresses.front().ToString(), "10.0.0.9:80");
}

TEST_F(ResolverTest, GivesAChangedAnswerToTheNextQuestion) {
  Answer first;
  Answer second;
  world.names().Set("pay.local", {.addresses = {Address::Ipv4({10, 0, 0, 1}, 0)}});
  Resolve("pay.local", first);
  world.names().Set("pay.local", {.addresses = {Address::Ipv4({10, 0, 0, 2}, 0)}});
  Resolve("pay.local", second);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(first.result->addresses.front().ToString(), "10.0.0.1:80");
  EXPECT_EQ(second.result->addresses.front().ToString(), "10.0.0.2:80");
  EXPECT_EQ(world.names().asked("pay.local"), 2U);
}

TEST_F(ResolverTest, FailsForNamesThatAreUnknownEmptyRemovedOrBroken) {
  world.names().Set("empty.local", {});
  world.names().Set("removed.local", {.addresses = {Address::Ipv4({10, 0, 0, 1}, 0)}});
  world.names().Remove("removed.local");
  world.names().Fail("broken.local");
  for (const char* host : {"unknown.local", "empty.local", "removed.local", "broken.local"}) {
    SCOPED_TRACE(host);
    Answer answer;
    Resolve(host, answer);
    ASSERT_TRUE(world.RunUntilIdle());

    ASSERT_FALSE(answer.result.has_value());
    EXPECT_EQ(answer.result.error().code, ErrorCode::kResolveFailed);
    EXPECT_EQ(answer.result.error().side, Side::kUpstream);
  }
}

TEST_F(ResolverTest, FailsAtTheDeadlineWhenTheAnswerIsLate) {
  Answer silent;
  Answer slow;
  const SteadyTime deadline = world.now() + 2s;
  world.names().Silence("silent.local");
  world.names().Set("slow.local", {.addresses = {Address::Ipv4({10, 0, 0, 1}, 0)}, .delay = 3s});

  Resolve("silent.local", silent, deadline);
  Resolve("slow.local", slow, deadline);
  EXPECT_EQ(world.pending_operations(), 2U);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(silent.result.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(silent.at, deadline);
  EXPECT_EQ(slow.result.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(slow.at, deadline);
  EXPECT_EQ(world.pending_operations(), 0U);
}

}  // namespace
}  // namespace sluice::sim
