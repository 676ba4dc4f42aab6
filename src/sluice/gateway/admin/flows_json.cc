#include "sluice/gateway/admin/flows_json.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>

#include "sluice/dag/drawing.h"
#include "sluice/dag/gantt.h"
#include "sluice/gateway/admin/flow_totals.h"
#include "sluice/gateway/admin/guard_json.h"
#include "sluice/gateway/flows/flow_plan.h"

namespace sluice::gateway::admin {
namespace {

using Json = nlohmann::ordered_json;

std::string FlowText(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const flows::FlowPlan* FindFlow(const Gateway& gateway, std::string_view name) {
  for (const auto& plan : gateway.registry().current()->flows) {
    if (plan->config().name == name) return plan.get();
  }
  return nullptr;
}

Json ShortJson(Gateway& gateway, const flows::FlowPlan& plan, const FlowTotals& totals) {
  const flows::FlowStats& stats = gateway.stats().Flow(plan.config().name);
  Json runs = Json::object();
  for (std::size_t i = 0; i < flows::kRunOutcomeCount; ++i)
    runs[std::string(NameOf(static_cast<flows::RunOutcome>(i)))] = totals.outcomes[i];
  Json routes = Json::array();
  for (const RoutePlan& route : gateway.registry().current()->routes) {
    if (route.config->flow == plan.config().name) routes.push_back(route.config->name);
  }
  const double mean = totals.traced == 0 ? 0.0
                                         : static_cast<double>(totals.traced_nanos) / 1e9 /
                                               static_cast<double>(totals.traced);
  return {{"name", plan.config().name},
          {"routes", std::move(routes)},
          {"nodes", plan.nodes().size()},
          {"max_in_flight", plan.config().max_in_flight},
          {"in_flight", stats.in_flight()},
          {"queued", stats.queued()},
          {"runs", std::move(runs)},
          {"late_results", totals.late_results},
          {"mean_seconds", mean}};
}

Json NodesJson(const flows::FlowPlan& plan, const FlowTotals& totals) {
  Json nodes = Json::array();
  for (const flows::FlowNode& node : plan.nodes()) {
    const auto found = std::ranges::find(totals.nodes, node.config->name, &FlowNodeTotals::name);
    const FlowNodeTotals none;
    const FlowNodeTotals& tally = found == totals.nodes.end() ? none : *found;
    const double mean = tally.started == 0 ? 0.0
                                           : static_cast<double>(tally.running_nanos) / 1e9 /
                                                 static_cast<double>(tally.started);
    nodes.push_back(
        {{"name", node.config->name},
         {"upstream", node.config->upstream},
         {"called", tally.started},
         {"attempts", tally.attempts},
         {"degraded", tally.degraded},
         {"failed", tally.failed},
         {"too_large", tally.too_large},
         {"mean_seconds", mean},
         {"critical_path",
          {{"runs_ratio", totals.PathRuns(tally)}, {"time_ratio", totals.PathShare(tally)}}}});
  }
  return nodes;
}

Json RunToJson(const flows::KeptRun& run) {
  Json nodes = Json::array();
  for (const dag::TraceRow& row : run.trace.rows()) {
    Json node = {{"name", row.node}, {"state", NameOf(row.state)}};
    if (row.start) node["start_seconds"] = Seconds(*row.start);
    if (row.end) node["end_seconds"] = Seconds(*row.end);
    if (row.slack) node["slack_seconds"] = Seconds(*row.slack);
    if (row.attempts > 0) node["attempts"] = row.attempts;
    node["is_critical"] = row.is_critical;
    nodes.push_back(std::move(node));
  }
  const auto ended = std::chrono::duration<double>(run.ended.time_since_epoch());
  Json json = {{"number", run.number},
               {"ended_unix_seconds", ended.count()},
               {"outcome", NameOf(run.outcome)},
               {"duration_seconds", Seconds(run.trace.duration())},
               {"trace_id", run.trace_id},
               {"path", run.path},
               {"critical_path", run.trace.critical_path()},
               {"degraded", run.degraded}};
  if (!run.error.empty()) json["error"] = run.error;
  json["nodes"] = std::move(nodes);
  return json;
}

}  // namespace

std::string FlowsJson(Gateway& gateway) {
  Json flows = Json::array();
  for (const auto& plan : gateway.registry().current()->flows) {
    const FlowTotals totals = TotalsOf(gateway.stats().Flow(plan->config().name));
    flows.push_back(ShortJson(gateway, *plan, totals));
  }
  return FlowText({{"flows", std::move(flows)}});
}

std::optional<std::string> FlowJson(Gateway& gateway, std::string_view name) {
  const flows::FlowPlan* const plan = FindFlow(gateway, name);
  if (plan == nullptr) return std::nullopt;
  const flows::FlowStats& stats = gateway.stats().Flow(name);
  const FlowTotals totals = TotalsOf(stats);
  Json json = ShortJson(gateway, *plan, totals);
  json["nodes"] = NodesJson(*plan, totals);
  json["mermaid"] = dag::ToMermaid(*plan->plan().compiled());
  Json runs = Json::array();
  for (const std::shared_ptr<const flows::KeptRun>& run : stats.kept())
    runs.push_back(RunToJson(*run));
  json["kept_runs"] = std::move(runs);
  return FlowText(json);
}

std::optional<std::string> FlowGantt(Gateway& gateway,
                                     std::string_view name,
                                     std::optional<std::uint64_t> number) {
  if (FindFlow(gateway, name) == nullptr) return std::nullopt;
  for (const std::shared_ptr<const flows::KeptRun>& run : gateway.stats().Flow(name).kept()) {
    if (!number || run->number == *number) return dag::ToGanttSvg(run->trace);
  }
  return std::nullopt;
}

std::string RunJson(const flows::KeptRun& run) {
  return FlowText(RunToJson(run));
}

}  // namespace sluice::gateway::admin
