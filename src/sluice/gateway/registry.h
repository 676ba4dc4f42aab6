// Registry: what has state and outlives configurations: upstreams, guards, degrade chains,
// counters.
//
// Plan() makes a snapshot beside the one in force without touching anything; Commit() puts it in
// force. So a configuration that turns out not to work (a port is taken) leaves no trace. State is
// found again by name: a limiter keeps its debts, a breaker its state, an upstream its
// endpoints with their health and ejections, and its connections as long as its own options are
// equal.
//
// Belongs to the control loop.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/gateway/stats.h"
#include "sluice/limit/key_hash.h"

namespace sluice::gateway {

// A configuration that could be put in force.
struct SnapshotPlan {
  std::shared_ptr<Snapshot> snapshot;
  std::vector<std::function<void(SteadyTime)>> on_commit;  // New options for what has state.
};

// Reads a body file of a static answer. Fails as platform::ReadWholeFile.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

class Registry {
 public:
  Registry(StatsBook& stats,
           const limit::KeyHasher& key_hasher,
           std::uint64_t seed,
           ReadFile read_file);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Fails with kInvalidConfig where the loader could not know: a body file that cannot be read, a
  // value that a room refuses.
  [[nodiscard]] Result<SnapshotPlan> Plan(config::Config config, SteadyTime now);

  // Puts the plan in force and returns its snapshot.
  std::shared_ptr<const Snapshot> Commit(SnapshotPlan plan, SteadyTime now);

  // Null before the first Commit().
  [[nodiscard]] const std::shared_ptr<const Snapshot>& current() const { return current_; }

  // The breaker `name` of the snapshot in force; null when there is none.
  [[nodiscard]] std::shared_ptr<breaker::Breaker> FindBreaker(const std::string& name) const;

  // What stands behind the breaker `name` is cold again: rate limits that warm up, on the routes
  // that this breaker guards, start again from cold.
  void Rewarm(const std::string& name, SteadyTime now) const;

  // The same of breakers with keys.
  [[nodiscard]] std::shared_ptr<breaker::KeyedBreaker> FindKeyedBreaker(
      const std::string& name) const;
  [[nodiscard]] const std::map<std::string, std::shared_ptr<breaker::KeyedBreaker>>&
  keyed_breakers() const {
    return keyed_breakers_;
  }

  // Gives the rule `plan` of the snapshot in force another limit, with the burst that goes with it,
  // until the next reload. Fails with kInvalidOption, and then nothing has changed.
  [[nodiscard]] Result<void> Relimit(const RatePlan& plan, std::int64_t limit) const;

  // What all loops share of a release, by its name; never forgotten, so that numbers and weights
  // outlive a configuration that lacks it for a while.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<ReleaseState>>& release_states() const {
    return release_states_;
  }

  // Calls `visit(const breaker::Breaker&)`-like for every breaker in force, by name.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<breaker::Breaker>>& breakers() const {
    return breakers_;
  }

 private:
  // A chain with what its steps need.
  struct ChainPlan {
    std::shared_ptr<degrade::DegradeChain> chain;
    std::shared_ptr<degrade::StaleCache> kept;
    const degrade::StaleCacheAnswer* keeping = nullptr;
    std::vector<std::size_t> alternatives;
  };
  using ChainPlans = std::map<std::string, ChainPlan>;

  void ForgetCounters() const;
  [[nodiscard]] const RoutePlan* FindChainUser(const std::string& name) const;
  [[nodiscard]] Result<ChainPlans> PlanChains(SnapshotPlan& plan) const;
  [[nodiscard]] Result<void> ReadBodyFiles(const std::string& name,
                                           config::DegradeConfig& config) const;
  [[nodiscard]] Result<void> PlanUpstreams(SnapshotPlan& plan, SteadyTime now);
  [[nodiscard]] Result<BreakerPlan> PlanKeyedBreaker(const config::BreakerConfig& config,
                                                     const breaker::BreakerOptions& options,
                                                     SnapshotPlan& plan,
                                                     SteadyTime now);
  // Of a breaker that is new under its name.
  void KeepByHand(const BreakerPlan& made, const std::string& name, SnapshotPlan& plan) const;
  [[nodiscard]] Result<void> PlanEjection(UpstreamPlan& upstream,
                                          const UpstreamPlan* before,
                                          SnapshotPlan& plan,
                                          SteadyTime now);
  [[nodiscard]] Result<void> PlanFlows(SnapshotPlan& plan, SteadyTime now);
  [[nodiscard]] Result<void> PlanRateLimits(SnapshotPlan& plan, SteadyTime now);
  [[nodiscard]] Result<void> PlanRoutes(SnapshotPlan& plan, SteadyTime now);
  [[nodiscard]] Result<void> PlanReleases(SnapshotPlan& plan, SteadyTime now);
  [[nodiscard]] Result<void> PlanListeners(SnapshotPlan& plan) const;
  [[nodiscard]] Result<BreakerPlan> PlanBreaker(const config::BreakerConfig& config,
                                                const std::string& name,
                                                Nanos call_timeout,
                                                SnapshotPlan& plan,
                                                SteadyTime now);

  StatsBook& stats_;
  const limit::KeyHasher& key_hasher_;
  std::uint64_t next_seed_;
  ReadFile read_file_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const Snapshot> current_;
  std::map<std::string, std::shared_ptr<breaker::Breaker>> breakers_;
  std::map<std::string, std::shared_ptr<breaker::KeyedBreaker>> keyed_breakers_;
  std::map<std::string, std::shared_ptr<ReleaseState>> release_states_;
  // By which key each of them tells calls apart.
  std::map<std::string, std::vector<config::RateKeyPart>> breaker_keys_;
};

}  // namespace sluice::gateway
