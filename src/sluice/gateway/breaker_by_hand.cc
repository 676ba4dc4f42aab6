#include "sluice/gateway/breaker_by_hand.h"

namespace sluice::gateway {
namespace {

using breaker::State;

State StateBefore(const BreakerBefore& before, SteadyTime now) {
  if (before.keyed != nullptr) return before.keyed->by_hand();
  return before.guard != nullptr ? before.guard->Snapshot(now).state : State::kClosed;
}

template <typename AnyBreaker>
void SetAgain(AnyBreaker& breaker, State state, SteadyTime now) {
  switch (state) {
    case State::kForcedOpen:
      breaker.ForceOpen(now);
      break;
    case State::kDisabled:
      breaker.Disable(now);
      break;
    case State::kMetricsOnly:
      breaker.MetricsOnly(now);
      break;
    case State::kClosed:
    case State::kOpen:
    case State::kHalfOpen:
    case State::kRecovering:
      break;  // Its own doing.
  }
}

}  // namespace

void TakeOverByHand(const BreakerBefore& before, const BreakerPlan& next, SteadyTime now) {
  const State state = StateBefore(before, now);
  if (next.guard != nullptr) SetAgain(*next.guard, state, now);
  if (next.keyed != nullptr) SetAgain(*next.keyed, state, now);
}

}  // namespace sluice::gateway
