// Egress: what is other about the calls of the service beside us: the host decides, not the path.
//
// A call names its target in its URI ("GET http://host/path", as http_proxy makes clients do), in
// its Host field, or in a CONNECT, which becomes a tunnel. A route of the listener that takes the
// host brings its upstream and its guards; any other host is unknown, and refused or passed.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"

namespace sluice::gateway {

// Before a route is looked for. Fails with kBadRequest: no host, one that ends with a dot, or a
// scheme that only a tunnel can carry.
[[nodiscard]] Result<void> CheckTarget(const Exchange& exchange);

// No route takes the host. Gives the exchange the route of unknown hosts, or fails with
// kPermissionDenied (guard "egress", rule the listener).
[[nodiscard]] Result<void> RouteUnknownHost(Exchange& exchange);

// The upstream of an exchange on that route: resolves the host. Fails as EgressHosts::Find.
[[nodiscard]] Task<Result<AskedUpstream>> FindUnknownHost(Exchange& exchange);

// Whether the exchange goes to an unknown host.
[[nodiscard]] bool IsUnknownHost(const Exchange& exchange);

}  // namespace sluice::gateway
