// Numbers of JSON by their value, to the last digit: no double is in between, so 9007199254740993
// is not 9007199254740992, and 1.50 is 15e-1.
//
// Functions only; thread-safe.

#pragma once

#include <compare>
#include <string_view>

namespace sluice::gateway::flows {

// Which of two numbers (RFC 8259 section 6, white space around them allowed) is greater. Exponents
// beyond ±10^12 count as that.
[[nodiscard]] std::strong_ordering CompareJsonNumbers(std::string_view one, std::string_view other);

}  // namespace sluice::gateway::flows
