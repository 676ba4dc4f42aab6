#include "sluice/gateway/flows/run_flow.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/gateway/flows/call_request.h"
#include "sluice/gateway/flows/flow_reply.h"
#include "sluice/gateway/flows/flow_run.h"
#include "sluice/gateway/flows/flow_runner.h"
#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/priority.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/percent.h"

namespace sluice::gateway::flows {
namespace {

constexpr std::string_view kGuard = "flow";
constexpr int kLoopDetected = 508;  // RFC 5842 section 7.2.
constexpr Nanos kNoRetryAfter{-1};  // See degrade::HasRetryAfter().

std::optional<std::uint32_t> ReadNumber(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// What is no number has come through more flows than anybody can tell.
std::uint32_t HopsOf(const wire::RequestHead& head) {
  const wire::HeaderField* const field = head.headers.Find(kHopsField);
  if (field == nullptr) return 0;
  return ReadNumber(field->value).value_or(kFlowHopsMax);
}

// As for a proxied request: a body that came slowly has not used up the time.
SteadyTime DeadlineOf(const Exchange& exchange) {
  const bool was_streamed = exchange.body.place == RequestBodyState::Place::kStreaming;
  const SteadyTime from = was_streamed ? exchange.body.completed_at : exchange.started;
  SteadyTime deadline = SaturatingAdd(from, exchange.route->config->timeout);
  const wire::HeaderField* const field = exchange.request().headers.Find(kTimeoutField);
  if (field == nullptr) return deadline;
  if (const std::optional<std::uint32_t> millis = ReadNumber(field->value)) {
    deadline = std::min(deadline, from + std::chrono::milliseconds(*millis));
  }
  return deadline;
}

// What a segment of a path says. It is in normal form, so every '%' begins an escape.
std::string Decoded(std::string_view segment) {
  std::string decoded;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const int byte = segment[i] == '%' ? wire::DecodeEscape(segment.substr(i)) : -1;
    decoded += byte < 0 ? segment[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return decoded;
}

// Copies what outlives the exchange.
std::shared_ptr<FlowRun> MakeRun(Exchange& exchange, FlowRunner& runner, std::string body) {
  const wire::RequestHead& head = exchange.request();
  const FlowPlan& plan = runner.plan();
  auto run = std::make_shared<FlowRun>();
  run->runner = &runner;
  run->plan = &plan;
  run->snapshot = SnapshotUse(*exchange.snapshot);
  run->route = exchange.route;
  run->listener = exchange.listener;
  run->method = head.method_text;
  run->path = exchange.path;
  run->query = head.query;
  run->authority = head.authority;
  for (const std::string& name : plan.request_headers()) {
    const wire::HeaderField* const field = head.headers.Find(name);
    if (field != nullptr) run->headers.emplace_back(name, std::string(field->value));
  }
  for (const std::string& name : plan.captures())
    run->captures.emplace_back(name, Decoded(exchange.captures.Find(name)));
  run->body = std::move(body);
  run->client_address = exchange.client_address;
  run->client_text = exchange.client_text;
  run->forwarded_for = exchange.forwarded_for;
  if (exchange.snapshot->snapshot->overload.config != nullptr ||
      !exchange.snapshot->snapshot->concurrency_limits.empty()) {
    run->level = LevelOf(exchange);
  }
  run->trace = wire::ParseTraceParent(exchange.trace_parent);
  run->started_wall = exchange.started_wall;
  run->hops = HopsOf(head);
  run->last_errors.resize(plan.nodes().size());
  run->tried.resize(plan.nodes().size());
  return run;
}

Error FlowError(ErrorCode code, Side side, std::string_view rule, std::string detail) {
  Error error{.code = code, .side = side, .guard = kGuard, .rule = rule};
  error.detail = std::move(detail);
  return error;
}

// The name of the node as the configuration has it, which lives as long as the snapshot.
std::string_view RuleOf(const FlowPlan& plan, const std::string& plan_node) {
  const std::size_t node = plan.NodeOf(plan_node);
  if (node != FlowPlan::kNoNode) return plan.nodes()[node].config->name;
  return plan_node.empty() ? std::string_view(plan.config().name) : FlowPlan::kResponseNode;
}

// A run's failure as the gateway tells it.
Error ErrorOf(const FlowPlan& plan, const dag::NodeError& failure) {
  const std::string_view rule = RuleOf(plan, failure.node);
  switch (failure.kind) {
    case dag::FailureKind::kCancelled:
      return {
          .code = ErrorCode::kCancelled, .side = Side::kClient, .detail = "the client went away"};
    case dag::FailureKind::kTimedOut: {
      Error error =
          FlowError(ErrorCode::kUpstreamTimeout, Side::kUpstream, rule, dag::Describe(failure));
      error.retry_after = kNoRetryAfter;
      return error;
    }
    default:
      break;
  }
  Error error = FlowError(failure.cause.code, failure.cause.side, rule, failure.cause.detail);
  if (failure.node.empty()) return error;  // Over the flow's own bounds: come back later.
  error.retry_after =
      failure.cause.guard.empty() ? kNoRetryAfter : std::max(failure.cause.retry_after, Nanos(0));
  return error;
}

Response MakeResponse(const FlowPlan& plan, dag::Outcome<FlowValue>& outcome) {
  auto reply = std::make_shared<FlowReply>(ReplyOf(plan.response(), *outcome->answer));
  const std::vector<std::string_view> degraded = outcome.degraded();
  if (!degraded.empty()) reply->degraded = fmt::format("flow/{}", fmt::join(degraded, ","));
  Response response;
  response.local.status = reply->status;
  response.local.content_type = reply->content_type;
  response.local.body = reply->body;
  response.local.flow = std::move(reply);
  return response;
}

// The body as JSON, if anybody reads it.
Task<Result<std::string>> TakeBody(Exchange& exchange, const FlowPlan& plan) {
  if (!plan.needs_request_body()) {
    DropRequestBody(exchange);
    co_return std::string();
  }
  Result<std::string> body = co_await CollectRequestBody(exchange);
  if (body && !body->empty() && !IsJson(*body)) {
    co_return std::unexpected(Error{
        .code = ErrorCode::kBadRequest, .side = Side::kClient, .detail = "the body is no JSON"});
  }
  co_return body;
}

// A guard has refused the run, or a call of it, which nobody has then got.
bool IsRefusal(const dag::NodeError& failure) {
  return failure.kind == dag::FailureKind::kRejected || !failure.cause.guard.empty();
}

// Stops the run when its client goes away.
void CancelRun(void* running) {
  static_cast<dag::Running<FlowValue>*>(running)->Cancel();
}

}  // namespace

Task<Result<Response>> RunFlow(Exchange& exchange) {
  FlowRunner& runner = *exchange.snapshot->flows[exchange.route->flow];
  const FlowPlan& plan = runner.plan();
  // Any 2xx would tell the client that its tunnel stands (RFC 9110 section 9.3.6).
  if (exchange.request().method == wire::Method::kConnect) {
    co_return std::unexpected(Error{.code = ErrorCode::kMethodNotAllowed,
                                    .side = Side::kClient,
                                    .detail = "a flow is no tunnel"});
  }
  if (HopsOf(exchange.request()) >= kFlowHopsMax) {
    exchange.refusal_status = kLoopDetected;
    Error error = FlowError(ErrorCode::kBadRequest, Side::kClient, plan.config().name,
                            "the request has come through too many flows");
    error.retry_after = kNoRetryAfter;
    co_return std::unexpected(std::move(error));
  }
  // Before the body, which may be large and slow.
  if (!runner.TakePlace()) {
    co_return std::unexpected(FlowError(ErrorCode::kOverloaded, Side::kSelf, plan.config().name,
                                        "too many runs are in flight"));
  }
  Result<std::string> body = co_await TakeBody(exchange, plan);
  if (!body) {
    runner.GiveBackPlace();
    co_return std::unexpected(std::move(body.error()));
  }
  const std::shared_ptr<FlowRun> run = MakeRun(exchange, runner, std::move(*body));
  FlowValue input;
  input.run = run;
  Loop& loop = exchange.worker.loop;
  const SteadyTime started = loop.now();
  dag::Running<FlowValue> running = runner.Start(std::move(input), DeadlineOf(exchange));
  exchange.on_give_up = {.call = &CancelRun, .owner = &running};
  if (exchange.client_is_gone) running.Cancel();
  dag::Outcome<FlowValue> outcome = co_await running;
  exchange.on_give_up = {};
  exchange.was_sent = exchange.was_sent || run->was_sent;
  exchange.upstream_started = started;
  exchange.upstream_duration = loop.now() - started;
  runner.Count(OutcomeOf(outcome), exchange.upstream_duration);
  if (!outcome) {
    exchange.flow_failed = !IsRefusal(*outcome.error());
    co_return std::unexpected(ErrorOf(plan, *outcome.error()));
  }
  Response response = MakeResponse(plan, outcome);
  exchange.degraded_source = response.local.flow->degraded;  // Lives as long as the response.
  if (!exchange.degraded_source.empty()) {
    (*exchange.route->stats)[exchange.worker.index]->degraded.Add();
  }
  co_return response;
}

}  // namespace sluice::gateway::flows
