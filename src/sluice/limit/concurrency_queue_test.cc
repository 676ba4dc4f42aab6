// The queue before a concurrency limit, and partitions behind it.

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/limit/concurrency_limit.h"

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using Kind = ConcurrencyDecision::Kind;

SteadyTime At(int ms) {
  return SteadyTime(milliseconds(ms));
}

ConcurrencyOptions Fixed(std::int64_t limit) {
  return {.name = "pay", .algorithm = ConcurrencyAlgorithm::kFixed, .initial_limit = limit};
}

std::unique_ptr<ConcurrencyLimit> Make(const ConcurrencyOptions& options) {
  Result<std::unique_ptr<ConcurrencyLimit>> made = ConcurrencyLimit::Create(options, At(0));
  return std::move(*made);
}

constexpr Outcome kDone{.verdict = Verdict::kSuccess, .duration = milliseconds(10)};

class QueueTest : public testing::Test {
 protected:
  struct Client {
    AdmissionWaiter waiter;
    int woken = 0;
  };
  static void Wake(AdmissionWaiter& waiter) { ++static_cast<Client*>(waiter.owner)->woken; }

  Client& New(Criticality criticality = Criticality::kSheddable) {
    Client& client = clients_.emplace_back();
    client.waiter.wake = &Wake;
    client.waiter.owner = &client;
    client.waiter.criticality = criticality;
    return client;
  }
  static ConcurrencyOptions Options() {
    ConcurrencyOptions options = Fixed(1);
    options.queue.emplace();
    return options;
  }

  std::unique_ptr<ConcurrencyLimit> limit_ = Make(Options());
  std::deque<Client> clients_;
};

TEST_F(QueueTest, WhoLeavesHandsTheSlotToWhoWaits) {
  ConcurrencyDecision first = limit_->Enter(New().waiter, 0, At(0));
  ASSERT_EQ(first.kind, Kind::kAdmitted);
  Client& second = New();
  ASSERT_EQ(limit_->Enter(second.waiter, 0, At(0)).kind, Kind::kWaits);
  EXPECT_EQ(limit_->Stats().waiting, 1);
  EXPECT_EQ(second.woken, 0);
  first.permit.Settle(kDone, At(3));
  EXPECT_EQ(second.woken, 1);
  EXPECT_EQ(second.waiter.state, AdmissionWaiter::State::kGranted);
  EXPECT_EQ(limit_->inflight(), 1);
  limit_->PermitOf(second.waiter, At(3)).Settle(kDone, At(4));
  EXPECT_EQ(limit_->inflight(), 0);
  EXPECT_EQ(limit_->Stats().waited, 1U);
  EXPECT_EQ(limit_->Stats().decisions.allowed, 2U);
}

TEST_F(QueueTest, WhoWaitedTooLongIsCountedAsRefused) {
  const ConcurrencyDecision first = limit_->Enter(New().waiter, 0, At(0));
  Client& second = New();
  ASSERT_EQ(limit_->Enter(second.waiter, 0, At(0)).kind, Kind::kWaits);
  EXPECT_EQ(limit_->WaitMax(second.waiter, At(0)), milliseconds(100));
  EXPECT_TRUE(limit_->Withdraw(second.waiter, WithdrawReason::kWaitedTooLong));
  EXPECT_FALSE(limit_->Withdraw(second.waiter, WithdrawReason::kWaitedTooLong));
  EXPECT_EQ(second.woken, 0);
  EXPECT_EQ(limit_->Stats().decisions.denied, 1U);
}

TEST_F(QueueTest, WhoGivesUpIsNoDecision) {
  const ConcurrencyDecision first = limit_->Enter(New().waiter, 0, At(0));
  Client& second = New();
  ASSERT_EQ(limit_->Enter(second.waiter, 0, At(0)).kind, Kind::kWaits);
  EXPECT_TRUE(limit_->Withdraw(second.waiter, WithdrawReason::kGaveUp));
  EXPECT_EQ(limit_->Stats().decisions.denied, 0U);
  EXPECT_EQ(limit_->Stats().decisions.allowed, 1U);
  EXPECT_EQ(limit_->Stats().waiting, 0);
}

