// What is counted about requests: one RouteStats per route and worker, so nothing is shared.
//
// Written by one loop, read by any thread when scraped. They outlive configurations: a route that
// keeps its name keeps its counters over a reload (StatsBook).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/gateway/latency_histogram.h"
#include "sluice/gateway/reason.h"
#include "sluice/traffic/pool.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

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
};

// Name → one RouteStats per worker.
class StatsBook {
 public:
  explicit StatsBook(std::size_t worker_count) : workers_(worker_count) {
    for (auto& stats : workers_)
      stats = std::make_unique<WorkerStats>();
  }

  // The blocks of route `name`, one per worker, made at the first call; stable for ever.
  [[nodiscard]] const std::vector<std::unique_ptr<RouteStats>>& Route(std::string_view name);

  [[nodiscard]] WorkerStats& worker(std::size_t index) { return *workers_[index]; }
  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }

  // A worker's pool, for as long as it lives: its numbers are read by who scrapes.
  void AddPool(std::string_view upstream, const traffic::PoolMetrics& metrics);
  void RemovePool(const traffic::PoolMetrics& metrics);

  // Calls `visit(upstream, metrics)` for every pool of every worker.
  template <typename Visit>
  void ForEachPool(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const PoolEntry& pool : pools_)
      visit(pool.upstream, *pool.metrics);
  }

  // Calls `visit(name, blocks)` for every route ever seen, in order of names.
  template <typename Visit>
  void ForEachRoute(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, blocks] : routes_)
      visit(name, blocks);
  }

 private:
  struct PoolEntry {
    std::string upstream;
    const traffic::PoolMetrics* metrics = nullptr;
  };

  mutable std::mutex mutex_;  // Guards which entries there are, never the counters.
  std::vector<PoolEntry> pools_;
  std::map<std::string, std::vector<std::unique_ptr<RouteStats>>, std::less<>> routes_;
  std::vector<std::unique_ptr<WorkerStats>> workers_;
};

}  // namespace sluice::gateway
