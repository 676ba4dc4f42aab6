// What a snapshot says of overload: concurrency limits with their gates, throttles, and the state
// of the whole gateway.
//
// The state outlives configurations: a limit is found again by its name, a throttle by its route or
// upstream, the gateway's own is one.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/config.h"
#include "sluice/limit/adaptive_throttle.h"
#include "sluice/limit/concurrency_limit.h"
#include "sluice/limit/decision_counts.h"
#include "sluice/limit/priority_shedder.h"
#include "sluice/limit/resource_overload.h"
#include "sluice/limit/system_rules.h"

namespace sluice::gateway {

struct Snapshot;
struct SnapshotPlan;

// A concurrency limit and the gate before it, which sheds the least critical while it is full.
struct LimitState {
  std::unique_ptr<limit::ConcurrencyLimit> limit;
  limit::PriorityShedder gate;
};

struct ConcurrencyPlan {
  const config::ConcurrencyLimitConfig* config = nullptr;  // Of the snapshot's own Config.
  std::shared_ptr<LimitState> state;
};

// How far the gate before a limit refuses: no further than the limit itself, for what it sheds is
// what the limit would turn away.
struct GatePlan {
  GuardMode mode = GuardMode::kDisabled;
  double enforce_percent = 100;
};

[[nodiscard]] GatePlan GateOf(const config::OverloadConfig& overload,
                              const config::ConcurrencyLimitConfig& limit);

struct ThrottlePlan {
  std::shared_ptr<limit::AdaptiveThrottle> guard;  // Null: none configured.
  int status = 503;
};

// What made a gate shed, as its refusals tell.
enum class ShedCause : std::uint8_t {
  kNone,
  kQueueDelay,   // The workers are late.
  kCpu,          // The processor is overloaded.
  kConcurrency,  // The limit behind the gate has no slots left.
};

// "queue_delay", "cpu", "concurrency"; empty for kNone.
[[nodiscard]] std::string_view NameOf(ShedCause cause);

// Of the whole gateway.
struct OverloadState {
  explicit OverloadState(std::size_t workers) : lag_min_nanos(workers) {}

  std::unique_ptr<limit::SystemRules> system;
  limit::PriorityShedder gate;
  std::atomic<ShedCause> gate_cause{ShedCause::kNone};  // Of its threshold, while it has one.
  limit::ResourceOverload resources;
  // By monitor: requests refused because it is short. Who passed, passed all of them.
  std::array<limit::DecisionCounts, limit::kResourceMonitors> resource_refusals;
  limit::DecisionCounts resources_passed;
  // How late each worker's loop was at least, since the control loop last looked (lag_probe.h).
  std::vector<std::atomic<std::int64_t>> lag_min_nanos;
};

struct OverloadPlan {
  const config::OverloadConfig* config = nullptr;  // Null: none configured.
  std::shared_ptr<OverloadState> state;            // Null with it.
  std::vector<limit::ResourceTrigger> triggers;
  Nanos timeout_min{0};       // What reduced timeouts keep.
  bool sheds_by_cpu = false;  // The controller's signals.
  bool sheds_by_queue_delay = false;
  bool sheds_by_concurrency = false;
};

// Fills in what the snapshot of `plan` has of these; after its routes and upstreams. `before` is
// the snapshot in force, or null. Fails with kInvalidConfig.
[[nodiscard]] Result<void> PlanOverload(SnapshotPlan& plan,
                                        const Snapshot* before,
                                        std::size_t workers,
                                        SteadyTime now);

}  // namespace sluice::gateway
