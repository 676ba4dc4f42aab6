// Task<T>: a lazy coroutine with one awaiter.
//
// `co_await task` runs the task inline until its first real suspension. When it completes before
// that, the awaiter goes on at once, without a transfer (g++ 12 overflows the stack when a million
// symmetric transfers complete synchronously); otherwise the awaiter is resumed through the loop's
// RunQueue. Frames come from the per-thread pool. Nothing throws: an escaping exception terminates.
//
// A task owns its frame. Destroying a task that has not completed destroys its frame, which is
// allowed only before it was started; work that may outlive its caller belongs to a TaskGroup.

#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/contract/frame_pool.h"
#include "sluice/contract/run_queue.h"

namespace sluice {

template <typename T = void>
class Task;

namespace task_internal {

class PromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return AllocateFrame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FreeFrame(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      self.promise().Finish();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  // Runs the coroutine until it completes or suspends; true when it completed, and then the awaiter
  // will not be resumed through the queue.
  bool Start(std::coroutine_handle<> self, std::coroutine_handle<> awaiter) {
    SLUICE_ASSERT(phase_ == Phase::kNotStarted);
    phase_ = Phase::kInline;
    ready_.handle = awaiter;
    self.resume();
    if (phase_ == Phase::kDone) return true;
    phase_ = Phase::kAwaited;
    return false;
  }

 private:
  enum class Phase : std::uint8_t { kNotStarted, kInline, kAwaited, kDone };

  void Finish() noexcept {
    const bool awaited = phase_ == Phase::kAwaited;
    phase_ = Phase::kDone;
    if (awaited) RunQueue::Current().Push(ready_);
  }

  Ready ready_;
  Phase phase_ = Phase::kNotStarted;
};

template <typename T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T Take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void Take() noexcept {}
};

}  // namespace task_internal

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_internal::Promise<T>;

  Task(Task&& other) noexcept : self_(std::exchange(other.self_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (self_) self_.destroy();
      self_ = std::exchange(other.self_, nullptr);
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (self_) self_.destroy();
  }

  class Awaiter {
   public:
    explicit Awaiter(std::coroutine_handle<promise_type> task) : task_(task) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiter) {
      return !task_.promise().Start(task_, awaiter);
    }
    T await_resume() { return task_.promise().Take(); }

   private:
    std::coroutine_handle<promise_type> task_;
  };

  // The task must outlive the await; `co_await Foo()` does that by itself.
  Awaiter operator co_await() const noexcept { return Awaiter(self_); }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> self) : self_(self) {}

  std::coroutine_handle<promise_type> self_;
};

namespace task_internal {

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace task_internal
}  // namespace sluice
