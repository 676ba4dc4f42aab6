// LatencyWindow: how long the calls of one window took, as a histogram that all loops fill.
//
// Logarithmic with 16 steps per doubling (each at most 6.3 % wide), from 1 us to 68 s; a quantile
// is read off with the position inside its step. Striped by thread, so that loops seldom meet.
// Thread-safe; a reader that drains while others record may leave a few samples for the next
// window.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/time.h"

namespace sluice::limit {

class LatencyWindow {
 public:
  void Record(Nanos latency);

  struct Summary {
    std::uint64_t samples = 0;
    Nanos quantile{0};
    Nanos min{0};  // The lower bound of the lowest step in use.
  };
  // `quantile` in 0 .. 1. Empties the window.
  [[nodiscard]] Summary Drain(double quantile);

 private:
  static constexpr std::size_t kStepsPerOctave = 16;
  static constexpr std::size_t kOctaves = 26;
  static constexpr std::size_t kSteps = kOctaves * kStepsPerOctave;
  static constexpr std::size_t kStripes = 4;

  [[nodiscard]] static std::size_t StepOf(std::uint64_t nanos);
  [[nodiscard]] static double LowerNanos(std::size_t step);

  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint32_t>, kSteps> counts{};
  };
  std::array<Stripe, kStripes> stripes_{};
};

}  // namespace sluice::limit
