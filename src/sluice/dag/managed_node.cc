#include "sluice/dag/managed_node.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "sluice/contract/frame_pool.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {

struct ManagedNode::Attempt : WorkOwner {
  Attempt(ManagedNode& its_node, SteadyTime until, std::uint8_t number)
      : WorkOwner(&BodyFinished),
        node(its_node),
        context(its_node.run(), its_node.loop(), until, its_node.node_index(), number),
        alarm(&AlarmFired, this) {}

  void Settle(Verdict verdict, SteadyTime now) {
    const sluice::Outcome outcome{.verdict = verdict, .duration = now - started};
    for (Permit& permit : permits)
      permit.Settle(outcome, now);
  }
  // The body has not begun: later guards first, as they were asked last.
  void Refund(SteadyTime now) {
    for (std::size_t i = permits.size(); i-- > 0;)
      permits[i].Refund(now);
  }

  ManagedNode& node;
  Context context;
  Timer alarm;  // The end of pacing, then of the attempt's own time.
  std::array<Permit, kGuardsMax> permits;
  SteadyTime started{};
  Attempt* next = nullptr;
  Attempt** link = nullptr;
  bool is_pacing = false;
  bool is_lost = false;  // Its value is not wanted any more; guards know.
};

ManagedNode::ManagedNode(RunBlock& its_run, const NodeRecord& record, SteadyTime until)
    : Activity(its_run, its_run.loop(), until, record.step.node, ActivityKind::kManaged),
      record_(record),
      later_(&LaterFired, this) {}

void ManagedNode::Start(RunBlock& run, const NodeRecord& record) {
  SteadyTime until = run.deadline();
  bool arms = false;
  if (record.timeout != Nanos::max()) {
    const SteadyTime own = SaturatingAdd(run.loop().now(), record.timeout);
    arms = own < until;
    until = std::min(own, until);
  }
  auto* const node = ::new (AllocateFrame(sizeof(ManagedNode))) ManagedNode(run, record, until);
  run.Enter(*node);
  if (arms) run.ArmFor(until);
  if (record.has_streams) run.ReleaseAtStart(record.step.node);
  if (node->policy().retry.max_attempts > 1) run.generation().EarnRetry(record.step.node);
  node->StartRound();
}

void ManagedNode::StartRound() {
  ++rounds_;
  hedged_ = false;
  first_error_ = nullptr;
  if (policy().hedge_after != Nanos::max()) {
    wait_ = Wait::kHedge;
    run().loop().Arm(later_, SaturatingAdd(now(), policy().hedge_after));
  }
  StartAttempt();
}

void ManagedNode::StartAttempt() {
  ++begun_;
  ++running_;
  run().CountAttempt(node_index());
  auto* const attempt = ::new (AllocateFrame(sizeof(Attempt))) Attempt(*this, deadline(), begun_);
  attempt->next = attempts_;
  attempt->link = &attempts_;
  if (attempts_ != nullptr) attempts_->link = &attempt->next;
  attempts_ = attempt;

  Nanos wait{0};
  if (std::unique_ptr<NodeError> refusal = AskGuards(*attempt, wait)) {
    const int number = attempt->context.attempt();
    Forget(*attempt);
    return AttemptFailed(number, std::move(refusal));
  }
  if (wait > Nanos(0)) {
    attempt->is_pacing = true;
    run().loop().Arm(attempt->alarm, SaturatingAdd(now(), wait));
    return;
  }
  RunBody(*attempt);
}

// Null: all let it in, after `wait`.
std::unique_ptr<NodeError> ManagedNode::AskGuards(Attempt& attempt, Nanos& wait) {
  const Policy& policy = this->policy();
  const GuardRequest request{.key_hash = policy.guard_key_hash, .deadline = deadline()};
  for (std::size_t i = 0; i < policy.guards.size(); ++i) {
    Guard& guard = *policy.guards[i];
    GuardDecision decision = guard.Acquire(request, now());
    if (!decision.admitted) {
      attempt.Refund(now());
      return std::make_unique<NodeError>(
          NodeError{.kind = FailureKind::kRejected,
                    .cause = {.code = guard.refusal(),
                              .retry = RetryAdvice::kSafe,
                              .guard = guard.kind(),
                              .rule = guard.rule(),
                              .retry_after = std::max(decision.retry_after, Nanos(0))}});
    }
    wait = std::max(wait, decision.wait);
    attempt.permits[i] = std::move(decision.permit);
  }
  return nullptr;
}

// May free this: the body may end within the call.
void ManagedNode::RunBody(Attempt& attempt) {
  attempt.started = now();
  if (policy().attempt_timeout != Nanos::max()) {
    run().loop().Arm(attempt.alarm, SaturatingAdd(attempt.started, policy().attempt_timeout));
  }
  attempt.slot = run().slot(record_.step.slot);
  attempt.optional_slot = record_.is_optional;
  if (record_.kind == NodeKind::kAsync) return record_.start(record_, attempt.context, attempt);
  if (record_.step.call(record_.step, run())) {
    attempt.end = WorkOwner::End::kValue;
  } else {
    attempt.failure = run().TakeStepFailure();
    attempt.end = WorkOwner::End::kFailure;
  }
  BodyFinished(attempt);
}

