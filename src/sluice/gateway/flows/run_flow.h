// RunFlow: answers a request by the flow of its route.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway::flows {

// The answer is local: its `flow` is set. Fails with guard "flow" and the name of the node that
// made it impossible as rule, with the code of what happened to that node; or with the flow's own
// name: kOverloaded beyond its bounds, kBadRequest after too many hops. Fails with kBadRequest when
// the request's body is no JSON and the flow leads into it, as CollectRequestBody(), and with
// kCancelled when the client goes away, which stops every call.
[[nodiscard]] Task<Result<Response>> RunFlow(Exchange& exchange);

}  // namespace sluice::gateway::flows
