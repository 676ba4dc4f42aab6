// RequestPath: the spine. See ARCHITECTURE.md, the life of a request.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"

namespace sluice::gateway {

// Answers the request whose head is complete in `exchange`. Whatever happens, the client gets
// exactly one response (or its connection ends), permits are settled, and the observers see the
// finished exchange, each exactly once. The exchange must outlive the task.
[[nodiscard]] Task<void> RunExchange(Exchange& exchange);

// The same for a request that the parser refused: it has no head, so no route and no upstream.
[[nodiscard]] Task<void> RefuseExchange(Exchange& exchange, Error error);

}  // namespace sluice::gateway
