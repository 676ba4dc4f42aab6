#include "sluice/limit/codel.h"

#include <algorithm>

namespace sluice::limit {

bool Codel::Observe(Nanos delay, SteadyTime now) {
  if (now < interval_end_) {
    delay_min_ = std::min(delay_min_, delay);
    return false;
  }
  // An interval that nobody ended in time tells nothing any more: there was a pause.
  const bool is_recent = now < interval_end_ + options_.interval;
  is_overloaded_ = is_recent && delay_min_ > options_.target_delay;
  interval_end_ = now + options_.interval;
  delay_min_ = delay;
  return true;
}

bool Codel::ShouldDrop(Nanos delay, SteadyTime now) {
  delay = std::max(delay, Nanos(0));  // Clocks of two loops may differ by a turn.
  if (Observe(delay, now)) return false;
  return is_overloaded_ && delay > DelayMax();
}

bool Codel::IsOverloaded(SteadyTime now) const {
  if (now < interval_end_) return is_overloaded_;
  return now < interval_end_ + options_.interval && delay_min_ > options_.target_delay;
}

}  // namespace sluice::limit
