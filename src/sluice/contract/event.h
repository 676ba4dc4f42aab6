// Event: one coroutine waits, somebody else on the same loop tells it.
//
// Set() before Wait() is not lost: the event stays set until a wait takes it. One waiter at most.

#pragma once

#include <coroutine>

#include "sluice/contract/assert.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"

namespace sluice {

class Event {
 public:
  class Awaiter;

  explicit Event(Loop& loop) : loop_(loop), timer_(&Expire, this) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { SLUICE_ASSERT(!waiting_); }

  void Set() {
    set_ = true;
    if (waiting_) Wake();
  }

  [[nodiscard]] bool is_set() const { return set_; }

  // True when the event was set, and takes it; false when the deadline passed first.
  [[nodiscard]] Awaiter Wait(SteadyTime deadline);

 private:
  void Wake() {
    waiting_ = false;
    loop_.Disarm(timer_);
    RunQueue::Current().Push(waiter_);
  }
  static void Expire(Timer& timer, SteadyTime /*now*/) {
    auto* event = static_cast<Event*>(timer.owner);
    if (event->waiting_) event->Wake();
  }

  Loop& loop_;
  Timer timer_;
  Ready waiter_;
  bool set_ = false;
  bool waiting_ = false;
};

class Event::Awaiter {
 public:
  Awaiter(Event& event, SteadyTime deadline) : event_(event), deadline_(deadline) {}
  [[nodiscard]] bool await_ready() const { return event_.set_; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    SLUICE_ASSERT(!event_.waiting_);
    event_.waiting_ = true;
    event_.waiter_.handle = awaiter;
    if (deadline_ != kNever) event_.loop_.Arm(event_.timer_, deadline_);
  }
  bool await_resume() {
    const bool was_set = event_.set_;
    event_.set_ = false;
    return was_set;
  }

 private:
  Event& event_;
  SteadyTime deadline_;
};

inline Event::Awaiter Event::Wait(SteadyTime deadline) {
  return {*this, deadline};
}

}  // namespace sluice
