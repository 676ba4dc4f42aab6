#include "sluice/gateway/admin/totals.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace sluice::gateway::admin {
namespace {

bool IsRefusal(Reason reason) {
  switch (reason) {
    case Reason::kRateLimited:
    case Reason::kBreakerOpen:
    case Reason::kOverloaded:
    case Reason::kDenied:
    case Reason::kClientBadRequest:
    case Reason::kClientTooLarge:
    case Reason::kNoRoute:
      return true;
    default:
      return false;
  }
}

void AddHistogram(const LatencyHistogram& histogram,
                  std::array<std::uint64_t, LatencyHistogram::kBucketCount>& buckets,
                  std::uint64_t& sum) {
  for (std::size_t i = 0; i < buckets.size(); ++i)
    buckets[i] += histogram.bucket(i);
  sum += histogram.sum_nanos();
}

}  // namespace

double RouteTotals::MeanSeconds() const {
  if (requests == 0) return 0;
  return static_cast<double>(duration_sum_nanos) / 1e9 / static_cast<double>(requests);
}

double RouteTotals::QuantileSeconds(double quantile) const {
  std::uint64_t all = 0;
  for (const std::uint64_t bucket : duration)
    all += bucket;
  if (all == 0) return 0;
  const double rank = std::ceil(quantile * static_cast<double>(all));
  double below = 0;
  double lower = 0;
  for (std::size_t i = 0; i < LatencyHistogram::kBoundsNanos.size(); ++i) {
    const auto inside = static_cast<double>(duration[i]);
    const auto upper = static_cast<double>(LatencyHistogram::kBoundsNanos[i]);
    if (below + inside >= rank) return (lower + (upper - lower) * (rank - below) / inside) / 1e9;
    below += inside;
    lower = upper;
  }
  return lower / 1e9;
}

RouteTotals TotalsOf(const std::vector<std::unique_ptr<RouteStats>>& blocks) {
  RouteTotals totals;
  for (const std::unique_ptr<RouteStats>& block : blocks) {
    for (std::size_t method = 0; method < kMethodCount; ++method) {
      for (std::size_t i = 0; i < kStatusClassCount; ++i) {
        const std::uint64_t count = block->requests[method][i].value();
        totals.by_method[method][i] += count;
        totals.by_class[i] += count;
        totals.requests += count;
      }
    }
    for (std::size_t i = 0; i < kReasonCount; ++i)
      totals.reasons[i] += block->reasons[i].value();
    AddHistogram(block->duration, totals.duration, totals.duration_sum_nanos);
    AddHistogram(block->upstream_duration, totals.upstream_duration, totals.upstream_sum_nanos);
    totals.retries += block->retries.value();
    totals.degraded += block->degraded.value();
  }
  return totals;
}

GatewayTotals TotalsOf(StatsBook& stats) {
  GatewayTotals totals;
  stats.ForEachRoute([&totals](const std::string& /*name*/, const auto& blocks) {
    const RouteTotals route = TotalsOf(blocks);
    totals.requests += route.requests;
    for (std::size_t i = 0; i < kReasonCount; ++i)
      totals.reasons[i] += route.reasons[i];
  });
  const GoneRoutes gone = stats.gone_routes();
  totals.requests += gone.requests;
  for (std::size_t i = 0; i < kReasonCount; ++i)
    totals.reasons[i] += gone.reasons[i];
  for (std::size_t i = 0; i < stats.worker_count(); ++i) {
    const WorkerStats& worker = stats.worker(i);
    totals.active += worker.active_requests.value();
    totals.connections += worker.open_connections.value();
    totals.connections_total += worker.connections_total.value();
    totals.connections_refused += worker.connections_refused_total.value();
    totals.streams_reset += worker.streams_reset_total.value();
    totals.log_lines_dropped += worker.access_log_dropped_total.value();
    for (std::size_t reason = 0; reason < kReasonCount; ++reason) {
      const std::uint64_t count = worker.protocol_errors[reason].value();
      totals.protocol_errors[reason] += count;
      totals.requests += count;
    }
  }
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    if (IsRefusal(static_cast<Reason>(i))) {
      totals.refused += totals.reasons[i] + totals.protocol_errors[i];
    }
  }
  return totals;
}

PoolTotals PoolTotalsOf(const StatsBook& stats, std::string_view upstream) {
  PoolTotals totals;
  const auto add = [&totals](const traffic::PoolMetrics& pool) {
    totals.connections += pool.connections.value();
    totals.idle += pool.idle.value();
    totals.waiting += pool.waiting.value();
  };
  const PoolCounts counts = stats.ForEachPool(upstream, add);
  totals.connects = counts.connects;
  totals.connect_failures = counts.connect_failures;
  totals.reuses = counts.reuses;
  totals.overflows = counts.overflows;
  return totals;
}

std::vector<const degrade::DegradeChain*> ChainsOf(const Snapshot& snapshot) {
  std::vector<const degrade::DegradeChain*> chains;
  for (const RoutePlan& route : snapshot.routes) {
    if (route.chain == nullptr) continue;
    if (std::ranges::find(chains, route.chain.get()) == chains.end()) {
      chains.push_back(route.chain.get());
    }
  }
  std::ranges::sort(chains, {}, [](const degrade::DegradeChain* chain) { return chain->name(); });
  return chains;
}

}  // namespace sluice::gateway::admin
