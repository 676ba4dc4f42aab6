// What the admin API says of flows.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/gateway/flows/flow_stats.h"
#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

// Every flow in force, in short.
[[nodiscard]] std::string FlowsJson(Gateway& gateway);

// One flow with its nodes, their shares of the critical path, and the runs that were kept; nothing
// when none in force has this name.
[[nodiscard]] std::optional<std::string> FlowJson(Gateway& gateway, std::string_view name);

// The picture of a kept run: the one of this number, without a number the newest; nothing when
// there is none.
[[nodiscard]] std::optional<std::string> FlowGantt(Gateway& gateway,
                                                   std::string_view name,
                                                   std::optional<std::uint64_t> number);

// A kept run as JSON: its outcome, and each node with its times.
[[nodiscard]] std::string RunJson(const flows::KeptRun& run);

}  // namespace sluice::gateway::admin
