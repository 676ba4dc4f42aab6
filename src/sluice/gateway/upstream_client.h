// What one worker holds of the configuration: the snapshot it serves, and per upstream a balancer
// and a pool.
//
// A worker keeps an UpstreamClient as long as some snapshot that it still serves names its
// upstream: connections survive a reload. Not thread-safe: belongs to one loop.

#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/pool.h"

namespace sluice::gateway {

namespace flows {
class FlowRunner;  // flows/flow_runner.h
}

struct UpstreamClient {
  UpstreamClient(Loop& loop,
                 std::shared_ptr<traffic::Upstream> its_upstream,
                 std::size_t worker,
                 StatsBook& its_stats)
      : upstream(std::move(its_upstream)),
        balancer(upstream, worker),
        pool(loop, upstream, worker),
        stats(its_stats) {
    stats.AddPool(upstream->name(), pool.metrics());
  }
  UpstreamClient(const UpstreamClient&) = delete;
  UpstreamClient& operator=(const UpstreamClient&) = delete;
  ~UpstreamClient() { stats.RemovePool(pool.metrics()); }

  // True when nothing of it is in use and it may be destroyed.
  [[nodiscard]] bool IsQuiet() const {
    return balancer.in_use() == 0 && pool.leases() == 0 && pool.waiting() == 0;
  }

  std::shared_ptr<traffic::Upstream> upstream;
  traffic::LoadBalancer balancer;
  traffic::Pool pool;
  StatsBook& stats;
};

// A snapshot as one worker serves it. Exchanges hold it by a plain count, so that taking it costs
// no atomic operation.
struct ServedSnapshot {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<UpstreamClient*> clients;                   // Beside snapshot->upstreams.
  std::vector<std::shared_ptr<flows::FlowRunner>> flows;  // Beside snapshot->flows.
  std::size_t users = 0;
};

// Holds a ServedSnapshot for the life of an exchange. Move-only.
class SnapshotUse {
 public:
  SnapshotUse() = default;
  explicit SnapshotUse(ServedSnapshot& served) : served_(&served) { ++served_->users; }
  SnapshotUse(SnapshotUse&& other) noexcept : served_(std::exchange(other.served_, nullptr)) {}
  SnapshotUse& operator=(SnapshotUse&& other) noexcept {
    std::swap(served_, other.served_);
    return *this;
  }
  SnapshotUse(const SnapshotUse&) = delete;
  SnapshotUse& operator=(const SnapshotUse&) = delete;
  ~SnapshotUse() {
    if (served_ != nullptr) --served_->users;
  }

  [[nodiscard]] ServedSnapshot& operator*() const { return *served_; }
  [[nodiscard]] ServedSnapshot* operator->() const { return served_; }
  explicit operator bool() const { return served_ != nullptr; }

 private:
  ServedSnapshot* served_ = nullptr;
};

}  // namespace sluice::gateway
