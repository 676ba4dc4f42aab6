#include "sluice/limit/sliding_log.h"

#include <algorithm>

#include "sluice/contract/assert.h"

namespace sluice::limit {

namespace {

using State = SlidingLog::State;
using Pace = SlidingLog::Pace;

void Forget(const Pace& pace, State& log, Ticks at) {
  while (log.size() > 0 && log.at(0) <= at - pace.period) {
    log.DropOldest();
  }
}

// Appends in order: a `now` that steps back counts as the newest time there is.
void Append(const Pace& pace, Cell<State> cell, Ticks at, std::uint32_t tokens) {
  State& log = cell.state;
  const Ticks ordered = std::max(at, log.size() > 0 ? log.at(log.size() - 1) : cell.time);
  for (std::uint32_t token = 0; token < tokens; ++token) {
    log.Append(ordered, static_cast<std::uint32_t>(pace.limit));
  }
  cell.time = ordered + pace.period;
}

// The entry's own time says when the newest is forgotten: the newest itself may lie on a cache line
// that nobody else has asked for.
Level LevelOf(const Pace& pace, Cell<State> cell, Ticks at) {
  const Ticks reset = cell.state.size() == 0 ? 0 : std::max<Ticks>(0, cell.time - at);
  return Level::Counted(pace.limit, cell.state.size(), reset);
}

// Until so many of the oldest are forgotten that `tokens` fit.
Nanos RetryAfter(const Pace& pace, const State& log, Ticks at, std::uint32_t tokens) {
  const std::int64_t must_go = std::int64_t{log.size()} + std::int64_t{tokens} - pace.limit;
  const Ticks last = log.at(static_cast<std::uint32_t>(must_go) - 1);
  return NanosCeil(std::max<Ticks>(1, last + pace.period - at));
}

}  // namespace

void State::DropOldest() {
  SLUICE_ASSERT(size_ > 0);
  first_ = static_cast<std::uint16_t>(Slot(1));
  --size_;
}

void State::Append(Ticks at, std::uint32_t capacity) {
  if (size_ == capacity_) {
    SLUICE_ASSERT(capacity > size_);
    auto larger = std::make_unique<Ticks[]>(capacity);
    for (std::uint32_t index = 0; index < size_; ++index) {
      larger[index] = times_[Slot(index)];
    }
    times_ = std::move(larger);
    capacity_ = static_cast<std::uint16_t>(capacity);
    first_ = 0;
  }
  times_[Slot(size_)] = at;
  ++size_;
}

std::uint32_t State::Remove(Ticks at, std::uint32_t count) {
  std::uint32_t kept = 0;
  std::uint32_t removed = 0;
  for (std::uint32_t index = 0; index < size_; ++index) {
    const Ticks time = times_[Slot(index)];
    if (time == at && removed < count) {
      ++removed;
      continue;
    }
    times_[Slot(kept++)] = time;
  }
  size_ = static_cast<std::uint16_t>(kept);
  return removed;
}

Admission SlidingLog::Take(const Pace& pace,
                           Cell<State> cell,
                           const TickMoment& tick,
                           std::uint32_t tokens) {
  State& log = cell.state;
  Forget(pace, log, tick.at);
  if (tokens == 0) return {.admitted = true, .level = LevelOf(pace, cell, tick.at)};
  if (std::int64_t{log.size()} + std::int64_t{tokens} <= pace.limit) {
    Append(pace, cell, tick.at, tokens);
    return {.admitted = true, .level = LevelOf(pace, cell, tick.at)};
  }
  if (pace.on_reject == OnReject::kDrain && std::int64_t{log.size()} < pace.limit) {
    Append(pace, cell, tick.at, static_cast<std::uint32_t>(pace.limit - log.size()));
  }
  const bool can_fit = std::int64_t{tokens} <= pace.limit;
  return {.retry_after = can_fit ? RetryAfter(pace, log, tick.at, tokens) : kNeverAdmitted,
          .level = LevelOf(pace, cell, tick.at)};
}

void SlidingLog::GiveBack(const Pace& pace,
                          Cell<State> cell,
                          const TickMoment& tick,
                          const TickTaken& taken) {
  State& log = cell.state;
  log.Remove(taken.start, taken.tokens);
  const Ticks forgotten = log.size() == 0 ? tick.at : log.at(log.size() - 1) + pace.period;
  cell.time = std::min(cell.time, forgotten);
}

}  // namespace sluice::limit
