// Observers: what is noted about a finished exchange. They see it once, and never slow it down.

#pragma once

#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// Counts the exchange and writes its line of the access log.
void Observe(Exchange& exchange, Delivery delivery);

}  // namespace sluice::gateway
