#include "sluice/platform/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::platform {
namespace {

std::int64_t TickOf(SteadyTime time) {
  return time.time_since_epoch().count() >> TimerWheel::kTickBits;
}

}  // namespace

TimerWheel::TimerWheel(SteadyTime start) : tick_(TickOf(start)), now_(start) {
  SLUICE_ASSERT(start.time_since_epoch().count() >= 0);
}

TimerWheel::~TimerWheel() {
  SLUICE_ASSERT(armed_ == 0);
}

void TimerWheel::List::Append(Timer& timer) {
  in_order = empty() || (in_order && previous->due <= timer.due);
  timer.next = this;
  timer.previous = previous;
  previous->next = &timer;
  previous = &timer;
}

void TimerWheel::Unlink(Timer& timer) {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.next = timer.previous = nullptr;
}

void TimerWheel::Arm(Timer& timer, SteadyTime due) {
  if (timer.armed()) {
    Unlink(timer);
  } else {
    ++armed_;
  }
  timer.due = due;
  next_due_ = std::min(next_due_, due);
  if (advancing_ && due <= now_) {
    late_.Append(timer);  // Else a timer that re-arms itself for the past would fire for ever.
  } else {
    Place(timer);
  }
}

void TimerWheel::Disarm(Timer& timer) {
  if (!timer.armed()) return;
  Unlink(timer);
  --armed_;
}

void TimerWheel::Place(Timer& timer) {
  const Ticks due = std::max(TickOf(timer.due), tick_);
  const auto difference = static_cast<std::uint64_t>(due ^ tick_);
  const auto level = static_cast<std::size_t>(std::bit_width(difference | 1U) - 1) / kSlotBits;
  const std::size_t slot = static_cast<std::size_t>(due >> (level * kSlotBits)) % kSlots;
  slots_[level][slot].Append(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

// The slots of a level before that of `tick_` are empty, so the first occupied one is the earliest.
bool TimerWheel::FindFirst(Slot& first) {
  for (std::size_t level = 0; level < kLevels; ++level) {
    while (occupied_[level] != 0) {
      const auto slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
      if (!slots_[level][slot].empty()) {
        first = {.level = level, .index = slot};
        return true;
      }
      occupied_[level] &= occupied_[level] - 1;  // Its timers were disarmed or moved.
    }
  }
  return false;
}

TimerWheel::Ticks TimerWheel::StartOf(const Slot& slot) const {
  const std::size_t above = (slot.level + 1) * kSlotBits;
  const Ticks window = (tick_ >> above) << above;
  return window | static_cast<Ticks>(slot.index << (slot.level * kSlotBits));
}

void TimerWheel::Advance(SteadyTime now) {
  SLUICE_ASSERT(!advancing_);
  now_ = std::max(now_, now);
  if (now_ < next_due_) return;  // Most turns of a loop end here.
  advancing_ = true;
  const Ticks target = TickOf(now_);
  Slot first;
  while (FindFirst(first)) {
    const Ticks start = StartOf(first);
    if (start > target) break;
    tick_ = start;
    List& slot = slots_[first.level][first.index];
    if (first.level > 0) {
      Cascade(slot);
      continue;
    }
    Fire(slot);
    if (start == target) break;  // What is left of this tick is due later.
  }
  // No timer's slot changes by this: all that are left lie in slots that begin after `target`.
  tick_ = target;
  advancing_ = false;
  while (!late_.empty()) {
    Timer& timer = *late_.next;
    Unlink(timer);
    Place(timer);
  }
  next_due_ = FindNextDue();
}

// `tick_` is now the start of `slot`, so its timers belong on lower levels. Keeps their order.
void TimerWheel::Cascade(List& slot) {
  while (!slot.empty()) {
    Timer& timer = *slot.next;
    Unlink(timer);
    Place(timer);
  }
}

void TimerWheel::Fire(List& slot) {
  List expired;
  if (slot.in_order && slot.previous->due <= now_) {
    // As almost always, since equal spans are armed in the order of their ends: taken as a whole,
    // without a look at timers that lie far apart in memory.
    expired.next = std::exchange(slot.next, &slot);
    expired.previous = std::exchange(slot.previous, &slot);
    expired.next->previous = expired.previous->next = &expired;
  } else {
    TakeSorted(slot, expired);
  }
  while (!expired.empty()) {
    Timer& timer = *expired.next;
    Unlink(timer);
    --armed_;
    __builtin_prefetch(expired.next->owner);  // The next one to go on, and
    __builtin_prefetch(expired.next->next);   // the one after it.
    timer.fire(timer, now_);                  // May free `timer`.
  }
}

void TimerWheel::TakeSorted(List& slot, List& expired) {
  // Taken out first and in order; still linked, so that firing one may disarm another.
  Timer* chain = nullptr;
  Timer** end = &chain;
  for (Timer* timer = slot.next; timer != &slot;) {
    Timer* const next = timer->next;
    if (timer->due <= now_) {
      timer->previous->next = timer->next;
      timer->next->previous = timer->previous;
      *end = timer;
      end = &timer->next;
    }
    timer = next;
  }
  *end = nullptr;
  for (Timer* timer = Sort(chain); timer != nullptr;) {
    Timer* const next = timer->next;
    expired.Append(*timer);
    timer = next;
  }
}

// Both chains are sorted and end with nullptr; among equals those of `earlier` come first.
Timer* TimerWheel::Merge(Timer* earlier, Timer* later) {
  Timer* merged = nullptr;
  Timer** end = &merged;
  while (earlier != nullptr && later != nullptr) {
    Timer*& taken = later->due < earlier->due ? later : earlier;
    *end = taken;
    end = &taken->next;
    taken = taken->next;
  }
  *end = earlier != nullptr ? earlier : later;
  return merged;
}

// Stable merge sort of a chain: run `i` holds nothing, or 2^i timers that came before those of the
// lower runs.
Timer* TimerWheel::Sort(Timer* chain) {
  if (chain == nullptr || chain->next == nullptr) return chain;
  std::array<Timer*, 48> runs{};
  while (chain != nullptr) {
    Timer* run = std::exchange(chain, chain->next);
    run->next = nullptr;
    std::size_t i = 0;
    for (; runs[i] != nullptr; ++i) {
      run = Merge(std::exchange(runs[i], nullptr), run);
    }
    runs[i] = run;
  }
  Timer* sorted = nullptr;
  for (Timer* run : runs) {
    sorted = Merge(run, sorted);
  }
  return sorted;
}

SteadyTime TimerWheel::FindNextDue() {
  Slot first;
  if (!FindFirst(first)) return kNever;
  if (first.level > 0) return SteadyTime(Nanos(StartOf(first) << kTickBits));
  const List& slot = slots_[0][first.index];
  if (slot.in_order) return slot.next->due;
  SteadyTime due = kNever;
  for (const Timer* timer = slot.next; timer != &slot; timer = timer->next) {
    due = std::min(due, timer->due);
  }
  return due;
}

}  // namespace sluice::platform
