// Refusal: how an Error is told to an HTTP client: status, reason, when to come back, body.
//
// Pure functions that append to the caller's string; they allocate nothing while its capacity
// suffices, for refusals are made when there is least to spare.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/grpc_status.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::degrade {

// 429 for rates, 503 for breakers, overload and draining, 502 and 504 for upstreams, 4xx for what
// the client sent, 500 for what cannot happen. A rule may configure another for its own refusals.
[[nodiscard]] int StatusOf(const Error& error);

// The same for a gRPC client: RESOURCE_EXHAUSTED for rates and sizes, UNAVAILABLE for breakers,
// overload, draining and upstreams that cannot be reached, DEADLINE_EXCEEDED for time, else what
// comes closest.
[[nodiscard]] GrpcStatus GrpcStatusOf(const Error& error);

// Value of `grpc-message`: "rate_limited: rate_limit/per-user", percent-encoded as gRPC asks.
void AppendGrpcMessage(const Error& error, std::string& out);

// Value of `x-sluice-reason`: "rate_limit/per-user", "breaker/booking", "overload/shed" where a
// guard refused, else the error alone: "no_route", "upstream_timeout", "upstream_connect_failed".
void AppendReason(const Error& error, std::string& out);

// Whether the error carries a time to come back: retry_after > 0, or a guard's refusal without one.
// Never for kNeverAdmitted (-1 ns), which is also what a breaker says that was opened by hand, nor
// for what is denied: that is so later, too.
[[nodiscard]] bool HasRetryAfter(const Error& error);
// Value of `Retry-After`: whole seconds, rounded up, at least 1 (RFC 9110 §10.2.3).
[[nodiscard]] std::int64_t RetryAfterSeconds(Nanos retry_after);
// Value of `x-retry-after-ms`: rounded up, at least 1.
[[nodiscard]] std::int64_t RetryAfterMillis(Nanos retry_after);

// {"error":"rate_limited","rule":"per-user"}; without "rule" where the error has none. A client's
// own mistake (side kClient) also has "detail": which rule it broke. A refusal whose `cause` is
// given has "cause".
void AppendBody(const Error& error, std::string& out, std::string_view cause = {});

// What a rate limit tells about itself.
struct RateLimitStatus {
  std::int64_t limit = 0;  // Tokens a period.
  Nanos period{0};
  std::int64_t burst = 0;
  std::int64_t remaining = 0;
  Nanos reset_after{0};
};

// Values after draft-ietf-httpapi-ratelimit-headers-07: "100;w=1;burst=20" and
// "limit=100, remaining=5, reset=1". Seconds are rounded up.
void AppendRateLimitPolicy(const RateLimitStatus& status, std::string& out);
void AppendRateLimit(const RateLimitStatus& status, std::string& out);
// Appends a decimal number; X-RateLimit-Limit, -Remaining and -Reset are plain numbers.
void AppendNumber(std::int64_t number, std::string& out);
// `reset_after` in whole seconds, rounded up, for X-RateLimit-Reset.
[[nodiscard]] std::int64_t ResetSeconds(Nanos reset_after);

}  // namespace sluice::degrade
