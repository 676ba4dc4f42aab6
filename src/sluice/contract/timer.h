// Timer: an intrusive entry of a loop's timer wheel; its owner embeds it.
//
// The loop calls `fire` once at or after `due` (at most one tick later, plus the length of a turn)
// and has by then forgotten the timer, so `fire` may arm it again. Destroying an armed timer is a
// programmer's error: disarm it first, or use a ScopedTimer.

#pragma once

#include "sluice/contract/assert.h"
#include "sluice/contract/time.h"

namespace sluice {

struct Timer {
  using Fire = void (*)(Timer& timer, SteadyTime now);

  Timer(Fire on_fire, void* its_owner) : fire(on_fire), owner(its_owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { SLUICE_ASSERT(!armed()); }

  [[nodiscard]] bool armed() const { return next != nullptr; }

  Fire fire;
  void* owner;
  SteadyTime due{};  // Of the last Arm().

  // The loop's own: links of the list this timer is in.
  Timer* next = nullptr;
  Timer* previous = nullptr;
};

}  // namespace sluice
