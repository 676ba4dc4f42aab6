#include "sluice/limit/admission_queue.h"

#include <deque>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;

SteadyTime At(int ms) {
  return SteadyTime(milliseconds(ms));
}

class AdmissionQueueTest : public testing::Test {
 protected:
  AdmissionWaiter& New(Criticality criticality = Criticality::kSheddablePlus) {
    AdmissionWaiter& waiter = waiters_.emplace_back();
    waiter.criticality = criticality;
    return waiter;
  }
  bool Push(AdmissionWaiter& waiter, SteadyTime now, double chance = 0) {
    displaced_ = nullptr;
    return queue_.TryPush(waiter, /*limit=*/2, chance, now, displaced_) ==
           AdmissionQueue::Push::kWaits;
  }
  AdmissionWaiter* Pop(SteadyTime now) {
    AdmissionWaiter* front = queue_.Front(now, dropped_);
    if (front != nullptr) queue_.Grant(*front);
    return front;
  }

  AdmissionQueue queue_{{.codel = {.target_delay = milliseconds(5)}}};
  std::deque<AdmissionWaiter> waiters_;
  AdmissionWaiter* displaced_ = nullptr;
  AdmissionWaiter* dropped_ = nullptr;
};

TEST_F(AdmissionQueueTest, ServesTheHigherClassFirstAndTheOldestWithinAClass) {
  AdmissionWaiter& a = New(Criticality::kSheddable);
  AdmissionWaiter& b = New(Criticality::kSheddable);
  AdmissionWaiter& c = New(Criticality::kCritical);
  for (AdmissionWaiter* each : {&a, &b, &c})
    EXPECT_TRUE(Push(*each, At(0)));
  EXPECT_EQ(Pop(At(1)), &c);
  EXPECT_EQ(Pop(At(1)), &a);
  EXPECT_EQ(Pop(At(1)), &b);
  EXPECT_EQ(Pop(At(1)), nullptr);
  EXPECT_EQ(a.state, AdmissionWaiter::State::kGranted);
}

TEST_F(AdmissionQueueTest, RefusesLinearlyMoreBetweenItsFactors) {
  // Limit 2: all may wait up to four, none beyond six.
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(Push(New(), At(0), /*chance=*/0));
  EXPECT_FALSE(Push(New(), At(0), /*chance=*/0.49));  // The fifth: one in two.
  EXPECT_TRUE(Push(New(), At(0), /*chance=*/0.5));
  EXPECT_FALSE(Push(New(), At(0), /*chance=*/0.999999));  // The sixth: none.
  EXPECT_EQ(queue_.size(), 5U);
}

TEST_F(AdmissionQueueTest, AHigherClassTakesThePlaceOfTheOldestOfTheLowest) {
  AdmissionWaiter& first = New(Criticality::kSheddable);
  EXPECT_TRUE(Push(first, At(0)));
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(Push(New(Criticality::kSheddablePlus), At(0)));
  EXPECT_TRUE(Push(New(Criticality::kCritical), At(0), /*chance=*/0));
  EXPECT_EQ(displaced_, &first);
  EXPECT_EQ(first.state, AdmissionWaiter::State::kDropped);
  EXPECT_EQ(queue_.size(), 4U);
  EXPECT_FALSE(Push(New(Criticality::kSheddablePlus), At(0), /*chance=*/0));  // Nobody is lower.
}

TEST_F(AdmissionQueueTest, ServesTheNewestWhileItStands) {
  AdmissionWaiter& old = New();
  EXPECT_TRUE(Push(old, At(0)));
  AdmissionWaiter& second = New();
  EXPECT_TRUE(Push(second, At(50)));
  EXPECT_EQ(Pop(At(60)), &old);  // 60 ms: begins an interval, whose least wait it is so far.
  AdmissionWaiter& newest = New();
  EXPECT_TRUE(Push(newest, At(161)));
  EXPECT_EQ(Pop(At(161)), &newest);  // Standing: and it is dropped from the other end.
  AdmissionWaiter& last = New();
  EXPECT_TRUE(Push(last, At(162)));
  EXPECT_EQ(Pop(At(162)), &last);
  EXPECT_EQ(Pop(At(163)), nullptr);
  EXPECT_EQ(dropped_, &second);
  EXPECT_EQ(second.state, AdmissionWaiter::State::kDropped);
}

