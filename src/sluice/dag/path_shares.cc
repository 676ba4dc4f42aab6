#include "sluice/dag/path_shares.h"

#include <utility>

#include "sluice/dag/trace.h"

namespace sluice::dag {
namespace {

std::uint64_t Count(Nanos span) {
  return static_cast<std::uint64_t>(span.count());
}

}  // namespace

PathShares::PathShares(std::shared_ptr<const CompiledPlan> plan)
    : plan_(std::move(plan)), tallies_(plan_->node_count) {}

void PathShares::OnEnded(const RunView& run) {
  const auto moments = [&](std::uint16_t at) { return run.block().moments(at); };
  if (!run.block().is_traced() || &run.plan() != plan_.get()) return;
  const SteadyTime began = run.block().began_at();
  runs_.Add();
  duration_nanos_.Add(Count(run.block().decided_at() - began));
  for (std::uint16_t node = 1; node < plan_->node_count; ++node) {
    NodeTally& tally = tallies_[node];
    if (moments(node).start != kNever) tally.started.Add();
    if (moments(node).end != kNever) {
      tally.running_nanos.Add(Count(moments(node).end - moments(node).start));
    }
    const NodeState state = run.state(node);
    if (state == NodeState::kDegraded) tally.degraded.Add();
    if (state == NodeState::kFailed || state == NodeState::kTimedOut) tally.failed.Add();
  }
  std::uint16_t node = DecidingNode(run);
  if (node == kNoNode || node == 0 || moments(node).end == kNever) return;
  while (node != kNoNode) {
    const std::uint16_t before = CriticalInput(run, node);
    const SteadyTime from = before == kNoNode ? began : moments(before).end;
    tallies_[node].on_path.Add();
    tallies_[node].path_nanos.Add(Count(moments(node).end - from));
    node = before;
  }
}

double PathShares::share(std::uint16_t node) const {
  const std::uint64_t all = duration_nanos_.value();
  if (all == 0) return 0.0;
  return static_cast<double>(tallies_[node].path_nanos.value()) / static_cast<double>(all);
}

}  // namespace sluice::dag
