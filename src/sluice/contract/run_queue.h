// The coroutines of one loop that are ready to go on, in order.
//
// A coroutine whose child completed later than its co_await is resumed from here and never from the
// child's stack, so the stack stays flat however long a chain is. The loop drains its queue after
// every event, so a resumed coroutine still runs in the turn of the event.
//
// Not thread-safe: belongs to one loop. `Current()` is the queue of the loop whose turn it is on
// this thread; a loop binds it for the length of its turn (in simulation many loops share a
// thread).

#pragma once

#include <coroutine>
#include <cstddef>

#include "sluice/contract/assert.h"

namespace sluice {

// An entry of the queue; lives inside the promise or operation it belongs to.
struct Ready {
  Ready* next = nullptr;
  std::coroutine_handle<> handle = nullptr;
};

class RunQueue {
 public:
  RunQueue() = default;
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  // `entry` must stay where it is until it has been resumed, and be in no queue now.
  void Push(Ready& entry) {
    entry.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &entry;
    last_ = &entry;
  }

  // Resumes entries, also those pushed meanwhile, until none is left.
  void Drain() {
    while (first_ != nullptr) {
      Ready& entry = *first_;
      first_ = entry.next;
      if (first_ == nullptr) last_ = nullptr;
      entry.handle.resume();  // May free `entry`.
    }
  }

  [[nodiscard]] bool empty() const { return first_ == nullptr; }

  [[nodiscard]] static RunQueue& Current() {
    SLUICE_ASSERT(current_ != nullptr);
    return *current_;
  }

  // Makes `queue` the current one of this thread for the life of the binding; bindings nest.
  class Binding {
   public:
    explicit Binding(RunQueue& queue) : previous_(current_) { current_ = &queue; }
    ~Binding() { current_ = previous_; }
    Binding(const Binding&) = delete;
    Binding& operator=(const Binding&) = delete;

   private:
    RunQueue* previous_;
  };

 private:
  static inline thread_local constinit RunQueue* current_ = nullptr;

  Ready* first_ = nullptr;
  Ready* last_ = nullptr;
};

}  // namespace sluice
