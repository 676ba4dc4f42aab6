// Identify: who asks, for what, and which route answers. The first step of a request, before any
// guard; it never waits.

#pragma once

#include "sluice/contract/result.h"
#include "sluice/gateway/exchange.h"

namespace sluice::gateway {

// Sets the client's address, the normal path, the trace and the route of an exchange whose head is
// complete and whose snapshot is taken.
//
// Fails with kBadRequest (a path without a normal form), kExpectationFailed, kNoRoute,
// kMethodNotAllowed (only the method had no route), kPermissionDenied (the route's action is deny)
// or kBodyTooLarge (Content-Length over the bound).
[[nodiscard]] Result<void> Identify(Exchange& exchange);

// The bound on the request's body in bytes.
[[nodiscard]] Bytes BodyBytesMax(const Exchange& exchange);

}  // namespace sluice::gateway
