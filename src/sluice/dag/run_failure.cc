// The ways of a run that are not success: failures and what absorbs them, skipping, choosing,
// deadlines, cancelling. They are rare, so they walk the plan's adjacency and may allocate.

#include <algorithm>
#include <utility>

#include "sluice/dag/managed_node.h"
#include "sluice/dag/run.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {
namespace {

std::unique_ptr<NodeError> TimedOut(std::string_view detail) {
  return std::make_unique<NodeError>(
      NodeError{.kind = FailureKind::kTimedOut,
                .cause = {.code = ErrorCode::kTimeout, .detail = std::string(detail)}});
}

NodeState StateAfter(FailureKind kind) {
  switch (kind) {
    case FailureKind::kTimedOut:
      return NodeState::kTimedOut;
    case FailureKind::kCancelled:
      return NodeState::kCancelled;
    case FailureKind::kFailed:
    case FailureKind::kRejected:
      break;
  }
  return NodeState::kFailed;
}

}  // namespace

void RunBlock::Failed(Error error) {
  Failed(ErrorOfBody(std::move(error)));
}

void RunBlock::FailedWithException() {
  Failed(ErrorOfException(std::current_exception()));
}

void RunBlock::NotStarted(const NodeRecord& record) {
  NodeFailed(record.step.node, TimedOut("budget: too little time was left to start"));
}

// A fallback or an absence takes the place of the value: true, and dependents go on.
bool RunBlock::Absorb(std::uint16_t node, std::unique_ptr<NodeError>& error) {
  const NodeInfo& info = plan_->info[node];
  void* const place = slot(plan_->nodes[node].step.slot);
  if (info.fallback != nullptr) {
    try {
      (*info.fallback)(*error, place);
      return true;
    } catch (...) {
      // What the fallback threw is the failure now, and an optional node can still do without.
      const FailureKind kind = error->kind;
      error = std::make_unique<NodeError>(ErrorOfException(std::current_exception()));
      error->kind = kind;
      error->node = info.name;
    }
  }
  if (info.make_absent == nullptr) return false;
  info.make_absent(place);
  return true;
}

Failure& RunBlock::Note(std::uint16_t node, std::unique_ptr<NodeError> error) {
  auto failure = std::make_unique<Failure>();
  failure->node = node;
  failure->error = std::move(*error);
  Failure& noted = *failure;
  (last_failure_ == nullptr ? failures_ : last_failure_->next) = std::move(failure);
  last_failure_ = &noted;
  return noted;
}

void RunBlock::NodeFailed(std::uint16_t node, std::unique_ptr<NodeError> error) {
  if (error->node.empty()) error->node = plan_->info[node].name;
  careful_ = true;
  if (error->kind != FailureKind::kCancelled && Absorb(node, error)) {
    Note(node, std::move(error)).absorbed = true;
    SetTerminal(node, NodeState::kDegraded);
    return Release(node);
  }
  const NodeState end = StateAfter(error->kind);
  Failure& noted = Note(node, std::move(error));
  SetTerminal(node, end);
  SkipDependents(node);
  ReleaseOrderOnly(node);
  if (!decided_ && IsTerminal(state(plan_->output)) && !HasValue(state(plan_->output))) {
    DecideAgainst(std::make_unique<NodeError>(noted.error));
  }
}

// Everything that needs the value of `node`, directly or not, will not run.
void RunBlock::SkipDependents(std::uint16_t node) {
  std::vector<std::uint16_t> ended{node};
  while (!ended.empty()) {
    const std::uint16_t gone = ended.back();
    ended.pop_back();
    for (const NodeEdge& edge : plan_->info[gone].dependents) {
      if (edge.kind == EdgeKind::kOrder || edge.kind == EdgeKind::kStream) continue;
      if (state(edge.other) != NodeState::kPending || !Needs(edge.other, gone)) continue;
      SetTerminal(edge.other, NodeState::kSkipped);
      ReleaseOrderOnly(edge.other);
      ended.push_back(edge.other);
    }
  }
}

// False for the side of a When() that is not chosen, or not yet.
bool RunBlock::Needs(std::uint16_t node, std::uint16_t input) const {
  const std::uint16_t select = plan_->info[node].select;
  if (select == kNoNode) return true;
  const SelectRecord& record = plan_->selects[select];
  if (input == record.condition) return true;
  if (!HasValue(state(record.condition))) return false;
  return input == (IsTrue(record.condition) ? record.then : record.otherwise);
}

