// AcquireAll: a call that needs several guards (a route's breaker and its upstream's) gets all of
// their permits or none. A half-taken set would waste a probe or a token.

#pragma once

#include <cstddef>
#include <span>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

struct AllDecision {
  bool admitted = false;
  bool would_refuse = false;          // Some guard would have refused if enforced.
  const Guard* refused_by = nullptr;  // Refused: the first that did.
  Nanos wait{0};                      // Admitted: the longest wait that any asks for.
  Nanos retry_after{0};               // Refused: as that guard says.
};

struct GuardCall {
  Guard* guard = nullptr;
  GuardRequest request;  // Each guard may have a key of its own.
};

// Asks in order; `permits[i]` becomes the permit of `guards[i]`. When one refuses, those before it
// are refunded and all permits are empty. Requires permits.size() >= guards.size(). Allocates
// nothing.
[[nodiscard]] AllDecision AcquireAll(std::span<Guard* const> guards,
                                     const GuardRequest& request,
                                     SteadyTime now,
                                     std::span<Permit> permits);
[[nodiscard]] AllDecision AcquireAll(std::span<const GuardCall> calls,
                                     SteadyTime now,
                                     std::span<Permit> permits);

}  // namespace sluice::breaker