void ManagedNode::BodyFinished(WorkOwner& owner) {
  auto& attempt = static_cast<Attempt&>(owner);
  ManagedNode& node = attempt.node;
  RunBlock& run = node.run();
  if (attempt.is_lost) {
    if (attempt.end == WorkOwner::End::kDropped) run.CountLateResult();
    node.Forget(attempt);
    node.FreeIfDone();
    return run.Drain();
  }
  const bool good = attempt.end == WorkOwner::End::kValue;
  attempt.Settle(good ? Verdict::kSuccess : Verdict::kFailure, node.now());
  std::unique_ptr<NodeError> failure = std::move(attempt.failure);
  const int number = attempt.context.attempt();
  node.Forget(attempt);
  if (good) {
    node.Succeed();
  } else {
    node.AttemptFailed(number, std::move(failure));
  }
  run.Drain();
}

void ManagedNode::AttemptFailed(int number, std::unique_ptr<NodeError> error) {
  --running_;
  if (first_error_ == nullptr || number < first_error_number_) {
    first_error_ = std::move(error);
    first_error_number_ = number;
  }
  if (running_ > 0) return;  // The other attempt of the round may bring it.
  RoundFailed(std::move(first_error_));
}

void ManagedNode::RoundFailed(std::unique_ptr<NodeError> error) {
  run().loop().Disarm(later_);
  wait_ = Wait::kNothing;
  const RetryPolicy& retry = policy().retry;
  const bool worth = error->kind != FailureKind::kRejected || retry.retry_rejected;
  if (rounds_ >= retry.max_attempts || !worth || (retry.retry_if && !retry.retry_if(*error)) ||
      !run().generation().SpendRetry(node_index())) {
    return Fail(std::move(error));
  }
  // A pause that ends after the node's deadline ends by it.
  const double factor = std::pow(retry.backoff_factor, rounds_ - 1);
  double pause = std::min(static_cast<double>(retry.backoff.count()) * factor,
                          static_cast<double>(retry.backoff_max.count()));
  if (retry.jitter > 0) pause *= 1 - retry.jitter * run().loop().random().Unit();
  wait_ = Wait::kBackoff;
  run().loop().Arm(later_, SaturatingAdd(now(), Nanos(static_cast<std::int64_t>(pause))));
}

void ManagedNode::LaterFired(Timer& timer, SteadyTime /*now*/) {
  auto& self = *static_cast<ManagedNode*>(timer.owner);
  RunBlock& its_run = self.run();
  const Wait wait = std::exchange(self.wait_, Wait::kNothing);
  if (wait == Wait::kBackoff) {
    self.StartRound();
  } else if (wait == Wait::kHedge && !self.hedged_) {
    self.hedged_ = true;
    self.StartAttempt();
  }
  its_run.Drain();
}

void ManagedNode::AlarmFired(Timer& timer, SteadyTime /*now*/) {
  auto& attempt = *static_cast<Attempt*>(timer.owner);
  ManagedNode& self = attempt.node;
  RunBlock& its_run = self.run();
  if (attempt.is_pacing) {
    attempt.is_pacing = false;
    self.RunBody(attempt);
  } else if (!attempt.is_lost) {
    const int number = attempt.context.attempt();
    self.GiveUp(attempt, Verdict::kFailure);
    self.AttemptFailed(
        number, std::make_unique<NodeError>(
                    NodeError{.kind = FailureKind::kTimedOut,
                              .cause = {.code = ErrorCode::kTimeout,
                                        .detail = "no answer within the timeout of an attempt"}}));
  }
  its_run.Drain();
}

// Nobody wants the attempt's value any more; its body ends when it likes.
void ManagedNode::GiveUp(Attempt& attempt, Verdict verdict) {
  if (attempt.is_lost) return;
  if (attempt.is_pacing) {
    attempt.Refund(now());
    return Forget(attempt);
  }
  attempt.is_lost = true;
  attempt.accepts = false;
  attempt.Settle(verdict, now());
  run().loop().Disarm(attempt.alarm);
  if (!record_.never_once_started) attempt.context.RequestStop();
}

void ManagedNode::Abandon(Verdict verdict) {
  is_settled_ = true;
  run().loop().Disarm(later_);
  wait_ = Wait::kNothing;
  for (Attempt* attempt = attempts_; attempt != nullptr;) {
    Attempt* const following = attempt->next;
    GiveUp(*attempt, verdict);
    attempt = following;
  }
  FreeIfDone();
}

void ManagedNode::StopAttempts() {
  for (Attempt* attempt = attempts_; attempt != nullptr; attempt = attempt->next) {
    attempt->context.RequestStop();
  }
}

bool ManagedNode::has_returned() const {
  for (const Attempt* attempt = attempts_; attempt != nullptr; attempt = attempt->next) {
    if (!attempt->is_lost && attempt->end == WorkOwner::End::kValue) return true;
  }
  return false;
}

void ManagedNode::Succeed() {
  RunBlock& its_run = run();
  const std::uint16_t its_node = node_index();
  Abandon(Verdict::kIgnored);  // The other attempt lost; may free this.
  its_run.NodeSucceeded(its_node);
}

void ManagedNode::Fail(std::unique_ptr<NodeError> error) {
  RunBlock& its_run = run();
  const std::uint16_t its_node = node_index();
  Abandon(Verdict::kIgnored);
  its_run.NodeFailed(its_node, std::move(error));
}

void ManagedNode::Forget(Attempt& attempt) {
  run().loop().Disarm(attempt.alarm);
  *attempt.link = attempt.next;
  if (attempt.next != nullptr) attempt.next->link = attempt.link;
  attempt.~Attempt();
  FreeFrame(&attempt, sizeof(Attempt));
}

void ManagedNode::FreeIfDone() {
  if (attempts_ != nullptr || !is_settled_) return;
  run().Leave(*this);
  this->~ManagedNode();
  FreeFrame(this, sizeof(ManagedNode));
}

}  // namespace sluice::dag
