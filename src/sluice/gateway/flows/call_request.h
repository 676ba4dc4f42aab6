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

struct CallRequest {
  std::string head;
  std::string body;
};

// `remaining` is how long the call may take. Fails as the renderers do.
[[nodiscard]] Result<CallRequest> MakeCallRequest(const FlowRun& run,
                                                  const FlowNode& node,
                                                  Scope& scope,
                                                  Nanos remaining);

}  // namespace sluice::gateway::flows
