#include "sluice/limit/pacing.h"

#include <algorithm>

#include "sluice/limit/gcra.h"

namespace sluice::limit {

Pacing::Pace Pacing::Pace::Of(const Options& options) {
  Pace pace{.max_wait = options.max_wait.count() * kTicksPerNano};
  if (options.limit > 0) {
    pace.interval =
        GcraPace::Of({.limit = options.limit, .period = options.period, .burst = 1}).interval;
  }
  return pace;
}

Admission Pacing::Take(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       std::uint32_t tokens) {
  if (pace.interval == 0) {
    return {.admitted = tokens == 0, .retry_after = kNeverAdmitted, .level = Level()};
  }
  const auto level = [&](Ticks next) {
    return Level(pace.interval, pace.max_wait + pace.interval, next - tick.at);
  };
  const Ticks slot = std::max(cell.time, tick.at);
  if (tokens == 0) return {.admitted = true, .level = level(slot)};
  if (std::int64_t{tokens} > Capacity(pace)) {
    return {.retry_after = kNeverAdmitted, .level = level(slot)};
  }
  const Ticks wait = slot - tick.at;
  if (wait > pace.max_wait) {
    return {.retry_after = NanosCeil(wait - pace.max_wait), .level = level(slot)};
  }
  if (slot > tick.deadline) return {.retry_after = NanosCeil(wait), .level = level(slot)};
  cell.time = slot + pace.interval * std::int64_t{tokens};
  return {.admitted = true, .wait = NanosCeil(wait), .level = level(cell.time)};
}

void Pacing::GiveBack(const Pace& pace,
                      Cell<State> cell,
                      const TickMoment& /*tick*/,
                      const TickTaken& taken) {
  const Ticks slot = cell.time - pace.interval * std::int64_t{taken.tokens};
  // The start was told in nanoseconds, rounded up.
  if (slot <= taken.start && taken.start - slot < kTicksPerNano) cell.time = slot;
}

}  // namespace sluice::limit