TEST_F(AdmissionQueueTest, StaysFirstInFirstOutWhereToldSo) {
  queue_.Reconfigure({.order = QueueOrder::kFifo, .codel = {.target_delay = milliseconds(5)}});
  AdmissionWaiter& old = New();
  EXPECT_TRUE(Push(old, At(0)));
  EXPECT_EQ(Pop(At(60)), &old);
  AdmissionWaiter& older = New();
  AdmissionWaiter& newer = New();
  EXPECT_TRUE(Push(older, At(155)));
  EXPECT_TRUE(Push(newer, At(160)));
  EXPECT_EQ(Pop(At(161)), &older);
}

TEST_F(AdmissionQueueTest, NobodyWaitsLongerThanHalfOfWhatACallTakesAndTheCriticalAllOfIt) {
  EXPECT_EQ(queue_.WaitMax(Criticality::kSheddablePlus, At(0)), milliseconds(100));  // Unknown yet.
  queue_.NoteLatency(milliseconds(20));
  EXPECT_EQ(queue_.WaitMax(Criticality::kSheddablePlus, At(0)), milliseconds(10));
  EXPECT_EQ(queue_.WaitMax(Criticality::kCritical, At(0)), milliseconds(20));
  queue_.NoteLatency(Nanos(1000));
  EXPECT_EQ(queue_.WaitMax(Criticality::kSheddable, At(0)), milliseconds(1));
  queue_.Reconfigure({.max_wait = milliseconds(7)});
  EXPECT_EQ(queue_.WaitMax(Criticality::kSheddable, At(0)), milliseconds(7));
  EXPECT_EQ(queue_.WaitMax(Criticality::kCriticalPlus, At(0)), milliseconds(7));
}

TEST_F(AdmissionQueueTest, WhoHasWaitedTooLongIsDroppedThoughTheQueueDoesNotStand) {
  queue_.NoteLatency(milliseconds(20));
  AdmissionWaiter& late = New();
  AdmissionWaiter& in_time = New();
  EXPECT_TRUE(Push(late, At(0)));
  EXPECT_TRUE(Push(in_time, At(1)));
  EXPECT_EQ(Pop(At(11)), &in_time);
  EXPECT_EQ(dropped_, &late);
  EXPECT_EQ(late.state, AdmissionWaiter::State::kDropped);
}

TEST_F(AdmissionQueueTest, LetsGoWhoGivesUp) {
  AdmissionWaiter& a = New();
  AdmissionWaiter& b = New();
  AdmissionWaiter& c = New();
  for (AdmissionWaiter* each : {&a, &b, &c})
    EXPECT_TRUE(Push(*each, At(0)));
  queue_.Remove(b);
  EXPECT_EQ(b.state, AdmissionWaiter::State::kIdle);
  EXPECT_EQ(Pop(At(0)), &a);
  EXPECT_EQ(Pop(At(0)), &c);
  EXPECT_EQ(queue_.size(), 0U);
}

TEST(AdmissionQueueOptions, SayWhatIsWrong) {
  const auto problems_of = [](const AdmissionQueueOptions& options) {
    ConfigProblems problems;
    Validate(options, "queue", problems);
    return problems.size();
  };
  EXPECT_EQ(problems_of({}), 0U);
  EXPECT_EQ(problems_of({.initial_rejection_factor = -1}), 1U);
  EXPECT_EQ(problems_of({.initial_rejection_factor = 4}), 1U);  // Above the other.
  EXPECT_EQ(problems_of({.max_rejection_factor = 101}), 1U);
  EXPECT_EQ(problems_of({.max_wait = Nanos(-1)}), 1U);
  EXPECT_EQ(problems_of({.max_wait = std::chrono::minutes(2)}), 1U);
  EXPECT_EQ(problems_of({.codel = {.target_delay = Nanos(-1)}}), 1U);
  EXPECT_EQ(problems_of({.codel = {.target_delay = std::chrono::seconds(11)}}), 2U);
  EXPECT_EQ(problems_of({.codel = {.interval = milliseconds(1)}}), 1U);  // Below the target.
  EXPECT_EQ(problems_of({.codel = {.target_delay = Nanos(0), .interval = Nanos(0)}}), 1U);
}

}  // namespace
}  // namespace sluice::limit
