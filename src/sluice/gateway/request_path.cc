#include "sluice/gateway/request_path.h"

#include <utility>

#include "sluice/gateway/choose.h"
#include "sluice/gateway/delivery.h"
#include "sluice/gateway/egress.h"
#include "sluice/gateway/flows/run_flow.h"
#include "sluice/gateway/forwarder.h"
#include "sluice/gateway/guards.h"
#include "sluice/gateway/identify.h"
#include "sluice/gateway/observers.h"
#include "sluice/gateway/overload.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/response.h"
#include "sluice/gateway/substitute.h"

namespace sluice::gateway {
namespace {

Task<Result<Response>> Answer(Exchange& exchange) {
  // Where does the request end? Then: who asks, for what, and which route answers?
  const Result<void> body = BeginRequestBody(exchange);
  if (!body) co_return std::unexpected(body.error());
  const Result<void> identified = Identify(exchange);
  if (!identified) co_return std::unexpected(identified.error());

  // May this request enter? Same for every version; may wait (pacing, a bounded queue).
  const Result<void> admitted = co_await Admit(exchange);
  if (!admitted) co_return std::unexpected(admitted.error());

  // A flow answers by calls of its own.
  if (exchange.route->flow != RoutePlan::kNoFlow) {
    Result<Response> composed = co_await flows::RunFlow(exchange);
    co_return composed;
  }

  // Which version answers? A host that no route knows is looked up first.
  if (IsUnknownHost(exchange)) {
    Result<AskedUpstream> found = co_await FindUnknownHost(exchange);
    if (!found) co_return std::unexpected(found.error());
    exchange.asked = std::move(*found);
  } else {
    Choose(exchange);
  }

  // Per attempt: pick an endpoint, take its breakers' permits, send, maybe repeat.
  Result<Response> reply = co_await Forward(exchange);
  if (FallsBack(exchange, reply)) {
    Result<Response> stable = co_await ForwardToStable(exchange, std::move(reply));
    co_return stable;
  }
  co_return reply;
}

Task<Delivery> Deliver(Exchange& exchange, Response& response) {
  Delivery delivery = co_await Send(exchange, response);
  SettlePermits(exchange, response, delivery);
  if (delivery == Delivery::kUpstreamFailed && !exchange.head_sent) {
    // The upstream's answer broke before the client had seen any of it: it is still an error.
    Error error{.code = ErrorCode::kBadResponse,
                .side = Side::kUpstream,
                .detail = "the body is malformed from its start"};
    NoteBrokenAnswer(exchange);
    response = co_await Substitute(exchange, std::move(error));
    delivery = co_await Send(exchange, response);
    SettlePermits(exchange, response, delivery);  // Of an alternative.
  }
  co_return delivery;
}

// After these nobody is sure where the next request begins: the rest of a body is still to come,
// the request could be read in two ways, or what follows a CONNECT may be another protocol.
bool EndsConnection(const Exchange& exchange, const Error& error) {
  return !exchange.body.is_complete || error.code == ErrorCode::kBadRequest ||
         exchange.request().method == wire::Method::kConnect;
}

}  // namespace

Task<void> RunExchange(Exchange& exchange) {
  Result<Response> reply = co_await Answer(exchange);
  if (!reply) {
    // Refusals and failures take the same way out: the route's degrade chain, or a plain error.
    if (EndsConnection(exchange, reply.error())) exchange.keep_alive = false;
    const bool is_refusal = !reply.error().guard.empty() && !exchange.flow_failed;
    reply = co_await Substitute(exchange, std::move(reply.error()));
    // Refused by a guard and sent to nobody else either: the request cost nobody anything.
    if (is_refusal && !exchange.was_sent) RefundAdmission(exchange);
  } else if (IsSubstituted(exchange, *reply)) {
    co_await SubstituteStatus(exchange, *reply);
  }
  // Breakers learn what really happened at the end of the body.
  const Delivery delivery = co_await Deliver(exchange, *reply);
  SettleLoad(exchange, *reply, delivery);
  reply->upstream = UpstreamResponse();  // Back into the pool before anything else waits.
  co_await FinishPump(exchange);
  Observe(exchange, delivery);  // Never waits: what cannot be taken is dropped and counted.
}

Task<void> RefuseExchange(Exchange& exchange, Error error) {
  exchange.keep_alive = false;
  Response response = co_await Substitute(exchange, std::move(error));
  const Delivery delivery = co_await Send(exchange, response);
  Observe(exchange, delivery);
}

}  // namespace sluice::gateway
