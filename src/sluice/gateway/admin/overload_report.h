// What the admin API tells of overload control: counts of decisions for the metrics, and entries of
// /api/v1/guards.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sluice/contract/time.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/limit/decision_counts.h"

namespace sluice::gateway::admin {

struct GuardCounts {
  std::string guard;  // "overload", "system", "concurrency", "admission_control".
  std::string rule;
  limit::DecisionTotals totals;
};

// Of every guard of overload control in force.
[[nodiscard]] std::vector<GuardCounts> OverloadCounts(const Snapshot& snapshot, SteadyTime now);

// Appends an entry for each.
void AppendOverload(const Snapshot& snapshot, SteadyTime now, nlohmann::ordered_json& guards);

}  // namespace sluice::gateway::admin
