// The calls of a node with for_each: one for each element, a bounded number at once.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/dag/context.h"
#include "sluice/dag/described_plan.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/flow_plan.h"

namespace sluice::gateway::flows {

// The value's body is the array of the answers' bodies, in order of the elements. Fails with
// kBadRequest or kBadResponse when the items are no array or too many; with the first failure of a
// call where the node fails fast, having stopped the others. Nothing to go through gives [].
[[nodiscard]] Task<Result<FlowValue>> CallForEach(const FlowNode& node,
                                                  dag::Context& context,
                                                  dag::Inputs<FlowValue> inputs);

}  // namespace sluice::gateway::flows
