// StaleKeeping: lets a route's good answers be kept on their way to the client, and finds them
// again when there is none. The rules are those of degrade/cache_policy.h; here is what a key is
// made of.
//
// A key is the route, the host, the path and query, and the fields of `key_headers`; of an
// `authorization` that is looked past, its value too, or one user would be given another's answer.
// A HEAD is answered from a kept GET.

#pragma once

#include <memory>

#include "sluice/degrade/stale_cache.h"
#include "sluice/gateway/exchange.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

// The answer's head is known: begins to keep its body in exchange.keeping, if the route keeps
// answers and may keep this one.
void BeginKeeping(Exchange& exchange, const wire::ResponseHead& head);
// A piece of the body, in order. Cheap where nothing is kept.
inline void KeepPiece(Exchange& exchange, ByteView content) {
  if (exchange.keeping && !exchange.keeping->Add(content)) exchange.keeping.reset();
}
// The body was whole.
void FinishKeeping(Exchange& exchange);

// What was kept for such a request and may be given for it now; null when there is nothing.
[[nodiscard]] std::shared_ptr<const degrade::KeptAnswer> FindKept(Exchange& exchange);

}  // namespace sluice::gateway
