// What of a recording can be sent again: the questions that replay and warm-up share.

#pragma once

#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::wire::recording {

// Method, target, host and fields are such that each stays in its place when the request is
// written: no byte that ends a line or a word. A recording may come from anywhere.
[[nodiscard]] bool IsSendable(const RecordedExchange& exchange);

// A field names another method, which a server that heeds it takes instead: a GET may be a write.
[[nodiscard]] bool OverridesMethod(const RecordedExchange& exchange);

}  // namespace sluice::wire::recording
