// Sliding log: exactly `limit` tokens in any period, with the time of each one kept. For limits
// that must be exact and are small: five logins in a quarter of an hour.
//
// Memory is the price, so `limit` is at most 64: 24 bytes an entry, and for a key in use a block of
// 8 bytes a token. An algorithm of KeyedLimiterOf; a key seen for the first time allocates.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/window_options.h"

namespace sluice::limit {

inline constexpr std::int64_t kLogLimitMax = 64;

struct SlidingLog {
  using Options = WindowOptions;

  // A ring of the times at which tokens were taken, oldest first; the entry's time is the moment
  // when the newest is forgotten.
  class State {
   public:
    [[nodiscard]] std::uint32_t size() const { return size_; }
    // From the oldest on; index < size().
    [[nodiscard]] Ticks at(std::uint32_t index) const { return times_[Slot(index)]; }
    void DropOldest();
    // Grows to `capacity` at least, which must be above size().
    void Append(Ticks at, std::uint32_t capacity);
    // Removes up to `count` tokens taken at exactly `at`; returns how many.
    std::uint32_t Remove(Ticks at, std::uint32_t count);

   private:
    // `index` is at most capacity_. A decision asks four times, and a division takes longer than
    // all the rest of one.
    [[nodiscard]] std::uint32_t Slot(std::uint32_t index) const {
      const std::uint32_t slot = first_ + index;
      return slot < capacity_ ? slot : slot - capacity_;
    }

    std::unique_ptr<Ticks[]> times_;
    std::uint16_t capacity_ = 0;
    std::uint16_t first_ = 0;
    std::uint16_t size_ = 0;
  };

  using Pace = WindowPace;

  static Admission Take(const Pace& pace,
                        Cell<State> cell,
                        const TickMoment& tick,
                        std::uint32_t tokens);
  // Exact: the tokens taken at that moment go, whatever was taken since.
  static void GiveBack(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       const TickTaken& taken);
  static std::int64_t Capacity(const Pace& pace) { return pace.limit; }
  static std::size_t HeapBytes(const Pace& pace) {
    return static_cast<std::size_t>(pace.limit) * sizeof(Ticks) + 2 * sizeof(void*);
  }
};

}  // namespace sluice::limit
