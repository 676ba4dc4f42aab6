// Tunnel: after a 101 the two connections are one stream of bytes in each direction.

#pragma once

#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"
#include "sluice/traffic/connection.h"

namespace sluice::gateway {

// Sends the head in exchange.output and carries bytes both ways until both sides have ended, one
// fails, or nothing moves for the idle bound (10 minutes). Closes both ends.
[[nodiscard]] Task<Delivery> Tunnel(Exchange& exchange, traffic::Connection& connection);

}  // namespace sluice::gateway
