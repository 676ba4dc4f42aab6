// Substitute: what the client gets when the real answer is not to be had. The one way out for every
// refusal and every failure: the route's degrade chain, or a plain error that says why.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Always gives a response. Notes in the exchange why, for headers, counters and log. Called again
// for the same exchange it goes on behind the step that answered last.
[[nodiscard]] Task<Response> Substitute(Exchange& exchange, Error error);

// An answer of the upstream whose status the route's chain takes for an error: its place is taken
// by what the chain has, or it stays as it is. The breakers hear of it in either case.
[[nodiscard]] Task<void> SubstituteStatus(Exchange& exchange, Response& response);

// True when `response` is such an answer.
[[nodiscard]] bool IsSubstituted(const Exchange& exchange, const Response& response);

}  // namespace sluice::gateway
