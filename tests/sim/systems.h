// The systems that scenarios can be played against.

#pragma once

#include <string>
#include <string_view>

#include "tests/sim/system_under_test.h"

namespace sluice::scenario {

inline constexpr std::string_view kDefaultSystem = "gateway";

// nullptr when there is none of this name.
[[nodiscard]] MakeSystem FindSystem(std::string_view name);
[[nodiscard]] std::string SystemNames();

}  // namespace sluice::scenario
