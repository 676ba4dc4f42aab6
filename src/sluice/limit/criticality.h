// Criticality: how much a request matters, and its level among all requests.
//
// Four classes with Google's names (SRE book, ch. 21), 128 levels each (DAGOR, Zhou et al., 2018):
// a user has the same level within a class for an hour, so that under overload some users are
// served well rather than all of them badly, and next hour it is others.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/contract/time.h"

namespace sluice::limit {

enum class Criticality : std::uint8_t { kSheddable, kSheddablePlus, kCritical, kCriticalPlus };

inline constexpr std::size_t kCriticalityCount = 4;
inline constexpr std::uint32_t kLevelsPerClass = 128;
inline constexpr std::uint32_t kLevelCount = kCriticalityCount * kLevelsPerClass;

// "CRITICAL_PLUS", "CRITICAL", "SHEDDABLE_PLUS" or "SHEDDABLE"; case does not matter.
[[nodiscard]] std::optional<Criticality> ParseCriticality(std::string_view text);
[[nodiscard]] std::string_view NameOf(Criticality criticality);

// 0 .. kLevelCount - 1; higher matters more. `user_hash` is under the process's secret, so nobody
// can choose a good one.
[[nodiscard]] std::uint32_t LevelOf(Criticality criticality, std::uint64_t user_hash, WallTime now);

[[nodiscard]] constexpr Criticality CriticalityOf(std::uint32_t level) {
  return static_cast<Criticality>(level / kLevelsPerClass);
}

}  // namespace sluice::limit
