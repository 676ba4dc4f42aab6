// TaskGroup: owns work that outlives its caller. Close it, then await Drained().
//
// Spawned tasks start at once, inline, and belong to the loop that spawned them. The group must
// outlive its tasks: its destructor asserts that none is left.
// Not thread-safe: belongs to one loop.

#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/contract/frame_pool.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/task.h"

namespace sluice {

class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { SLUICE_ASSERT(running_ == 0); }

  // Starts `task` now and keeps it until it completes.
  void Spawn(Task<void> task) {
    ++running_;
    Own(this, std::move(task));
  }

  [[nodiscard]] std::size_t running() const { return running_; }

  // Completes when no task is left; at most one awaiter at a time.
  auto Drained() {
    struct Awaiter {
      TaskGroup& group;
      [[nodiscard]] bool await_ready() const { return group.running_ == 0; }
      void await_suspend(std::coroutine_handle<> awaiter) {
        SLUICE_ASSERT(group.waiter_.handle == nullptr);
        group.waiter_.handle = awaiter;
      }
      void await_resume() const {
        group.waiter_.handle = nullptr;
        group.waking_ = false;
      }
    };
    return Awaiter{*this};
  }

 private:
  // The frame of a spawned task's owner: starts at once and frees itself at the end.
  struct Owner {
    struct promise_type {
      static void* operator new(std::size_t bytes) { return AllocateFrame(bytes); }
      static void operator delete(void* frame, std::size_t bytes) noexcept {
        FreeFrame(frame, bytes);
      }
      Owner get_return_object() noexcept { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() noexcept {}
      [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
  };

  static Owner Own(TaskGroup* group, Task<void> task) {
    {
      const Task<void> running = std::move(task);
      co_await running;
    }
    group->Finished();
  }

  void Finished() {
    --running_;
    if (running_ == 0 && waiter_.handle != nullptr && !waking_) {
      waking_ = true;
      RunQueue::Current().Push(waiter_);
    }
  }

  std::size_t running_ = 0;
  Ready waiter_;
  bool waking_ = false;  // The waiter is in the run queue.
};

}  // namespace sluice
