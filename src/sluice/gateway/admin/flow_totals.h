// What is counted about flows, summed over the workers.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/flows/flow_stats.h"
#include "sluice/gateway/latency_histogram.h"

namespace sluice::gateway::admin {

struct FlowNodeTotals {
  std::string name;
  std::uint64_t on_path = 0;
  std::uint64_t path_nanos = 0;
  std::uint64_t started = 0;
  std::uint64_t running_nanos = 0;
  std::uint64_t degraded = 0;
  std::uint64_t failed = 0;
  std::uint64_t attempts = 0;
  std::uint64_t too_large = 0;
};

struct FlowTotals {
  std::array<std::uint64_t, flows::kRunOutcomeCount> outcomes{};
  std::array<std::uint64_t, LatencyHistogram::kBucketCount> duration{};
  std::uint64_t duration_sum_nanos = 0;
  std::uint64_t traced = 0;
  std::uint64_t traced_nanos = 0;
  std::uint64_t late_results = 0;
  std::uint64_t traces_dropped = 0;
  std::vector<FlowNodeTotals> nodes;

  [[nodiscard]] std::uint64_t runs() const;
  // Part of the runs that had the node on their critical path, 0..1.
  [[nodiscard]] double PathRuns(const FlowNodeTotals& node) const;
  // Part of the time of all runs that the node was on it, 0..1.
  [[nodiscard]] double PathShare(const FlowNodeTotals& node) const;
};

[[nodiscard]] FlowTotals TotalsOf(const flows::FlowStats& stats);

}  // namespace sluice::gateway::admin
