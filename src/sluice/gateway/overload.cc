#include "sluice/gateway/overload.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sluice/gateway/attempt_verdict.h"
#include "sluice/gateway/grpc.h"
#include "sluice/gateway/priority.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

const UpstreamPlan& AskedPlan(const Exchange& exchange) {
  return *exchange.asked.plan;
}

std::unexpected<Error> Refuse(Exchange& exchange,
                              std::string_view guard,
                              std::string_view rule,
                              std::int64_t status) {
  exchange.refusal_status = static_cast<int>(status);
  return std::unexpected(
      Error{.code = ErrorCode::kOverloaded, .side = Side::kSelf, .guard = guard, .rule = rule});
}

std::unexpected<Error> ClientIsGone() {
  return std::unexpected(Error{.code = ErrorCode::kCancelled,
                               .side = Side::kClient,
                               .detail = "the client went away while it waited"});
}

double ActivationOf(const Snapshot& snapshot, limit::ResourceAction action) {
  const OverloadPlan& plan = snapshot.overload;
  if (plan.state == nullptr || plan.config->mode != GuardMode::kEnforce) return 0;
  return plan.state->resources.activation(action);
}

// In shadow nobody is refused, but counted.
Result<void> AskResources(Exchange& exchange) {
  constexpr limit::ResourceAction kRefuse = limit::ResourceAction::kRefuseRequests;
  const OverloadPlan& plan = exchange.snapshot->snapshot->overload;
  if (plan.config->mode == GuardMode::kDisabled) return {};
  const double activation = plan.state->resources.activation(kRefuse);
  if (activation <= 0 || !exchange.worker.loop.random().Strikes(activation)) {
    if (!plan.triggers.empty()) plan.state->resources_passed.Add(limit::DecisionKind::kAllowed);
    return {};
  }
  const limit::ResourceMonitor cause = plan.state->resources.cause(kRefuse);
  limit::DecisionCounts& counts = plan.state->resource_refusals[static_cast<std::size_t>(cause)];
  if (plan.config->mode == GuardMode::kShadow) {
    counts.Add(limit::DecisionKind::kWouldDeny);
    return {};
  }
  counts.Add(limit::DecisionKind::kDenied);
  return Refuse(exchange, "system", NameOf(cause), plan.config->status);
}

// (1) The machine, and (2) by priority.
Result<void> AskGateway(Exchange& exchange) {
  const OverloadPlan& plan = exchange.snapshot->snapshot->overload;
  OverloadState& state = *plan.state;
  const Result<void> has_room = AskResources(exchange);
  if (!has_room) return has_room;
  limit::SystemDecision system = state.system->Decide(exchange.worker.loop.now());
  if (!system.admitted) {
    return Refuse(exchange, "system", NameOf(system.rule), plan.config->status);
  }
  if (!state.gate.Decide(LevelOf(exchange)).admitted) {
    system.permit.Refund(exchange.worker.loop.now());
    exchange.shed_cause = NameOf(state.gate_cause.load(std::memory_order_relaxed));
    return Refuse(exchange, "overload", "shed", plan.config->status);
  }
  exchange.load_permits[exchange.load_count++] = std::move(system.permit);
  return {};
}

std::uint32_t PartitionOf(const Exchange& exchange, const ConcurrencyPlan& plan) {
  const limit::ConcurrencyLimit& limit = *plan.state->limit;
  if (limit.partitions().empty()) return limit::Partitions::kNone;
  if (!plan.config->partition_by) return limit.PartitionOf(exchange.route->config->name);
  const config::HashOn& key = *plan.config->partition_by;
  const wire::RequestHead& head = exchange.request();
  switch (key.kind) {
    case config::HashOnKind::kHeader: {
      const wire::HeaderField* field = head.headers.Find(key.name);
      return field == nullptr ? limit::Partitions::kNone : limit.PartitionOf(field->value);
    }
    case config::HashOnKind::kCookie:
      return limit.PartitionOf(CookieValue(head, key.name));
    case config::HashOnKind::kPath:
      return limit.PartitionOf(exchange.path);
    case config::HashOnKind::kSourceIp:
      return limit.PartitionOf(exchange.client_text);
  }
  return limit::Partitions::kNone;
}

