// What the process ends with. The same for every verb; see docs/command-line.md.

#pragma once

namespace sluice::app {

inline constexpr int kSuccess = 0;
inline constexpr int kCheckFailed = 1;
inline constexpr int kUsage = 2;        // Usage or configuration.
inline constexpr int kUnreachable = 3;  // Target or infrastructure.
inline constexpr int kHeld = 4;         // Not enough evidence, or held.
inline constexpr int kConflict = 5;
inline constexpr int kDrainKilled = 7;  // Drained, with requests killed.
inline constexpr int kInterrupted = 130;

}  // namespace sluice::app
