#include "sluice/breaker/acquire_all.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

// Gives back what the guards before `index` have granted, the last taken first.
void RefundBefore(std::size_t index, SteadyTime now, std::span<Permit> permits) {
  for (std::size_t taken = index; taken > 0; --taken)
    permits[taken - 1].Refund(now);
}

// False when it refused; `all` says so then.
bool TakeOne(
    Guard& guard, const GuardRequest& request, SteadyTime now, Permit& permit, AllDecision& all) {
  GuardDecision decision = guard.Acquire(request, now);
  if (!decision.admitted) {
    all = {.refused_by = &guard, .retry_after = decision.retry_after};
    return false;
  }
  permit = std::move(decision.permit);
  all.would_refuse = all.would_refuse || decision.would_refuse;
  all.wait = std::max(all.wait, decision.wait);
  return true;
}

}  // namespace

AllDecision AcquireAll(std::span<Guard* const> guards,
                       const GuardRequest& request,
                       SteadyTime now,
                       std::span<Permit> permits) {
  SLUICE_ASSERT(permits.size() >= guards.size());
  AllDecision all{.admitted = true};
  for (std::size_t index = 0; index < guards.size(); ++index) {
    if (TakeOne(*guards[index], request, now, permits[index], all)) continue;
    RefundBefore(index, now, permits);
    break;
  }
  return all;
}

AllDecision AcquireAll(std::span<const GuardCall> calls,
                       SteadyTime now,
                       std::span<Permit> permits) {
  SLUICE_ASSERT(permits.size() >= calls.size());
  AllDecision all{.admitted = true};
  for (std::size_t index = 0; index < calls.size(); ++index) {
    if (TakeOne(*calls[index].guard, calls[index].request, now, permits[index], all)) continue;
    RefundBefore(index, now, permits);
    break;
  }
  return all;
}

}  // namespace sluice::breaker
