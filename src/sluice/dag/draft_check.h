// What is wrong with a draft? The first half of Compile().

#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "sluice/dag/draft.h"
#include "sluice/dag/plan_error.h"

namespace sluice::dag {

// Names, policies, inputs, readers of taken values and of streams. In the order of declaration.
[[nodiscard]] PlanResult<void> CheckDraft(const PlanDraft& draft, std::uint16_t output);

// All nodes, every one after what it waits for, in declaration order where that leaves a choice
// (Kahn, 1962, with a heap). Fails with kCycle: "cycle: a -> b -> c -> a" and the places.
[[nodiscard]] PlanResult<std::vector<std::uint16_t>> OrderDraft(const PlanDraft& draft);

}  // namespace sluice::dag
