// Calls between loops: run something on another loop and go on here when it is done.

#pragma once

#include "sluice/contract/event.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"

namespace sluice::gateway {

// Runs `work()` on `there`, in a turn of that loop. Both loops must run until it is done.
template <typename Work>
[[nodiscard]] Task<void> CallOn(Loop& here, Loop& there, Work work) {
  Event done(here);
  // The frame of this coroutine outlives both posts: it waits for the second.
  Event* const done_here = &done;
  Loop* const home = &here;
  Work* const what = &work;
  there.Post([what, home, done_here] {
    (*what)();
    home->Post([done_here] { done_here->Set(); });
  });
  const bool was_set = co_await done.Wait(kNever);
  static_cast<void>(was_set);
}

}  // namespace sluice::gateway
