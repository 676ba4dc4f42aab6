#include "sluice/breaker/acquire_all.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

AllDecision AcquireAll(std::span<Guard* const> guards,
                       const GuardRequest& request,
                       SteadyTime now,
                       std::span<Permit> permits) {
  SLUICE_ASSERT(permits.size() >= guards.size());
  AllDecision all{.admitted = true};
  for (std::size_t index = 0; index < guards.size(); ++index) {
    GuardDecision decision = guards[index]->Acquire(request, now);
    if (!decision.admitted) {
      // The last taken is given back first.
      for (std::size_t taken = index; taken > 0; --taken) {
        permits[taken - 1].Refund(now);
      }
      return {.refused_by = guards[index], .retry_after = decision.retry_after};
    }
    permits[index] = std::move(decision.permit);
    all.would_refuse = all.would_refuse || decision.would_refuse;
    all.wait = std::max(all.wait, decision.wait);
  }
  return all;
}

}  // namespace sluice::breaker
