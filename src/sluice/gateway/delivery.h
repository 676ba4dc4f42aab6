// Delivery: sends a response to the client, its body as it arrives.
//
// Nothing more is received from the upstream before the client took the last piece, so at most one
// receive buffer is held for an exchange. The client's framing is decided once, in the head: what
// breaks off later can only end the connection.

#pragma once

#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Sends all of it. Sets exchange.status, bytes_out and keep_alive. Afterwards a well-ended upstream
// connection is back in its pool, and no pump touches it any more.
[[nodiscard]] Task<Delivery> Send(Exchange& exchange, Response& response);

}  // namespace sluice::gateway
