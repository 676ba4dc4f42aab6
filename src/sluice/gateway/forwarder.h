// Forwarder: asks the upstream, once or more, until there is a response head or a reason to stop.
//
// Per attempt: an endpoint, the breakers' permits, a connection, the request, the response head. A
// failed attempt settles its permits at once; the last one keeps them until the end of the body.
// An attempt is repeated only when the request can be sent again: its body was whole, and either it
// certainly did not reach the upstream, or its method is idempotent.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Fails with what the last attempt failed with: kNoEndpoint, kBreakerOpen, kOverloaded,
// kConnectFailed, kUpstreamTimeout, kConnectionReset, kConnectionClosed, kBadResponse, kCancelled
// (the client went away), or the client's own error when its body broke off.
[[nodiscard]] Task<Result<Response>> Forward(Exchange& exchange);

// What may be asked instead of the route's upstream.
using Alternative = AskedUpstream;

// Whether the request may go to somebody else: nobody can have acted upon it, or doing it twice
// does no harm, and all of it is still there.
[[nodiscard]] bool MaySendAgain(const Exchange& exchange);

// Asks an alternative once, with the guards of its own upstream and without those of the route.
// Fails as Forward() does.
[[nodiscard]] Task<Result<Response>> ForwardAlternative(Exchange& exchange,
                                                        Alternative alternative);

// Gives up an answer whose head was read: its breakers hear of it, its connection ends.
[[nodiscard]] Task<void> DropResponse(Exchange& exchange, Response& response);

// Tells the breakers now what the response's head says, and gives the retry's place back: for a
// tunnel or a long body, whose end says nothing more and may be hours away.
void SettleAtHead(Exchange& exchange, const wire::ResponseHead& head);

// The same for the tunnel of a CONNECT: being there is all that it can say.
void SettleTunnel(Exchange& exchange);

// Tells the breakers how the exchange's last attempt ended. Once, at the end of the body.
void SettlePermits(Exchange& exchange, const Response& response, Delivery delivery);

}  // namespace sluice::gateway
