#include "sluice/limit/criticality.h"

#include <algorithm>
#include <array>

namespace sluice::limit {
namespace {

constexpr std::array<std::string_view, kCriticalityCount> kNames = {"SHEDDABLE", "SHEDDABLE_PLUS",
                                                                    "CRITICAL", "CRITICAL_PLUS"};

char ToUpper(char letter) {
  return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
}

// The finalizer of splitmix64: every bit of the input reaches every bit of the output.
std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace

std::string_view NameOf(Criticality criticality) {
  return kNames[static_cast<std::size_t>(criticality)];
}

std::optional<Criticality> ParseCriticality(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const bool is_same = std::ranges::equal(
        text, kNames[i], [](char got, char want) { return ToUpper(got) == want; });
    if (is_same) return static_cast<Criticality>(i);
  }
  return std::nullopt;
}

std::uint32_t LevelOf(Criticality criticality, std::uint64_t user_hash, WallTime now) {
  const auto hour = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::hours>(now.time_since_epoch()).count());
  const std::uint64_t mixed = Mix(user_hash ^ Mix(hour + 1));
  return static_cast<std::uint32_t>(criticality) * kLevelsPerClass +
         static_cast<std::uint32_t>(mixed % kLevelsPerClass);
}

}  // namespace sluice::limit
