// Sliding window: about `limit` tokens in any period, from two counters a key.
//
// As HAProxy's freq_ctr: the tokens of this window and of the one before it are counted, and the
// estimate for the last period is current + previous x (the part of this window still to come). It
// takes the previous window's tokens as evenly spread; where they were not, the true count can be
// above the limit, by less than the previous window's tokens. Cheap for long periods ("1000 an
// hour"), where GCRA would have to choose between a burst of an hour's worth and none.
//
// Windows of a key begin with its first request and follow one another; a key that was silent for
// two of them is as good as new. Exact arithmetic: products are compared, nothing is rounded.
// An algorithm of KeyedLimiterOf; 32 bytes an entry.

#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/window_options.h"

namespace sluice::limit {

struct SlidingWindow {
  using Options = WindowOptions;

  struct State {
    Ticks start = 0;  // Of the current window. Meaningless while nothing is counted.
    std::uint32_t previous = 0;
    std::uint32_t current = 0;
  };

  using Pace = WindowPace;

  static Admission Take(const Pace& pace,
                        Cell<State> cell,
                        const TickMoment& tick,
                        std::uint32_t tokens);
  // To the window that the request was counted in; dropped when that is forgotten.
  static void GiveBack(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       const TickTaken& taken);
  static std::int64_t Capacity(const Pace& pace) { return pace.limit; }
  static std::size_t HeapBytes(const Pace& /*pace*/) { return 0; }
};

}  // namespace sluice::limit