// What a call takes without a queue is learnt for a fixed limit too.
TEST_F(QueueTest, NobodyWaitsLongerThanHalfOfWhatACallTakes) {
  for (int ms = 0; ms < 3000; ms += 20)
    limit_->Enter(New().waiter, 0, At(ms))
        .permit.Settle({.verdict = Verdict::kSuccess, .duration = milliseconds(16)}, At(ms + 16));
  Client& client = New();
  EXPECT_NEAR(static_cast<double>(limit_->Stats().baseline.count()), 16e6, 1e6);
  EXPECT_NEAR(static_cast<double>(limit_->WaitMax(client.waiter, At(3000)).count()), 8e6, 0.5e6);
  client.waiter.criticality = Criticality::kCritical;
  EXPECT_NEAR(static_cast<double>(limit_->WaitMax(client.waiter, At(3000)).count()), 16e6, 1e6);
}

TEST_F(QueueTest, AFullQueueRefusesButACriticalRequestTakesAPlace) {
  const ConcurrencyDecision first = limit_->Enter(New().waiter, 0, At(0));
  std::vector<Client*> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(&New());
    ASSERT_EQ(limit_->Enter(waiting.back()->waiter, 0, At(0)).kind, Kind::kWaits);
  }
  EXPECT_EQ(limit_->Enter(New().waiter, 0, At(0)).kind, Kind::kRefused);
  Client& critical = New(Criticality::kCritical);
  EXPECT_EQ(limit_->Enter(critical.waiter, 0, At(0)).kind, Kind::kWaits);
  EXPECT_EQ(waiting[0]->woken, 1);
  EXPECT_EQ(waiting[0]->waiter.state, AdmissionWaiter::State::kDropped);
  EXPECT_EQ(limit_->Stats().decisions.denied, 2U);
  EXPECT_TRUE(limit_->Withdraw(waiting[1]->waiter, WithdrawReason::kGaveUp));
  EXPECT_TRUE(limit_->Withdraw(critical.waiter, WithdrawReason::kGaveUp));
}

// Two partitions behind a queue: `live` has eight of ten slots guaranteed, `batch` two.
class PartitionedQueueTest : public QueueTest {
 protected:
  PartitionedQueueTest() {
    ConcurrencyOptions options = Fixed(10);
    options.queue.emplace();
    options.partitions = {{.name = "live", .ratio = 0.8}, {.name = "batch", .ratio = 0.2}};
    limit_ = Make(options);
    live_ = limit_->PartitionOf("live");
    batch_ = limit_->PartitionOf("batch");
  }
  Client& NewOf(std::uint32_t partition) {
    Client& client = New();
    client.waiter.partition = partition;
    return client;
  }
  ConcurrencyDecision Enter(Client& client, int ms) {
    return limit_->Enter(client.waiter, 0, At(ms));
  }
  // While there is room anybody may have it.
  void Fill(std::uint32_t partition, int count) {
    for (int i = 0; i < count; ++i)
      held_.push_back(Enter(NewOf(partition), 0).permit);
  }

  std::uint32_t live_ = 0;
  std::uint32_t batch_ = 0;
  std::vector<Permit> held_;
};

TEST_F(PartitionedQueueTest, WhoHasAGuaranteeLeftDoesNotWaitBehindOthers) {
  Fill(batch_, 10);
  ASSERT_EQ(Enter(NewOf(batch_), 1).kind, Kind::kWaits);
  for (int i = 0; i < 8; ++i) {
    held_.push_back(Enter(NewOf(live_), 2).permit);
    EXPECT_TRUE(held_.back()) << i;
  }
  EXPECT_EQ(Enter(NewOf(live_), 2).kind, Kind::kWaits);
  EXPECT_EQ(limit_->Stats().waiting, 2);
}

TEST_F(PartitionedQueueTest, ASlotGivenBackGoesToWhomItIsGuaranteed) {
  Fill(live_, 8);
  Fill(batch_, 2);
  Client& others = NewOf(batch_);
  others.waiter.criticality = Criticality::kCriticalPlus;
  ASSERT_EQ(Enter(others, 1).kind, Kind::kWaits);
  Client& mine = NewOf(live_);
  ASSERT_EQ(Enter(mine, 2).kind, Kind::kWaits);
  held_.front().Settle(kDone, At(3));
  EXPECT_EQ(mine.waiter.state, AdmissionWaiter::State::kGranted);
  EXPECT_EQ(others.woken, 0);
  EXPECT_EQ(limit_->inflight(), 10);
  const Permit permit = limit_->PermitOf(mine.waiter, At(3));
  held_.back().Settle(kDone, At(4));  // One of batch.
  EXPECT_EQ(others.waiter.state, AdmissionWaiter::State::kGranted);
  const Permit other = limit_->PermitOf(others.waiter, At(4));
}