// A slot of one limit: at once, after a wait, or not at all.
Task<Result<void>> EnterLimit(Exchange& exchange, const ConcurrencyPlan& plan, Permit& held) {
  const OverloadPlan& overload = exchange.snapshot->snapshot->overload;
  limit::ConcurrencyLimit& limit = *plan.state->limit;
  const std::uint32_t level = LevelOf(exchange);
  if (overload.sheds_by_concurrency && !plan.state->gate.Decide(level).admitted) {
    exchange.shed_cause = NameOf(ShedCause::kConcurrency);
    co_return Refuse(exchange, "overload", plan.config->name, overload.config->status);
  }
  const std::uint32_t partition = PartitionOf(exchange, plan);
  limit::ConcurrencyDecision decision =
      exchange.admission_wait.Enter(limit, limit::CriticalityOf(level), partition);
  if (decision.kind == limit::ConcurrencyDecision::Kind::kWaits) {
    const SteadyTime deadline = std::min(
        SaturatingAdd(exchange.started, exchange.route->config->timeout), exchange.asked.deadline);
    decision.permit = co_await exchange.admission_wait.Granted(limit, deadline);
    if (exchange.client_is_gone) co_return ClientIsGone();
    if (decision.permit) decision.kind = limit::ConcurrencyDecision::Kind::kAdmitted;
  }
  if (decision.kind != limit::ConcurrencyDecision::Kind::kAdmitted) {
    co_return Refuse(exchange, "concurrency", plan.config->name, plan.config->status);
  }
  held = std::move(decision.permit);
  co_return Result<void>();
}

// Of an answer that goes to the client: the upstream's, or a flow's.
Verdict LimitVerdictOf(const Exchange& exchange, const Response& response) {
  if (!response.upstream.lease) return LimitVerdict(exchange.status, breaker::Refusal::kNone);
  traffic::Connection& connection = *response.upstream.lease;
  const AnswerStatus status = StatusOf(connection);
  return LimitVerdict(status.judged(), RefusalOf(connection.head(), status));
}

void SettleAttemptAs(Exchange& exchange, Verdict throttle, Verdict limit, Nanos duration) {
  const SteadyTime now = exchange.worker.loop.now();
  for (Permit& permit : exchange.throttle_permits)
    permit.Settle({.verdict = throttle, .duration = duration}, now);
  for (std::size_t i = 0; i < exchange.attempt_count; ++i)
    exchange.attempt_permits[i].Settle({.verdict = limit, .duration = duration}, now);
  exchange.attempt_count = 0;
}

Result<void> AskThrottles(Exchange& exchange) {
  std::size_t count = 0;
  for (const ThrottlePlan* plan : {&exchange.route->throttle, &AskedPlan(exchange).throttle}) {
    if (plan->guard == nullptr) continue;
    Loop& loop = exchange.worker.loop;
    limit::ThrottleDecision decision = plan->guard->Decide(loop.random().Unit(), loop.now());
    if (!decision.admitted) {
      RefundAttempt(exchange);
      return Refuse(exchange, "admission_control", plan->guard->rule(), plan->status);
    }
    exchange.throttle_permits[count++] = std::move(decision.permit);
  }
  return {};
}

}  // namespace

Nanos TimeoutUnderLoad(const Snapshot& snapshot, Nanos full) {
  const double activation = ActivationOf(snapshot, limit::ResourceAction::kReduceTimeouts);
  if (activation <= 0) return full;
  return limit::ReducedTimeout(full, snapshot.overload.timeout_min, activation);
}

bool EndsConnections(const Snapshot& snapshot) {
  return ActivationOf(snapshot, limit::ResourceAction::kDisableKeepalive) > 0;
}

bool StopsAccepting(const Snapshot& snapshot) {
  return ActivationOf(snapshot, limit::ResourceAction::kStopAccepting) >= 1;
}

bool MayResetStreams(const Snapshot& snapshot) {
  constexpr limit::ResourceAction kReset = limit::ResourceAction::kResetStreams;
  return std::ranges::find(snapshot.overload.triggers, kReset, &limit::ResourceTrigger::action) !=
         snapshot.overload.triggers.end();
}

