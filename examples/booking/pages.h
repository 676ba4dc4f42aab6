// The pages of the booking service that need nobody else: search, prices, and some that behave as
// badly as they are asked to. Pure, so that every answer has an exact test.

#pragma once

#include <string>
#include <string_view>

#include "booking/http_server.h"

#include "sluice/wire/http_head.h"

namespace booking {

// `{"error": text}` with that status.
[[nodiscard]] Reply Problem(int status, std::string_view text);

// The raw value of `name` in "a=1&b=2"; empty when it is not there.
[[nodiscard]] std::string_view Parameter(std::string_view query, std::string_view name);

// Answers GET and HEAD of /healthz, /search?q=, /price/{id}, /slow?ms=, /fail?status= and /stream;
// 404 and 405 otherwise.
[[nodiscard]] Reply PageOf(const sluice::wire::RequestHead& head);

}  // namespace booking