// Beyond the limit a guarantee is all that counts: it is not lent out again.
TEST_F(PartitionedQueueTest, ASlotAboveTheLimitIsForGuaranteesAlone) {
  Fill(batch_, 10);
  for (int i = 0; i < 8; ++i)
    held_.push_back(Enter(NewOf(live_), 1).permit);
  Client& batch = NewOf(batch_);
  Client& live = NewOf(live_);
  ASSERT_EQ(Enter(batch, 1).kind, Kind::kWaits);
  ASSERT_EQ(Enter(live, 1).kind, Kind::kWaits);
  ASSERT_EQ(limit_->inflight(), 18);
  held_.front().Settle(kDone, At(2));  // One of batch: it has nine left, above its two.
  EXPECT_EQ(batch.woken, 0);
  EXPECT_EQ(live.woken, 0);
  held_.back().Settle(kDone, At(2));  // One of live.
  EXPECT_EQ(live.waiter.state, AdmissionWaiter::State::kGranted);
  EXPECT_EQ(batch.woken, 0);
  const Permit permit = limit_->PermitOf(live.waiter, At(2));
  EXPECT_TRUE(limit_->Withdraw(batch.waiter, WithdrawReason::kGaveUp));
}

TEST_F(PartitionedQueueTest, AGuaranteeThatCameTooLateIsRefused) {
  Fill(live_, 8);
  Fill(batch_, 2);
  Client& late = NewOf(live_);
  ASSERT_EQ(Enter(late, 0).kind, Kind::kWaits);
  Client& in_time = NewOf(live_);
  ASSERT_EQ(Enter(in_time, 100).kind, Kind::kWaits);
  held_.front().Settle(kDone, At(101));
  EXPECT_EQ(late.waiter.state, AdmissionWaiter::State::kDropped);
  EXPECT_EQ(in_time.waiter.state, AdmissionWaiter::State::kGranted);
  const Permit permit = limit_->PermitOf(in_time.waiter, At(101));
}

TEST_F(QueueTest, AHigherLimitLetsWaitersInAtOnce) {
  const ConcurrencyDecision first = limit_->Enter(New().waiter, 0, At(0));
  Client& second = New();
  ASSERT_EQ(limit_->Enter(second.waiter, 0, At(0)).kind, Kind::kWaits);
  ConcurrencyOptions options = Options();
  options.initial_limit = 2;
  ASSERT_TRUE(limit_->Reconfigure(options, At(1)));
  EXPECT_EQ(second.woken, 1);
  EXPECT_EQ(limit_->inflight(), 2);
  limit_->PermitOf(second.waiter, At(1)).Settle(kDone, At(2));
}

// Each thread enters, or waits until it is told; nobody has a deadline. If a wake were lost, this
// would never end.
void EnterFromManyThreads(ConcurrencyLimit& limit, std::uint32_t partitions) {
  std::atomic<int> done{0};
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&limit, &done, partition = i % partitions] {
      struct Told {
        AdmissionWaiter waiter;
        std::atomic<bool> told{false};
      };
      for (int j = 0; j < 2000; ++j) {
        Told told;
        told.waiter.owner = &told;
        told.waiter.partition = partition;
        told.waiter.wake = [](AdmissionWaiter& waiter) {
          static_cast<Told*>(waiter.owner)->told.store(true, std::memory_order_release);
        };
        ConcurrencyDecision decision = limit.Enter(told.waiter, 0, At(0));
        if (decision.kind == Kind::kWaits) {
          while (!told.told.load(std::memory_order_acquire))
            std::this_thread::yield();
          if (told.waiter.state == AdmissionWaiter::State::kGranted) {
            decision.permit = limit.PermitOf(told.waiter, At(0));
          }
        }
        decision.permit.Settle(kDone, At(0));
        done.fetch_add(1);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(done.load(), 8000);
  EXPECT_EQ(limit.inflight(), 0);
  EXPECT_EQ(limit.Stats().waiting, 0);
}

TEST_F(QueueTest, NeverForgetsAWaiterWhateverTheThreadsDo) {
  ConcurrencyOptions options = Fixed(2);
  options.queue = AdmissionQueueOptions{.initial_rejection_factor = 50, .max_rejection_factor = 60};
  EnterFromManyThreads(*Make(options), 1);
  options.partitions = {{.name = "live", .ratio = 0.5}, {.name = "batch", .ratio = 0.5}};
  EnterFromManyThreads(*Make(options), 3);
}

}  // namespace
}  // namespace sluice::limit
