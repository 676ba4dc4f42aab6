// Fixed window: `limit` tokens, then none until the window ends. For quotas that are billed: "a
// million calls a month".
//
// Without a calendar the window of a key begins with its first request and lasts `period`. With one
// (day, month, …) it ends where the calendar says, in UTC. Either way two windows that meet can
// admit 2 x limit in a short time; who guards a server takes gcra.
//
// Windows end by the steady clock. The wall clock only says where the calendar's end lies: when it
// steps, the end of a window under way moves with it and the count stays, so a step never gives
// tokens away and never locks a key out for longer than to the end of the new current period.
// An algorithm of KeyedLimiterOf; 32 bytes an entry.

#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/window_options.h"

namespace sluice::limit {

struct FixedWindow {
  using Options = WindowOptions;

  // The entry's time is the end of the window, with a calendar a second of grace behind it.
  struct State {
    Ticks began = 0;
    std::uint32_t wall_end = 0;  // Seconds since 1970: which period of the calendar. 0: none.
    std::uint32_t count = 0;     // 0: no window has begun.
  };

  struct Pace {
    Ticks period = 0;  // With a calendar the longest it has.
    std::int64_t limit = 0;
    Calendar calendar = Calendar::kNone;
    OnReject on_reject = OnReject::kKeep;

    static Pace Of(const Options& options);
  };

  static Admission Take(const Pace& pace,
                        Cell<State> cell,
                        const TickMoment& tick,
                        std::uint32_t tokens);
  // Dropped when the window that the request was counted in is over.
  static void GiveBack(const Pace& pace,
                       Cell<State> cell,
                       const TickMoment& tick,
                       const TickTaken& taken);
  static std::int64_t Capacity(const Pace& pace) { return pace.limit; }
  static std::size_t HeapBytes(const Pace& /*pace*/) { return 0; }
};

}  // namespace sluice::limit
