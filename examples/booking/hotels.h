// The hotels of the example, and what a night costs.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace booking {

inline constexpr std::array<std::string_view, 3> kHotels = {"alfama", "belem", "chiado"};

// The same text has the same number on every machine.
[[nodiscard]] constexpr std::uint32_t NumberOf(std::string_view text) {
  std::uint32_t sum = 0;
  for (const char letter : text)
    sum = sum * 31 + static_cast<unsigned char>(letter);
  return sum;
}

// In cents; the same id always costs the same.
[[nodiscard]] constexpr int NightPriceOf(std::string_view id) {
  return static_cast<int>(5'000 + NumberOf(id) % 20'000);
}

}  // namespace booking
