// FlowReply: the client's answer that a run made.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/degrade/chain.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::flows {

struct FlowReply {
  int status = 200;
  std::string content_type;
  std::vector<degrade::HeaderField> headers;
  std::string body;
  std::string degraded;  // "flow/reviews,quote"; empty: nothing is missing.
};

// What `response` says at this moment of a run. Fails as the renderers (text_template.h), and with
// kBadResponse for a status that is none.
[[nodiscard]] Result<FlowValue> RenderResponse(const FlowResponse& response, Scope& scope);

// The reply that such an answer stands for.
[[nodiscard]] FlowReply ReplyOf(const FlowResponse& response, const Answer& answer);

}  // namespace sluice::gateway::flows
