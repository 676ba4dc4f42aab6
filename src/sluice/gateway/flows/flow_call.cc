#include "sluice/gateway/flows/flow_call.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/flows/call_request.h"
#include "sluice/gateway/flows/flow_runner.h"
#include "sluice/gateway/flows/flow_scope.h"
#include "sluice/gateway/flows/item_calls.h"
#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/forwarder.h"
#include "sluice/gateway/piece_gather.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/path.h"

namespace sluice::gateway::flows {
namespace {

// An upstream may be silent this long in the middle of a body, as in a proxied answer.
constexpr Nanos kBodySilenceMax = std::chrono::seconds(60);
constexpr int kFailureFirst = 400;

Error BadAnswer(std::string detail) {
  return {.code = ErrorCode::kBadResponse, .side = Side::kUpstream, .detail = std::move(detail)};
}

// Fills in what a session would have: the head that was read, who asks, which snapshot serves.
Result<void> FillExchange(const FlowRun& run, const CallRequest& request, Exchange& exchange) {
  exchange.snapshot = SnapshotUse(*run.snapshot);
  exchange.listener = run.listener;
  exchange.route = run.route;
  const Result<wire::HeadProgress> read = exchange.reader.Feed(request.head);
  if (!read || !read->complete) {
    return std::unexpected(BadAnswer(fmt::format("the call's head cannot be written: {}",
                                                 read ? "incomplete" : read.error().detail)));
  }
  exchange.received = request.body;
  const Result<void> body = BeginRequestBody(exchange);
  if (!body) return body;
  const Result<std::string_view> path =
      wire::NormalizePath(exchange.request().path, exchange.path_scratch);
  if (!path) return std::unexpected(BadAnswer(path.error().detail));
  exchange.path = *path;
  exchange.peer_is_trusted = true;  // The head is the gateway's own.
  exchange.client_address = run.client_address;
  exchange.client_text = run.client_text;
  exchange.forwarded_for = run.forwarded_for;
  exchange.level = run.level;
  exchange.started = exchange.worker.loop.now();
  exchange.started_wall = run.started_wall;
  if (run.trace) {
    wire::AppendTraceParent(wire::ChildOf(*run.trace, exchange.worker.loop.random()),
                            exchange.trace_parent);
  }
  return {};
}

// Told by the engine that nobody waits any more.
class CallStop final : public dag::StopListener {
 public:
  explicit CallStop(FlowCall& call) : StopListener(&Stopped), call_(call) {}

