// The services that a booking needs: each is a process of its own, and plays one of these roles.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/contract/time.h"

namespace booking {

enum class Role : std::uint8_t {
  kUser,
  kCart,
  kInventory,
  kPrice,
  kCoupons,
  kRisk,
  kPayment,
  kNotification,
};
inline constexpr std::size_t kRoles = 8;

struct RoleFacts {
  std::string_view name;
  std::chrono::milliseconds delay;  // What it usually takes for an answer.
};

// In the order of Role.
inline constexpr std::array<RoleFacts, kRoles> kRoleFacts = {{
    {"user", std::chrono::milliseconds(15)},
    {"cart", std::chrono::milliseconds(20)},
    {"inventory", std::chrono::milliseconds(35)},
    {"price", std::chrono::milliseconds(20)},
    {"coupons", std::chrono::milliseconds(15)},
    {"risk", std::chrono::milliseconds(30)},
    {"payment", std::chrono::milliseconds(40)},
    {"notification", std::chrono::milliseconds(20)},
}};

[[nodiscard]] constexpr const RoleFacts& FactsOf(Role role) {
  return kRoleFacts[static_cast<std::size_t>(role)];
}
[[nodiscard]] constexpr std::string_view NameOf(Role role) {
  return FactsOf(role).name;
}

[[nodiscard]] constexpr std::optional<Role> RoleOf(std::string_view name) {
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (kRoleFacts[i].name == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace booking
