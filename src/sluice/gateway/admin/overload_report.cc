#include "sluice/gateway/admin/overload_report.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sluice/gateway/admin/guard_json.h"
#include "sluice/limit/criticality.h"

namespace sluice::gateway::admin {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kAlgorithms[] = {"vegas", "gradient2", "aimd", "fixed"};
constexpr limit::SystemRule kRules[] = {limit::SystemRule::kCpu, limit::SystemRule::kLoad1,
                                        limit::SystemRule::kConcurrency, limit::SystemRule::kQps,
                                        limit::SystemRule::kAvgRt};

Json TotalsJson(const limit::DecisionTotals& totals) {
  return {
      {"allowed", totals.allowed}, {"denied", totals.denied}, {"would_deny", totals.would_deny}};
}

struct Throttle {
  limit::AdaptiveThrottle* guard = nullptr;
  const config::AdmissionControlConfig* config = nullptr;
};

// Every throttle once, of routes and upstreams.
std::vector<Throttle> ThrottlesOf(const Snapshot& snapshot) {
  std::vector<Throttle> throttles;
  const auto add = [&throttles](const auto& users) {
    for (const auto& user : users) {
      if (user.throttle.guard == nullptr) continue;
      throttles.push_back({user.throttle.guard.get(), &*user.config->admission_control});
    }
  };
  add(snapshot.routes);
  add(snapshot.upstreams);
  return throttles;
}

Json LimitJson(const ConcurrencyPlan& plan) {
  const limit::ConcurrencyLimit& limit = *plan.state->limit;
  const limit::ConcurrencyStats stats = limit.Stats();
  Json partitions = Json::object();
  for (std::uint32_t i = 0; i < limit.partitions().size(); ++i) {
    partitions[limit.partitions().options(i).name] = {
        {"guaranteed", limit.partitions().PartOf(i + 1, stats.limit)},
        {"inflight", limit.partitions().busy(i + 1)}};
  }
  Json json = {{"name", plan.config->name}, {"kind", "concurrency"}};
  AddMode(*plan.config, json);
  json.update({{"algorithm", kAlgorithms[static_cast<std::size_t>(plan.config->algorithm)]},
               {"limit", stats.limit},
               {"inflight", stats.inflight},
               {"waiting", stats.waiting},
               {"waited", stats.waited},
               {"baseline_seconds", Seconds(stats.baseline)},
               {"partitions", std::move(partitions)},
               {"decisions", TotalsJson(stats.decisions)}});
  return json;
}

// A gate that sheds the least critical: the gateway's (`shed`), or that of a concurrency limit.
Json GateJson(const auto& modes,
              const std::string& name,
              const limit::PriorityShedder& gate,
              Json signals,
              ShedCause cause) {
  Json json = {{"name", name}, {"kind", "overload"}};
  AddMode(modes, json);
  json.update({{"signals", std::move(signals)},
               {"threshold_level", gate.threshold()},
               {"decisions", TotalsJson(gate.Totals())}});
  if (gate.threshold() > 0) json["cause"] = NameOf(cause);
  return json;
}

Json GatewaySignals(const OverloadPlan& plan) {
  Json signals = Json::array();
  if (plan.sheds_by_queue_delay) signals.push_back("queue_delay");
  if (plan.sheds_by_cpu) signals.push_back("cpu");
  return signals;
}

Json ThrottleJson(const Throttle& throttle, SteadyTime now) {
  const limit::ThrottleStats stats = throttle.guard->Stats(now);
  Json json = {{"name", throttle.guard->rule()}, {"kind", "admission_control"}};
  AddMode(*throttle.config, json);
  json.update({{"window_seconds", Seconds(throttle.config->sampling_window)},
               {"success_rate_threshold", throttle.config->success_rate_threshold},
               {"rps_threshold", throttle.config->rps_threshold},
               {"requests_in_window", stats.requests},
               {"successes_in_window", stats.successes},
               {"rejection_ratio", stats.rejection_probability},
               {"decisions", TotalsJson(stats.decisions)}});
  return json;
}

// What each rule allows; 0: it is not asked.
double BoundOf(const OverloadPlan& plan, limit::SystemRule rule) {
  const config::SystemConfig& system = plan.config->system;
  switch (rule) {
    case limit::SystemRule::kCpu:
      return plan.sheds_by_cpu ? 0 : system.cpu.threshold;  // Else the gate looks at it.
    case limit::SystemRule::kLoad1:
      return system.load1;
    case limit::SystemRule::kConcurrency:
      return static_cast<double>(system.max_concurrency);
    case limit::SystemRule::kQps:
      return system.max_qps;
    case limit::SystemRule::kAvgRt:
      return Seconds(system.avg_rt);
  }
  return 0;
}

// Monitors that requests are refused for.
std::vector<limit::ResourceMonitor> RefusingMonitors(const OverloadPlan& plan) {
  std::vector<limit::ResourceMonitor> monitors;
  for (const limit::ResourceTrigger& trigger : plan.triggers) {
    if (trigger.action != limit::ResourceAction::kRefuseRequests) continue;
    if (std::ranges::find(monitors, trigger.monitor) == monitors.end()) {
      monitors.push_back(trigger.monitor);
    }
  }
  return monitors;
}

// By rule, those that may refuse.
std::vector<std::pair<std::string, limit::DecisionTotals>> SystemCounts(const OverloadPlan& plan) {
  std::vector<std::pair<std::string, limit::DecisionTotals>> counts;
  // What passed, passed all of them.
  const std::uint64_t passed = plan.state->system->Passed().allowed;
  for (const limit::SystemRule rule : kRules) {
    limit::DecisionTotals totals = plan.state->system->Totals(rule);
    totals.allowed = passed;
    counts.emplace_back(NameOf(rule), totals);
  }
  const std::uint64_t unhindered = plan.state->resources_passed.Totals().allowed;
  for (const limit::ResourceMonitor monitor : RefusingMonitors(plan)) {
    const auto index = static_cast<std::size_t>(monitor);
    limit::DecisionTotals totals = plan.state->resource_refusals[index].Totals();
    totals.allowed = unhindered;
    counts.emplace_back(NameOf(monitor), totals);
  }
  return counts;
}

Json SystemJson(const OverloadPlan& plan, SteadyTime now) {
  const limit::SystemRules& system = *plan.state->system;
  Json rules = Json::object();
  for (const auto& [name, totals] : SystemCounts(plan))
    rules[name] = {{"decisions", TotalsJson(totals)}};
  for (const limit::SystemRule rule : kRules) {
    const double bound = BoundOf(plan, rule);
    if (bound > 0) rules[std::string(NameOf(rule))]["bound"] = bound;
  }
  for (const limit::ResourceTrigger& trigger : plan.triggers) {
    if (trigger.action != limit::ResourceAction::kRefuseRequests) continue;
    rules[std::string(NameOf(trigger.monitor))]["bound"] = trigger.scaling_threshold;
  }
  Json json = {{"name", "rules"}, {"kind", "system"}};
  AddMode(*plan.config, json);
  json.update({{"inflight", system.inflight()},
               {"capacity", plan.state->system->Capacity(now)},
               {"cpu_ratio", system.cpu_ratio()},
               {"rules", std::move(rules)}});
  return json;
}

Json ResourcesJson(const OverloadPlan& plan) {
  const limit::ResourceOverload& resources = plan.state->resources;
  Json actions = Json::object();
  for (std::size_t i = 0; i < limit::kResourceActions; ++i) {
    const auto action = static_cast<limit::ResourceAction>(i);
    actions[std::string(NameOf(action))] = resources.activation(action);
  }
  Json pressures = Json::object();
  for (std::size_t i = 0; i < limit::kResourceMonitors; ++i) {
    const auto monitor = static_cast<limit::ResourceMonitor>(i);
    const double pressure = resources.pressure(monitor);
    // Negative: not known here.
    pressures[std::string(NameOf(monitor))] = pressure < 0 ? Json() : Json(pressure);
  }
  Json json = {{"name", "resources"}, {"kind", "resources"}};
  AddMode(*plan.config, json);
  json.update({{"actions", std::move(actions)}, {"pressures", std::move(pressures)}});
  return json;
}

}  // namespace