 private:
  static void Stopped(StopListener& self) { static_cast<CallStop&>(self).call_.Stop(); }
  FlowCall& call_;
};

}  // namespace

void FlowCall::Stop() {
  is_stopped_ = true;
  if (exchange_ == nullptr) return;
  run_.was_sent = run_.was_sent || exchange_->was_sent;  // The run may be over before the call is.
  if (exchange_->worker.loop.now() < deadline_) return exchange_->GiveUp();
  // Both clocks end at once; the guards must hear of a timeout, and not that we lost interest.
  exchange_->head_timed_out = true;
  if (exchange_->acquiring) exchange_->acquiring->Cancel();
  if (exchange_->upstream_stream != nullptr) exchange_->upstream_stream->Cancel();
}

bool FlowCall::Retries(config::RetryOn on, int status) const {
  if (!node_.config->retry) return false;
  return std::ranges::any_of(
      node_.config->retry->on, [on, status](const config::RetryCondition& condition) {
        if (condition.on != on) return false;
        return on != config::RetryOn::kStatus || condition.statuses.Contains(status);
      });
}

// With the advice that the node's policy gives.
Error FlowCall::Explained(Error error) const {
  bool retries = false;
  switch (error.code) {
    case ErrorCode::kConnectFailed:
      retries = Retries(config::RetryOn::kConnectFailure, 0);
      break;
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
      retries = Retries(config::RetryOn::kReset, 0);
      break;
    case ErrorCode::kUpstreamTimeout:
      retries = Retries(config::RetryOn::kTimeout, 0);
      break;
    default:
      break;
  }
  error.retry = retries ? RetryAdvice::kIfIdempotent : RetryAdvice::kUnsafe;
  return error;
}

Task<Result<Answer>> FlowCall::Make(Scope& scope) {
  FlowRunner& runner = *run_.runner;
  std::unique_ptr<Exchange> exchange = runner.TakeExchange();
  exchange_ = exchange.get();
  is_stopped_ = is_stopped_ || runner.is_stopping();
  runner.Enter(*this);
  Result<Answer> answer = Fail(ErrorCode::kCancelled, "stopped before it was sent");
  const SteadyTime now = exchange->worker.loop.now();
  const Result<CallRequest> request =
      MakeCallRequest(run_, node_, scope, std::max(Nanos(0), deadline_ - now), key_);
  if (request) {
    const Result<void> filled = FillExchange(run_, *request, *exchange);
    if (!filled) {
      answer = std::unexpected(filled.error());
    } else if (!is_stopped_) {
      answer = co_await Exchanged();
    }
  } else {
    answer = std::unexpected(request.error());
  }
  run_.was_sent = run_.was_sent || exchange->was_sent;
  exchange_ = nullptr;
  runner.Leave(*this);
  runner.GiveBack(std::move(exchange));
  co_return answer;
}

Task<Result<Answer>> FlowCall::Exchanged() {
  const bool is_one_of_many = node_.items.has_value();  // Elements have nothing to do with another.
  const AskedUpstream asked{.plan = &run_.snapshot->snapshot->upstreams[node_.upstream],
                            .client = run_.snapshot->clients[node_.upstream],
                            .deadline = deadline_,
                            .pin = nullptr,
                            .tried = is_one_of_many ? nullptr : &run_.tried[node_.index],
                            .is_idempotent = node_.is_idempotent};
  Result<Response> reply = co_await ForwardAlternative(*exchange_, asked);
  if (!reply) co_return std::unexpected(Explained(std::move(reply.error())));
  const wire::ResponseHead& head = reply->upstream.lease->head();
  const int status = head.status;
  Answer answer{.status = status};
  for (const std::string& name : node_.wanted_headers) {
    const wire::HeaderField* const field = head.headers.Find(name);
    if (field != nullptr) answer.headers.emplace_back(name, std::string(field->value));
  }
  const Result<void> read = co_await ReadBody(*reply, answer);
  const bool is_too_long = answer.body.size() > node_.config->max_answer_bytes;
  const bool is_broken = !read && !is_too_long && !exchange_->client_is_gone;
  SettlePermits(*exchange_, *reply, is_broken ? Delivery::kUpstreamFailed : Delivery::kDelivered);
  exchange_->upstream_stream = nullptr;
  if (!read) co_return std::unexpected(Explained(read.error()));
  co_return Judge(std::move(answer), status);
}

// The whole body, within its bound and the call's time.
Task<Result<void>> FlowCall::ReadBody(Response& response, Answer& answer) {
  traffic::Connection& connection = *response.upstream.lease;
  if (connection.head().is_upgrade) {
    connection.ForbidReuse();
    co_return std::unexpected(BadAnswer("the upstream changed the protocol, unasked"));
  }
  Loop& loop = exchange_->worker.loop;
  std::string scratch;
  ByteView view = connection.leftover();
  for (bool is_first = true;; is_first = false) {
    const Result<Gathered> content = Gather(connection.decoder(), view, scratch);
    if (!content) co_return std::unexpected(content.error());
    if (content->finished && content->consumed < view.size()) connection.ForbidReuse();
    answer.body += content->data;
    if (is_first) connection.ReleaseLeftover();
    if (answer.body.size() > node_.config->max_answer_bytes) {
      connection.ForbidReuse();
      run_.runner->CountTooLarge(node_.index);
      co_return std::unexpected(BadAnswer(
          fmt::format("the answer has more than {} bytes", node_.config->max_answer_bytes)));
    }
    if (content->finished) co_return Result<void>();
    const SteadyTime until = std::min(deadline_, SaturatingAdd(loop.now(), kBodySilenceMax));
    const Result<ByteView> got = co_await connection.stream().Receive(until);
    if (!got) {
      const bool is_late = exchange_->head_timed_out || loop.now() >= deadline_;
      co_return std::unexpected(
          Error{.code = is_late ? ErrorCode::kUpstreamTimeout : got.error().code,
                .side = Side::kUpstream,
                .detail = "the answer's body broke off"});
    }
    if (got->empty()) co_return connection.decoder().FinishAtClose();
    view = *got;
  }
}

// An answer with a good status that can be read, or why it is none.
Result<Answer> FlowCall::Judge(Answer answer, int status) const {
  const auto accepts = [status](const config::StatusRange& range) {
    return range.Contains(status);
  };
  if (status >= kFailureFirst && !std::ranges::any_of(node_.config->accept, accepts)) {
    Error error = BadAnswer(fmt::format("answered {}", status));
    if (Retries(config::RetryOn::kStatus, status)) error.retry = RetryAdvice::kIfIdempotent;
    return std::unexpected(std::move(error));
  }
  if (!node_.wants_json || answer.body.empty() || IsJson(answer.body)) return answer;
  return std::unexpected(BadAnswer(fmt::format("answered {} with no JSON", status)));
}

SteadyTime AttemptDeadline(const FlowNode& node, const dag::Context& context) {
  const std::optional<config::RetryConfig>& retry = node.config->retry;
  if (!retry || retry->per_try_timeout == Nanos(0)) return context.deadline();
  return std::min(context.deadline(), SaturatingAdd(context.now(), retry->per_try_timeout));
}

bool IsWorthRetrying(const dag::NodeError& error) {
  return error.cause.retry != RetryAdvice::kUnsafe;
}

namespace {

// An attempt beyond the first needs a place in the upstream's budget: nothing when it has none.
std::optional<limit::RetryBudget::Token> TakeRetryToken(const FlowRun& run, const FlowNode& node) {
  std::int64_t in_flight = 0;
  const auto endpoints = run.snapshot->clients[node.upstream]->upstream->Endpoints();
  for (const traffic::EndpointMember& member : endpoints->members)
    in_flight += member.endpoint->active();
  return run.snapshot->snapshot->upstreams[node.upstream].retry_budget->TryAcquire(in_flight);
}

Task<Result<FlowValue>> CallOnce(const FlowNode& node,
                                 dag::Context& context,
                                 dag::Inputs<FlowValue> inputs) {
  FlowRun& run = *inputs[0].run;
  FlowScope scope(run, node.inputs, inputs);
  FlowCall call(run, node, AttemptDeadline(node, context), context.idempotency_key());
  CallStop stop(call);
  context.Listen(stop);
  Result<Answer> answer = co_await call.Make(scope);
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  FlowValue value;
  value.answer = std::make_shared<const Answer>(std::move(*answer));
  co_return value;
}

}  // namespace

dag::Work<FlowValue> CallNode(const FlowNode& node,
                              dag::Context& context,
                              dag::Inputs<FlowValue> inputs) {
  const std::shared_ptr<FlowRun> run = inputs[0].run;
  std::optional<limit::RetryBudget::Token> token;
  if (context.attempt() > 1) {
    token = TakeRetryToken(*run, node);
    std::optional<Error>& last = run->last_errors[node.index];
    if (!token) {
      Error error = last.value_or(Error{.code = ErrorCode::kOverloaded,
                                        .detail = "the retry budget of its upstream is spent"});
      error.retry = RetryAdvice::kUnsafe;
      co_return std::unexpected(std::move(error));
    }
  }
  Task<Result<FlowValue>> task =
      node.items ? CallForEach(node, context, inputs) : CallOnce(node, context, inputs);
  Result<FlowValue> value = co_await task;
  if (!value) run->last_errors[node.index] = value.error();
  co_return value;
}

}  // namespace sluice::gateway::flows
