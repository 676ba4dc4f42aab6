// BuildGraph: the plan of a flow's calls, for the engine (sluice/dag).
//
// A node is one call, by its own name. With `when` there are three more: NAME.when decides, and
// NAME.then is what others read: the call's answer, or none. So a call that is not made, and what
// only it needs, never starts. The last node, `response`, makes the client's answer.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/dag/plan.h"
#include "sluice/gateway/flows/answer.h"

namespace sluice::gateway::flows {

class FlowPlan;

// The bodies of the result point into `flow`, whose nodes and response are complete. Fails with
// kInvalidConfig, telling everything that is wrong.
[[nodiscard]] Result<dag::Plan<FlowValue, FlowValue>> BuildGraph(const FlowPlan& flow);

}  // namespace sluice::gateway::flows
