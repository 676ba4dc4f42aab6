#include "sluice/limit/fixed_window.h"

#include <algorithm>
#include <cstdlib>

namespace sluice::limit {

namespace {

using State = FixedWindow::State;
using Pace = FixedWindow::Pace;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
// How far the wall clock may drift from the steady one before a window's end is moved.
constexpr Ticks kDriftMax = kNanosPerSecond * kTicksPerNano;
// An entry is kept so long behind its calendar window: a wall clock that is a little slow still
// names the same period, and must find its count.
constexpr Ticks kGrace = kDriftMax;

// Where the calendar's period ends: as a name for it, and in ticks.
struct CalendarEnd {
  std::uint32_t second = 0;  // 0: the wall clock is not known.
  Ticks at = 0;
};

CalendarEnd EndOfPeriod(const Pace& pace, const TickMoment& tick) {
  const std::int64_t wall = tick.wall.time_since_epoch().count();
  if (wall <= 0) return {.second = 0, .at = tick.at + pace.period};
  const std::int64_t second = PeriodEnd(pace.calendar, tick.wall);
  return {.second = static_cast<std::uint32_t>(second),
          .at = tick.at + (second * kNanosPerSecond - wall) * kTicksPerNano};
}

void Begin(const Pace& pace, Cell<State> cell, Ticks at) {
  const Ticks began = std::max(at, cell.time);
  cell.state = {.began = began};
  cell.time = began + pace.period;
}

void FollowCalendar(const Pace& pace, Cell<State> cell, const TickMoment& tick) {
  State& state = cell.state;
  const CalendarEnd end = EndOfPeriod(pace, tick);
  const bool is_over = tick.at >= cell.time - kGrace;
  const bool is_another = end.second == 0 || end.second != state.wall_end;
  if (state.count == 0 || (is_over && is_another)) {
    state = {.began = tick.at, .wall_end = end.second};
    cell.time = std::max(cell.time, end.at + kGrace);
    return;
  }
  // Not over by the steady clock, or the same period still by the wall clock: the count stays.
  const Ticks moved = end.at + kGrace - cell.time;
  if (end.second == 0 || (!is_another && !is_over && std::abs(moved) <= kDriftMax)) return;
  state.wall_end = end.second;
  cell.time = end.at + kGrace;
}

void Follow(const Pace& pace, Cell<State> cell, const TickMoment& tick) {
  if (pace.calendar != Calendar::kNone) {
    FollowCalendar(pace, cell, tick);
  } else if (cell.state.count == 0 || tick.at >= cell.time) {
    Begin(pace, cell, tick.at);
  }
}

Ticks EndOf(const Pace& pace, Ticks time) {
  return pace.calendar == Calendar::kNone ? time : time - kGrace;
}

}  // namespace

Pace Pace::Of(const Options& options) {
  const Nanos period =
      options.calendar == Calendar::kNone ? options.period : PeriodLengthMax(options.calendar);
  return {.period = period.count() * kTicksPerNano,
          .limit = options.limit,
          .calendar = options.calendar,
          .on_reject = options.on_reject};
}

Admission FixedWindow::Take(const Pace& pace,
                            Cell<State> cell,
                            const TickMoment& tick,
                            std::uint32_t tokens) {
  // Decided on a copy: who only looks, or is refused, begins no window.
  State state = cell.state;
  Ticks time = cell.time;
  Follow(pace, Cell<State>{time, state}, tick);

  const Ticks left = std::max<Ticks>(1, EndOf(pace, time) - tick.at);
  const auto level = [&] {
    return Level::Counted(pace.limit, state.count, state.count == 0 ? 0 : left);
  };
  const bool fits = std::int64_t{state.count} + std::int64_t{tokens} <= pace.limit;
  if (fits || tokens == 0) {
    state.count += tokens;
  } else if (pace.on_reject == OnReject::kDrain) {
    state.count = std::max(state.count, static_cast<std::uint32_t>(pace.limit));
  }
  if (state.count > 0) {
    cell.state = state;
    cell.time = time;
  }
  if (fits || tokens == 0) return {.admitted = true, .level = level()};
  const bool can_fit = std::int64_t{tokens} <= pace.limit;
  return {.retry_after = can_fit ? NanosCeil(left) : kNeverAdmitted, .level = level()};
}

void FixedWindow::GiveBack(const Pace& /*pace*/,
                           Cell<State> cell,
                           const TickMoment& tick,
                           const TickTaken& taken) {
  State& state = cell.state;
  if (taken.start < state.began || tick.at >= cell.time) return;
  state.count -= std::min(state.count, taken.tokens);
  if (state.count == 0) cell.time = std::min(cell.time, tick.at);
}

}  // namespace sluice::limit
