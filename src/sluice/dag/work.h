// Work<T>: the coroutine that is the body of a node.
//
// Like Task it is lazy and its frame comes from the pool of its thread, but its value goes straight
// into its place in the run, and what it throws becomes the node's error. It may `co_return` a T,
// a Result<T>, or std::unexpected of an Error or NodeError; bodies without a value return
// Work<void>, or Work<Done> when they can fail. Inside, await whatever the loop offers.
//
// A capturing lambda may be a node's body: the plan keeps it for longer than any run.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/contract/frame_pool.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/dag/node_state.h"

namespace sluice::dag {

// The value of a node that has none: it was done.
struct Done {
  friend bool operator==(Done, Done) = default;
};

// Who started a Work, and where its end goes. The work's owner keeps it until `finished`.
struct WorkOwner {
  using Finished = void (*)(WorkOwner& owner);
  enum class End : std::uint8_t { kNone, kValue, kDropped, kFailure };

  explicit WorkOwner(Finished on_finished) : finished(on_finished) {}
  WorkOwner(const WorkOwner&) = delete;
  WorkOwner& operator=(const WorkOwner&) = delete;
  ~WorkOwner() = default;

  void Fail(NodeError error) {
    if (accepts) failure = std::make_unique<NodeError>(std::move(error));
    end = accepts ? End::kFailure : End::kDropped;
  }
  void Fail(Error error) { Fail(ErrorOfBody(std::move(error))); }
  void FailWithException();  // From within a handler.

  Finished finished;     // The frame is gone by then. May free the owner.
  void* slot = nullptr;  // Room for the value.
  std::unique_ptr<NodeError> failure;
  End end = End::kNone;
  bool accepts = true;         // False: nobody wants the value any more.
  bool optional_slot = false;  // The slot holds a std::optional<T>.
};

template <typename T>
class Work;

namespace internal {

template <typename T>
struct IsExpected : std::false_type {};
template <typename T, typename E>
struct IsExpected<std::expected<T, E>> : std::true_type {};
template <typename T>
struct IsUnexpected : std::false_type {};
template <typename E>
struct IsUnexpected<std::unexpected<E>> : std::true_type {};

// Puts what a body returned where its owner wants it.
template <typename T, typename U>
void Deliver(WorkOwner& owner, U&& value) {
  if (!owner.accepts) {
    owner.end = WorkOwner::End::kDropped;
    return;
  }
  if (owner.optional_slot) {
    ::new (owner.slot) std::optional<T>(std::in_place, std::forward<U>(value));
  } else if constexpr (!std::is_same_v<T, Done>) {
    ::new (owner.slot) T(std::forward<U>(value));
  }
  owner.end = WorkOwner::End::kValue;
}

template <typename T, typename U>
void DeliverReturned(WorkOwner& owner, U&& returned) {
  using Plain = std::remove_cvref_t<U>;
  if constexpr (IsUnexpected<Plain>::value) {
    owner.Fail(std::forward<U>(returned).error());
  } else if constexpr (IsExpected<Plain>::value && !std::is_same_v<Plain, T>) {
    if (!returned) {
      owner.Fail(std::forward<U>(returned).error());
    } else if constexpr (std::is_void_v<typename Plain::value_type>) {
      Deliver<T>(owner, Done{});
    } else {
      Deliver<T>(owner, *std::forward<U>(returned));
    }
  } else {
    Deliver<T>(owner, std::forward<U>(returned));
  }
}

class WorkPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return AllocateFrame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FreeFrame(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { owner->FailWithException(); }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      WorkOwner& told = *self.promise().owner;
      self.destroy();  // First: what comes next can use the frame's memory while it is warm.
      told.finished(told);
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  WorkOwner* owner = nullptr;
};

template <typename T>
class WorkPromise : public WorkPromiseBase {
 public:
  Work<T> get_return_object() noexcept;
  template <typename U = T>
  void return_value(U&& value) {
    DeliverReturned<T>(*owner, std::forward<U>(value));
  }
};

template <>
class WorkPromise<void> : public WorkPromiseBase {
 public:
  Work<void> get_return_object() noexcept;
  void return_void() { Deliver<Done>(*owner, Done{}); }
};

}  // namespace internal

template <typename T>
class [[nodiscard]] Work {
 public:
  using promise_type = internal::WorkPromise<T>;

  Work(Work&& other) noexcept : self_(std::exchange(other.self_, nullptr)) {}
  Work& operator=(Work&&) = delete;
  ~Work() {
    if (self_) self_.destroy();
  }

  // Runs the body up to its first suspension; `owner.finished` may be called before this returns.
  // From then on the frame frees itself at its end.
  void Start(WorkOwner& owner) && {
    SLUICE_ASSERT(self_ != nullptr);
    const std::coroutine_handle<promise_type> self = std::exchange(self_, nullptr);
    self.promise().owner = &owner;
    self.resume();
  }

 private:
  friend promise_type;
  explicit Work(std::coroutine_handle<promise_type> self) : self_(self) {}

  std::coroutine_handle<promise_type> self_;
};

namespace internal {

template <typename T>
Work<T> WorkPromise<T>::get_return_object() noexcept {
  return Work<T>(std::coroutine_handle<WorkPromise<T>>::from_promise(*this));
}
inline Work<void> WorkPromise<void>::get_return_object() noexcept {
  return Work<void>(std::coroutine_handle<WorkPromise<void>>::from_promise(*this));
}

template <typename R>
struct Returned {  // A plain value.
  using Value = R;
  static constexpr bool kAsync = false;
};
template <>
struct Returned<void> {
  using Value = Done;
  static constexpr bool kAsync = false;
};
template <typename T>
struct Returned<std::expected<T, Error>> {
  using Value = std::conditional_t<std::is_void_v<T>, Done, T>;
  static constexpr bool kAsync = false;
};
template <typename T>
struct Returned<Work<T>> {
  using Value = std::conditional_t<std::is_void_v<T>, Done, T>;
  using Coroutine = Work<T>;
  static constexpr bool kAsync = true;
};
template <typename T>
struct Returned<Task<T>> {
  static_assert(sizeof(T) == 0, "a node's coroutine returns dag::Work<T>; it may await Tasks");
};

// What a body returns, called with a context of its kind or without.
template <bool kWithContext, typename F, typename C, typename... A>
struct CallResultOf : std::invoke_result<const F&, C&, A...> {};
template <typename F, typename C, typename... A>
struct CallResultOf<false, F, C, A...> : std::invoke_result<const F&, A...> {};
template <bool kWithContext, typename F, typename C, typename... A>
using CallResult = typename CallResultOf<kWithContext, F, C, A...>::type;

}  // namespace internal
}  // namespace sluice::dag
