// Running<T>: a run under way. Outcome<T>: what became of it. RunView: what both let you see.
//
//   Running<Receipt> running = checkout.Run(std::move(order), options);
//   Outcome<Receipt> outcome = co_await running;
//   if (outcome) Reply(*outcome, outcome.degraded());
//
// The outcome is a view of the run's block, which it keeps: values are not copied out. It must go
// before its Runner. Not thread-safe: belongs to the run's loop.

#pragma once

#include <coroutine>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/assert.h"
#include "sluice/dag/handles.h"
#include "sluice/dag/run_block.h"

namespace sluice::dag {

// Reads a run; valid as long as what it was asked of. Nodes are named by handle or by index, in
// the order of declaration; index 0 is the input.
class RunView {
 public:
  explicit RunView(const RunBlock& run) : run_(&run) {}

  [[nodiscard]] const CompiledPlan& plan() const { return run_->plan(); }
  [[nodiscard]] bool is_decided() const { return run_->is_decided(); }
  [[nodiscard]] bool has_ended() const { return run_->has_ended(); }
  [[nodiscard]] NodeState state(std::uint16_t node) const { return run_->state(node); }
  // kNotNeeded for a name that the plan does not have.
  [[nodiscard]] NodeState StateOf(std::string_view node) const;
  [[nodiscard]] std::uint32_t late_results() const { return run_->late_results(); }
  // Null when the run has its value or is not decided.
  [[nodiscard]] const NodeError* error() const { return run_->error(); }

  // Nodes that went on with a fallback or without a value, in declaration order.
  [[nodiscard]] std::vector<std::string_view> degraded() const;
  // Nodes that still run: those never to be stopped once started, when the run was cut short.
  [[nodiscard]] std::vector<std::string_view> in_flight() const;
  // Failures that are not the run's error, in the order in which they happened; those that a
  // fallback or an absence made good are among them.
  [[nodiscard]] std::vector<const NodeError*> suppressed() const;

  // The value of `node`; null when it has none (yet).
  template <typename T>
  [[nodiscard]] const T* ValueOf(Output<T> node) const {
    if (!HasValue(state(node.node))) return nullptr;
    return static_cast<const T*>(run_->slot(plan().nodes[node.node].step.slot));
  }

  [[nodiscard]] const RunBlock& block() const { return *run_; }

 protected:
  RunView(const RunView&) = default;
  RunView& operator=(const RunView&) = default;

  const RunBlock* run_;
};

namespace internal {

// Holds a run's block for as long as somebody wants to look at it.
class RunHolder : public RunView {
 public:
  explicit RunHolder(RunBlock& run) : RunView(run), held_(&run) {}
  RunHolder(RunHolder&& other) noexcept
      : RunView(other), held_(std::exchange(other.held_, nullptr)) {}
  RunHolder& operator=(RunHolder&& other) noexcept {
    if (this != &other) {
      if (held_ != nullptr) held_->LetGo();
      RunView::operator=(other);
      held_ = std::exchange(other.held_, nullptr);
    }
    return *this;
  }
  RunHolder(const RunHolder&) = delete;
  RunHolder& operator=(const RunHolder&) = delete;
  ~RunHolder() {
    if (held_ != nullptr) held_->LetGo();
  }

 protected:
  RunBlock* held_;
};

}  // namespace internal

template <typename T>
class Outcome : public internal::RunHolder {
 public:
  Outcome(RunHolder&& run, std::uint32_t slot) : RunHolder(std::move(run)), slot_(slot) {}

  [[nodiscard]] bool has_value() const { return error() == nullptr; }
  explicit operator bool() const { return has_value(); }

  // Requires has_value(). Lives as long as the outcome; may be moved from.
  [[nodiscard]] T& operator*() {
    SLUICE_ASSERT(has_value());
    return *static_cast<T*>(held_->slot(slot_));
  }
  [[nodiscard]] T* operator->() { return &**this; }

 private:
  std::uint32_t slot_;
};

// Dropped before its outcome was awaited, it cancels the run.
template <typename T>
class [[nodiscard]] Running : public internal::RunHolder {
 public:
  Running(RunBlock& run, std::uint32_t slot) : RunHolder(run), slot_(slot) {}

  // Asks all nodes to stop; the outcome is there at once: kCancelled, unless it was there before.
  void Cancel() { held_->Cancel(); }

  class Awaiter {
   public:
    explicit Awaiter(Running& running) : running_(running) {}
    [[nodiscard]] bool await_ready() const { return running_.is_decided(); }
    void await_suspend(std::coroutine_handle<> awaiter) { running_.held_->set_waiter(awaiter); }
    [[nodiscard]] Outcome<T> await_resume() { return std::move(running_).TakeOutcome(); }

   private:
    Running& running_;
  };
  // Awaited once; the outcome takes the run over.
  Awaiter operator co_await() { return Awaiter(*this); }

  // For callers that are no coroutines. Requires is_decided().
  [[nodiscard]] Outcome<T> TakeOutcome() && {
    SLUICE_ASSERT(held_->is_decided());
    return Outcome<T>(std::move(*this), slot_);
  }

 private:
  std::uint32_t slot_;
};

}  // namespace sluice::dag
