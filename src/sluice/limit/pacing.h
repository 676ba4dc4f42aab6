// Pacing: requests go through one by one, `limit` in a period, and those that come too early wait.
//
// A leaky bucket without a queue: each request reserves the next free slot (a virtual clock, GCRA
// with a tolerance of one interval) and is told how long to wait for it; the caller waits on a
// timer of its loop. Nobody is put to sleep here and nothing is stored but the next free time. A
// slot further away than `max_wait`, or behind the request's deadline, is refused.
//
// Slots are whole ticks, so any rate is paced: 3000 a second come every 333 1/3 µs.
//
// A reservation that is given back is free again only while it is the last one: the requests behind
// it have been told their times already. Otherwise its slot passes unused.
// An algorithm of KeyedLimiterOf; 16 bytes an entry.

#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/limit/keyed_limiter.h"

namespace sluice::limit {

inline constexpr Nanos kQueueingTimeMax = std::chrono::seconds(60);

struct PacingOptions {
  std::int64_t limit = 0;  // Requests in a period, 1 .. 1e9; 0 lets nothing through.
  Nanos period = std::chrono::seconds(1);           // 1 ms .. 32 days.
  Nanos max_wait = std::chrono::milliseconds(500);  // 0 .. 1 min.
};

struct Pacing {
  using Options = PacingOptions;
  using State = NoState;  // The entry's time is the next free slot.

  struct Pace {
    Ticks interval = 0;  // 0: nothing passes.
    Ticks max_wait = 0;

    static Pace Of(const Options& options);
  };

  // Admitted with `wait`: not before that long from now. A request of n tokens takes n intervals.
  static Admission Take(const Pace& pace,
                        Cell<State> cell,
                        const TickMoment& tick,
                        std::uint32_t tokens);
  static void GiveBack(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       const TickTaken& taken);
  // As many as an empty queue has slots for: more would block it for longer than anybody waits.
  static std::int64_t Capacity(const Pace& pace) {
    return pace.interval == 0 ? 0 : 1 + pace.max_wait / pace.interval;
  }
  static std::size_t HeapBytes(const Pace& /*pace*/) { return 0; }
};

}  // namespace sluice::limit
