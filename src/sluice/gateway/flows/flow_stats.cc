#include "sluice/gateway/flows/flow_stats.h"

#include <utility>

namespace sluice::gateway::flows {

std::string_view NameOf(RunOutcome outcome) {
  constexpr std::array<std::string_view, kRunOutcomeCount> kNames{
      "ok", "degraded", "failed", "timed_out", "rejected", "cancelled"};
  return kNames[static_cast<std::size_t>(outcome)];
}

FlowStats::FlowStats(std::size_t worker_count) : flows_(worker_count) {
  for (auto& tally : flows_)
    tally = std::make_unique<FlowTally>();
}

NodeTally& FlowStats::Node(std::string_view name, std::size_t worker) {
  const std::scoped_lock lock(mutex_);
  auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    std::vector<std::unique_ptr<NodeTally>> tallies(flows_.size());
    for (auto& tally : tallies)
      tally = std::make_unique<NodeTally>();
    found = nodes_.emplace(name, std::move(tallies)).first;
  }
  return *found->second[worker];
}

void FlowStats::Keep(KeptRun run, std::size_t bound) {
  const std::scoped_lock lock(mutex_);
  run.number = ++kept_total_;
  kept_.push_front(std::make_shared<const KeptRun>(std::move(run)));
  while (kept_.size() > bound)
    kept_.pop_back();
}

std::vector<std::shared_ptr<const KeptRun>> FlowStats::kept() const {
  const std::scoped_lock lock(mutex_);
  return {kept_.begin(), kept_.end()};
}

void FlowStats::AddRunner(const dag::RunnerCounts& counts) {
  const std::scoped_lock lock(mutex_);
  runners_.push_back(&counts);
}

void FlowStats::RemoveRunner(const dag::RunnerCounts& counts) {
  const std::scoped_lock lock(mutex_);
  std::erase(runners_, &counts);
}

std::int64_t FlowStats::in_flight() const {
  const std::scoped_lock lock(mutex_);
  std::int64_t sum = 0;
  for (const dag::RunnerCounts* counts : runners_)
    sum += counts->in_flight.value();
  return sum;
}

std::int64_t FlowStats::queued() const {
  const std::scoped_lock lock(mutex_);
  std::int64_t sum = 0;
  for (const dag::RunnerCounts* counts : runners_)
    sum += counts->queued.value();
  return sum;
}

}  // namespace sluice::gateway::flows
