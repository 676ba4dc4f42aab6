#include "sluice/dag/run.h"

namespace sluice::dag {

std::uint64_t Context::idempotency_key() const {
  // splitmix64's mixing of the run's id and the node's place.
  std::uint64_t key = run_->id() + 0x9e3779b97f4a7c15U * (std::uint64_t{node_} + 1);
  key = (key ^ (key >> 30U)) * 0xbf58476d1ce4e5b9U;
  key = (key ^ (key >> 27U)) * 0x94d049bb133111ebU;
  return key ^ (key >> 31U);
}

std::string_view Context::node() const {
  return run_->plan().NameOfNode(node_);
}

NodeState RunView::StateOf(std::string_view node) const {
  for (std::uint16_t i = 0; i < plan().node_count; ++i) {
    if (plan().info[i].name == node) return state(i);
  }
  return NodeState::kNotNeeded;
}

std::vector<std::string_view> RunView::degraded() const {
  std::vector<std::string_view> names;
  for (std::uint16_t i = 0; i < plan().node_count; ++i) {
    if (state(i) == NodeState::kDegraded) names.push_back(plan().info[i].name);
  }
  return names;
}

std::vector<std::string_view> RunView::in_flight() const {
  std::vector<std::string_view> names;
  if (!is_decided()) return names;
  for (std::uint16_t i = 0; i < plan().node_count; ++i) {
    if (state(i) == NodeState::kRunning) names.push_back(plan().info[i].name);
  }
  return names;
}

std::vector<const NodeError*> RunView::suppressed() const {
  std::vector<const NodeError*> errors;
  const NodeError* cause = error();
  for (const Failure* failure = run_->failures(); failure != nullptr;
       failure = failure->next.get()) {
    const bool is_cause = cause != nullptr && !failure->absorbed &&
                          failure->error.node == cause->node && failure->error.kind == cause->kind;
    if (!is_cause) errors.push_back(&failure->error);
  }
  return errors;
}

}  // namespace sluice::dag
