// The little of Unicode that reading a configuration needs.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice::gateway::config {

// The place of the first byte that is not part of well-formed UTF-8 (RFC 3629 section 4), or is a
// control character other than tab, line feed and carriage return.
[[nodiscard]] std::optional<std::size_t> FindUnprintable(std::string_view text);

inline constexpr std::size_t kSurrogatePairBytes = 12;

// Reads the pair of escapes "\ud83d\ude00" that `text` begins with (RFC 8259 section 7).
[[nodiscard]] std::optional<char32_t> ReadSurrogatePair(std::string_view text);

}  // namespace sluice::gateway::config
