#include "sluice/gateway/substitute.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "sluice/contract/assert.h"
#include "sluice/degrade/refusal.h"
#include "sluice/gateway/forwarder.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/stale_keeping.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr Nanos kRetryAfterDefault = std::chrono::seconds(1);
constexpr int kServerErrorFirst = 500;
constexpr int kServerErrorLast = 599;

// "500" … "599": what a refusal's rule may point at for as long as the process lives.
std::string_view TextOf(int status) {
  static constexpr auto kTexts = [] {
    std::array<std::array<char, 3>, kServerErrorLast - kServerErrorFirst + 1> texts{};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      texts[i] = {'5', static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    }
    return texts;
  }();
  const auto index = static_cast<std::size_t>(status - kServerErrorFirst);
  return {kTexts[index].data(), kTexts[index].size()};
}

void NoteRefusal(Exchange& exchange, const Error& error) {
  exchange.reason = ReasonOf(error);
  exchange.refusal_guard = error.guard;
  exchange.refusal_rule = error.rule;
  exchange.refusal_reason.clear();
  degrade::AppendReason(error, exchange.refusal_reason);
}

// A gRPC client reads its own status and no body: 200 with the outcome among the headers, as its
// protocol has it for answers without a message ("Trailers-Only").
LocalResponse GrpcError(Exchange& exchange, const Error& error) {
  exchange.grpc_message.clear();
  degrade::AppendGrpcMessage(error, exchange.grpc_message);
  const std::string_view type = exchange.request().headers.ValueOf(wire::HeaderId::kContentType);
  return {.status = 200,
          .content_type = type.substr(0, type.find(';')),
          .is_refusal = true,
          .grpc = degrade::GrpcStatusOf(error)};
}

LocalResponse JsonError(Exchange& exchange, const Error& error) {
  exchange.local_body.clear();
  degrade::AppendBody(error, exchange.local_body, exchange.shed_cause);
  LocalResponse local{.status = degrade::StatusOf(error),
                      .content_type = kJson,
                      .body = exchange.local_body,
                      .is_refusal = true};
  // The rule's own, and not that of an error which came after it was let through.
  const bool is_rules = exchange.refusal_status != 0 && !error.guard.empty();
  if (is_rules) local.status = exchange.refusal_status;
  return local;
}

LocalResponse PlainError(Exchange& exchange, const Error& error) {
  LocalResponse local =
      exchange.speaks_grpc ? GrpcError(exchange, error) : JsonError(exchange, error);
  if (degrade::HasRetryAfter(error)) {
    local.retry_after = error.retry_after > Nanos(0) ? error.retry_after : kRetryAfterDefault;
  }
  return local;
}

class TemplateValues final : public degrade::BodyTemplate::Values {
 public:
  TemplateValues(Exchange& exchange, const Error& error) : exchange_(exchange), error_(error) {}

  std::string_view ValueOf(const degrade::BodyTemplate::Variable& variable) override {
    using Source = degrade::BodyTemplate::Source;
    const wire::RequestHead& head = exchange_.request();
    switch (variable.source) {
      case Source::kMethod:
        return head.method_text;
      case Source::kPath:
        return exchange_.path;
      case Source::kHost:
        return head.authority;
      case Source::kReason:
        return exchange_.refusal_reason;
      case Source::kRule:
        return error_.rule;
      case Source::kRetryAfterSeconds:
        scratch_.clear();
        degrade::AppendNumber(degrade::RetryAfterSeconds(error_.retry_after), scratch_);
        return scratch_;
      case Source::kHeader: {
        const wire::HeaderField* const field = head.headers.Find(variable.name);
        return field == nullptr ? std::string_view() : field->value;
      }
      case Source::kQuery:
        return wire::FindQueryParameter(head.query, variable.name, scratch_).value_or("");
      case Source::kCapture:
        return exchange_.captures.Find(variable.name);
    }
    return {};
  }

 private:
  Exchange& exchange_;
  const Error& error_;
  std::string scratch_;
};

LocalResponse Fixed(Exchange& exchange, const Error& error, const degrade::StaticAnswer& fixed) {
  LocalResponse local{.status = fixed.status,
                      .content_type = fixed.content_type,
                      .body = fixed.body,
                      .fixed = &fixed};
  if (fixed.body_template) {
    exchange.local_body.clear();
    TemplateValues values(exchange, error);
    fixed.body_template->Render(values, degrade::EscapingFor(fixed.content_type),
                                exchange.local_body);
    local.body = exchange.local_body;
  }
  return local;
}

// A step that needs nobody else. Nothing where it has no answer.
std::optional<LocalResponse> AnswerLocally(Exchange& exchange,
                                           const Error& error,
                                           const degrade::Answer& answer) {
  if (const auto* fixed = std::get_if<degrade::StaticAnswer>(&answer)) {
    return Fixed(exchange, error, *fixed);
  }
  if (const auto* reject = std::get_if<degrade::RejectAnswer>(&answer)) {
    LocalResponse local = PlainError(exchange, error);
    if (!local.grpc) local.status = reject->status;
    if (reject->retry_after > Nanos(0)) local.retry_after = reject->retry_after;
    return local;
  }
  std::shared_ptr<const degrade::KeptAnswer> kept = FindKept(exchange);
  if (kept == nullptr) return std::nullopt;
  LocalResponse local{
      .status = kept->status, .content_type = kept->content_type, .body = kept->body};
  local.kept = std::move(kept);
  return local;
}

