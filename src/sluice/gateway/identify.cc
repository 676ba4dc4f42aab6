#include "sluice/gateway/identify.h"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "sluice/gateway/client_trust.h"
#include "sluice/gateway/egress.h"
#include "sluice/gateway/grpc.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/path.h"
#include "sluice/wire/traceparent.h"

namespace sluice::gateway {
namespace {

std::unexpected<Error> RefuseClient(ErrorCode code, std::string detail) {
  return std::unexpected(Error{.code = code, .side = Side::kClient, .detail = std::move(detail)});
}

// X-Forwarded-For may be sent in several fields: they are one list (RFC 9110 section 5.3).
std::string_view ForwardedFor(const wire::RequestHead& head, std::string& joined) {
  joined.clear();
  if (!head.headers.Has(wire::HeaderId::kXForwardedFor)) return {};
  for (const wire::HeaderField& field : head.headers) {
    if (field.id != wire::HeaderId::kXForwardedFor) continue;
    if (!joined.empty()) joined += ", ";
    joined += field.value;
  }
  return joined;
}

void TakeClient(Exchange& exchange) {
  const Address& peer = exchange.client->peer();
  if (exchange.listener->is_egress()) {
    // The service beside us speaks for itself, and nobody it calls need know of us.
    exchange.peer_is_trusted = true;
    exchange.client_address = peer;
    exchange.forwarded_for.clear();
    exchange.client_text.clear();
    peer.AppendHost(exchange.client_text);
    return;
  }
  exchange.peer_is_trusted = IsTrusted(peer, exchange.listener->trusted_proxies);
  std::string& list = exchange.forwarded_for;
  list.clear();
  if (exchange.peer_is_trusted) {
    exchange.client_address = ClientAddress(peer, ForwardedFor(exchange.request(), list),
                                            exchange.listener->trusted_proxies);
    if (!list.empty()) list += ", ";
  } else {
    exchange.client_address = peer;
  }
  list += exchange.peer_text;
  if (exchange.client_address == peer) {
    exchange.client_text = exchange.peer_text;
  } else {
    exchange.client_text.clear();
    exchange.client_address.AppendHost(exchange.client_text);
  }
}

void TakeTrace(Exchange& exchange) {
  exchange.trace_parent.clear();
  const std::string_view got = exchange.request().headers.ValueOf(wire::HeaderId::kTraceparent);
  if (!got.empty() && wire::ParseTraceParent(got)) {
    exchange.trace_parent = got;
    return;
  }
  wire::AppendTraceParent(wire::NewTraceParent(exchange.worker.loop.random()),
                          exchange.trace_parent);
}

// A route without listeners is one of every ingress listener.
bool Takes(const RoutePlan& route, const ListenerPlan& listener) {
  if (route.listeners.empty()) return !listener.is_egress();
  return std::ranges::find(route.listeners, listener.config) != route.listeners.end();
}

Result<void> FindRoute(Exchange& exchange) {
  const RouteQuery query{
      .head = &exchange.request(), .path = exchange.path, .scratch = &exchange.query_scratch};
  bool only_method_differs = false;
  const Snapshot& snapshot = *exchange.snapshot->snapshot;
  HostIndex::Candidates candidates = snapshot.hosts.Find(HostOf(query.head->authority));
  while (const std::optional<std::size_t> candidate = candidates.Next()) {
    const RoutePlan& route = snapshot.routes[*candidate];
    if (!Takes(route, *exchange.listener)) continue;
    if (route.matcher.Matches(query, exchange.captures)) {
      exchange.route = &route;
      return {};
    }
    only_method_differs =
        only_method_differs || route.matcher.MatchesButMethod(query, exchange.captures);
  }
  if (exchange.listener->is_egress()) return RouteUnknownHost(exchange);
  if (only_method_differs) {
    return RefuseClient(ErrorCode::kMethodNotAllowed, "no route takes this method on this path");
  }
  return RefuseClient(ErrorCode::kNoRoute, "no route matches this request");
}

}  // namespace

Bytes BodyBytesMax(const Exchange& exchange) {
  return exchange.route->config->max_body_bytes.value_or(
      exchange.listener->config->limits.max_body_bytes);
}

Result<void> Identify(Exchange& exchange) {
  TakeClient(exchange);
  TakeTrace(exchange);
  const wire::RequestHead& head = exchange.request();
  exchange.speaks_grpc = IsGrpc(head.headers);
  if (head.has_unknown_expectation) {
    return RefuseClient(ErrorCode::kExpectationFailed, "only `Expect: 100-continue` is known");
  }
  const bool is_connect = head.method == wire::Method::kConnect;
  if (exchange.listener->is_egress()) {
    Result<void> target = CheckTarget(exchange);
    if (!target) return target;
  } else if (is_connect) {
    return RefuseClient(ErrorCode::kMethodNotAllowed, "CONNECT is not for this listener");
  }
  if (!is_connect) {
    const Result<std::string_view> path = wire::NormalizePath(head.path, exchange.path_scratch);
    if (!path) return std::unexpected(path.error());
    exchange.path = *path;
  }

  Result<void> routed = FindRoute(exchange);
  if (!routed) return routed;
  if (exchange.route->config->action == config::RouteAction::kDeny) {
    return RefuseClient(ErrorCode::kPermissionDenied, "the route denies every request");
  }
  const std::uint64_t announced =
      head.framing == wire::BodyFraming::kLength ? head.content_length : exchange.body.bytes;
  if (announced > BodyBytesMax(exchange)) {
    return RefuseClient(ErrorCode::kBodyTooLarge, fmt::format("the body may have {} bytes, got {}",
                                                              BodyBytesMax(exchange), announced));
  }
  return {};
}

}  // namespace sluice::gateway
