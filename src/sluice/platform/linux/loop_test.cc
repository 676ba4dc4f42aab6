#include "sluice/platform/linux/loop.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/event.h"
#include "sluice/platform/linux/loop_fixture.h"
#include "sluice/platform/linux/loop_thread.h"

namespace sluice::platform {
namespace {

using testing::ElementsAre;

using EpollLoopTest = LoopTest;

Task<void> SleepInto(Loop& loop, SteadyTime until, SteadyTime& woke) {
  co_await loop.SleepUntil(until);
  woke = loop.now();
}

TEST_F(EpollLoopTest, SleepsAtLeastAsLongAsAsked) {
  SteadyTime woke{};
  const SteadyTime until = In(3ms);
  Spawn(SleepInto(*loop_, until, woke));
  ASSERT_TRUE(Until([&] { return woke != SteadyTime{}; }));
  EXPECT_GE(woke, until);
}

TEST_F(EpollLoopTest, NowStandsStillWithinATurnAndAdvancesBetween) {
  const SteadyTime before = loop_->now();
  EXPECT_EQ(loop_->now(), before);
  loop_->RunOnce(1ms);
  EXPECT_GT(loop_->now(), before);
  EXPECT_GT(loop_->wall_now().time_since_epoch(), Nanos(24h * 365 * 50));  // After 2020.
}

TEST_F(EpollLoopTest, TwoLoopsDrawDifferentNumbers) {
  const auto other = *EpollLoop::Create();
  EXPECT_NE(loop_->random().Next(), other->random().Next());
}

Task<void> WaitInto(Event& event, SteadyTime deadline, int& result) {
  const bool set = co_await event.Wait(deadline);
  result = set ? 1 : 0;
}

TEST_F(EpollLoopTest, AnEventWakesItsWaiterOrTimesOut) {
  Event event(*loop_);
  int first = -1;
  int second = -1;
  Spawn(WaitInto(event, In(1ms), first));
  ASSERT_TRUE(Until([&] { return first == 0; }));
  Spawn(WaitInto(event, In(10s), second));
  loop_->Post([&] { event.Set(); });
  ASSERT_TRUE(Until([&] { return second == 1; }));
}

TEST_F(EpollLoopTest, PostedWorkRunsInALaterTurnInOrder) {
  std::vector<int> ran;
  loop_->Post([&] {
    ran.push_back(1);
    loop_->Post([&] { ran.push_back(3); });
  });
  loop_->Post([&] { ran.push_back(2); });
  EXPECT_THAT(ran, ElementsAre());
  loop_->RunOnce(10s);  // Does not sleep.
  EXPECT_THAT(ran, ElementsAre(1, 2));
  loop_->RunOnce(10s);
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST_F(EpollLoopTest, RunReturnsAfterStopAndWhatWasPostedBefore) {
  bool ran = false;
  loop_->Post([&] { ran = true; });
  loop_->Stop();
  loop_->Stop();
  loop_->Run();
  EXPECT_TRUE(ran);
}

TEST_F(EpollLoopTest, WorkPostedAfterTheEndIsDestroyedUnrun) {
  loop_->Stop();
  loop_->Run();
  const auto witness = std::make_shared<int>();
  bool ran = false;
  loop_->Post([&ran, held = witness] { ran = true; });
  EXPECT_EQ(witness.use_count(), 1);
  loop_->RunOnce(0ms);
  EXPECT_FALSE(ran);
}

TEST_F(EpollLoopTest, WorkThatNeverRanIsDestroyedWithTheLoop) {
  const auto witness = std::make_shared<int>();
  loop_->Post([held = witness] {});
  loop_.reset();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(EpollLoopTest, APostFromAnotherThreadWakesASleepingLoop) {
  bool ran = false;
  const std::jthread poster([&] { loop_->Post([&] { ran = true; }); });
  const SteadyTime began = ReadSteadyClock();
  while (!ran) {
    loop_->RunOnce(1h);
  }
  EXPECT_LT(ReadSteadyClock() - began, Nanos(1min));
}

// Sums what threads post; run under ThreadSanitizer too.
TEST(LoopThread, RunsWhatManyThreadsPostAndKeepsTheOrderOfEach) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2'000;
  std::vector<std::vector<int>> seen(kThreads);  // Only the loop's thread touches it.
  const auto thread = *LoopThread::Start({.name = "a-name-that-is-too-long"});
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < kThreads; ++t) {
      posters.emplace_back([&, t] {
        for (int i = 0; i < kPosts; ++i) {
          thread->loop().Post([&seen, t, i] { seen[static_cast<std::size_t>(t)].push_back(i); });
        }
      });
    }
  }
  thread->StopAndJoin();
  thread->StopAndJoin();
  for (const std::vector<int>& one : seen) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(kPosts));
    EXPECT_TRUE(std::ranges::is_sorted(one));
  }
}

// Ping-pong between two sleeping loops: a lost wake-up would hang here.
TEST(LoopThread, NoWakeUpIsLost) {
  constexpr int kRounds = 5'000;
  const auto left = *LoopThread::Start({.name = "left"});
  const auto right = *LoopThread::Start({.name = "right"});
  std::atomic<int> rounds{0};
  struct Player {
    static void Hit(LoopThread& here, LoopThread& there, std::atomic<int>& rounds) {
      if (rounds.fetch_add(1) + 1 >= kRounds) {
        return;
      }
      there.loop().Post([&here, &there, &rounds] { Hit(there, here, rounds); });
    }
  };
  left->loop().Post([&] { Player::Hit(*left, *right, rounds); });
  for (int seen = rounds.load(); seen < kRounds; seen = rounds.load()) {
    std::this_thread::yield();
  }
  // Both threads first: the last Post() to the one may still be under way on the other.
  left->StopAndJoin();
  right->StopAndJoin();
  EXPECT_EQ(rounds.load(), kRounds);
}

