// Choose: which version answers a request, and what is counted of its answer.
//
// Between the guards, which are the same for every version, and the forwarder. A route whose
// upstream is in no release costs one comparison.

#pragma once

#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway {

// The cookie with the identity of who has none. (Written so that no metric is meant.)
inline constexpr std::string_view kIdentityCookie = std::string_view("=sluice_uid").substr(1);

// Sets `exchange.asked` to the upstream that answers, and `exchange.release` to why.
void Choose(Exchange& exchange);

// An attempt has ended: what the judge is to know of it, unless a later attempt replaces it.
void NoteAnswer(Exchange& exchange, const Result<Response>& reply);

// The answer last noted broke off or was no HTTP: a failure, whatever the client is sent instead.
void NoteBrokenAnswer(Exchange& exchange);

// The candidate has no endpoint, or failed a request that is protected, and it may be sent to
// stable instead.
[[nodiscard]] bool FallsBack(const Exchange& exchange, const Result<Response>& reply);

// Sends it there. Fails as Forward().
[[nodiscard]] Task<Result<Response>> ForwardToStable(Exchange& exchange, Result<Response> failed);

// Whether an answer says something of the arm that its user's bucket chose: rules, orders and
// stand-ins bring users that are not like the others.
[[nodiscard]] bool IsComparable(const ReleaseUse& use);

// Counts the answer of a finished exchange, once.
void CountRelease(Exchange& exchange, Delivery delivery);

}  // namespace sluice::gateway
