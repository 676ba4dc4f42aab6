// The request of a call as text: what its templates say, and what the gateway adds.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/flow_run.h"
#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::flows {

// Says through how many flows a request has come; more than kFlowHopsMax are refused.
inline constexpr std::string_view kHopsField = "x-flow-hops";
inline constexpr std::uint32_t kFlowHopsMax = 4;
// How long the caller waits, in milliseconds.
inline constexpr std::string_view kTimeoutField = "x-request-timeout";

// Tells repetitions of a request that changes something
// (draft-ietf-httpapi-idempotency-key-header).
inline constexpr std::string_view kKeyField = "idempotency-key";

struct CallRequest {
  std::string head;
  std::string body;
};

// `remaining` is how long the call may take; `key` is sent with a request that may be sent twice,
// unless the node gives it one. Fails as the renderers do.
[[nodiscard]] Result<CallRequest> MakeCallRequest(
    const FlowRun& run, const FlowNode& node, Scope& scope, Nanos remaining, std::uint64_t key);

}  // namespace sluice::gateway::flows