double StreamResetRatio(const Snapshot& snapshot) {
  return ActivationOf(snapshot, limit::ResourceAction::kResetStreams);
}

bool HasLoadGuards(const Exchange& exchange) {
  return exchange.snapshot->snapshot->overload.config != nullptr ||
         !exchange.route->concurrency_limits.empty();
}

Task<Result<void>> AdmitUnderLoad(Exchange& exchange) {
  const Snapshot& snapshot = *exchange.snapshot->snapshot;
  if (snapshot.overload.config != nullptr) {
    const Result<void> asked = AskGateway(exchange);
    if (!asked) co_return asked;
  }
  for (const std::size_t index : exchange.route->concurrency_limits) {
    Permit& held = exchange.load_permits[exchange.load_count];
    const Result<void> entered =
        co_await EnterLimit(exchange, snapshot.concurrency_limits[index], held);
    if (!entered) {
      RefundLoad(exchange);
      co_return entered;
    }
    ++exchange.load_count;
  }
  exchange.entered = exchange.worker.loop.now();
  co_return Result<void>();
}

void SettleLoad(Exchange& exchange, const Response& response, Delivery delivery) {
  if (exchange.load_count == 0) return;
  Outcome outcome;
  if (exchange.reason == Reason::kUpstreamTimeout) {
    outcome.verdict = Verdict::kFailure;
  } else if ((!response.is_local() || response.local.flow != nullptr) &&
             delivery == Delivery::kDelivered) {
    outcome.verdict = LimitVerdictOf(exchange, response);
    // Until the response head: how fast the client takes the body is not the upstream's doing.
    outcome.duration = exchange.upstream_started + exchange.upstream_duration - exchange.entered;
  }
  const SteadyTime now = exchange.worker.loop.now();
  while (exchange.load_count > 0)
    exchange.load_permits[--exchange.load_count].Settle(outcome, now);
}

void RefundLoad(Exchange& exchange) {
  const SteadyTime now = exchange.worker.loop.now();
  while (exchange.load_count > 0)
    exchange.load_permits[--exchange.load_count].Refund(now);
}

bool HasAttemptGuards(const Exchange& exchange) {
  const UpstreamPlan& upstream = AskedPlan(exchange);
  return !upstream.concurrency_limits.empty() || upstream.throttle.guard != nullptr ||
         exchange.route->throttle.guard != nullptr;
}

Task<Result<void>> EnterAttempt(Exchange& exchange) {
  const Result<void> asked = AskThrottles(exchange);
  if (!asked) co_return asked;
  for (const std::size_t index : AskedPlan(exchange).concurrency_limits) {
    Permit& held = exchange.attempt_permits[exchange.attempt_count];
    const ConcurrencyPlan& plan = exchange.snapshot->snapshot->concurrency_limits[index];
    const Result<void> entered = co_await EnterLimit(exchange, plan, held);
    if (!entered) {
      RefundAttempt(exchange);
      co_return entered;
    }
    ++exchange.attempt_count;
  }
  co_return Result<void>();
}

bool HoldsAttempt(const Exchange& exchange) {
  return exchange.attempt_count > 0 ||
         std::ranges::any_of(exchange.throttle_permits,
                             [](const Permit& permit) { return static_cast<bool>(permit); });
}

void SettleAttempt(Exchange& exchange, const Error& error) {
  const bool is_timeout = error.code == ErrorCode::kUpstreamTimeout;
  SettleAttemptAs(exchange, ThrottleVerdict(error),
                  is_timeout ? Verdict::kFailure : Verdict::kIgnored, Nanos(0));
}

void SettleAttempt(Exchange& exchange, int status, breaker::Refusal refusal) {
  SettleAttemptAs(exchange, ThrottleVerdict(status, refusal), LimitVerdict(status, refusal),
                  exchange.upstream_duration);
}

void RefundAttempt(Exchange& exchange) {
  const SteadyTime now = exchange.worker.loop.now();
  for (Permit& permit : exchange.throttle_permits)
    permit.Refund(now);
  for (std::size_t i = 0; i < exchange.attempt_count; ++i)
    exchange.attempt_permits[i].Refund(now);
  exchange.attempt_count = 0;
}

}  // namespace sluice::gateway