std::vector<GuardCounts> OverloadCounts(const Snapshot& snapshot, SteadyTime now) {
  std::vector<GuardCounts> counts;
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits) {
    const std::string& name = plan.config->name;
    counts.push_back({"concurrency", name, plan.state->limit->Stats().decisions});
    if (snapshot.overload.sheds_by_concurrency) {
      counts.push_back({"overload", name, plan.state->gate.Totals()});
    }
  }
  for (const Throttle& throttle : ThrottlesOf(snapshot)) {
    counts.push_back({"admission_control", std::string(throttle.guard->rule()),
                      throttle.guard->Stats(now).decisions});
  }
  if (snapshot.overload.state == nullptr) return counts;
  counts.push_back({"overload", "shed", snapshot.overload.state->gate.Totals()});
  for (const auto& [rule, totals] : SystemCounts(snapshot.overload))
    counts.push_back({"system", rule, totals});
  return counts;
}

void AppendOverload(const Snapshot& snapshot, SteadyTime now, Json& guards) {
  const OverloadPlan& plan = snapshot.overload;
  for (const ConcurrencyPlan& limit : snapshot.concurrency_limits) {
    guards.push_back(LimitJson(limit));
    if (!plan.sheds_by_concurrency) continue;
    guards.push_back(GateJson(GateOf(*plan.config, *limit.config), limit.config->name,
                              limit.state->gate, {"concurrency"}, ShedCause::kConcurrency));
  }
  for (const Throttle& throttle : ThrottlesOf(snapshot))
    guards.push_back(ThrottleJson(throttle, now));
  if (plan.state == nullptr) return;
  guards.push_back(GateJson(*plan.config, "shed", plan.state->gate, GatewaySignals(plan),
                            plan.state->gate_cause.load(std::memory_order_relaxed)));
  guards.push_back(SystemJson(plan, now));
  guards.push_back(ResourcesJson(plan));
}

}  // namespace sluice::gateway::admin
