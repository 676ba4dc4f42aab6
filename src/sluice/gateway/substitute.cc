#include "sluice/gateway/substitute.h"

#include <optional>
#include <utility>
#include <variant>

#include "sluice/contract/assert.h"
#include "sluice/degrade/refusal.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr Nanos kRetryAfterDefault = std::chrono::seconds(1);

void NoteRefusal(Exchange& exchange, const Error& error) {
  exchange.reason = ReasonOf(error);
  exchange.refusal_guard = error.guard;
  exchange.refusal_rule = error.rule;
  exchange.refusal_reason.clear();
  degrade::AppendReason(error, exchange.refusal_reason);
}

LocalResponse PlainError(Exchange& exchange, const Error& error) {
  exchange.local_body.clear();
  degrade::AppendBody(error, exchange.local_body);
  LocalResponse local{.status = degrade::StatusOf(error),
                      .content_type = kJson,
                      .body = exchange.local_body,
                      .is_refusal = true};
  if (exchange.refusal_status != 0) local.status = exchange.refusal_status;
  if (degrade::HasRetryAfter(error)) {
    local.retry_after = error.retry_after > Nanos(0) ? error.retry_after : kRetryAfterDefault;
  }
  return local;
}

// Nothing where the step is none that this gateway carries out.
std::optional<LocalResponse> CarryOut(Exchange& exchange,
                                      const Error& error,
                                      degrade::Choice choice) {
  if (const auto* fixed = std::get_if<degrade::StaticAnswer>(&choice.step->answer)) {
    exchange.degraded_source = choice.source;
    return LocalResponse{.status = fixed->status,
                         .content_type = fixed->content_type,
                         .body = fixed->body,
                         .fixed = fixed,
                         .choice = std::move(choice)};
  }
  if (const auto* reject = std::get_if<degrade::RejectAnswer>(&choice.step->answer)) {
    LocalResponse local = PlainError(exchange, error);
    local.status = reject->status;
    if (reject->retry_after > Nanos(0)) local.retry_after = reject->retry_after;
    local.choice = std::move(choice);
    return local;
  }
  SLUICE_BUG("substitute: a step that nobody carries out");
  return std::nullopt;
}

}  // namespace

Task<Response> Substitute(Exchange& exchange, Error error) {
  NoteRefusal(exchange, error);
  Response response;
  degrade::DegradeChain* chain = exchange.route == nullptr ? nullptr : exchange.route->chain.get();
  std::size_t first = 0;
  while (chain != nullptr) {
    std::optional<degrade::Choice> choice =
        chain->Choose(error.code, exchange.request().method_text, first);
    if (!choice) break;
    first = choice->index + 1;
    std::optional<LocalResponse> local = CarryOut(exchange, error, std::move(*choice));
    if (local) {
      response.local = std::move(*local);
      if (!exchange.degraded_source.empty()) {
        (*exchange.route->stats)[exchange.worker.index]->degraded.Add();
      }
      co_return response;
    }
    chain->CountFailure(first - 1);
  }
  response.local = PlainError(exchange, error);
  co_return response;
}

}  // namespace sluice::gateway
