#include "sluice/platform/sim/timer_queue.h"

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/loop.h"

namespace sluice::sim {
namespace {

void Link(Timer& timer, Timer& before) {
  timer.previous = before.previous;
  timer.next = &before;
  before.previous->next = &timer;
  before.previous = &timer;
}

void Unlink(Timer& timer) {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.next = timer.previous = nullptr;
}

}  // namespace

TimerQueue::~TimerQueue() {
  for (auto& [key, bucket] : buckets_) {
    while (bucket.head.next != &bucket.head)
      Unlink(*bucket.head.next);
  }
}

void TimerQueue::Arm(Timer& timer, Loop& loop, const EventOrder& order) {
  const auto [entry, is_new] =
      buckets_.try_emplace(std::pair(order.at, loop.number()), loop, order);
  Bucket& bucket = entry->second;
  const bool goes_first = (order.draw & 1U) != 0;
  Link(timer, goes_first ? *bucket.head.next : bucket.head);
  ++size_;
}

void TimerQueue::Disarm(Timer& timer) {
  if (!timer.armed()) return;
  Timer& neighbour = *timer.next;
  Unlink(timer);
  --size_;
  // Alone in its list: the neighbour is the head of a bucket that is empty now.
  if (neighbour.next != &neighbour) return;
  const Bucket& bucket = *static_cast<Bucket*>(neighbour.owner);
  buckets_.erase(std::pair(bucket.order.at, bucket.loop.number()));
}

std::pair<Timer*, Loop*> TimerQueue::Pop() {
  const Bucket& bucket = First()->second;
  Timer* timer = bucket.head.next;
  Loop* loop = &bucket.loop;
  Disarm(*timer);
  return {timer, loop};
}

// Buckets of one moment are few (one a loop), so the draw among them is a short walk.
TimerQueue::Buckets::const_iterator TimerQueue::First() const {
  SLUICE_ASSERT(!buckets_.empty());
  auto first = buckets_.begin();
  for (auto other = first; other != buckets_.end() && other->first.first == first->first.first;
       ++other) {
    if (other->second.order < first->second.order) first = other;
  }
  return first;
}

}  // namespace sluice::sim
