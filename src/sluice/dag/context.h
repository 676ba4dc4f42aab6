// Context: what a node may ask of its run. Handed to bodies that take one; lives while they run.
//
// A stop is a request: it is told on the run's loop, once, and the body goes on until it ends by
// itself. SleepUntil() and everything built on OnStop end early then.
//
// Not thread-safe: belongs to the run's loop.

#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/contract/loop.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"

namespace sluice::dag {

class RunBlock;

// Where in a RunBlock begins what every end of a node touches, and how many lines of cache it and
// the counters of a plan of a dozen nodes take.
inline constexpr std::size_t kRunHotOffset = 192;
inline constexpr std::size_t kRunHotBytes = 192;

// Told when its context is asked to stop; forgets itself at its end. Embed it, or derive from it.
class StopListener {
 public:
  using OnStop = void (*)(StopListener& self);

  explicit StopListener(OnStop on_stop) : on_stop_(on_stop) {}
  StopListener(const StopListener&) = delete;
  StopListener& operator=(const StopListener&) = delete;
  ~StopListener() { Leave(); }

  void Leave() {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
    link_ = nullptr;
  }

 private:
  friend class Context;

  OnStop on_stop_;
  StopListener* next_ = nullptr;
  StopListener** link_ = nullptr;  // Who points to us; null: in no list.
};

class Context {
 public:
  class SleepAwaiter;

  Context(RunBlock& run, Loop& loop, SteadyTime deadline, std::uint16_t node, std::uint8_t attempt)
      : run_(&run), loop_(&loop), deadline_(deadline), node_(node), attempt_(attempt) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() = default;

  [[nodiscard]] Loop& loop() const { return *loop_; }
  [[nodiscard]] SteadyTime now() const { return loop_->now(); }

  // The moment at which nobody waits for this attempt any more: hand it to every call.
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }

  // Which attempt this is: 1, 2, …
  [[nodiscard]] int attempt() const { return attempt_; }

  // The same for all attempts of this node in this run, different for every other: send it along
  // so that the callee can tell a repetition. Derived from RunOptions::id.
  [[nodiscard]] std::uint64_t idempotency_key() const;

  // The node's name; lives as long as the plan.
  [[nodiscard]] std::string_view node() const;

  [[nodiscard]] bool stop_requested() const { return stop_requested_; }

  // Calls `listener` when a stop is requested; at once if it was already.
  void Listen(StopListener& listener) {
    if (stop_requested_) return listener.on_stop_(listener);
    listener.next_ = listeners_;
    listener.link_ = &listeners_;
    if (listeners_ != nullptr) listeners_->link_ = &listener.next_;
    listeners_ = &listener;
  }

  // True when `until` has come; false when a stop was requested first.
  [[nodiscard]] SleepAwaiter SleepUntil(SteadyTime until);
  [[nodiscard]] SleepAwaiter SleepFor(Nanos span);

  // For the engine, and for bodies that run parts of their own.
  void RequestStop() {
    if (stop_requested_) return;
    stop_requested_ = true;
    while (listeners_ != nullptr) {
      StopListener& listener = *listeners_;
      listener.Leave();
      listener.on_stop_(listener);
    }
  }
  [[nodiscard]] RunBlock& run() const { return *run_; }
  [[nodiscard]] std::uint16_t node_index() const { return node_; }

 private:
  RunBlock* run_;
  Loop* loop_;
  SteadyTime deadline_;
  StopListener* listeners_ = nullptr;
  std::uint16_t node_;
  std::uint8_t attempt_;
  bool stop_requested_ = false;
};

class Context::SleepAwaiter : private StopListener {
 public:
  SleepAwaiter(Context& context, SteadyTime until)
      : StopListener(&Stop),
        context_(context),
        timer_(&Fire, this),
        run_(reinterpret_cast<const std::byte*>(context.run_)) {
    timer_.due = until;
  }
  SleepAwaiter(const SleepAwaiter&) = delete;
  SleepAwaiter& operator=(const SleepAwaiter&) = delete;
  ~SleepAwaiter() = default;

  [[nodiscard]] bool await_ready() const { return context_.stop_requested_; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    waiter_.handle = awaiter;
    context_.loop_->Arm(timer_, timer_.due);
    context_.Listen(*this);
  }
  [[nodiscard]] bool await_resume() const { return slept_; }

 private:
  static void Fire(Timer& timer, SteadyTime /*now*/) {
    auto* self = static_cast<SleepAwaiter*>(timer.owner);
    // With many runs in flight all of this is out of the cache, and each piece tells where the next
    // one is; fetched at once, it takes the time of one.
    __builtin_prefetch(&self->context_);
    for (std::size_t at = 0; at < kRunHotBytes; at += 64)
      __builtin_prefetch(self->run_ + kRunHotOffset + at);
    self->Leave();
    self->slept_ = true;
    // A timer fires on a flat stack, so what waited goes on while its memory is warm.
    self->waiter_.handle.resume();
  }
  static void Stop(StopListener& listener) {
    auto& self = static_cast<SleepAwaiter&>(listener);
    self.context_.loop_->Disarm(self.timer_);
    RunQueue::Current().Push(self.waiter_);
  }

  Context& context_;
  Timer timer_;
  const std::byte* run_;
  Ready waiter_;
  bool slept_ = false;
};

inline Context::SleepAwaiter Context::SleepUntil(SteadyTime until) {
  return {*this, until};
}
inline Context::SleepAwaiter Context::SleepFor(Nanos span) {
  return {*this, SaturatingAdd(now(), span)};
}

}  // namespace sluice::dag
