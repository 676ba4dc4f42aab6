// Result<T> and Error: what every fallible function returns.
//
// An Error says what happened, on whose side, and whether trying again can help. The views `guard`
// and `rule` point into storage that outlives the request (literals or the configuration snapshot
// that the exchange holds), so a refusal under overload allocates nothing.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/contract/time.h"

namespace sluice {

enum class ErrorCode : std::uint8_t {
  // Options and configuration.
  kInvalidOption,
  kInvalidConfig,
  // What a client sent.
  kBadRequest,           // 400
  kTargetTooLong,        // 414
  kHeadTooLarge,         // 431
  kBodyTooLarge,         // 413
  kMethodNotAllowed,     // 405
  kVersionNotSupported,  // 505
  kExpectationFailed,    // 417
  kRequestTimeout,       // 408: the client was too slow
  // What an upstream sent.
  kBadResponse,  // 502
  // Transport.
  kConnectFailed,
  kConnectionReset,
  kConnectionClosed,  // The peer ended the stream where more was due.
  kTimeout,
  kCancelled,
  kAddressInUse,
  kPermissionDenied,
  kOutOfDescriptors,
  kNotFound,
  kResolveFailed,
  kInputOutput,
  // Decisions of the gateway.
  kNoRoute,
  kNoEndpoint,
  kRateLimited,
  kBreakerOpen,
  kOverloaded,
  kUpstreamTimeout,
  kDraining,
};

// "rate_limited", "connect_failed", …: stable names for logs and bodies.
[[nodiscard]] std::string_view NameOf(ErrorCode code);

enum class Side : std::uint8_t { kSelf, kClient, kUpstream };

enum class RetryAdvice : std::uint8_t {
  kUnsafe,
  kIfIdempotent,  // The peer may have acted on the request.
  kSafe,          // The peer certainly did not act on it.
};

struct Error {
  ErrorCode code = ErrorCode::kInvalidOption;
  Side side = Side::kSelf;
  RetryAdvice retry = RetryAdvice::kUnsafe;
  std::string_view guard = {};  // "rate_limit", "breaker", …; empty unless a guard refused.
  std::string_view rule = {};   // The configured name of the rule that refused.
  Nanos retry_after{0};         // The shortest wait that may succeed; 0 when unknown.
  std::string detail = {};      // For people: what was got and what to do.
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> Fail(ErrorCode code, std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

}  // namespace sluice
