#include "sluice/gateway/forwarder.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "sluice/breaker/acquire_all.h"
#include "sluice/breaker/classify.h"
#include "sluice/gateway/attempt_verdict.h"
#include "sluice/gateway/choose.h"
#include "sluice/gateway/egress_hosts.h"
#include "sluice/gateway/grpc.h"
#include "sluice/gateway/overload.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/upstream_request.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/http1_write.h"

namespace sluice::gateway {
namespace {

const UpstreamPlan& PlanOf(const Exchange& exchange) {
  return *exchange.asked.plan;
}

// Until when this attempt may wait for its response head, if the request is whole.
SteadyTime AttemptDeadline(const Exchange& exchange) {
  if (exchange.asked.deadline != kNever) return exchange.asked.deadline;
  const config::RouteConfig& route = *exchange.route->config;
  SteadyTime deadline = SaturatingAdd(exchange.started, route.timeout);
  if (route.retry && route.retry->per_try_timeout > Nanos(0)) {
    const SteadyTime now = exchange.worker.loop.now();
    deadline = std::min(deadline, SaturatingAdd(now, route.retry->per_try_timeout));
  }
  return deadline;
}

traffic::Selection PickEndpoint(Exchange& exchange) {
  const config::UpstreamConfig& upstream = *PlanOf(exchange).config;
  traffic::PickRequest request{.key_hash = 0, .tried = &exchange.tried};
  if (upstream.hash_on) {
    const KeySource source{exchange.request(), exchange.client_address, exchange.captures,
                           exchange.path};
    request.key_hash = BalanceHash(*upstream.hash_on, source);
  }
  Loop& loop = exchange.worker.loop;
  return exchange.asked.client->balancer.Pick(request, loop.now(), loop.random());
}

// Which of a plan's breakers is asked, and by which key.
breaker::GuardCall CallOf(const Exchange& exchange, const BreakerPlan& plan) {
  if (plan.keyed == nullptr) return {.guard = plan.guard.get(), .request = {}};
  const KeySource source{exchange.request(), exchange.client_address, exchange.captures,
                         exchange.path};
  const std::uint64_t key = RateKeyHash(*plan.key, source, exchange.worker.key_hasher);
  return {.guard = plan.keyed.get(), .request = {.key_hash = key}};
}

// All breakers of the attempt, or none.
Result<void> TakePermits(Exchange& exchange) {
  std::array<breaker::GuardCall, kBreakersMax> calls{};
  exchange.breaker_count = 0;
  for (const BreakerPlan* plan : {&exchange.route->breaker, &PlanOf(exchange).breaker}) {
    // An alternative says nothing about the upstream that the route's breaker watches.
    const bool is_routes = plan == &exchange.route->breaker;
    if (is_routes && exchange.is_substitute) continue;
    if (plan->guard == nullptr && plan->keyed == nullptr) continue;
    calls[exchange.breaker_count] = CallOf(exchange, *plan);
    exchange.classifiers[exchange.breaker_count] = &plan->classify;
    ++exchange.breaker_count;
  }
  if (exchange.breaker_count == 0) return {};
  const breaker::AllDecision decision =
      breaker::AcquireAll(std::span<const breaker::GuardCall>(calls.data(), exchange.breaker_count),
                          exchange.worker.loop.now(), exchange.breaker_permits);
  if (decision.admitted) return {};
  exchange.breaker_count = 0;
  return std::unexpected(Error{.code = decision.refused_by->refusal(),
                               .side = Side::kSelf,
                               .guard = decision.refused_by->kind(),
                               .rule = decision.refused_by->rule(),
                               .retry_after = decision.retry_after});
}

// A later guard refused the attempt.
void RefundBreakers(Exchange& exchange) {
  for (std::size_t i = 0; i < exchange.breaker_count; ++i)
    exchange.breaker_permits[i].Refund(exchange.worker.loop.now());
  exchange.breaker_count = 0;
}

// Tells outlier detection, once an attempt, how its endpoint did.
void JudgeHost(Exchange& exchange, std::optional<breaker::HostVerdict> verdict) {
  const JudgedAttempt judged = std::exchange(exchange.judged, {});
  if (judged.detector == nullptr || !verdict) return;
  judged.detector->Report(exchange.worker.index, judged.slot,
                          {.verdict = *verdict,
                           .duration = exchange.upstream_duration,
                           .started = exchange.upstream_started},
                          exchange.worker.loop.now());
}

void SettleWithError(Exchange& exchange, const Error& error) {
  SettleAttempt(exchange, error);
  JudgeHost(exchange, breaker::HostVerdictOf(error));
  const SteadyTime now = exchange.worker.loop.now();
  const Nanos duration = now - exchange.upstream_started;
  for (std::size_t i = 0; i < exchange.breaker_count; ++i) {
    const Verdict verdict = breaker::ClassifyError(error, *exchange.classifiers[i]);
    exchange.breaker_permits[i].Settle({.verdict = verdict, .duration = duration}, now);
  }
  exchange.breaker_count = 0;
}

Verdict Classify(const AnswerStatus& status,
                 breaker::Refusal refusal,
                 const breaker::ClassifyOptions& options) {
  return status.grpc ? breaker::ClassifyGrpc(*status.grpc, refusal, options)
                     : breaker::ClassifyStatus(status.http, refusal, options);
}

void SettleWithStatus(Exchange& exchange,
                      const wire::ResponseHead& head,
                      const AnswerStatus& status) {
  const breaker::Refusal refusal = RefusalOf(head, status);
  SettleAttempt(exchange, status.judged(), refusal);
  const SteadyTime now = exchange.worker.loop.now();
  JudgeHost(exchange, breaker::HostVerdictOf(status.judged(), refusal));
  for (std::size_t i = 0; i < exchange.breaker_count; ++i) {
    const Verdict verdict = Classify(status, refusal, *exchange.classifiers[i]);
    exchange.breaker_permits[i].Settle({.verdict = verdict, .duration = exchange.upstream_duration},
                                       now);
  }
  exchange.breaker_count = 0;
}

bool IsClosed(const Error& error) {
  return error.code == ErrorCode::kConnectionReset || error.code == ErrorCode::kConnectionClosed;
}

// The error as the client's or the upstream's, whatever the transport called it.
Error Explain(const Exchange& exchange, Error error) {
  if (exchange.body.client_error) return *exchange.body.client_error;
  if (exchange.client_is_gone) {
    return {.code = ErrorCode::kCancelled, .side = Side::kClient, .detail = "the client went away"};
  }
  if (exchange.head_timed_out) {
    return {.code = ErrorCode::kUpstreamTimeout,
            .side = Side::kUpstream,
            .retry = RetryAdvice::kIfIdempotent,
            .detail = "no response within the route's timeout"};
  }
  return error;
}

// Sends the request and begins to pump what is left of its body.
Task<Result<void>> SendRequest(Exchange& exchange, traffic::Lease& lease) {
  traffic::Connection& connection = *lease;
  std::string& output = connection.output();
  Result<void> written = AppendUpstreamRequest(exchange, lease.endpoint(), output);
  if (!written) co_return written;
  const Result<ByteView> prefix = AppendBodyPrefix(exchange, output);
  if (!prefix) co_return std::unexpected(prefix.error());

  const std::array<ByteView, 2> segments = {ByteView(output), *prefix};
  const std::span<const ByteView> list(segments.data(), prefix->empty() ? 1 : 2);
  const SteadyTime deadline = AttemptDeadline(exchange);
  exchange.was_sent = true;
  const Result<void> sent = co_await connection.stream().Send(list, deadline);
  if (!sent) {
    const bool timed_out = sent.error().code == ErrorCode::kTimeout;
    co_return std::unexpected(
        Error{.code = timed_out ? ErrorCode::kUpstreamTimeout : sent.error().code,
              .side = Side::kUpstream,
              .retry = RetryAdvice::kIfIdempotent,
              .detail = "the request could not be sent"});
  }
  if (exchange.body.place == RequestBodyState::Place::kWhole) {
    connection.MarkRequestSent();
    co_return Result<void>();
  }
  if (exchange.request().expects_continue && exchange.body.prefix_bytes == 0) {
    const std::array<ByteView, 1> go_on = {wire::kContinueResponse};
    const SteadyTime client_deadline = exchange.worker.loop.now() + kClientSendMax;
    const Result<void> told = co_await exchange.client->Send(go_on, client_deadline);
    if (!told) exchange.client_is_gone = true;
  }
  StartPump(exchange, connection);
  co_return Result<void>();
}

void FireHeadTimer(Timer& timer, SteadyTime /*now*/) {
  auto* exchange = static_cast<Exchange*>(timer.owner);
  exchange->head_timed_out = true;
  if (exchange->upstream_stream != nullptr) exchange->upstream_stream->Cancel();
}

// With a whole request the deadline is known. With a streamed one the clock starts when the body is
// complete; until then the pump's own bounds end a stalled request. An alternative has no longer
// than its step allows, whatever the body does.
Task<Result<void>> ReceiveHead(Exchange& exchange, traffic::Connection& connection) {
  SteadyTime deadline = AttemptDeadline(exchange);
  const bool is_alternative = exchange.asked.deadline != kNever;
  if (exchange.body.place == RequestBodyState::Place::kStreaming && !is_alternative) {
    deadline = exchange.body.is_pumping
                   ? kNever
                   : SaturatingAdd(exchange.body.completed_at, exchange.route->config->timeout);
  }
  exchange.awaits_head = true;
  Result<void> got = co_await connection.ReceiveHead(exchange.request().method, deadline);
  exchange.awaits_head = false;
  if (exchange.head_timer.armed()) exchange.worker.loop.Disarm(exchange.head_timer);
  co_return got;
}

Task<Result<Response>> FailAttempt(Exchange& exchange, Error error) {
  exchange.upstream_stream = nullptr;
  co_await DetachPump(exchange);
  const Error explained = Explain(exchange, std::move(error));
  if (exchange.stale_connection) {
    for (Permit& permit : exchange.breaker_permits)
      permit = Permit();  // Says nothing of the server.
    exchange.breaker_count = 0;
    exchange.judged = {};
    RefundAttempt(exchange);
  } else {
    SettleWithError(exchange, explained);
  }
  co_return std::unexpected(explained);
}

// The request failed for want of a connection.
void CountLost(const traffic::Selection& selection) {
  selection.CountRequest();
  selection.CountFailure();
}

// A CONNECT: a connection of its own, which no other exchange ever uses.
Task<Result<Response>> OpenTunnel(Exchange& exchange, Response response) {
  Loop& loop = exchange.worker.loop;
  traffic::Selection& selection = response.upstream.selection;
  const Nanos connect_timeout = exchange.asked.client->upstream->options().connect_timeout;
  const SteadyTime deadline = std::min(AttemptDeadline(exchange), loop.now() + connect_timeout);
  const EgressCaller caller{.wake = exchange.wait_ended, .is_gone = exchange.client_is_gone};
  Result<std::unique_ptr<Stream>> stream =
      co_await exchange.worker.egress->Dial(selection->address(), caller, deadline);
  if (!stream) {
    Error error = std::move(stream.error());
    if (error.code == ErrorCode::kTimeout) error.code = ErrorCode::kConnectFailed;
    if (error.side == Side::kUpstream) CountLost(selection);
    Result<Response> failed = co_await FailAttempt(exchange, std::move(error));
    co_return failed;
  }
  selection.CountRequest();
  const traffic::ConnectionLimits limits;
  response.upstream.tunnel =
      std::make_unique<traffic::Connection>(loop, std::move(*stream), limits);
  exchange.upstream_stream = &response.upstream.tunnel->stream();
  exchange.upstream_duration = loop.now() - exchange.upstream_started;
  co_return response;
}

Task<Result<Response>> Attempt(Exchange& exchange) {
  Response response;
  response.upstream.selection = PickEndpoint(exchange);
  traffic::Selection& selection = response.upstream.selection;
  if (!selection) {
    co_return std::unexpected(Error{.code = ErrorCode::kNoEndpoint,
                                    .side = Side::kUpstream,
                                    .detail = "no endpoint of the upstream is available"});
  }
  exchange.tried.Add(*selection);
  if (exchange.asked.tried != nullptr) exchange.asked.tried->Add(*selection);
  const Result<void> permitted = TakePermits(exchange);
  if (!permitted) co_return std::unexpected(permitted.error());
  if (HasAttemptGuards(exchange)) {
    const Result<void> entered = co_await EnterAttempt(exchange);
    if (!entered) {
      RefundBreakers(exchange);
      co_return std::unexpected(entered.error());
    }
  }
  exchange.upstream_label = selection->label();
  exchange.upstream_started = exchange.worker.loop.now();
  exchange.stale_connection = false;
  exchange.judged = {.detector = PlanOf(exchange).outliers.get(), .slot = selection->slot()};
  if (exchange.request().method == wire::Method::kConnect) {
    Result<Response> tunnel = co_await OpenTunnel(exchange, std::move(response));
    co_return tunnel;
  }

  exchange.acquiring.emplace();
  const SteadyTime deadline = AttemptDeadline(exchange);
  Result<traffic::Lease> lease =
      co_await exchange.asked.client->pool.Acquire(*selection, deadline, &*exchange.acquiring);
  exchange.acquiring.reset();
  if (!lease) {
    if (lease.error().side == Side::kUpstream) CountLost(selection);
    Result<Response> failed = co_await FailAttempt(exchange, std::move(lease.error()));
    co_return failed;
  }
  selection.CountRequest();
  response.upstream.lease = std::move(*lease);
  traffic::Connection& connection = *response.upstream.lease;
  exchange.upstream_stream = &connection.stream();

  Result<void> got;
  if (!exchange.client_is_gone) got = co_await SendRequest(exchange, response.upstream.lease);
  if (got && !exchange.client_is_gone) got = co_await ReceiveHead(exchange, connection);
  if (exchange.client_is_gone && got) got = Fail(ErrorCode::kCancelled, "the client went away");
  if (!got) {
    exchange.stale_connection = response.upstream.lease.reused() && !connection.response_begun() &&
                                IsClosed(got.error()) && !exchange.stale_retry_used;
    const bool is_fault = got.error().side == Side::kUpstream && !exchange.stale_connection;
    if (is_fault) selection.CountFailure();
    Result<Response> failed = co_await FailAttempt(exchange, std::move(got.error()));
    co_return failed;
  }
  exchange.upstream_duration = exchange.worker.loop.now() - exchange.upstream_started;
  if (wire::IsSafe(exchange.request().method) ||
      exchange.request().method == wire::Method::kDelete) {
    // A server that ignores the body of such a request would read it as the next one (CL.0).
    if (exchange.request().framing != wire::BodyFraming::kNone) connection.ForbidReuse();
  }
  co_return response;
}

bool Allows(const config::RetryConfig& retry, const Result<Response>& reply) {
  return std::ranges::any_of(retry.on, [&reply](const config::RetryCondition& condition) {
    if (reply) {
      if (!reply->upstream.lease) return false;  // A tunnel.
      return condition.on == config::RetryOn::kStatus &&
             condition.statuses.Contains(reply->upstream.lease->head().status);
    }
    switch (reply.error().code) {
      case ErrorCode::kConnectFailed:
        return condition.on == config::RetryOn::kConnectFailure;
      case ErrorCode::kConnectionReset:
      case ErrorCode::kConnectionClosed:
        return condition.on == config::RetryOn::kReset;
      case ErrorCode::kUpstreamTimeout:
        return condition.on == config::RetryOn::kTimeout;
      default:
        return false;
    }
  });
}

// Whether doing it twice does no harm.
bool IsIdempotent(const Exchange& exchange) {
  return exchange.asked.is_idempotent.value_or(wire::IsIdempotent(exchange.request().method));
}

// May the request be sent again at all, whatever is configured?
bool IsRepeatable(const Exchange& exchange, const Result<Response>& reply) {
  if (exchange.client_is_gone) return false;
  if (exchange.body.place != RequestBodyState::Place::kWhole) {
    // A streamed body is untouched only while no connection was made.
    return !reply && reply.error().retry == RetryAdvice::kSafe;
  }
  if (reply) return IsIdempotent(exchange);
  if (reply.error().retry == RetryAdvice::kSafe) return true;
  return reply.error().retry == RetryAdvice::kIfIdempotent && IsIdempotent(exchange);
}

bool TakeRetry(Exchange& exchange, const Result<Response>& reply) {
  const config::RouteConfig& route = *exchange.route->config;
  if (!route.retry || exchange.counted_attempts >= route.retry->attempts) return false;
  if (!Allows(*route.retry, reply)) return false;
  std::int64_t in_flight = 0;
  for (const traffic::EndpointMember& member :
       exchange.asked.client->upstream->Endpoints()->members) {
    in_flight += member.endpoint->active();
  }
  exchange.retry_token.reset();
  std::optional<limit::RetryBudget::Token> token =
      PlanOf(exchange).retry_budget->TryAcquire(in_flight);
  if (!token) return false;
  exchange.retry_token.emplace(std::move(*token));
  return true;
}

// Waits before the next send; at most until the client goes away, or is sent away by a drain.
Task<void> WaitToRepeat(Exchange& exchange, SteadyTime next) {
  while (!exchange.client_is_gone && exchange.worker.loop.now() < next) {
    co_await exchange.wait_ended.Wait(next);
  }
}

// Exponential, from half to the whole of its length (full waits of many clients would meet again).
Nanos BackoffBefore(Exchange& exchange) {
  const config::RetryBackoff& backoff = exchange.route->config->retry->backoff;
  const auto doublings =
      static_cast<int>(std::min<std::uint32_t>(exchange.counted_attempts - 1, 20));
  const double full = std::min(static_cast<double>(backoff.max.count()),
                               std::ldexp(static_cast<double>(backoff.base.count()), doublings));
  const double part = 0.5 + 0.5 * exchange.worker.loop.random().Unit();
  return Nanos(static_cast<Nanos::rep>(full * part));
}

}  // namespace

Task<Result<Response>> Forward(Exchange& exchange) {
  exchange.head_timer.fire = &FireHeadTimer;
  for (;;) {
    ++exchange.attempts;
    Result<Response> reply = co_await Attempt(exchange);
    NoteAnswer(exchange, reply);
    if (!reply && exchange.attempts == 1 && !reply.error().guard.empty()) co_return reply;
    if (!IsRepeatable(exchange, reply)) co_return reply;
    // Not the upstream's fault, so it is repeated once without asking the budget.
    if (!reply && exchange.stale_connection) {
      exchange.stale_retry_used = true;
      exchange.tried = {};  // The endpoint itself has done nothing wrong.
      continue;
    }
    ++exchange.counted_attempts;
    if (!TakeRetry(exchange, reply)) co_return reply;
    const SteadyTime next = exchange.worker.loop.now() + BackoffBefore(exchange);
    if (next >= SaturatingAdd(exchange.started, exchange.route->config->timeout)) co_return reply;
    if (reply) {
      const wire::ResponseHead& head = reply->upstream.lease->head();
      SettleWithStatus(exchange, head, StatusOf(head));
    }
    exchange.upstream_stream = nullptr;
    reply = Fail(ErrorCode::kCancelled, "repeated");  // Gives the connection back.
    (*exchange.route->stats)[exchange.worker.index]->retries.Add();
    co_await WaitToRepeat(exchange, next);
    if (exchange.client_is_gone) {
      co_return std::unexpected(Explain(exchange, Error{.code = ErrorCode::kCancelled}));
    }
  }
}

bool MaySendAgain(const Exchange& exchange) {
  if (exchange.client_is_gone || exchange.body.client_error) return false;
  if (!exchange.was_sent) return true;
  return exchange.body.place == RequestBodyState::Place::kWhole &&
         wire::IsIdempotent(exchange.request().method);
}

Task<Result<Response>> ForwardAlternative(Exchange& exchange, Alternative alternative) {
  exchange.head_timer.fire = &FireHeadTimer;
  exchange.asked = std::move(alternative);
  exchange.is_substitute = true;
  exchange.head_timed_out = false;
  for (int attempt = 0; attempt < 2; ++attempt) {
    exchange.tried = {};
    if (exchange.asked.tried != nullptr) exchange.tried = *exchange.asked.tried;
    ++exchange.attempts;
    Result<Response> reply = co_await Attempt(exchange);
    // Only the race with its idle timeout, which is nobody's fault, is worth a second try.
    if (reply || !exchange.stale_connection || !IsRepeatable(exchange, reply)) co_return reply;
    exchange.stale_retry_used = true;
  }
  co_return Fail(ErrorCode::kConnectionClosed, "the alternative closed its connection");
}

Task<void> DropResponse(Exchange& exchange, Response& response) {
  const wire::ResponseHead& head = response.upstream.lease->head();
  SettleWithStatus(exchange, head, StatusOf(head));
  exchange.upstream_stream = nullptr;
  co_await DetachPump(exchange);
  response.upstream = UpstreamResponse();
}

void SettleAtHead(Exchange& exchange, const wire::ResponseHead& head) {
  exchange.retry_token.reset();
  SettleWithStatus(exchange, head, StatusOf(head));
  if (head.is_upgrade) RefundLoad(exchange);  // A tunnel is no request any more.
}

void SettleTunnel(Exchange& exchange) {
  exchange.retry_token.reset();
  const wire::ResponseHead established;
  SettleWithStatus(exchange, established, StatusOf(established));
}

void SettlePermits(Exchange& exchange, const Response& response, Delivery delivery) {
  exchange.retry_token.reset();
  if (exchange.breaker_count == 0 && exchange.judged.detector == nullptr &&
      !HoldsAttempt(exchange)) {
    return;
  }
  if (delivery == Delivery::kUpstreamFailed) {
    SettleWithError(exchange, Error{.code = ErrorCode::kConnectionClosed, .side = Side::kUpstream});
    return;
  }
  if (!response.upstream.lease) return;
  traffic::Connection& connection = *response.upstream.lease;
  SettleWithStatus(exchange, connection.head(), StatusOf(connection));
}

}  // namespace sluice::gateway
