// Time as a value: no room but `platform` may read a clock, so every judgement takes `now`.
//
// `SteadyTime` never steps and has no meaning outside this process; `WallTime` is UTC and may step.
// Both count nanoseconds in an int64.

#pragma once

#include <chrono>

namespace sluice {

using Nanos = std::chrono::nanoseconds;

// Names the clock of a time point. It has no now(): ask the Loop.
struct SteadyClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyClock, Nanos>;
  static constexpr bool is_steady = true;
};
using SteadyTime = SteadyClock::time_point;

// Nanoseconds since 1970-01-01T00:00:00Z.
struct WallClock {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock, Nanos>;
  static constexpr bool is_steady = false;
};
using WallTime = WallClock::time_point;

// The deadline of work that has none of its own because something else bounds it.
inline constexpr SteadyTime kNever = SteadyTime::max();

// `at + span`, or kNever where that would not fit.
constexpr SteadyTime SaturatingAdd(SteadyTime at, Nanos span) {
  if (span > Nanos(0) && at > kNever - span) return kNever;
  return at + span;
}

}  // namespace sluice
