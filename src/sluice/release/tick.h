// Tick: what was counted in one short time (a second), by arm: all that the judge ever sees.
//
// Plain values; sums of ticks are ticks.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/release/bucket.h"

namespace sluice::release {

// Each threshold of each metric is a channel of its own.
inline constexpr std::size_t kChannelsMax = 16;

struct ArmTick {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;  // Statuses of 500 and above, and no answer at all; not thinned.
  std::uint64_t slow = 0;      // Over the guard-rail's ceiling.
  std::uint64_t keys = 0;      // Seen for the first time in this step, sent here by their bucket.
  std::array<std::uint64_t, kChannelsMax> events{};  // At most one a key and step.

  ArmTick& operator+=(const ArmTick& other) {
    requests += other.requests;
    failures += other.failures;
    slow += other.slow;
    keys += other.keys;
    for (std::size_t i = 0; i < kChannelsMax; ++i)
      events[i] += other.events[i];
    return *this;
  }
  friend bool operator==(const ArmTick&, const ArmTick&) = default;
};

struct Tick {
  std::array<ArmTick, kArms> arms;

  [[nodiscard]] const ArmTick& of(Arm arm) const { return arms[static_cast<std::size_t>(arm)]; }
  [[nodiscard]] ArmTick& of(Arm arm) { return arms[static_cast<std::size_t>(arm)]; }
  // Everything that the candidate is compared with.
  [[nodiscard]] ArmTick baseline() const {
    ArmTick sum = of(Arm::kStable);
    sum += of(Arm::kControl);
    return sum;
  }
  Tick& operator+=(const Tick& other) {
    for (std::size_t i = 0; i < kArms; ++i)
      arms[i] += other.arms[i];
    return *this;
  }
  [[nodiscard]] bool is_empty() const { return *this == Tick{}; }
  friend bool operator==(const Tick&, const Tick&) = default;
};

}  // namespace sluice::release
