// Timer wheel: when is what due? The timers of one loop, shared by every platform.
//
// A hierarchical wheel (Varghese and Lauck, 1987): eight levels of 64 slots over ticks of 2^16 ns
// (65.5 µs). A timer lies on the level of the highest base-64 digit in which its tick differs from
// the current one, so every timer of a level is due before those of the level above, and a jump of
// any length visits occupied slots only. Within a tick timers fire by their exact due time; timers
// of the same due time fire in the order they were armed.
//
// Pure: time is a parameter. Allocates nothing. Not thread-safe: belongs to one loop.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"

namespace sluice::platform {

class TimerWheel {
 public:
  static constexpr int kTickBits = 16;
  static constexpr Nanos kTick{std::int64_t{1} << kTickBits};

  // `start` is the moment the wheel takes for the present until the first Advance(); not negative.
  explicit TimerWheel(SteadyTime start);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // Requires that no timer is armed.
  ~TimerWheel();

  // Arms `timer`, or moves it when it is armed here. O(1). A `due` that has passed fires in the
  // next Advance(), also when armed by a timer that is firing now.
  void Arm(Timer& timer, SteadyTime due);

  // Forgets `timer`; does nothing when it is not armed. O(1). Allowed for any timer at any time,
  // also for one that was about to fire in the Advance() under way.
  void Disarm(Timer& timer);

  // Fires every timer with due <= now, in order of due time. A `now` before that of an earlier call
  // counts as that one. Not to be called from a timer.
  void Advance(SteadyTime now);

  // A moment at or before which nothing is due, and never later than the earliest due time; kNever
  // when nothing is armed. Exact for timers of the next 64 ticks as long as none was disarmed;
  // otherwise it may be early, and is then nearer after an Advance() to that moment.
  [[nodiscard]] SteadyTime NextDue() const { return armed_ == 0 ? kNever : next_due_; }

  [[nodiscard]] std::size_t armed() const { return armed_; }

 private:
  static constexpr int kSlotBits = 6;
  static constexpr std::size_t kSlots = std::size_t{1} << kSlotBits;
  static constexpr std::size_t kLevels = 8;  // 48 bits of ticks hold every SteadyTime.

  using Ticks = std::int64_t;

  // The head of a circular list; empty when it points to itself.
  struct List : Timer {
    List() : Timer(nullptr, nullptr) { next = previous = this; }
    ~List() { next = previous = nullptr; }
    [[nodiscard]] bool empty() const { return next == this; }
    void Append(Timer& timer);
    bool in_order = true;  // No timer is due before the one it follows.
  };
  struct Slot {
    std::size_t level = 0;
    std::size_t index = 0;
  };

  static void Unlink(Timer& timer);
  static Timer* Merge(Timer* earlier, Timer* later);
  static Timer* Sort(Timer* chain);

  void Place(Timer& timer);
  void Cascade(List& slot);
  void Fire(List& slot);
  void TakeSorted(List& slot, List& expired);
  bool FindFirst(Slot& first);
  [[nodiscard]] Ticks StartOf(const Slot& slot) const;
  SteadyTime FindNextDue();

  std::array<std::array<List, kSlots>, kLevels> slots_;
  std::array<std::uint64_t, kLevels> occupied_{};  // A set bit may outlive its slot's last timer.
  List late_;  // Armed while advancing, and already due: for the next Advance().
  std::size_t armed_ = 0;
  Ticks tick_;  // The present, or the slot that Advance() visits. Every timer lies relative to it.
  SteadyTime now_;
  SteadyTime next_due_ = kNever;
  bool advancing_ = false;
};

}  // namespace sluice::platform