// Who posted may still be on its way out of Post(): under ThreadSanitizer.
TEST(LoopThread, MayGoAsSoonAsTheLastWorkHasRun) {
  for (int i = 0; i < 200; ++i) {
    std::promise<void> ran;
    auto thread = *LoopThread::Start();
    const std::jthread poster(
        [&loop = thread->loop(), &ran] { loop.Post([&ran] { ran.set_value(); }); });
    ran.get_future().wait();
    thread.reset();
  }
}

TEST(LoopThread, StopsWhileOthersPost) {
  for (int i = 0; i < 20; ++i) {
    const auto thread = *LoopThread::Start();
    std::atomic<bool> enough{false};
    const auto witness = std::make_shared<int>();
    {
      const std::jthread poster([&] {
        while (!enough) {
          thread->loop().Post([held = witness] {});
        }
      });
      thread->StopAndJoin();
      enough = true;
    }
    EXPECT_EQ(witness.use_count(), 1);  // Run or destroyed, nothing is left.
  }
}

TEST(LoopThread, RunsOnTheCpuItWasPinnedTo) {
  const int here = ::sched_getcpu();
  const auto thread = *LoopThread::Start({.cpu = static_cast<unsigned>(here)});
  std::atomic<int> cpus{0};
  thread->loop().Post([&] {
    cpu_set_t set;
    ::sched_getaffinity(0, sizeof(set), &set);
    cpus = CPU_ISSET(here, &set) ? CPU_COUNT(&set) : -1;
  });
  thread->StopAndJoin();
  EXPECT_EQ(cpus, 1);
}

TEST(LoopThread, RefusesACpuThatIsNotOurs) {
  const auto thread = LoopThread::Start({.cpu = 100'000});
  ASSERT_FALSE(thread.has_value());
  EXPECT_EQ(thread.error().code, ErrorCode::kInvalidOption);
}

using KeepBufferTest = PairTest;
INSTANTIATE_TEST_SUITE_P(Both,
                         KeepBufferTest,
                         testing::Values(Transport::kTcp, Transport::kUnix),
                         NameOfTransport);

Task<void> KeepAcrossAReceive(Loop& loop, Stream& stream, SteadyTime deadline, std::string& out) {
  const Result<ByteView> first = co_await stream.Receive(deadline, 3);
  if (!first) co_return;
  const ReceiveBuffer kept = loop.KeepReceiveBuffer();
  const Result<ByteView> second = co_await stream.Receive(deadline);
  if (!second) co_return;
  out = std::string(*first) + "|" + std::string(*second);
}

TEST_P(KeepBufferTest, AKeptBufferOutlivesTheNextReceive) {
  std::string both;
  Spawn(KeepAcrossAReceive(*loop_, *server_, In(5s), both));
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"onetwo"}, In(5s), sent));
  ASSERT_TRUE(Until([&] { return !both.empty(); }));
  EXPECT_EQ(both, "one|two");
  EXPECT_EQ(loop_->kept_buffers(), 0U);
}

class DestroyTest : public PairTest {
 protected:
  // A watcher that destroys a stream when its own hangs up.
  struct Destroyer final : HangupWatcher {
    void OnHangup() override {
      ++count;
      if (victim != nullptr) victim->reset();
    }
    std::unique_ptr<Stream>* victim = nullptr;
    int count = 0;
  };
};
INSTANTIATE_TEST_SUITE_P(Both,
                         DestroyTest,
                         testing::Values(Transport::kTcp, Transport::kUnix),
                         NameOfTransport);

TEST_P(DestroyTest, AStreamDestroyedByAnotherOfTheSameBatchHearsNothing) {
  std::unique_ptr<Stream> other_client;
  std::unique_ptr<Stream> other_server;
  MakePair(other_client, other_server);
  Destroyer first;
  Destroyer second;
  first.victim = &other_server;
  second.victim = &server_;
  server_->WatchHangup(&first);
  other_server->WatchHangup(&second);
  Turn();
  client_.reset();
  other_client.reset();
  Turn();
  EXPECT_EQ(first.count + second.count, 1);
}

TEST_P(DestroyTest, AStreamMayBeDestroyedByItsOwnWatcher) {
  Destroyer own;
  own.victim = &server_;
  server_->WatchHangup(&own);
  client_.reset();
  ASSERT_TRUE(Until([&] { return own.count == 1; }));
  EXPECT_EQ(server_, nullptr);
}

Task<void> ReceiveAndDestroy(std::unique_ptr<Stream>& stream, SteadyTime deadline, bool& got) {
  const Result<ByteView> received = co_await stream->Receive(deadline);
  got = received.has_value() && !received->empty();
  stream.reset();
}

TEST_P(DestroyTest, AReceiverMayDestroyItsStream) {
  bool got = false;
  Spawn(ReceiveAndDestroy(server_, In(5s), got));
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"x"}, In(5s), sent));
  ASSERT_TRUE(Until([&] { return server_ == nullptr; }));
  EXPECT_TRUE(got);
}

}  // namespace
}  // namespace sluice::platform
