#include "sluice/gateway/overload_plan.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/gateway/overload_options.h"
#include "sluice/gateway/registry.h"
#include "sluice/gateway/snapshot.h"

namespace sluice::gateway {
namespace {

std::unexpected<Error> InvalidRule(std::string detail) {
  return Fail(ErrorCode::kInvalidConfig, std::move(detail));
}

std::shared_ptr<LimitState> FindLimit(const Snapshot* before,
                                      const limit::ConcurrencyOptions& options) {
  if (before == nullptr) return nullptr;
  for (const ConcurrencyPlan& plan : before->concurrency_limits) {
    if (plan.state->limit->CanBecome(options)) return plan.state;
  }
  return nullptr;
}

Result<void> PlanLimits(SnapshotPlan& plan,
                        const Snapshot* before,
                        std::size_t workers,
                        SteadyTime now) {
  const std::optional<config::OverloadConfig>& overload = plan.snapshot->config.overload;
  for (const config::ConcurrencyLimitConfig& config : plan.snapshot->config.concurrency_limits) {
    const limit::ConcurrencyOptions options = OptionsOf(config, workers);
    const Result<void> valid = CheckOptions(options, config.name, ErrorCode::kInvalidConfig);
    if (!valid) return valid;
    const GatePlan gate = overload ? GateOf(*overload, config) : GatePlan{};
    ConcurrencyPlan out{.config = &config, .state = FindLimit(before, options)};
    if (out.state == nullptr) {
      out.state = std::make_shared<LimitState>();
      Result<std::unique_ptr<limit::ConcurrencyLimit>> made =
          limit::ConcurrencyLimit::Create(options, now);
      if (!made) return InvalidRule(made.error().detail);
      out.state->limit = std::move(*made);
      out.state->gate.Reconfigure(gate.mode, gate.enforce_percent);
    } else {
      plan.on_commit.emplace_back([state = out.state, options, gate](SteadyTime at) {
        const Result<void> done = state->limit->Reconfigure(options, at);
        SLUICE_ASSERT(done.has_value());  // Validated above.
        state->gate.Reconfigure(gate.mode, gate.enforce_percent);
      });
    }
    plan.snapshot->concurrency_limits.push_back(std::move(out));
  }
  return {};
}

std::vector<std::size_t> IndicesOf(const Snapshot& snapshot,
                                   const std::vector<std::string>& names) {
  std::vector<std::size_t> indices;
  for (const std::string& name : names) {
    const auto found = std::ranges::find_if(
        snapshot.concurrency_limits,
        [&name](const ConcurrencyPlan& plan) { return plan.config->name == name; });
    SLUICE_ASSERT(found != snapshot.concurrency_limits.end());  // The loader has checked it.
    indices.push_back(static_cast<std::size_t>(found - snapshot.concurrency_limits.begin()));
  }
  return indices;
}

// Routes and upstreams share one space of names here, as the loader has checked.
std::shared_ptr<limit::AdaptiveThrottle> FindThrottle(const Snapshot* before,
                                                      const std::string& name) {
  if (before == nullptr) return nullptr;
  const auto has_name = [&name](const auto& plan) {
    return plan.throttle.guard != nullptr && plan.throttle.guard->rule() == name;
  };
  const auto route = std::ranges::find_if(before->routes, has_name);
  if (route != before->routes.end()) return route->throttle.guard;
  const auto upstream = std::ranges::find_if(before->upstreams, has_name);
  return upstream != before->upstreams.end() ? upstream->throttle.guard : nullptr;
}

Result<ThrottlePlan> PlanThrottle(const config::AdmissionControlConfig& config,
                                  const std::string& name,
                                  SnapshotPlan& plan,
                                  const Snapshot* before) {
  const limit::AdaptiveThrottleOptions options = OptionsOf(config, name);
  const Result<void> valid = CheckOptions(options, name, ErrorCode::kInvalidConfig);
  if (!valid) return std::unexpected(valid.error());
  ThrottlePlan out{.guard = FindThrottle(before, name), .status = static_cast<int>(config.status)};
  if (out.guard != nullptr) {
    plan.on_commit.emplace_back([guard = out.guard, options](SteadyTime) {
      const Result<void> done = guard->Reconfigure(options);
      SLUICE_ASSERT(done.has_value());  // Validated above.
    });
    return out;
  }
  Result<std::unique_ptr<limit::AdaptiveThrottle>> made = limit::AdaptiveThrottle::Create(options);
  if (!made) return InvalidRule(made.error().detail);
  out.guard = std::move(*made);
  return out;
}

// Gives each route or upstream its limits and its throttle.
template <typename Plans>
Result<void> PlanUsers(Plans& users, SnapshotPlan& plan, const Snapshot* before) {
  for (auto& user : users) {
    user.concurrency_limits = IndicesOf(*plan.snapshot, user.config->concurrency_limits);
    if (!user.config->admission_control) continue;
    Result<ThrottlePlan> throttle =
        PlanThrottle(*user.config->admission_control, user.config->name, plan, before);
    if (!throttle) return std::unexpected(throttle.error());
    user.throttle = std::move(*throttle);
  }
  return {};
}

Result<void> PlanState(SnapshotPlan& plan, const Snapshot* before, std::size_t workers) {
  Snapshot& snapshot = *plan.snapshot;
  if (!snapshot.config.overload) return {};
  const config::OverloadConfig& config = *snapshot.config.overload;
  OverloadPlan& out = snapshot.overload;
  out.config = &config;
  out.triggers = TriggersOf(config);
  for (const config::ResourceTriggerConfig& trigger : config.resources.triggers)
    out.timeout_min = std::max(out.timeout_min, trigger.min_timeout);
  const auto has = [&config](config::OverloadSignal signal) {
    return std::ranges::find(config.controller.signal, signal) != config.controller.signal.end();
  };
  out.sheds_by_cpu = has(config::OverloadSignal::kCpu) && config.system.cpu.threshold > 0;
  out.sheds_by_queue_delay = has(config::OverloadSignal::kQueueDelay);
  out.sheds_by_concurrency = has(config::OverloadSignal::kConcurrency);

  const limit::SystemRulesOptions system = SystemOptionsOf(config);
  const Result<void> valid = CheckOptions(system, "overload.system", ErrorCode::kInvalidConfig);
  if (!valid) return valid;
  if (before != nullptr && before->overload.state != nullptr) {
    out.state = before->overload.state;
    plan.on_commit.emplace_back([state = out.state, system, mode = config.mode,
                                 percent = config.enforce_percent](SteadyTime) {
      const Result<void> done = state->system->Reconfigure(system);
      SLUICE_ASSERT(done.has_value());  // Validated above.
      state->gate.Reconfigure(mode, percent);
    });
    return {};
  }
  out.state = std::make_shared<OverloadState>(workers);
  for (std::atomic<std::int64_t>& lag : out.state->lag_min_nanos)
    lag.store(std::numeric_limits<std::int64_t>::max(), std::memory_order_relaxed);
  Result<std::unique_ptr<limit::SystemRules>> made = limit::SystemRules::Create(system);
  if (!made) return InvalidRule(made.error().detail);
  out.state->system = std::move(*made);
  out.state->gate.Reconfigure(config.mode, config.enforce_percent);
  return {};
}

}  // namespace

std::string_view NameOf(ShedCause cause) {
  switch (cause) {
    case ShedCause::kNone:
      return "";
    case ShedCause::kQueueDelay:
      return "queue_delay";
    case ShedCause::kCpu:
      return "cpu";
    case ShedCause::kConcurrency:
      return "concurrency";
  }
  return "";
}

GatePlan GateOf(const config::OverloadConfig& overload,
                const config::ConcurrencyLimitConfig& limit) {
  // From the strictest mode to the mildest.
  static_assert(GuardMode::kEnforce < GuardMode::kShadow &&
                GuardMode::kShadow < GuardMode::kDisabled);
  return {.mode = std::max(overload.mode, limit.mode),
          .enforce_percent = std::min(overload.enforce_percent, limit.enforce_percent)};
}

Result<void> PlanOverload(SnapshotPlan& plan,
                          const Snapshot* before,
                          std::size_t workers,
                          SteadyTime now) {
  Result<void> planned = PlanLimits(plan, before, workers, now);
  if (planned) planned = PlanUsers(plan.snapshot->routes, plan, before);
  if (planned) planned = PlanUsers(plan.snapshot->upstreams, plan, before);
  if (planned) planned = PlanState(plan, before, workers);
  return planned;
}

}  // namespace sluice::gateway
