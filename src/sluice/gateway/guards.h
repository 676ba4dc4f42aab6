// Guards: may this request enter? The same for every version, so asked before one is chosen.
//
// Order: cheap and without tokens first, tokens last. A refusal gives back what earlier guards of
// the request had taken. May wait on the loop's timer where a guard admits for later.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"

namespace sluice::gateway {

// Fails with kOverloaded or kRateLimited, naming guard and rule. `exchange` has its route.
[[nodiscard]] Task<Result<void>> Admit(Exchange& exchange);

// Gives back every token the exchange has taken: it was refused after all and nothing was sent.
void RefundAdmission(Exchange& exchange);

}  // namespace sluice::gateway
