// Substitute: what the client gets when the real answer is not to be had. The one way out for every
// refusal and every failure: the route's degrade chain, or a plain error that says why.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Always gives a response. Notes in the exchange why, for headers, counters and log.
[[nodiscard]] Task<Response> Substitute(Exchange& exchange, Error error);

}  // namespace sluice::gateway
