// The request as the upstream gets it: rebuilt from its parsed form, with what a proxy adds.

#pragma once

#include <string>

#include "sluice/contract/result.h"
#include "sluice/gateway/exchange.h"
#include "sluice/traffic/endpoint.h"

namespace sluice::gateway {

// Appends the head for `endpoint` to `out`. Adds x-forwarded-for and -proto, traceparent and, where
// configured, Via; leaves out what an untrusted client says about who it is. Fails with
// kBadRequest when a value cannot be written.
[[nodiscard]] Result<void> AppendUpstreamRequest(Exchange& exchange,
                                                 const traffic::Endpoint& endpoint,
                                                 std::string& out);

}  // namespace sluice::gateway
