#include "sluice/dag/trace.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace sluice::dag {
namespace {

// Latest ends, from the deciding node backwards (the backward pass of the critical path method,
// Kelley and Walker, 1959).
std::vector<std::optional<SteadyTime>> LatestEnds(const RunView& run, std::uint16_t last) {
  const CompiledPlan& plan = run.plan();
  const auto moments = [&](std::uint16_t at) { return run.block().moments(at); };
  std::vector<std::optional<SteadyTime>> latest(plan.node_count);
  if (last == kNoNode || moments(last).end == kNever) return latest;
  latest[last] = moments(last).end;
  for (std::size_t i = plan.order.size(); i-- > 0;) {
    const std::uint16_t node = plan.order[i];
    if (!latest[node] || moments(node).start == kNever || moments(node).end == kNever) continue;
    const SteadyTime latest_start = *latest[node] - (moments(node).end - moments(node).start);
    for (const NodeEdge& edge : plan.info[node].inputs) {
      std::optional<SteadyTime>& of_input = latest[edge.other];
      if (moments(edge.other).end > moments(node).start) continue;  // It did not wait for this one.
      of_input = std::min(of_input.value_or(kNever), latest_start);
    }
  }
  return latest;
}

}  // namespace

std::uint16_t DecidingNode(const RunView& run) {
  const CompiledPlan& plan = run.plan();
  if (run.error() == nullptr) return plan.output;
  const std::string_view path = run.error()->node;
  const std::string_view name = path.substr(0, path.find('/'));
  for (std::uint16_t node = 1; node < plan.node_count; ++node) {
    if (plan.info[node].name == name) return node;
  }
  return kNoNode;
}

std::uint16_t CriticalInput(const RunView& run, std::uint16_t node) {
  const auto moments = [&](std::uint16_t at) { return run.block().moments(at); };
  std::uint16_t last = kNoNode;
  for (const NodeEdge& edge : run.plan().info[node].inputs) {
    const RunBlock::Moments input = moments(edge.other);
    if (edge.other == 0 || input.end == kNever || input.end > moments(node).start) continue;
    const bool is_later = last == kNoNode || input.end > moments(last).end ||
                          (input.end == moments(last).end && edge.other < last);
    if (is_later) last = edge.other;
  }
  return last;
}

RunTrace::RunTrace(const RunView& run) : plan_name_(run.plan().name) {
  const CompiledPlan& plan = run.plan();
  const auto moments = [&](std::uint16_t at) { return run.block().moments(at); };
  const SteadyTime began = run.block().began_at();
  for (std::uint16_t node = 1; node < plan.node_count; ++node) {
    TraceRow row{.node = std::string(plan.info[node].name), .state = run.state(node)};
    if (run.block().is_traced()) {
      const RunBlock::Moments at = moments(node);
      if (at.start != kNever) row.start = at.start - began;
      if (at.end != kNever) row.end = at.end - began;
      row.attempts = run.block().attempts(node);
    }
    rows_.push_back(std::move(row));
  }
  if (!run.block().is_traced()) return;
  if (run.is_decided()) duration_ = run.block().decided_at() - began;
  const std::uint16_t last = DecidingNode(run);
  const std::vector<std::optional<SteadyTime>> latest = LatestEnds(run, last);
  for (std::uint16_t node = 1; node < plan.node_count; ++node) {
    TraceRow& row = rows_[node - 1U];
    if (latest[node] && row.end) row.slack = *latest[node] - moments(node).end;
  }
  if (last == kNoNode || last == 0 || moments(last).start == kNever) return;
  for (std::uint16_t node = last; node != kNoNode; node = CriticalInput(run, node)) {
    critical_path_.emplace_back(plan.info[node].name);
    rows_[node - 1U].is_critical = true;
  }
  std::ranges::reverse(critical_path_);
}

std::string RunTrace::EventLog() const {
  struct Event {
    Nanos at;
    bool is_end;
    std::size_t row;
  };
  std::vector<Event> events;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (rows_[row].start) events.push_back({*rows_[row].start, false, row});
    if (rows_[row].end) events.push_back({*rows_[row].end, true, row});
  }
  std::ranges::sort(
      events, {}, [](const Event& event) { return std::tuple(event.at, event.row, event.is_end); });
  std::string log;
  for (const Event& event : events) {
    const TraceRow& row = rows_[event.row];
    log += fmt::format("{}.{:06} {} {}\n", event.at / Nanos(1'000'000),
                       (event.at % Nanos(1'000'000)).count(), row.node,
                       NameOf(event.is_end ? row.state : NodeState::kRunning));
  }
  return log;
}

}  // namespace sluice::dag
