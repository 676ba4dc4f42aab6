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
  const ComputeCost& cost = generation_->CostOf(node);
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
  const NodeInfo& info = plan_->info[node];
  void* const memory = AllocateFrame(sizeof(ComputeJob) + info.compute->value_bytes);
  auto* const job = ::new (memory) ComputeJob(*this, record, until);
  Enter(*job);
  if (arms) ArmFor(until);
  generation_->LaneOf(node).Push(*job, cost.estimate());
  return true;
}

// At once, on the loop.
void RunBlock::CallCompute(const NodeRecord& record) {
  const std::uint16_t node = record.step.node;
  const NodeInfo& info = plan_->info[node];
  ComputeCost& cost = generation_->CostOf(node);
  const bool measures = cost.IsSample();
  const Nanos before = measures ? info.pool->Stopwatch() : Nanos(0);
  JobContext job(deadline_);
  std::unique_ptr<NodeError> failure;
  const bool good = info.compute->call(record.step, *this, job, slot(record.step.slot), failure);
  if (measures) generation_->LearnCost(node, info.pool->Stopwatch() - before);
  if (!IsWanted(node)) {  // It has ended its own run.
    if (good && info.destroy != nullptr) info.destroy(slot(record.step.slot));
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
  const NodeInfo& info = run.plan().info[node];
  const bool good = job.is_good;
  const bool is_wanted = job.accepts && run.IsWanted(node);
  void* const place = run.slot(job.step.slot);
  if (job.took >= Nanos(0)) run.generation().LearnCost(node, job.took);
  if (good && is_wanted && !job.in_place) info.compute->move(job.room(), place);
  if (good && !is_wanted) {
    run.CountLateResult();
    if (info.destroy != nullptr) info.destroy(job.in_place ? place : job.room());
  }
  std::unique_ptr<NodeError> failure = std::move(job.failure);
  run.Leave(job);
  job.~ComputeJob();
  FreeFrame(&job, sizeof(ComputeJob) + info.compute->value_bytes);
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
