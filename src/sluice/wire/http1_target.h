// The four forms of a request target (RFC 9112 §3.2).

#pragma once

#include <string_view>

#include "sluice/wire/http_head.h"
#include "sluice/wire/refusal.h"

namespace sluice::wire {

// Splits head.target into path, query, scheme and authority (empty for origin-form). head.method
// must be known. Refuses bytes that may not be in a target, and forms that do not fit the method.
Refusal SplitTarget(RequestHead& head);

}  // namespace sluice::wire
