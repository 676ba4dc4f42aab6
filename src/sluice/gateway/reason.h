// Two-letter reason codes: how an exchange ended, for the access log and the counters.
//
// One code an exchange, decided once, at its end. docs/access-log.md explains each to operators.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::gateway {

enum class Reason : std::uint8_t {
  kOk,                   // "--": answered by the upstream, delivered whole.
  kLocal,                // "LA": answered by the gateway as configured.
  kRateLimited,          // "RL"
  kBreakerOpen,          // "BO"
  kOverloaded,           // "OV"
  kNoRoute,              // "NR"
  kDenied,               // "DN": the route's action is deny.
  kNoEndpoint,           // "NE"
  kConnectFailed,        // "UC": no connection to the upstream.
  kUpstreamTimeout,      // "UT": no response in time.
  kUpstreamReset,        // "UR": the connection broke before a response.
  kUpstreamBadResponse,  // "UM": a malformed response.
  kUpstreamAborted,      // "UA": the response broke off after its head was passed on.
  kClientGone,           // "CD": the client went away.
  kClientBadRequest,     // "CB": the request was refused by the parser.
  kClientTimeout,        // "CT": the client was too slow.
  kClientTooLarge,       // "CL": over a limit of size.
  kDraining,             // "DR"
  kBug,                  // "XX": sluice_bug_total says where.
};

inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::kBug) + 1;

// The two letters.
[[nodiscard]] std::string_view CodeOf(Reason reason);

// The word for metrics: "ok", "rate_limited", "upstream_timeout", ….
[[nodiscard]] std::string_view NameOf(Reason reason);

// What an exchange that ended with `error` is logged as.
[[nodiscard]] Reason ReasonOf(const Error& error);

}  // namespace sluice::gateway