// Another upstream. A server error of its own is no answer: the next step may know better.
Task<Result<Response>> AskAlternative(Exchange& exchange, std::size_t upstream, Nanos timeout) {
  if (!MaySendAgain(exchange)) {
    co_return Fail(ErrorCode::kCancelled, "the request may have been acted upon");
  }
  ServedSnapshot& served = *exchange.snapshot;
  const Alternative alternative{.plan = &served.snapshot->upstreams[upstream],
                                .client = served.clients[upstream],
                                .deadline = exchange.worker.loop.now() + timeout};
  Result<Response> reply = co_await ForwardAlternative(exchange, alternative);
  if (!reply) co_return reply;
  const wire::ResponseHead& head = reply->upstream.lease->head();
  if (head.status < kServerErrorFirst) co_return reply;
  co_await DropResponse(exchange, *reply);
  co_return Fail(ErrorCode::kBadResponse, "the alternative failed, too");
}

// The first step of the route's chain that has an answer gives it.
Task<std::optional<Response>> TrySteps(Exchange& exchange, const Error& error) {
  degrade::DegradeChain* chain = exchange.route == nullptr ? nullptr : exchange.route->chain.get();
  // Any 2xx would tell the client of a CONNECT that its tunnel stands (RFC 9110 section 9.3.6).
  if (exchange.request().method == wire::Method::kConnect) chain = nullptr;
  while (chain != nullptr) {
    std::optional<degrade::Choice> choice =
        chain->Choose(error.code, exchange.request().method_text, exchange.next_step);
    if (!choice) break;
    const std::size_t index = choice->index;
    exchange.next_step = index + 1;
    std::optional<Response> response;
    if (std::holds_alternative<degrade::UpstreamAnswer>(choice->step->answer)) {
      const std::size_t upstream = exchange.route->alternatives[index];
      Result<Response> reply = co_await AskAlternative(exchange, upstream, choice->step->timeout);
      if (reply) response.emplace(std::move(*reply));
    } else {
      std::optional<LocalResponse> local = AnswerLocally(exchange, error, choice->step->answer);
      if (local) response.emplace().local = std::move(*local);
    }
    if (!response) {
      chain->CountFailure(index);
      continue;
    }
    chain->CountServed(index);
    const bool is_reject = std::holds_alternative<degrade::RejectAnswer>(choice->step->answer);
    if (!is_reject) {
      exchange.degraded_source = choice->source;
      (*exchange.route->stats)[exchange.worker.index]->degraded.Add();
    }
    response->local.choice = std::move(*choice);
    co_return response;
  }
  co_return std::nullopt;
}

// What an exchange knows of the attempt that answered it.
struct Answered {
  AskedUpstream asked;
  Stream* stream;
  bool is_substitute;
  std::string label;
  SteadyTime started;
  Nanos duration;
};

Answered AnsweredBy(const Exchange& exchange) {
  return {.asked = exchange.asked,
          .stream = exchange.upstream_stream,
          .is_substitute = exchange.is_substitute,
          .label = exchange.upstream_label,
          .started = exchange.upstream_started,
          .duration = exchange.upstream_duration};
}

void Restore(Exchange& exchange, Answered answered) {
  exchange.asked = std::move(answered.asked);
  exchange.upstream_stream = answered.stream;
  exchange.is_substitute = answered.is_substitute;
  exchange.upstream_label = std::move(answered.label);
  exchange.upstream_started = answered.started;
  exchange.upstream_duration = answered.duration;
}

}  // namespace

Task<Response> Substitute(Exchange& exchange, Error error) {
  exchange.degraded_source = {};
  NoteRefusal(exchange, error);
  std::optional<Response> other = co_await TrySteps(exchange, error);
  if (other) co_return std::move(*other);
  Response response;
  response.local = PlainError(exchange, error);
  co_return response;
}

bool IsSubstituted(const Exchange& exchange, const Response& response) {
  return exchange.route->chain != nullptr && response.upstream.lease &&
         !response.upstream.lease->head().is_upgrade && !exchange.body.is_pumping &&
         exchange.route->chain->Substitutes(response.upstream.lease->head().status);
}

Task<void> SubstituteStatus(Exchange& exchange, Response& response) {
  const wire::ResponseHead& head = response.upstream.lease->head();
  SettleAtHead(exchange, head);
  const Error error{.code = ErrorCode::kBadResponse,
                    .side = Side::kUpstream,
                    .retry = RetryAdvice::kIfIdempotent,
                    .guard = "upstream_status",
                    .rule = TextOf(head.status)};
  Answered answered = AnsweredBy(exchange);
  NoteRefusal(exchange, error);
  std::optional<Response> other = co_await TrySteps(exchange, error);
  if (other) {
    if (other->is_local()) exchange.upstream_stream = nullptr;
    response.upstream = UpstreamResponse();  // Unread, so its connection ends.
    response = std::move(*other);
    co_return;
  }
  // Nobody knows better: the upstream's own words.
  Restore(exchange, std::move(answered));
  exchange.reason = Reason::kOk;
  exchange.refusal_guard = {};
  exchange.refusal_rule = {};
  exchange.refusal_reason.clear();
}

}  // namespace sluice::gateway
