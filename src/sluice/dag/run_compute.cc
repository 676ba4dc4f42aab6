// Compute nodes: called by the loop, or shared with the threads of a pool, by what they cost.

#include <algorithm>
#include <new>
#include <utility>

#include "sluice/contract/frame_pool.h"
#include "sluice/dag/compute_lane.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {

bool RunBlock::StartCompute(const NodeRecord& record, SteadyTime now) {
  const std::uint16_t node = record.step.node;
  const ComputeNode& compute = generation_->compute(node);
  const ComputeCost& cost = compute.cost;
  const ComputeOptions& options = generation_->runner().options().compute;
  if (!cost.is_known() || cost.estimate() > options.pool_above) return false;
  CountAttempt(node);
  if (cost.estimate() < options.inline_below) {
    CallCompute(record);
    return true;
  }
  SteadyTime until = deadline_;
  bool arms = false;
  if (record.timeout != Nanos::max()) {
    const SteadyTime own = SaturatingAdd(now, record.timeout);
    arms = own < until;
    if (arms) until = own;
  }
  void* const memory = AllocateFrame(sizeof(ComputeJob) + compute.calls->value_bytes);
  auto* const job = ::new (memory) ComputeJob(*this, record, *compute.calls, until);
  Enter(*job);
  if (arms) ArmFor(until);
  compute.lane->Push(*job, cost.estimate());
  return true;
}

// At once, on the loop.
void RunBlock::CallCompute(const NodeRecord& record) {
  const std::uint16_t node = record.step.node;
  ComputeNode& compute = generation_->compute(node);
  WorkerPool& pool = compute.lane->pool();
  const bool measures = compute.cost.IsSample();
  const Nanos before = measures ? pool.Stopwatch() : Nanos(0);
  JobContext job(deadline_);
  std::unique_ptr<NodeError> failure;
  const bool good = compute.calls->call(record.step, *this, job, slot(record.step.slot), failure);
  if (measures) generation_->LearnCost(node, pool.Stopwatch() - before);
  if (!IsWanted(node)) {  // It has ended its own run.
    if (good && compute.destroy != nullptr) compute.destroy(slot(record.step.slot));
    return;
  }
  if (good) {
    NodeSucceeded(node);
  } else {
    NodeFailed(node, std::move(failure));
  }
}

void RunBlock::ComputeFinished(ComputeJob& job) {
  RunBlock& run = job.run();
  const std::uint16_t node = job.node_index();
  const ComputeNode& compute = run.generation().compute(node);
  const bool good = job.is_good;
  const bool is_wanted = job.accepts && run.IsWanted(node);
  void* const place = run.slot(job.step.slot);
  if (job.took >= Nanos(0)) run.generation().LearnCost(node, job.took);
  if (good && is_wanted && !job.in_place) job.calls.move(job.room(), place);
  if (good && !is_wanted) {
    run.CountLateResult();
    if (compute.destroy != nullptr) compute.destroy(job.in_place ? place : job.room());
  }
  std::unique_ptr<NodeError> failure = std::move(job.failure);
  const std::size_t bytes = sizeof(ComputeJob) + job.calls.value_bytes;
  run.Leave(job);
  job.~ComputeJob();
  FreeFrame(&job, bytes);
  if (is_wanted && good) {
    run.NodeSucceeded(node);
  } else if (is_wanted) {
    run.NodeFailed(node, std::move(failure));
  }
  run.Drain();
}

// What this run has handed to lanes is worked off now, unless that is being done already. The run
// may be over and its block gone before the lanes are empty.
void RunBlock::PumpLanes() {
  RunnerState& runner = generation_->runner();
  EndIfQuiet();
  runner.PumpLanes();
}

void LearnCost(const Context& context, Nanos sample) {
  context.run().generation().LearnCost(context.node_index(), sample);
}

}  // namespace sluice::dag
