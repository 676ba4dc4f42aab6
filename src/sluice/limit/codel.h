// Codel: is a queue only absorbing a burst, or is it standing?
//
// After folly's Codel (Facebook, "Fail at Scale", 2015), itself after Nichols and Jacobson, 2012:
// when in a whole interval no item waited less than the target, the queue is standing, and for the
// next interval items that have waited twice the target are dropped. The first item of an interval
// is never dropped, so that something always passes.
// Not thread-safe: whoever owns the queue holds its lock.

#pragma once

#include <chrono>

#include "sluice/contract/time.h"

namespace sluice::limit {

struct CodelOptions {
  Nanos target_delay = std::chrono::milliseconds(5);  // 1 us .. 10 s.
  Nanos interval = std::chrono::milliseconds(100);    // target_delay .. 1 min.
};

class Codel {
 public:
  explicit Codel(const CodelOptions& options) : options_(options) {}

  // An item leaves the queue after `delay`. True when it is to be dropped instead of served.
  [[nodiscard]] bool ShouldDrop(Nanos delay, SteadyTime now);

  // Something did not have to wait at all: the queue is not standing.
  void NoteNoWait(SteadyTime now) { Observe(Nanos(0), now); }

  // True from the end of an interval in which nobody waited less than the target, until the end of
  // one in which somebody did, or nobody came.
  [[nodiscard]] bool IsOverloaded(SteadyTime now) const;

  // What an item may have waited at most to be served while the queue stands.
  [[nodiscard]] Nanos DelayMax() const { return 2 * options_.target_delay; }

  // Takes effect at once; what was observed is kept.
  void Reconfigure(const CodelOptions& options) { options_ = options; }

 private:
  // True when `delay` is the first of its interval.
  bool Observe(Nanos delay, SteadyTime now);

  CodelOptions options_;
  SteadyTime interval_end_{};
  Nanos delay_min_{0};  // Of this interval.
  bool is_overloaded_ = false;
};

}  // namespace sluice::limit
