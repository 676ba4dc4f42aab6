// LatencySummary: quantiles of any number of durations in fixed memory, within 3.2 %. Pure.
//
// Log-linear: each power of two is cut into 32 equal parts, from 1 µs to about 19 hours.
// Not thread-safe.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/time.h"

namespace sluice::traffic::replay {

class LatencySummary {
 public:
  void Add(Nanos duration) {
    const auto micros =
        static_cast<std::uint64_t>(duration.count() > 0 ? duration.count() / 1000 : 0);
    ++counts_[SlotOf(micros)];
    ++count_;
    if (duration > max_) max_ = duration;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Nanos max() const { return max_; }

  // The least duration that `quantile` (0 .. 1) of all do not exceed, rounded up to its slot's end,
  // at most max(); 0 when there are none.
  [[nodiscard]] Nanos Quantile(double quantile) const {
    const double wanted = quantile * static_cast<double>(count_);
    std::uint64_t below = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      below += counts_[slot];
      if (below > 0 && static_cast<double>(below) >= wanted) {
        if (slot + 1 == kSlots) return max_;
        const Nanos end(static_cast<Nanos::rep>(EndOf(slot)) * 1000);
        return end < max_ ? end : max_;
      }
    }
    return max_;
  }

 private:
  static constexpr unsigned kPartBits = 5;
  static constexpr std::size_t kParts = std::size_t{1} << kPartBits;
  static constexpr std::size_t kSlots = kParts * 32;

  static std::size_t SlotOf(std::uint64_t micros) {
    if (micros < kParts) return static_cast<std::size_t>(micros);
    const auto shift = static_cast<unsigned>(std::bit_width(micros)) - kPartBits - 1;
    const std::size_t slot =
        (shift + 1) * kParts + static_cast<std::size_t>(micros >> shift) - kParts;
    return slot < kSlots ? slot : kSlots - 1;
  }
  static std::uint64_t EndOf(std::size_t slot) {
    if (slot < kParts) return slot + 1;
    const auto shift = static_cast<unsigned>(slot / kParts) - 1;
    return (std::uint64_t{kParts} + slot % kParts + 1) << shift;
  }

  std::array<std::uint64_t, kSlots> counts_{};
  std::uint64_t count_ = 0;
  Nanos max_{0};
};

}  // namespace sluice::traffic::replay
