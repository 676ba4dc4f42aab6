// Moments as people and files write them (RFC 3339).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/time.h"

namespace sluice::wire::recording {

// "2026-01-02T03:04:05.123456789Z"
[[nodiscard]] std::string FormatDateTime(WallTime at);

// Any fraction of a second, any offset from UTC; without one it is UTC. nullopt where it is none.
[[nodiscard]] std::optional<WallTime> ParseDateTime(std::string_view text);

}  // namespace sluice::wire::recording
