// Sums over all workers of what each of them counts.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/degrade/chain.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/gateway/stats.h"

namespace sluice::gateway::admin {

struct RouteTotals {
  std::uint64_t requests = 0;
  std::array<std::array<std::uint64_t, kStatusClassCount>, kMethodCount> by_method{};
  std::array<std::uint64_t, kStatusClassCount> by_class{};
  std::array<std::uint64_t, kReasonCount> reasons{};
  std::array<std::uint64_t, LatencyHistogram::kBucketCount> duration{};
  std::array<std::uint64_t, LatencyHistogram::kBucketCount> upstream_duration{};
  std::uint64_t duration_sum_nanos = 0;
  std::uint64_t upstream_sum_nanos = 0;
  std::uint64_t retries = 0;
  std::uint64_t degraded = 0;

  [[nodiscard]] double MeanSeconds() const;
  // The quantile (0..1), taken evenly within its bucket; the last bound where it lies beyond, 0
  // without requests.
  [[nodiscard]] double QuantileSeconds(double quantile) const;
};

[[nodiscard]] RouteTotals TotalsOf(const std::vector<std::unique_ptr<RouteStats>>& blocks);

struct GatewayTotals {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;  // Answered by a guard, a limit or the parser.
  std::int64_t active = 0;
  std::int64_t connections = 0;
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t streams_reset = 0;
  std::array<std::uint64_t, kReasonCount> reasons{};          // Of all routes.
  std::array<std::uint64_t, kReasonCount> protocol_errors{};  // Before a route was known.
};

[[nodiscard]] GatewayTotals TotalsOf(StatsBook& stats);

struct PoolTotals {
  std::int64_t connections = 0;
  std::int64_t idle = 0;
  std::int64_t waiting = 0;
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t reuses = 0;
  std::uint64_t overflows = 0;
};

[[nodiscard]] PoolTotals PoolTotalsOf(const StatsBook& stats, std::string_view upstream);

// Each chain that some route names, once, in order of names.
[[nodiscard]] std::vector<const degrade::DegradeChain*> ChainsOf(const Snapshot& snapshot);

}  // namespace sluice::gateway::admin
