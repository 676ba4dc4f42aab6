// Priority: how much a request matters, from who says so or from its user.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/gateway/exchange.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

// Level of the exchange, 0 .. limit::kLevelCount - 1: `x-level` or `x-criticality` of a trusted
// peer; else the class that the configuration gives its route, and the user's level within it.
[[nodiscard]] std::uint32_t LevelOf(Exchange& exchange);

// Whether upstreams are told the level, and what of the client's own words is dropped for that.
[[nodiscard]] bool TellsLevel(const Exchange& exchange);

// The field that tells a caller from which level on requests pass.
inline constexpr std::string_view kAdmitLevelName = "x-admit-level";

// Its value in a response to a trusted peer whose route is known: what is asked here or by the
// upstream (`upstream` is its response, or null), whichever is more. Nothing for everybody else,
// whom the load of the machine does not concern, and where levels are not told.
[[nodiscard]] std::optional<std::uint32_t> AdmitLevel(const Exchange& exchange,
                                                      const wire::ResponseHead* upstream);

}  // namespace sluice::gateway
