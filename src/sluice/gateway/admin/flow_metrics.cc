#include <string>
#include <utility>
#include <vector>

#include "sluice/gateway/admin/flow_totals.h"
#include "sluice/gateway/admin/metrics_page.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {
namespace {

struct NamedFlow {
  std::string name;
  const flows::FlowStats* stats = nullptr;
  FlowTotals totals;
};

using NodeFigure = double (*)(const FlowTotals& flow, const FlowNodeTotals& node);

void AddNodeFigure(const std::vector<NamedFlow>& named, Page& page, NodeFigure figure) {
  for (const NamedFlow& flow : named) {
    for (const FlowNodeTotals& node : flow.totals.nodes) {
      page.Add({Label("flow", flow.name), Label("node", node.name)}, figure(flow.totals, node));
    }
  }
}

void AddRuns(const std::vector<NamedFlow>& named, Page& page) {
  page.Begin(MetricType::Counter, "sluice_flow_runs_total", "Runs of flows, by how they ended.");
  for (const NamedFlow& flow : named) {
    for (std::size_t i = 0; i < flows::kRunOutcomeCount; ++i) {
      page.Add(
          {Label("flow", flow.name), Label("outcome", NameOf(static_cast<flows::RunOutcome>(i)))},
          flow.totals.outcomes[i]);
    }
  }
  page.Begin(MetricType::Histogram, "sluice_flow_duration_seconds",
             "From a run's start, its wait for a place included, to its result.");
  for (const NamedFlow& flow : named) {
    page.AddHistogram({Label("flow", flow.name)}, flow.totals.duration,
                      flow.totals.duration_sum_nanos);
  }
  page.Begin(MetricType::Gauge, "sluice_flow_in_flight", "Runs with a call under way.");
  for (const NamedFlow& flow : named)
    page.Add({Label("flow", flow.name)}, flow.stats->in_flight());
  page.Begin(MetricType::Gauge, "sluice_flow_queued", "Runs that wait for a place.");
  for (const NamedFlow& flow : named)
    page.Add({Label("flow", flow.name)}, flow.stats->queued());
  page.Begin(MetricType::Counter, "sluice_flow_late_results_total",
             "Calls that ended when nobody waited for them any more.");
  for (const NamedFlow& flow : named)
    page.Add({Label("flow", flow.name)}, flow.totals.late_results);
  page.Begin(MetricType::Counter, "sluice_flow_traces_dropped_total",
             "Slow or failed runs that were not kept, as others of that second were.");
  for (const NamedFlow& flow : named)
    page.Add({Label("flow", flow.name)}, flow.totals.traces_dropped);
}

void AddNodes(const std::vector<NamedFlow>& named, Page& page) {
  page.Begin(MetricType::Counter, "sluice_flow_node_calls_total",
             "Runs in which the node was called.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.started);
  });
  page.Begin(MetricType::Counter, "sluice_flow_node_attempts_total",
             "Calls of a node, retries and hedges included.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.attempts);
  });
  page.Begin(MetricType::Counter, "sluice_flow_node_failed_total",
             "Runs that the node's failure ended.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.failed);
  });
  page.Begin(MetricType::Counter, "sluice_flow_node_degraded_total",
             "Runs that went on without the node's answer, or with its fallback.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.degraded);
  });
  page.Begin(MetricType::Counter, "sluice_flow_node_too_large_total",
             "Answers longer than the node's max_answer_bytes.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.too_large);
  });
  page.Begin(MetricType::Counter, "sluice_flow_node_duration_seconds_total",
             "From the node's beginning to its end, over all runs.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.running_nanos) / 1e9;
  });
  page.Begin(MetricType::Counter, "sluice_flow_critical_path_runs_total",
             "Runs that had the node on their critical path.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.on_path);
  });
  page.Begin(MetricType::Counter, "sluice_flow_critical_path_seconds_total",
             "Time of all runs that the node was what they waited for.");
  AddNodeFigure(named, page, [](const FlowTotals&, const FlowNodeTotals& node) {
    return static_cast<double>(node.path_nanos) / 1e9;
  });
  page.Begin(MetricType::Gauge, "sluice_flow_critical_path_ratio",
             "Part of the runs that had the node on their critical path.");
  AddNodeFigure(named, page, [](const FlowTotals& flow, const FlowNodeTotals& node) {
    return flow.PathRuns(node);
  });
}

}  // namespace

void AddFlows(Gateway& gateway, Page& page) {
  std::vector<NamedFlow> named;
  gateway.stats().ForEachFlow([&named](const std::string& name, const flows::FlowStats& stats) {
    named.push_back({.name = name, .stats = &stats, .totals = TotalsOf(stats)});
  });
  AddRuns(named, page);
  AddNodes(named, page);
}

}  // namespace sluice::gateway::admin
