// RunnerState: the runs of one plan on one loop: their places, their memory, their counters.
//
// A Generation is one version of the plan with the blocks, retry budgets and sub-runners that
// belong to it; after a Replace() the old one lives until its last run is free.
// Not thread-safe: belongs to one loop; the counters may be read by any thread.

#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/run_queue.h"
#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/compute_lane.h"
#include "sluice/dag/policy.h"
#include "sluice/dag/run_block.h"

namespace sluice::dag {

class RunnerState;

struct RunnerCounts {
  Counter started;
  Counter succeeded;  // Degraded ones too.
  Counter failed;
  Counter timed_out;
  Counter cancelled;
  Counter rejected;
  Counter late_results;
  Gauge in_flight;
  Gauge queued;
};

class Generation {
 public:
  Generation(RunnerState& runner, std::shared_ptr<const CompiledPlan> plan);
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  ~Generation();

  [[nodiscard]] RunBlock& Allocate(const RunOptions& options);
  void Free(RunBlock& run);

  // The budget of retries of `node`: a first attempt pays in, a retry takes one or is refused.
  void EarnRetry(std::uint16_t node);
  [[nodiscard]] bool SpendRetry(std::uint16_t node);

  [[nodiscard]] ComputeNode& compute(std::uint16_t node) { return computes_[node]; }
  void LearnCost(std::uint16_t node, Nanos sample);

  // Of a node that is a plan itself.
  [[nodiscard]] RunnerState& SubrunnerOf(std::uint16_t node) const { return *subrunners_[node]; }

  [[nodiscard]] RunnerState& runner() const { return runner_; }
  [[nodiscard]] const CompiledPlan& plan() const { return *plan_; }
  [[nodiscard]] const std::shared_ptr<const CompiledPlan>& shared_plan() const { return plan_; }
  [[nodiscard]] std::size_t blocks_in_use() const { return blocks_in_use_; }

 private:
  RunnerState& runner_;
  std::shared_ptr<const CompiledPlan> plan_;
  std::size_t blocks_in_use_ = 0;
  std::array<std::vector<void*>, 2> free_blocks_;  // Untraced and traced ones.
  std::vector<double> retry_tokens_;               // Empty when no node retries.
  std::vector<std::unique_ptr<RunnerState>> subrunners_;
  std::vector<ComputeNode> computes_;  // Empty when no node is a compute node.
};

class RunnerState {
 public:
  RunnerState(Loop& loop, std::shared_ptr<const CompiledPlan> plan, const RunnerOptions& options);
  RunnerState(const RunnerState&) = delete;
  RunnerState& operator=(const RunnerState&) = delete;
  // Asserts that no run is left and no outcome is held.
  ~RunnerState();

  // A block for a run of the current plan; its input is still to be put into its slot.
  [[nodiscard]] RunBlock& Allocate(const RunOptions& options) {
    return current_->Allocate(options);
  }
  // Begins the run, lets it wait, or rejects it.
  void Launch(RunBlock& run);

  // New runs are of this plan.
  void Replace(std::shared_ptr<const CompiledPlan> plan);

  // Rejects runs from now on, waiting ones at once.
  void Close();

  struct DrainAwaiter {
    RunnerState& runner;
    [[nodiscard]] bool await_ready() const { return runner.is_quiet(); }
    void await_suspend(std::coroutine_handle<> awaiter) const {
      runner.drain_waiter_.handle = awaiter;
      runner.drain_awaited_ = true;
    }
    void await_resume() const {}
  };

  // No run is in flight, and no thread of a pool works for this runner.
  [[nodiscard]] bool is_quiet() const;

  // The lane of compute nodes for `pool`; made when it is asked for first.
  [[nodiscard]] ComputeLane& LaneFor(WorkerPool& pool);
  void PumpLanes();
  void HelperEnded() { EndDrain(); }

  // For runs.
  void RunDecided(const RunBlock& run);
  void RunEnded(RunBlock& run);
  void GenerationIdle(const Generation& generation);
  // Takes a run that is decided before its turn out of the queue.
  void Unqueue(RunBlock& run);

  [[nodiscard]] Loop& loop() const { return loop_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::size_t queued() const { return queued_; }
  [[nodiscard]] const RunnerOptions& options() const { return options_; }
  [[nodiscard]] const RunnerCounts& counts() const { return counts_; }
  [[nodiscard]] Generation& current() { return *current_; }

 private:
  void BeginNow(RunBlock& run);
  void Enqueue(RunBlock& run);
  RunBlock& TakeNext();
  void StartWaiting();
  void EndDrain();

  Loop& loop_;
  RunnerOptions options_;
  std::vector<std::unique_ptr<ComputeLane, ComputeLane::Leave>> lanes_;
  std::unique_ptr<Generation> current_;
  std::vector<std::unique_ptr<Generation>> retired_;
  std::size_t in_flight_ = 0;
  std::size_t queued_ = 0;
  RunBlock* first_waiting_ = nullptr;
  RunBlock* last_waiting_ = nullptr;
  bool is_closed_ = false;
  bool starting_ = false;
  Ready drain_waiter_;
  bool drain_awaited_ = false;
  RunnerCounts counts_;
};

}  // namespace sluice::dag
