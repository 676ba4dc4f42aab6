#include "sluice/gateway/stats.h"

#include <algorithm>
#include <utility>

#include "sluice/gateway/flows/flow_stats.h"

namespace sluice::gateway {

void PoolCounts::Add(const traffic::PoolMetrics& pool) {
  connects += pool.connects.value();
  connect_failures += pool.connect_failures.value();
  reuses += pool.reuses.value();
  overflows += pool.overflows.value();
}

void GoneRoutes::Add(const RouteBlocks& blocks) {
  for (const std::unique_ptr<RouteStats>& block : blocks) {
    for (const auto& by_class : block->requests) {
      for (const Counter& count : by_class)
        requests += count.value();
    }
    for (std::size_t i = 0; i < kReasonCount; ++i)
      reasons[i] += block->reasons[i].value();
  }
}

std::shared_ptr<const RouteBlocks> StatsBook::Route(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = routes_.find(name);
  if (found == routes_.end()) {
    auto blocks = std::make_shared<RouteBlocks>();
    for (std::size_t i = 0; i < workers_.size(); ++i)
      blocks->push_back(std::make_unique<RouteStats>());
    found = routes_.emplace(std::string(name), std::move(blocks)).first;
  }
  return found->second;
}

void StatsBook::Keep(const std::set<std::string_view>& routes,
                     const std::set<std::string_view>& upstreams) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(routes_, [&](const auto& route) {
    if (routes.contains(route.first)) return false;
    gone_routes_.Add(*route.second);
    return true;
  });
  std::erase_if(gone_, [&upstreams](const auto& gone) { return !upstreams.contains(gone.first); });
  for (const std::string_view upstream : upstreams)
    gone_.try_emplace(std::string(upstream));
}

flows::FlowStats& StatsBook::Flow(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = flows_.find(name);
  if (found == flows_.end()) {
    found = flows_.emplace(name, std::make_shared<flows::FlowStats>(workers_.size())).first;
  }
  return *found->second;
}

void StatsBook::AddPool(std::string_view upstream, const traffic::PoolMetrics& metrics) {
  const std::scoped_lock lock(mutex_);
  pools_.push_back({.upstream = std::string(upstream), .metrics = &metrics});
}

void StatsBook::RemovePool(const traffic::PoolMetrics& metrics) {
  const std::scoped_lock lock(mutex_);
  const auto pool = std::ranges::find(pools_, &metrics, &PoolEntry::metrics);
  if (pool == pools_.end()) return;
  if (const auto gone = gone_.find(pool->upstream); gone != gone_.end()) gone->second.Add(metrics);
  pools_.erase(pool);
}

}  // namespace sluice::gateway