bool RunBlock::IsTrue(std::uint16_t node) const {
  return *static_cast<const bool*>(slot(plan_->nodes[node].step.slot));
}

void RunBlock::Skip(std::uint16_t node, NodeState reason) {
  careful_ = true;
  SetTerminal(node, reason);
  SkipDependents(node);
  ReleaseOrderOnly(node);
}

// What only had to wait for the end of `node` goes on.
void RunBlock::ReleaseOrderOnly(std::uint16_t node) {
  for (std::uint32_t i = plan_->edge_rows[node]; i != plan_->edge_rows[node + 1U]; ++i) {
    if ((plan_->edges[i] & UnitEdge::kOrder) != 0) Push(plan_->edges[i]);
  }
}

void RunBlock::ReleaseAtStart(std::uint16_t node) {
  for (std::uint32_t i = plan_->edge_rows[node]; i != plan_->edge_rows[node + 1U]; ++i) {
    if ((plan_->edges[i] & UnitEdge::kAtStart) != 0) Push(plan_->edges[i]);
  }
}

void RunBlock::ReleaseSpecial(std::uint16_t node, std::uint32_t edge) {
  if ((edge & UnitEdge::kAtStart) != 0) return;  // Was released when the node began.
  const Unit& unit = plan_->units[edge & UnitEdge::kTarget];
  const SelectRecord& select = plan_->selects[plan_->info[unit.head].select];
  if ((edge & UnitEdge::kCondition) != 0) return Select(select, edge);
  if (!HasValue(state(select.condition))) return;
  if (node == select.condition) return;  // Its other edge has done that.
  if (node == (IsTrue(select.condition) ? select.then : select.otherwise)) Push(edge);
}

// The condition is known: one side goes on, what only the other needs is not selected.
void RunBlock::Select(const SelectRecord& select, std::uint32_t edge) {
  const bool then = IsTrue(select.condition);
  for (const std::uint16_t node : then ? select.only_otherwise : select.only_then) {
    if (state(node) == NodeState::kPending) {
      careful_ = true;
      SetTerminal(node, NodeState::kNotSelected);
      ReleaseOrderOnly(node);
    }
  }
  const NodeState chosen = state(then ? select.then : select.otherwise);
  if (HasValue(chosen)) {
    Push(edge);
  } else if (IsTerminal(chosen) && state(select.node) == NodeState::kPending) {
    Skip(select.node, NodeState::kSkipped);
  }
}

void RunBlock::DecideAgainst(std::unique_ptr<NodeError> error) {
  error_ = std::move(error);
  Decide();
  CancelRest(NodeState::kCancelled);
}

// Nodes that only effects need go on under kCancelDependentsOnly; all others end here.
void RunBlock::CancelRest(NodeState running_state) {
  std::vector<bool> goes_on(plan_->node_count);
  if (plan_->options.on_failure == OnFailure::kCancelDependentsOnly && !run_timed_out_ &&
      error_->kind != FailureKind::kCancelled) {
    goes_on = NeededByEffects();
  }
  for (std::uint16_t node = 1; node < plan_->node_count; ++node) {
    if (!goes_on[node]) CancelNode(node, running_state);
  }
}

void RunBlock::CancelNode(std::uint16_t node, NodeState running_state) {
  careful_ = true;
  if (state(node) == NodeState::kPending) {
    SetTerminal(node, NodeState::kCancelled);
    return ReleaseOrderOnly(node);
  }
  if (state(node) != NodeState::kRunning || plan_->nodes[node].never_once_started) return;
  for (Activity* activity = activities_; activity != nullptr; activity = activity->next) {
    if (activity->node_index() != node) continue;
    if (HasReturned(*activity)) return;  // Its body ends in this very call.
    SetTerminal(node, running_state);
    ReleaseOrderOnly(node);
    const bool slow = running_state == NodeState::kTimedOut;
    return StopActivity(*activity, slow ? Verdict::kFailure : Verdict::kIgnored);
  }
}

void RunBlock::AskToStop(std::uint16_t node) {
  for (Activity* activity = activities_; activity != nullptr; activity = activity->next) {
    if (activity->node_index() == node) return RequestStop(*activity);
  }
}

