// Runner: starts runs of a plan on one loop, bounds them, and waits for their ends.
//
// The plan may be shared by the runners of all loops. A runner keeps free blocks, so a run in
// steady state allocates nothing but what its nodes do.
//
// Not thread-safe: belongs to its loop; counts() may be read by any thread. Must outlive its runs
// and their outcomes: await Drain() first.

#pragma once

#include <memory>
#include <new>
#include <utility>

#include "sluice/contract/loop.h"
#include "sluice/dag/plan.h"
#include "sluice/dag/policy.h"
#include "sluice/dag/run.h"
#include "sluice/dag/run_options.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {

template <typename In, typename Out>
class Runner {
 public:
  Runner(Loop& loop, const Plan<In, Out>& plan, const RunnerOptions& options = {})
      : state_(loop, plan.compiled(), options) {}

  // Starts a run now, in a turn of the loop: everything up to the first suspensions happens within
  // the call. Over the bound it waits or is rejected (kRejected, kOverloaded) at once.
  [[nodiscard]] Running<Out> Run(In input, const RunOptions& options = {}) {
    RunBlock& run = state_.Allocate(options);
    const CompiledPlan& plan = run.plan();
    ::new (run.slot(plan.nodes[0].step.slot)) In(std::move(input));
    Running<Out> running(run, plan.nodes[plan.output].step.slot);
    state_.Launch(run);
    return running;
  }

  // New runs are of `plan`; those under way keep theirs.
  void Replace(const Plan<In, Out>& plan) { state_.Replace(plan.compiled()); }

  // Rejects new and waiting runs (kDraining), then completes when the last body of the last run
  // has ended. Outcomes may be held longer. One awaiter at most.
  [[nodiscard]] RunnerState::DrainAwaiter Drain() {
    state_.Close();
    return {state_};
  }

  [[nodiscard]] std::size_t in_flight() const { return state_.in_flight(); }
  [[nodiscard]] std::size_t queued() const { return state_.queued(); }
  [[nodiscard]] const RunnerCounts& counts() const { return state_.counts(); }

 private:
  RunnerState state_;
};

}  // namespace sluice::dag
