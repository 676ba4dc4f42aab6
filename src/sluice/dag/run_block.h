// RunBlock: the whole private state of one run, and the engine that moves it on.
//
// One piece of memory: this header, the counters of units, the states of nodes, two queues of ready
// units, the values, and with tracing two moments a node. Completions only mark and queue; Drain()
// then starts what is ready, asynchronous nodes before plain functions, so the stack stays flat.
// No atomics: everything happens on the loop that began the run.
//
// A run is decided once (its result is known), then ended (its last started body is over), then
// free (ended, and nobody holds its outcome).

#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/guard.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/context.h"
#include "sluice/dag/node_state.h"
#include "sluice/dag/run_options.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

class Generation;
struct ComputeJob;

enum class ActivityKind : std::uint8_t {
  kPlain,
  kManaged,  // Has attempts.
  kCompute,  // A function on a lane.
};

// A node whose body runs: what must be there until it ends. Its context is that of the only attempt
// of a plain node; kept small, since memory is what many runs in flight cost.
struct Activity : Context {
  Activity(RunBlock& its_run,
           Loop& its_loop,
           SteadyTime until,
           std::uint16_t its_node,
           ActivityKind its_kind)
      : Context(its_run, its_loop, until, its_node, 1), kind(its_kind) {}
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity() = default;

  ActivityKind kind;
  Activity* next = nullptr;
  Activity** link = nullptr;
};

// One failure of a node, in the order in which they happened.
struct Failure {
  std::unique_ptr<Failure> next;
  NodeError error;
  std::uint16_t node = 0;
  bool absorbed = false;  // A fallback or an absence took the value's place.
};

// A span of time after another moment, in half of the memory: exact up to 134 ms, then to the 27
// leading bits. Keeps the order of what it is made of. All zero: never.
class Offset {
 public:
  Offset() = default;
  Offset(SteadyTime at, SteadyTime since) {
    const auto nanos = static_cast<std::uint64_t>(
        std::clamp<std::int64_t>((at - since).count(), 0, std::int64_t{1} << 57));
    const auto width = static_cast<int>(std::bit_width(nanos));
    const auto shift = static_cast<std::uint32_t>(std::max(0, width - kBits));
    bits_ = ((shift << kBits) + static_cast<std::uint32_t>(nanos >> shift)) + 1;
  }
  [[nodiscard]] bool is_never() const { return bits_ == 0; }
  [[nodiscard]] SteadyTime After(SteadyTime since) const {
    if (is_never()) return kNever;
    const std::uint64_t leading = (bits_ - 1) & ((1U << kBits) - 1);
    return since + Nanos(static_cast<std::int64_t>(leading << ((bits_ - 1) >> kBits)));
  }

 private:
  static constexpr int kBits = 27;
  std::uint32_t bits_ = 0;
};

class RunBlock {
 public:
  RunBlock(const CompiledPlan& plan, Generation& generation, Loop& loop, const RunOptions& options);
  RunBlock(const RunBlock&) = delete;
  RunBlock& operator=(const RunBlock&) = delete;
  ~RunBlock();

  // Begins the run; the input is in its slot.
  void Begin();

  // While it waits for its turn.
  void ArmDeadline() {
    if (deadline_ != kNever) ArmFor(deadline_);
  }

  // Ends it with `error` before any node has started.
  void Refuse(NodeError error);

  // Asks for an end now. Does nothing once the result is known.
  void Cancel();

  // The holder of the outcome lets go; a run without a result is cancelled.
  void LetGo();

  // As LetGo(), but a run without a result goes on: for callers who only want to be told.
  void Detach();

  [[nodiscard]] bool is_decided() const { return decided_; }
  [[nodiscard]] bool has_ended() const { return ended_; }
  [[nodiscard]] const NodeError* error() const { return error_.get(); }
  [[nodiscard]] const Failure* failures() const { return failures_.get(); }
  [[nodiscard]] const CompiledPlan& plan() const { return *plan_; }
  [[nodiscard]] Generation& generation() const { return *generation_; }
  [[nodiscard]] Loop& loop() const { return *loop_; }
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint32_t late_results() const { return late_results_; }
  [[nodiscard]] NodeState state(std::uint16_t node) const {
    return static_cast<NodeState>(states_[node]);
  }
  [[nodiscard]] void* slot(std::uint32_t offset) {
    return reinterpret_cast<std::byte*>(this) + offset;
  }
  [[nodiscard]] const void* slot(std::uint32_t offset) const {
    return reinterpret_cast<const std::byte*>(this) + offset;
  }

  // What a traced run remembers of a node; as exact as an Offset.
  struct Moments {
    SteadyTime start = kNever;
    SteadyTime end = kNever;
  };
  [[nodiscard]] bool is_traced() const { return marks_ != nullptr; }
  // Requires a traced run.
  [[nodiscard]] Moments moments(std::uint16_t node) const {
    return {.start = marks_[node].start.After(began_at_), .end = marks_[node].end.After(began_at_)};
  }
  [[nodiscard]] int attempts(std::uint16_t node) const { return attempts()[node]; }
  [[nodiscard]] SteadyTime began_at() const { return began_at_; }
  [[nodiscard]] SteadyTime decided_at() const { return decided_at_; }

  // For bodies of plain functions: why the step under way fails.
  void Failed(NodeError error) { step_failure_ = std::make_unique<NodeError>(std::move(error)); }
  void Failed(Error error);
  void FailedWithException();  // From within a handler.

