// Overload: what is let in when there is too much, and the slots it holds.
//
// At admission, cheapest first: the machine (resources, system rules), the gate by priority, then
// the route's concurrency limits, each behind a gate of its own. Per attempt: the throttles of
// route and upstream, then the upstream's concurrency limits. Refusals are kOverloaded with guard
// and rule: "overload/shed", or "overload/<name>" of the limit that a gate stands before,
// "system/<what>", "concurrency/<name>" or "admission_control/<name>".

#pragma once

#include "sluice/breaker/classify.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// What short resources make of a client's timeout, and of its connection after an answer; and
// whether new connections wait in the kernel's queue. Nothing without such triggers, or in shadow.
[[nodiscard]] Nanos TimeoutUnderLoad(const Snapshot& snapshot, Nanos full);
[[nodiscard]] bool EndsConnections(const Snapshot& snapshot);
[[nodiscard]] bool StopsAccepting(const Snapshot& snapshot);

// Whether some trigger may end exchanges, and how far that is due, 0 .. 1: see stream_reset.h.
[[nodiscard]] bool MayResetStreams(const Snapshot& snapshot);
[[nodiscard]] double StreamResetRatio(const Snapshot& snapshot);

// Whether AdmitUnderLoad() has anything to ask for this exchange.
[[nodiscard]] bool HasLoadGuards(const Exchange& exchange);
// Lets the exchange in, maybe after a wait, or fails with kOverloaded, or kCancelled when the
// client went away meanwhile. On failure nothing is held. `exchange` has its route.
[[nodiscard]] Task<Result<void>> AdmitUnderLoad(Exchange& exchange);

// What the exchange held is free again, and the limits learn how it went. Once, at its end; earlier
// for a tunnel, which holds nothing that they bound.
void SettleLoad(Exchange& exchange, const Response& response, Delivery delivery);
// The exchange was refused by a later guard: nothing was learnt.
void RefundLoad(Exchange& exchange);

// The same for one attempt. `exchange` has its upstream.
[[nodiscard]] bool HasAttemptGuards(const Exchange& exchange);
[[nodiscard]] Task<Result<void>> EnterAttempt(Exchange& exchange);
void SettleAttempt(Exchange& exchange, const Error& error);
void SettleAttempt(Exchange& exchange, int status, breaker::Refusal refusal);
void RefundAttempt(Exchange& exchange);
// Whether the attempt has yet to be settled.
[[nodiscard]] bool HoldsAttempt(const Exchange& exchange);

}  // namespace sluice::gateway
