// The header fields Sluice adds to a response: why it refused, when to come back, what quota is
// left, what is degraded.

#pragma once

#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Fills exchange.extra_headers for `response`. The views live until the exchange's next call.
void CollectHeaders(Exchange& exchange, const Response& response);

}  // namespace sluice::gateway
