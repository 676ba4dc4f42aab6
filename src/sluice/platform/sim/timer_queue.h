// TimerQueue: the armed timers of all loops of a world, exactly by their due times.
//
// A bucket for each (due, loop) holds its timers in a circular list; arming and disarming cost one
// look-up among the buckets. The wheel of the real loop rounds to ticks, which a simulation that
// promises exact moments cannot.
// Not thread-safe: belongs to one world.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/sim/event_queue.h"

namespace sluice::sim {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  // Timers still armed are disarmed: their owners may be destroyed later.
  ~TimerQueue();

  // `order.at` is when `timer` fires; its draw decides about first or last in its bucket too.
  void Arm(Timer& timer, Loop& loop, const EventOrder& order);
  void Disarm(Timer& timer);

  [[nodiscard]] bool empty() const { return buckets_.empty(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  // The order of the first bucket.
  [[nodiscard]] EventOrder first() const { return First()->second.order; }
  // Takes the first timer of the first bucket; says whose it is.
  std::pair<Timer*, Loop*> Pop();

 private:
  struct Bucket {
    Bucket(Loop& its_loop, const EventOrder& its_order)
        : order(its_order), loop(its_loop), head(nullptr, this) {
      head.next = head.previous = &head;
    }
    Bucket(const Bucket&) = delete;
    Bucket& operator=(const Bucket&) = delete;
    ~Bucket() { head.next = head.previous = nullptr; }

    EventOrder order;  // Of its first timer.
    Loop& loop;
    Timer head;  // Not a timer: where the list begins and ends.
  };
  using Buckets = std::map<std::pair<SteadyTime, std::uint32_t>, Bucket>;

  [[nodiscard]] Buckets::const_iterator First() const;

  Buckets buckets_;
  std::size_t size_ = 0;
};

}  // namespace sluice::sim
