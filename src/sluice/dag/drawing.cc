#include "sluice/dag/drawing.h"

#include <string_view>

#include <fmt/format.h>

namespace sluice::dag {
namespace {

std::string InMilliseconds(Nanos span) {
  return fmt::format("{:g}ms", static_cast<double>(span.count()) / 1e6);
}

// What of the policy is worth a line below the name.
std::string PolicyLine(const Policy& policy) {
  std::string line;
  const auto add = [&](const std::string& word) { line += (line.empty() ? "" : ", ") + word; };
  if (policy.timeout != Nanos::max()) add("timeout " + InMilliseconds(policy.timeout));
  if (policy.retry.max_attempts > 1) add(fmt::format("attempts {}", policy.retry.max_attempts));
  if (policy.hedge_after != Nanos::max()) add("hedge " + InMilliseconds(policy.hedge_after));
  for (const Guard* guard : policy.guards)
    add(fmt::format("{}/{}", guard->kind(), guard->rule()));
  if (policy.cancel == CancelMode::kNeverOnceStarted) add("never cancelled");
  return line;
}

std::string LabelOf(const CompiledPlan& plan,
                    const RunView* run,
                    std::uint16_t node,
                    std::string_view line_break) {
  const NodeInfo& info = plan.info[node];
  std::string label(info.name);
  const auto add = [&](std::string_view line) {
    if (!line.empty()) label += fmt::format("{}{}", line_break, line);
  };
  const bool is_plain_word = info.note.empty() || info.note == "async";
  if (!is_plain_word) add(fmt::format("({})", info.note));
  add(PolicyLine(*info.policy));
  if (info.fallback != nullptr) add("has a fallback");
  if (run != nullptr) add(NameOf(run->state(node)));
  return label;
}

bool IsDrawn(const NodeEdge& edge) {
  return edge.kind != EdgeKind::kControl;
}

std::string_view ColourOf(NodeState state) {
  switch (state) {
    case NodeState::kSucceeded:
      return "#c8e6c9";
    case NodeState::kDegraded:
      return "#ffe0b2";
    case NodeState::kFailed:
    case NodeState::kTimedOut:
      return "#ffcdd2";
    default:
      return "#eeeeee";
  }
}

}  // namespace

std::string ToDot(const CompiledPlan& plan, const RunView* run) {
  std::string dot =
      fmt::format("digraph \"{}\" {{\n  rankdir=LR;\n  node [fontname=\"sans\"];\n", plan.name);
  for (std::uint16_t node = 0; node < plan.node_count; ++node) {
    const NodeRecord& record = plan.nodes[node];
    std::string_view shape = "oval";
    if (record.kind == NodeKind::kAsync) shape = "box";
    if (record.kind == NodeKind::kSelect) shape = "diamond";
    if (node == 0) shape = "plain";
    std::string style = record.is_optional ? "dashed" : "solid";
    std::string fill;
    if (run != nullptr && node != 0) {
      style += ",filled";
      fill = fmt::format(" fillcolor=\"{}\"", ColourOf(run->state(node)));
    }
    dot += fmt::format("  n{} [label=\"{}\" shape={} style=\"{}\"{}{}];\n", node,
                       LabelOf(plan, run, node, "\\n"), shape, style, fill,
                       node == plan.output ? " peripheries=2" : "");
  }
  for (std::uint16_t node = 0; node < plan.node_count; ++node) {
    for (const NodeEdge& edge : plan.info[node].inputs) {
      if (!IsDrawn(edge)) continue;
      std::string_view look = "";
      if (edge.kind == EdgeKind::kOrder) look = " [style=dashed]";
      if (edge.kind == EdgeKind::kStream) look = " [style=bold]";
      dot += fmt::format("  n{} -> n{}{};\n", edge.other, node, look);
    }
  }
  return dot + "}\n";
}

std::string ToMermaid(const CompiledPlan& plan, const RunView* run) {
  std::string text = "flowchart LR\n";
  for (std::uint16_t node = 0; node < plan.node_count; ++node) {
    const NodeRecord& record = plan.nodes[node];
    const std::string label = LabelOf(plan, run, node, "<br/>");
    if (record.kind == NodeKind::kSelect) {
      text += fmt::format("  n{}{{\"{}\"}}\n", node, label);
    } else if (node == plan.output) {
      text += fmt::format("  n{}[[\"{}\"]]\n", node, label);
    } else if (record.kind == NodeKind::kAsync) {
      text += fmt::format("  n{}[\"{}\"]\n", node, label);
    } else {
      text += fmt::format("  n{}([\"{}\"])\n", node, label);
    }
    if (record.is_optional) text += fmt::format("  style n{} stroke-dasharray: 5 5\n", node);
    if (run != nullptr && node != 0) {
      text += fmt::format("  style n{} fill:{}\n", node, ColourOf(run->state(node)));
    }
  }
  for (std::uint16_t node = 0; node < plan.node_count; ++node) {
    for (const NodeEdge& edge : plan.info[node].inputs) {
      if (!IsDrawn(edge)) continue;
      std::string_view arrow = "-->";
      if (edge.kind == EdgeKind::kOrder) arrow = "-.->";
      if (edge.kind == EdgeKind::kStream) arrow = "==>";
      text += fmt::format("  n{} {} n{}\n", edge.other, arrow, node);
    }
  }
  return text;
}

}  // namespace sluice::dag
