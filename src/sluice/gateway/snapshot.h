// Snapshot: one configuration in force, compiled. Immutable; shared by all loops.
//
// Routes point at what they use by index; what has state (upstreams, guards, chains, counters) is
// shared with earlier and later snapshots through the Registry and lives as long as any of them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sluice/breaker/breaker.h"
#include "sluice/breaker/classify.h"
#include "sluice/breaker/keyed_breaker.h"
#include "sluice/breaker/outlier_detector.h"
#include "sluice/breaker/slow_start.h"
#include "sluice/contract/address.h"
#include "sluice/degrade/chain.h"
#include "sluice/degrade/stale_cache.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/host_index.h"
#include "sluice/gateway/overload_plan.h"
#include "sluice/gateway/release_plan.h"
#include "sluice/gateway/router.h"
#include "sluice/gateway/stats.h"
#include "sluice/limit/rate_limit.h"
#include "sluice/limit/retry_budget.h"
#include "sluice/traffic/upstream.h"

namespace sluice::gateway {

namespace flows {
class FlowPlan;  // flows/flow_plan.h
}

// A rate limit as routes ask it. The options are those of this snapshot.
struct RatePlan {
  const config::RateLimitConfig* config = nullptr;  // Of the snapshot's own Config.
  std::shared_ptr<limit::RateLimit> guard;
};

// A breaker, and how its upstream's answers are classified.
struct BreakerPlan {
  std::shared_ptr<breaker::Breaker> guard;                // Without a key; else null.
  std::shared_ptr<breaker::KeyedBreaker> keyed;           // With one; else null.
  const std::vector<config::RateKeyPart>* key = nullptr;  // That of `keyed`.
  breaker::ClassifyOptions classify;
};

struct UpstreamPlan {
  const config::UpstreamConfig* config = nullptr;
  std::shared_ptr<traffic::Upstream> upstream;
  BreakerPlan breaker;                                 // guard is null: none configured.
  std::shared_ptr<breaker::OutlierDetector> outliers;  // Null: nobody is ejected.
  std::shared_ptr<breaker::SlowStart> slow_start;      // Null: whole shares at once.
  std::shared_ptr<limit::RetryBudget> retry_budget;
  std::vector<std::size_t> concurrency_limits;  // Indices, asked per attempt.
  ThrottlePlan throttle;
};

struct RoutePlan {
  const config::RouteConfig* config = nullptr;
  RouteMatcher matcher;
  std::vector<const config::ListenerConfig*> listeners;  // Empty: all ingress listeners.
  static constexpr std::size_t kNoFlow = static_cast<std::size_t>(-1);

  std::size_t upstream = 0;              // Index into Snapshot::upstreams; only when forwarding.
  std::size_t flow = kNoFlow;            // Index into Snapshot::flows, instead of an upstream.
  std::vector<std::size_t> rate_limits;  // Indices into Snapshot::rate_limits.
  std::vector<std::size_t> concurrency_limits;  // Indices into Snapshot::concurrency_limits.
  ThrottlePlan throttle;
  BreakerPlan breaker;                                 // The route's own; both null: none.
  std::shared_ptr<degrade::DegradeChain> chain;        // Null: plain refusals.
  std::shared_ptr<degrade::StaleCache> kept;           // Null: the chain has no stale_cache step.
  const degrade::StaleCacheAnswer* keeping = nullptr;  // That step's, in the chain.
  std::vector<std::size_t> alternatives;   // Beside the chain's steps: index into upstreams.
  std::size_t release = kNoRelease;        // Index into Snapshot::releases.
  ReleaseRoute* release_counts = nullptr;  // With a release.
  std::shared_ptr<const RouteBlocks> stats;
};

// The route and the upstream of calls to unknown hosts through an egress listener.
struct UnknownHostPlan {
  explicit UnknownHostPlan(RouteMatcher matcher) : route{.matcher = std::move(matcher)} {}

  config::RouteConfig route_config;  // Bears the listener's name.
  config::UpstreamConfig upstream_config;
  RoutePlan route;
  UpstreamPlan upstream;  // Has no endpoints of its own: see egress_hosts.h.
};

struct ListenerPlan {
  const config::ListenerConfig* config = nullptr;
  Address address;
  std::vector<AddressBlock> trusted_proxies;
  std::unique_ptr<UnknownHostPlan> unknown_hosts;  // Null: they are refused.

  [[nodiscard]] bool is_egress() const { return config->kind == config::ListenerKind::kEgress; }
};

// What makes a listener the same one over reloads and upgrades: its address, so that it may be
// renamed. Port 0 stands for a port of its own each time, so there the name does.
[[nodiscard]] inline std::string IdentityOf(const ListenerPlan& plan) {
  const bool has_any_port =
      plan.address.family() != Address::Family::kUnix && plan.address.port() == 0;
  return has_any_port ? plan.config->name : plan.address.ToString();
}

struct Snapshot {
  std::uint64_t generation = 0;
  config::Config config;
  std::vector<ListenerPlan> listeners;
  std::vector<UpstreamPlan> upstreams;
  std::vector<RatePlan> rate_limits;
  std::vector<ConcurrencyPlan> concurrency_limits;
  OverloadPlan overload;
  std::vector<std::shared_ptr<const flows::FlowPlan>> flows;
  std::vector<ReleasePlan> releases;
  std::vector<RoutePlan> routes;
  HostIndex hosts;  // Of the routes.
  std::size_t workers = 1;
  std::string via;  // The field's value: "1.1 sluice"; empty: none is sent.

  Snapshot() = default;
  Snapshot(const Snapshot&) = delete;  // Plans point into `config`.
  Snapshot& operator=(const Snapshot&) = delete;
};

}  // namespace sluice::gateway
