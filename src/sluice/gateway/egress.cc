#include "sluice/gateway/egress.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/egress_hosts.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway {
namespace {

constexpr std::uint16_t kHttpPort = 80;

std::unexpected<Error> BadTarget(std::string detail) {
  return std::unexpected(
      Error{.code = ErrorCode::kBadRequest, .side = Side::kClient, .detail = std::move(detail)});
}

}  // namespace

Result<void> CheckTarget(const Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  if (head.authority.empty()) return BadTarget("the call names no host");
  if (head.scheme == "https") return BadTarget("https goes through CONNECT");
  // "pay.example." is the same host as "pay.example": it must not walk past the routes of that.
  if (HostOf(head.authority).ends_with('.')) return BadTarget("the host ends with a dot");
  return {};
}

Result<void> RouteUnknownHost(Exchange& exchange) {
  const ListenerPlan& listener = *exchange.listener;
  const auto refuse = [&listener](std::string detail) {
    return std::unexpected(Error{.code = ErrorCode::kPermissionDenied,
                                 .side = Side::kClient,
                                 .guard = "egress",
                                 .rule = listener.config->name,
                                 .detail = std::move(detail)});
  };
  if (listener.unknown_hosts == nullptr) return refuse("no route takes this host");
  // A host with a route is not unknown: what that route does not take must not walk past it.
  const Snapshot& snapshot = *exchange.snapshot->snapshot;
  if (const auto naming = snapshot.hosts.FindNaming(HostOf(exchange.request().authority))) {
    return refuse(fmt::format("route `{}` names this host and does not take this request",
                              snapshot.routes[*naming].config->name));
  }
  const wire::RequestHead& head = exchange.request();
  if (head.method == wire::Method::kConnect) {
    const Result<wire::HostPort> target = wire::SplitAuthority(head.authority);
    const std::int64_t port = target ? target->port.value_or(0) : 0;
    const auto& ports = listener.config->egress.connect_ports;
    if (std::ranges::find(ports, port) == ports.end()) {
      return refuse(fmt::format("CONNECT to port {} is not among connect_ports", port));
    }
  }
  exchange.route = &listener.unknown_hosts->route;
  return {};
}

bool IsUnknownHost(const Exchange& exchange) {
  return exchange.listener->unknown_hosts != nullptr &&
         exchange.route == &exchange.listener->unknown_hosts->route;
}

Task<Result<AskedUpstream>> FindUnknownHost(Exchange& exchange) {
  const Result<wire::HostPort> target = wire::SplitAuthority(exchange.request().authority);
  if (!target) co_return std::unexpected(target.error());
  const config::ListenerConfig& listener = *exchange.listener->config;
  const SteadyTime deadline = SaturatingAdd(exchange.started, listener.egress.timeout);
  std::string host(target->host);
  EgressCaller caller{.wake = exchange.wait_ended, .is_gone = exchange.client_is_gone};
  Result<std::shared_ptr<UpstreamClient>> client = co_await exchange.worker.egress->Find(
      std::move(host), target->port.value_or(kHttpPort), listener, caller, deadline);
  if (!client) co_return std::unexpected(client.error());
  co_return AskedUpstream{.plan = &exchange.listener->unknown_hosts->upstream,
                          .client = client->get(),
                          .pin = std::move(*client)};
}

}  // namespace sluice::gateway
