#include "sluice/limit/sliding_window.h"

#include <algorithm>

#include "sluice/contract/random.h"

namespace sluice::limit {

namespace {

using State = SlidingWindow::State;
using Pace = SlidingWindow::Pace;

// Windows that are over go: the current one becomes the previous, or both are forgotten.
void Rotate(const Pace& pace, Cell<State> cell, Ticks at) {
  State& state = cell.state;
  if (state.previous == 0 && state.current == 0) {
    state.start = std::max(at, cell.time);
    return;
  }
  const Ticks elapsed = at - state.start;
  if (elapsed < pace.period) return;
  if (elapsed >= 2 * pace.period) {
    state = {.start = at};
    return;
  }
  state = {.start = state.start + pace.period, .previous = state.current};
  if (state.previous == 0) state.start = at;
}

// When all that is counted will be forgotten.
Ticks ForgottenAt(const Pace& pace, const State& state) {
  return state.start + (state.current > 0 ? 2 : 1) * pace.period;
}

Wide Product(std::int64_t count, Ticks ticks) {
  return static_cast<Wide>(count) * static_cast<Wide>(ticks);
}

// One decision's view of the two counters.
struct Estimate {
  const Pace& pace;
  const State& state;
  Ticks left;  // Of the current window, 1 .. period.

  // previous x left + current x period: the estimate, times the period.
  [[nodiscard]] Wide Scaled() const {
    return Product(state.previous, left) + Product(state.current, pace.period);
  }
  // Whole tokens counted, rounded up.
  [[nodiscard]] std::int64_t Used() const {
    const Wide period = static_cast<Wide>(pace.period);
    return static_cast<std::int64_t>((Scaled() + period - 1) / period);
  }
  [[nodiscard]] bool Fits(std::uint32_t tokens) const {
    return Scaled() + Product(tokens, pace.period) <= Product(pace.limit, pace.period);
  }
  // Until `tokens` fit. With nothing more counted the estimate only falls: first the previous
  // window's part, then, one window later, that of the current one.
  [[nodiscard]] Ticks UntilFits(std::uint32_t tokens) const {
    const std::int64_t room = pace.limit - std::int64_t{tokens};
    if (room >= std::int64_t{state.current}) {
      return left - LeftWhere(room - std::int64_t{state.current}, state.previous);
    }
    return left + pace.period - LeftWhere(room, state.current);
  }
  // The greatest rest of a window at which `count` in the window before weighs at most `room`.
  [[nodiscard]] Ticks LeftWhere(std::int64_t room, std::uint32_t count) const {
    if (count == 0) return pace.period;
    return static_cast<Ticks>(Product(room, pace.period) / static_cast<Wide>(count));
  }
  [[nodiscard]] Level LevelNow() const {
    const bool is_empty = state.previous == 0 && state.current == 0;
    const Ticks reset = is_empty ? 0 : left + (state.current > 0 ? pace.period : 0);
    return Level::Counted(pace.limit, Used(), reset);
  }
};

}  // namespace

Admission SlidingWindow::Take(const Pace& pace,
                              Cell<State> cell,
                              const TickMoment& tick,
                              std::uint32_t tokens) {
  Rotate(pace, cell, tick.at);
  State& state = cell.state;
  // A `now` before the window's start is its start: nothing is ever forgotten twice.
  const Ticks left = std::clamp<Ticks>(state.start + pace.period - tick.at, 1, pace.period);
  const Estimate estimate{.pace = pace, .state = state, .left = left};
  if (tokens == 0) return {.admitted = true, .level = estimate.LevelNow()};

  const bool fits = estimate.Fits(tokens);
  const bool can_fit = std::int64_t{tokens} <= pace.limit;
  const Nanos retry = !can_fit ? kNeverAdmitted
                      : fits   ? Nanos(0)
                               : NanosCeil(std::max<Ticks>(1, estimate.UntilFits(tokens)));
  if (!fits && pace.on_reject == OnReject::kKeep) {
    return {.retry_after = retry, .level = estimate.LevelNow()};
  }
  const std::int64_t free = std::max<std::int64_t>(0, pace.limit - estimate.Used());
  state.current += fits ? tokens : static_cast<std::uint32_t>(free);
  if (state.previous > 0 || state.current > 0) cell.time = ForgottenAt(pace, state);
  if (fits) return {.admitted = true, .level = estimate.LevelNow()};
  const Nanos drained = can_fit ? NanosCeil(std::max<Ticks>(1, estimate.UntilFits(tokens))) : retry;
  return {.retry_after = drained, .level = estimate.LevelNow()};
}

void SlidingWindow::GiveBack(const Pace& pace,
                             Cell<State> cell,
                             const TickMoment& tick,
                             const TickTaken& taken) {
  Rotate(pace, cell, tick.at);
  State& state = cell.state;
  std::uint32_t* counted = nullptr;
  if (taken.start >= state.start) counted = &state.current;
  if (taken.start < state.start && taken.start >= state.start - pace.period) {
    counted = &state.previous;
  }
  if (counted == nullptr) return;
  *counted -= std::min(*counted, taken.tokens);
  const bool is_empty = state.previous == 0 && state.current == 0;
  cell.time = is_empty ? std::min(cell.time, tick.at) : ForgottenAt(pace, state);
}

}  // namespace sluice::limit
