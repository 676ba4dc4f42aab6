#include "sluice/gateway/admin/overload_report.h"

#include <algorithm>
#include <string_view>

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

// Every throttle once, of routes and upstreams.
std::vector<limit::AdaptiveThrottle*> ThrottlesOf(const Snapshot& snapshot) {
  std::vector<limit::AdaptiveThrottle*> throttles;
  for (const RoutePlan& route : snapshot.routes) {
    if (route.throttle.guard != nullptr) throttles.push_back(route.throttle.guard.get());
  }
  for (const UpstreamPlan& upstream : snapshot.upstreams) {
    if (upstream.throttle.guard != nullptr) throttles.push_back(upstream.throttle.guard.get());
  }
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
  return {{"name", plan.config->name},
          {"kind", "concurrency"},
          {"algorithm", kAlgorithms[static_cast<std::size_t>(plan.config->algorithm)]},
          {"limit", stats.limit},
          {"inflight", stats.inflight},
          {"waiting", stats.waiting},
          {"waited", stats.waited},
          {"baseline_seconds", static_cast<double>(stats.baseline.count()) / 1e9},
          {"partitions", std::move(partitions)},
          {"threshold_level", plan.state->gate.threshold()},
          {"shed", plan.state->gate.Totals().denied},
          {"decisions", TotalsJson(stats.decisions)}};
}

Json ResourcesJson(const limit::ResourceOverload& resources) {
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
  return {{"name", "resources"},
          {"kind", "overload"},
          {"actions", std::move(actions)},
          {"pressures", std::move(pressures)}};
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
  for (limit::AdaptiveThrottle* throttle : ThrottlesOf(snapshot)) {
    counts.push_back(
        {"admission_control", std::string(throttle->rule()), throttle->Stats(now).decisions});
  }
  if (snapshot.overload.state == nullptr) return counts;
  const OverloadState& state = *snapshot.overload.state;
  counts.push_back({"overload", "shed", state.gate.Totals()});
  for (const limit::SystemRule rule : kRules) {
    limit::DecisionTotals totals = state.system->Totals(rule);
    // What passed, passed all of them.
    totals.allowed = state.system->Passed().allowed;
    counts.push_back({"system", std::string(NameOf(rule)), totals});
  }
  return counts;
}

void AppendOverload(const Snapshot& snapshot, SteadyTime now, Json& guards) {
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits)
    guards.push_back(LimitJson(plan));
  for (limit::AdaptiveThrottle* throttle : ThrottlesOf(snapshot)) {
    const limit::ThrottleStats stats = throttle->Stats(now);
    guards.push_back({{"name", throttle->rule()},
                      {"kind", "admission_control"},
                      {"requests_in_window", stats.requests},
                      {"successes_in_window", stats.successes},
                      {"rejection_ratio", stats.rejection_probability},
                      {"decisions", TotalsJson(stats.decisions)}});
  }
  if (snapshot.overload.state == nullptr) return;
  const OverloadState& state = *snapshot.overload.state;
  guards.push_back({{"name", "shed"},
                    {"kind", "overload"},
                    {"threshold_level", state.gate.threshold()},
                    {"decisions", TotalsJson(state.gate.Totals())}});
  Json rules = Json::object();
  for (const limit::SystemRule rule : kRules)
    rules[std::string(NameOf(rule))] = state.system->Totals(rule).denied;
  guards.push_back({{"name", "rules"},
                    {"kind", "system"},
                    {"inflight", state.system->inflight()},
                    {"capacity", state.system->Capacity(now)},
                    {"cpu_ratio", state.system->cpu_ratio()},
                    {"denied", std::move(rules)}});
  guards.push_back(ResourcesJson(state.resources));
}

}  // namespace sluice::gateway::admin
