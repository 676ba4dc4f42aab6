#include "sluice/gateway/stats.h"

namespace sluice::gateway {

const std::vector<std::unique_ptr<RouteStats>>& StatsBook::Route(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  auto found = routes_.find(name);
  if (found == routes_.end()) {
    found = routes_.emplace(std::string(name), std::vector<std::unique_ptr<RouteStats>>()).first;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      found->second.push_back(std::make_unique<RouteStats>());
    }
  }
  return found->second;
}

void StatsBook::AddPool(std::string_view upstream, const traffic::PoolMetrics& metrics) {
  const std::scoped_lock lock(mutex_);
  pools_.push_back({.upstream = std::string(upstream), .metrics = &metrics});
}

void StatsBook::RemovePool(const traffic::PoolMetrics& metrics) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(pools_, [&metrics](const PoolEntry& pool) { return pool.metrics == &metrics; });
}

}  // namespace sluice::gateway