std::vector<bool> RunBlock::NeededByEffects() const {
  std::vector<bool> needed(plan_->node_count, false);
  for (std::size_t i = plan_->order.size(); i-- > 0;) {
    const std::uint16_t node = plan_->order[i];
    if (plan_->nodes[node].is_effect && !IsTerminal(state(node))) needed[node] = true;
    if (!needed[node]) continue;
    for (const NodeEdge& edge : plan_->info[node].inputs) {
      if (edge.kind != EdgeKind::kOrder) needed[edge.other] = true;
    }
  }
  return needed;
}

// The node's streams learn that it has ended, on either side.
void RunBlock::CloseStreams(std::uint16_t node) {
  const NodeInfo& info = plan_->info[node];
  if (info.end_writer != nullptr) {
    const bool good = HasValue(state(node));
    const NodeError gone{.cause = {.code = ErrorCode::kCancelled,
                                   .detail = "the writer of the stream has not finished"}};
    const NodeError* error = &gone;
    if (last_failure_ != nullptr && last_failure_->node == node) error = &last_failure_->error;
    info.end_writer(slot(plan_->nodes[node].step.slot), good ? nullptr : error);
  }
  for (const NodeEdge& edge : info.inputs) {
    if (edge.kind != EdgeKind::kStream) continue;
    plan_->info[edge.other].close_reader(slot(plan_->nodes[edge.other].step.slot));
    if (IsTerminal(state(edge.other))) continue;
    if (state(edge.other) == NodeState::kPending) {
      Skip(edge.other, NodeState::kSkipped);
    } else {
      AskToStop(edge.other);
    }
  }
}

// Nodes first, in the order of their deadlines, then in that of their beginning.
void RunBlock::TimerFired(Timer& timer, SteadyTime now) {
  RunBlock& run = *static_cast<RunBlock*>(timer.owner);
  run.next_due_ = kNever;
  run.draining_ = true;  // Bodies that end by being stopped only queue.
  while (Activity* const overdue = run.FirstOverdue(now)) {
    const std::uint16_t node = overdue->node_index();
    run.StopActivity(*overdue, Verdict::kFailure);
    run.NodeFailed(node, TimedOut("no answer within the node's timeout"));
  }
  run.draining_ = false;
  if (run.deadline_ <= now) return run.RunTimedOut();
  run.ArmForNext();
  run.Drain();
}

// A node whose own deadline has passed, and whose value is still wanted; null: there is none.
Activity* RunBlock::FirstOverdue(SteadyTime now) const {
  Activity* first = nullptr;
  for (Activity* activity = activities_; activity != nullptr; activity = activity->next) {
    const SteadyTime due = activity->deadline();
    if (due > now || due >= deadline_ || !IsWanted(activity->node_index())) continue;
    if (first == nullptr || due <= first->deadline())
      first = activity;  // The list is newest first.
  }
  return first;
}

void RunBlock::ArmForNext() {
  SteadyTime due = deadline_;
  for (const Activity* activity = activities_; activity != nullptr; activity = activity->next) {
    if (IsWanted(activity->node_index())) due = std::min(due, activity->deadline());
  }
  ArmFor(due);
}

void RunBlock::RunTimedOut() {
  run_timed_out_ = true;
  if (decided_) {  // Effects have no longer than the run.
    CancelRest(NodeState::kTimedOut);
  } else {
    std::unique_ptr<NodeError> error = TimedOut("the run's deadline passed");
    for (std::uint16_t node = 1; node < plan_->node_count && error->node.empty(); ++node) {
      if (state(node) == NodeState::kRunning) error->node = plan_->info[node].name;
    }
    if (!begun_) generation_->runner().Unqueue(*this);
    error_ = std::move(error);
    Decide();
    CancelRest(NodeState::kTimedOut);
  }
  Drain();
}

void RunBlock::Refuse(NodeError error) {
  error_ = std::make_unique<NodeError>(std::move(error));
  Decide();
  CancelRest(NodeState::kCancelled);
  Drain();
}

void RunBlock::Cancel() {
  if (decided_) return;
  if (!begun_) generation_->runner().Unqueue(*this);
  Refuse({.kind = FailureKind::kCancelled,
          .cause = {.code = ErrorCode::kCancelled, .detail = "the run was cancelled"}});
}

void RunBlock::NotifyObserver() {
  observer_->OnEnded(RunView(*this));
}

}  // namespace sluice::dag
