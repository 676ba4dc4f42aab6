#include "sluice/gateway/admin/flow_totals.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace sluice::gateway::admin {
namespace {

double Part(std::uint64_t part, std::uint64_t all) {
  if (all == 0) return 0;
  return std::min(1.0, static_cast<double>(part) / static_cast<double>(all));
}

}  // namespace

std::uint64_t FlowTotals::runs() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

double FlowTotals::PathRuns(const FlowNodeTotals& node) const {
  return Part(node.on_path, traced);
}

double FlowTotals::PathShare(const FlowNodeTotals& node) const {
  return Part(node.path_nanos, traced_nanos);
}

FlowTotals TotalsOf(const flows::FlowStats& stats) {
  FlowTotals totals;
  stats.ForEachWorker([&totals](const flows::FlowTally& tally) {
    for (std::size_t i = 0; i < flows::kRunOutcomeCount; ++i)
      totals.outcomes[i] += tally.outcomes[i].value();
    for (std::size_t i = 0; i < LatencyHistogram::kBucketCount; ++i)
      totals.duration[i] += tally.duration.bucket(i);
    totals.duration_sum_nanos += tally.duration.sum_nanos();
    totals.traced += tally.traced.value();
    totals.traced_nanos += tally.traced_nanos.value();
    totals.late_results += tally.late_results.value();
    totals.traces_dropped += tally.traces_dropped.value();
  });
  stats.ForEachNode([&totals](const std::string& name, const auto& tallies) {
    FlowNodeTotals node{.name = name};
    for (const auto& tally : tallies) {
      node.on_path += tally->on_path.value();
      node.path_nanos += tally->path_nanos.value();
      node.started += tally->started.value();
      node.running_nanos += tally->running_nanos.value();
      node.degraded += tally->degraded.value();
      node.failed += tally->failed.value();
      node.attempts += tally->attempts.value();
      node.too_large += tally->too_large.value();
    }
    totals.nodes.push_back(std::move(node));
  });
  return totals;
}

}  // namespace sluice::gateway::admin
