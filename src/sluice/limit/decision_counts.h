// Counters of a rule that all loops share, and the part of its refusals that is enforced.
//
// Each thread counts in a cell of its own with a plain load and store; only threads beyond the
// sixteenth share a cell, with atomic adds. A reader sums all cells and sees recent values.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::limit {

enum class DecisionKind : std::uint8_t { kAllowed, kDenied, kWouldDeny, kNearLimit };

struct DecisionTotals {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;  // Refused by the arithmetic, let through by the mode.
  std::uint64_t near_limit = 0;  // Also counted in allowed.
};

class DecisionCounts {
 public:
  void Add(DecisionKind kind);
  [[nodiscard]] DecisionTotals Totals() const;

 private:
  static constexpr std::size_t kKinds = 4;
  static constexpr std::size_t kOwnCells = 16;
  struct alignas(64) Cell {
    std::array<std::atomic<std::uint64_t>, kKinds> counts{};
  };
  std::array<Cell, kOwnCells + 1> cells_{};
};

// Chooses which refusals are carried out: exactly `percent` of them in any long row, evenly spread
// (Bresenham's line), so a roll-out of a limit needs no chance and repeats in tests.
class EnforcedPart {
 public:
  explicit EnforcedPart(double percent) { Set(percent); }

  void Set(double percent);
  // Whether the next refusal is enforced. Counts only while the part is neither none nor all.
  [[nodiscard]] bool TakeNext();

 private:
  std::atomic<std::uint32_t> per_ten_thousand_{10'000};
  std::atomic<std::uint64_t> refusals_{0};
};

}  // namespace sluice::limit
