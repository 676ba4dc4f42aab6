// Priority: how much a request matters, from who says so or from its user.

#pragma once

#include <cstdint>
#include <string>

#include "sluice/gateway/exchange.h"

namespace sluice::gateway {

// Level of the exchange, 0 .. limit::kLevelCount - 1: `x-level` or `x-criticality` of a trusted
// peer; else the class that the configuration gives its route, and the user's level within it.
[[nodiscard]] std::uint32_t LevelOf(Exchange& exchange);

// Whether upstreams are told the level, and what of the client's own words is dropped for that.
[[nodiscard]] bool TellsLevel(const Exchange& exchange);

}  // namespace sluice::gateway
