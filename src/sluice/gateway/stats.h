// What is counted about requests: one RouteStats per route and worker, so nothing is shared.
//
// Written by one loop, read by any thread when scraped. They outlive configurations: what keeps its
// name keeps its counters over a reload, and what a reload removes is forgotten with it
// (StatsBook).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/gateway/latency_histogram.h"
#include "sluice/gateway/reason.h"
#include "sluice/traffic/pool.h"
#include "sluice/traffic/tap/tap_queue.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

namespace flows {
class FlowStats;  // flows/flow_stats.h
}

inline constexpr std::size_t kMethodCount = static_cast<std::size_t>(wire::Method::kOther) + 1;
inline constexpr std::size_t kStatusClassCount = 6;  // 1xx … 5xx; [0]: no status was sent.

struct alignas(64) RouteStats {
  std::array<std::array<Counter, kStatusClassCount>, kMethodCount> requests;
  std::array<Counter, kReasonCount> reasons;
  LatencyHistogram duration;
  LatencyHistogram upstream_duration;
  Counter retries;
  Counter degraded;
};

// Of one worker.
struct alignas(64) WorkerStats {
  Gauge active_requests;
  Gauge open_connections;
  Counter connections_total;
  Counter connections_refused_total;                  // Over `max_connections`.
  std::array<Counter, kReasonCount> protocol_errors;  // Requests refused before they had a route.
  Counter access_log_dropped_total;
  Counter drain_killed_total;
  Counter streams_reset_total;  // Exchanges that were ended for their memory.
  traffic::tap::TapCounts record;
};

// One per worker.
using RouteBlocks = std::vector<std::unique_ptr<RouteStats>>;

// What routes have counted that are no more, so that sums over all routes never fall.
struct GoneRoutes {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, kReasonCount> reasons{};

  void Add(const RouteBlocks& blocks);
};

// Counters of pools that are no more, or of several together.
struct PoolCounts {
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t reuses = 0;
  std::uint64_t overflows = 0;

  void Add(const traffic::PoolMetrics& pool);
};

// Name → one RouteStats per worker.
class StatsBook {
 public:
  explicit StatsBook(std::size_t worker_count) : workers_(worker_count) {
    for (auto& stats : workers_)
      stats = std::make_unique<WorkerStats>();
  }

  // The blocks of route `name`, made at the first call.
  [[nodiscard]] std::shared_ptr<const RouteBlocks> Route(std::string_view name);

  // Forgets all routes and upstreams but these: a scrape no longer shows them. Who still counts for
  // one, with the blocks in hand, counts for nobody.
  void Keep(const std::set<std::string_view>& routes, const std::set<std::string_view>& upstreams);

  // What is counted of flow `name`, made at the first call; stable for ever.
  [[nodiscard]] flows::FlowStats& Flow(std::string_view name);

  [[nodiscard]] WorkerStats& worker(std::size_t index) { return *workers_[index]; }
  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }

  // A worker's pool, for as long as it lives: its numbers are read by who scrapes. Its counters
  // stay with those of its upstream, whose options may have changed.
  void AddPool(std::string_view upstream, const traffic::PoolMetrics& metrics);
  void RemovePool(const traffic::PoolMetrics& metrics);

  // Calls `visit(metrics)` for every pool of the upstream, of all workers. Returns what its pools
  // have counted, those included that are no more.
  template <typename Visit>
  PoolCounts ForEachPool(std::string_view upstream, Visit visit) const {
    const std::scoped_lock lock(mutex_);
    PoolCounts counts;
    if (const auto gone = gone_.find(upstream); gone != gone_.end()) counts = gone->second;
    for (const PoolEntry& pool : pools_) {
      if (pool.upstream != upstream) continue;
      counts.Add(*pool.metrics);
      visit(*pool.metrics);
    }
    return counts;
  }

  [[nodiscard]] GoneRoutes gone_routes() const {
    const std::scoped_lock lock(mutex_);
    return gone_routes_;
  }

  // Calls `visit(name, blocks)` for every route, in order of names.
  template <typename Visit>
  void ForEachRoute(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, blocks] : routes_)
      visit(name, *blocks);
  }

  // Calls `visit(name, stats)` for every flow ever served, in order of names.
  template <typename Visit>
  void ForEachFlow(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, stats] : flows_)
      visit(name, *stats);
  }

 private:
  struct PoolEntry {
    std::string upstream;
    const traffic::PoolMetrics* metrics = nullptr;
  };

  mutable std::mutex mutex_;  // Guards which entries there are, never the counters.
  std::vector<PoolEntry> pools_;
  std::map<std::string, PoolCounts, std::less<>> gone_;  // By upstreams that are kept.
  GoneRoutes gone_routes_;
  std::map<std::string, std::shared_ptr<const RouteBlocks>, std::less<>> routes_;
  std::map<std::string, std::shared_ptr<flows::FlowStats>, std::less<>> flows_;
  std::vector<std::unique_ptr<WorkerStats>> workers_;
};

}  // namespace sluice::gateway
