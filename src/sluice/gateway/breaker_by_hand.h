// BreakerByHand: what an operator has set of a breaker outlives its key.
//
// A breaker whose key changes at a reload is a new one, since it tells other calls apart. That it
// was forced open or disabled by hand is no count of calls, and goes over. Belongs to the control
// loop.

#pragma once

#include <memory>

#include "sluice/breaker/breaker.h"
#include "sluice/breaker/keyed_breaker.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/snapshot.h"

namespace sluice::gateway {

// The breaker that had the name before: at most one of the two.
struct BreakerBefore {
  std::shared_ptr<breaker::Breaker> guard;
  std::shared_ptr<breaker::KeyedBreaker> keyed;
};

// Sets `next` as `before` was set by hand; nothing when it was not.
void TakeOverByHand(const BreakerBefore& before, const BreakerPlan& next, SteadyTime now);

}  // namespace sluice::gateway
