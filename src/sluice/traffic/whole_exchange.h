// ExchangeWhole: a small request and its whole answer in memory, for callers that are no proxy.

#pragma once

#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/connection.h"
#include "sluice/wire/http_head.h"

namespace sluice::traffic {

// Sends the request in `connection.output()`, head and body, and receives the answer to it, however
// framed. Returns its body; `connection.head()` has status and fields until the next exchange. The
// connection must live until the task has ended, and has an exchange begun (a new Lease has).
//
// Fails as ReceiveHead() does, while sending (kIfIdempotent) and within the body (kUnsafe) too;
// with kBadResponse for a malformed body; with kBodyTooLarge for one of more than `body_max` bytes.
// After a failure the connection is not reusable. stream().Cancel() ends it early, with kCancelled.
[[nodiscard]] Task<Result<std::string>> ExchangeWhole(Connection& connection,
                                                      wire::Method method,
                                                      SteadyTime deadline,
                                                      Bytes body_max);

}  // namespace sluice::traffic