  // For managed nodes (managed_node.cc), which end in one of these.
  void NodeSucceeded(std::uint16_t node);
  void NodeFailed(std::uint16_t node, std::unique_ptr<NodeError> error);
  void CountLateResult() { ++late_results_; }
  // For lanes: the function has been called, or was not because it was stopped.
  static void ComputeFinished(ComputeJob& job);
  void CountAttempt(std::uint16_t node) {
    if (is_traced()) ++attempts()[node];
  }
  [[nodiscard]] std::unique_ptr<NodeError> TakeStepFailure() { return std::move(step_failure_); }
  void Enter(Activity& activity);
  void Leave(Activity& activity);
  void Drain();
  [[nodiscard]] bool IsWanted(std::uint16_t node) const { return !IsTerminal(state(node)); }

  // Whoever awaits the result; pushed into the run queue when it is known.
  void set_waiter(std::coroutine_handle<> waiter) { waiter_.handle = waiter; }

 private:
  friend class ManagedNode;
  friend class RunnerState;

  struct PlainActivity;

  // run_block.cc: the way of success.
  void RunSimpleUnits();
  void Sweep(const Step* step, const Step* end);
  void SweepCarefully(const Step* step, const Step* end);
  void RunUnit(std::uint16_t unit);
  void StartNode(const NodeRecord& record);
  void StartPlain(const NodeRecord& record, SteadyTime now);
  static void PlainFinished(WorkOwner& owner);
  // run_compute.cc. False: the node is to be a job of its pool.
  [[nodiscard]] bool StartCompute(const NodeRecord& record, SteadyTime now);
  void CallCompute(const NodeRecord& record);
  void PumpLanes();
  void Release(std::uint16_t node);
  void ReleaseSpecial(std::uint16_t node, std::uint32_t edge);
  void Push(std::uint32_t edge);
  void SetTerminal(std::uint16_t node, NodeState state);
  void Decide();
  void EndIfQuiet();

  // run_failure.cc: everything else.
  void NotStarted(const NodeRecord& record);
  void ReleaseAtStart(std::uint16_t node);
  void NotifyObserver();
  [[nodiscard]] bool Absorb(std::uint16_t node, std::unique_ptr<NodeError>& error);
  Failure& Note(std::uint16_t node, std::unique_ptr<NodeError> error);
  void SkipDependents(std::uint16_t node);
  [[nodiscard]] bool Needs(std::uint16_t node, std::uint16_t input) const;
  [[nodiscard]] bool IsTrue(std::uint16_t node) const;
  void Skip(std::uint16_t node, NodeState reason);
  void ReleaseOrderOnly(std::uint16_t node);
  void Select(const SelectRecord& select, std::uint32_t edge);
  void DecideAgainst(std::unique_ptr<NodeError> error);
  void CancelRest(NodeState running_state);
  [[nodiscard]] std::vector<bool> NeededByEffects() const;
  void CancelNode(std::uint16_t node, NodeState running_state);
  // The node is terminal: what its body returns is dropped, and it is asked to stop if it may be.
  void StopActivity(Activity& activity, Verdict verdict);
  void RequestStop(Activity& activity);
  void AskToStop(std::uint16_t node);
  [[nodiscard]] bool HasReturned(const Activity& activity) const;
  void CloseStreams(std::uint16_t node);
  static void TimerFired(Timer& timer, SteadyTime now);
  [[nodiscard]] Activity* FirstOverdue(SteadyTime now) const;
  void ArmForNext();
  void RunTimedOut();

  // One timer is armed for a run, for the first of all deadlines it has. That of a node that ends
  // in time is not taken back: the timer finds out when it fires, which is seldom.
  void ArmFor(SteadyTime due) {
    if (due >= next_due_) return;
    next_due_ = due;
    loop_->Arm(timer_, due);
  }

  struct Mark {
    Offset start;
    Offset end;
  };
  [[nodiscard]] std::uint8_t* attempts() const {
    return reinterpret_cast<std::uint8_t*>(marks_ + plan_->node_count);
  }

  std::uint16_t* counts() {
    return reinterpret_cast<std::uint16_t*>(reinterpret_cast<std::byte*>(this) + sizeof(RunBlock));
  }

  // What success does not read.
  std::unique_ptr<NodeError> error_;
  std::unique_ptr<NodeError> step_failure_;
  std::unique_ptr<Failure> failures_;
  Failure* last_failure_ = nullptr;
  std::uint64_t id_;
  SteadyTime decided_at_{};
  RunBlock* next_ = nullptr;  // Links of the runner's queue.
  RunBlock* previous_ = nullptr;
  std::uint32_t late_results_ = 0;
  bool run_timed_out_ = false;
  bool begun_ = false;

  // What the beginning and the end read.
  Timer timer_;
  RunObserver* observer_;
  Ready waiter_;

  // What every node reads; the counters, the queues and the states follow.
  alignas(64) SteadyTime began_at_{};
  SteadyTime deadline_;
  SteadyTime next_due_ = kNever;  // Of the timer.
  Loop* loop_;
  Generation* generation_;
  Mark* marks_ = nullptr;  // Null without tracing.
  const CompiledPlan* plan_;
  Activity* activities_ = nullptr;
  std::uint8_t* states_;
  std::uint16_t* async_queue_;
  std::uint16_t* sync_queue_;
  std::uint16_t async_head_ = 0;
  std::uint16_t async_tail_ = 0;
  std::uint16_t sync_head_ = 0;
  std::uint16_t sync_tail_ = 0;
  std::uint32_t live_ = 0;  // Activities.
  bool draining_ = false;
  bool careful_ = false;  // A node was skipped or cancelled, or the run is traced.
  bool decided_ = false;
  bool ended_ = false;
  bool held_ = true;
};

}  // namespace sluice::dag
