// The client's body on its way to an upstream.
//
// What came with the head lies in `exchange.received` and is sent with the upstream's head, so that
// most requests go out in one system call and can be sent again. The rest is pumped: received,
// decoded, framed anew and sent, one piece at a time, so that a slow upstream slows the client and
// nothing piles up.
//
// Rate: a client must deliver `body_min_rate` on the average of each window of ten seconds.

#pragma once

#include <string>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/gateway/exchange.h"
#include "sluice/traffic/connection.h"

namespace sluice::gateway {

// Decodes what came with the head, to learn where the body ends. Sets exchange.body, for every
// request and before a route is known, so that a refusal knows whether the request was whole. Fails
// with kBadRequest (bad chunks).
[[nodiscard]] Result<void> BeginRequestBody(Exchange& exchange);

// Appends the body's beginning, framed for the upstream, where it is short or chunked; otherwise
// returns the view to send behind `out`. Can be called again for another attempt.
[[nodiscard]] Result<ByteView> AppendBodyPrefix(Exchange& exchange, std::string& out);

// Starts to pump the rest to `target`; needs body.place == kStreaming. Once an exchange.
void StartPump(Exchange& exchange, traffic::Connection& target);

// Takes the whole body, for whoever must have all of it before anything is sent; an upstream cannot
// get it any more. Fails with the client's error when it breaks off, is too slow or too long.
[[nodiscard]] Task<Result<std::string>> CollectRequestBody(Exchange& exchange);

// Nobody will have the body: what still comes is dropped, within the bounds of FinishPump(), so
// that the connection can go on where that is the rest of it. Nobody else can get it any more.
void DropRequestBody(Exchange& exchange);

// Ends the pump's use of the connection: what still comes from the client is dropped. Returns when
// the pump no longer touches the connection.
[[nodiscard]] Task<void> DetachPump(Exchange& exchange);

// Waits until the rest of the body is taken, so that closing does not turn unread bytes into a
// reset that eats the answer. Bounded by 64 KiB, and by 2 s behind the receive under way, which has
// at most ten.
[[nodiscard]] Task<void> FinishPump(Exchange& exchange);

}  // namespace sluice::gateway
