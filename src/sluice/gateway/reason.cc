#include "sluice/gateway/reason.h"

namespace sluice::gateway {
namespace {

struct Entry {
  std::string_view code;
  std::string_view name;
};

constexpr std::array<Entry, kReasonCount> kEntries = {{
    {"--", "ok"},
    {"LA", "local"},
    {"RL", "rate_limited"},
    {"BO", "breaker_open"},
    {"OV", "overloaded"},
    {"NR", "no_route"},
    {"DN", "denied"},
    {"NE", "no_endpoint"},
    {"UC", "upstream_connect_failed"},
    {"UT", "upstream_timeout"},
    {"UR", "upstream_reset"},
    {"UM", "upstream_bad_response"},
    {"UA", "upstream_aborted"},
    {"CD", "client_gone"},
    {"CB", "client_bad_request"},
    {"CT", "client_timeout"},
    {"CL", "client_too_large"},
    {"DR", "draining"},
    {"XX", "bug"},
}};

}  // namespace

std::string_view CodeOf(Reason reason) {
  return kEntries[static_cast<std::size_t>(reason)].code;
}

std::string_view NameOf(Reason reason) {
  return kEntries[static_cast<std::size_t>(reason)].name;
}

Reason ReasonOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRateLimited:
      return Reason::kRateLimited;
    case ErrorCode::kBreakerOpen:
      return Reason::kBreakerOpen;
    case ErrorCode::kOverloaded:
      return Reason::kOverloaded;
    case ErrorCode::kNoRoute:
      return Reason::kNoRoute;
    case ErrorCode::kPermissionDenied:
      return Reason::kDenied;
    case ErrorCode::kNoEndpoint:
    case ErrorCode::kResolveFailed:
      return Reason::kNoEndpoint;
    case ErrorCode::kConnectFailed:
    case ErrorCode::kOutOfDescriptors:
      return Reason::kConnectFailed;
    case ErrorCode::kUpstreamTimeout:
    case ErrorCode::kTimeout:
      return Reason::kUpstreamTimeout;
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
      return error.side == Side::kClient ? Reason::kClientGone : Reason::kUpstreamReset;
    case ErrorCode::kCancelled:
      return Reason::kClientGone;
    case ErrorCode::kBadResponse:
      return Reason::kUpstreamBadResponse;
    case ErrorCode::kRequestTimeout:
      return Reason::kClientTimeout;
    case ErrorCode::kTargetTooLong:
    case ErrorCode::kHeadTooLarge:
    case ErrorCode::kBodyTooLarge:
      return Reason::kClientTooLarge;
    case ErrorCode::kBadRequest:
    case ErrorCode::kMethodNotAllowed:
    case ErrorCode::kVersionNotSupported:
    case ErrorCode::kExpectationFailed:
      return Reason::kClientBadRequest;
    case ErrorCode::kDraining:
      return Reason::kDraining;
    case ErrorCode::kInvalidOption:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kAddressInUse:
    case ErrorCode::kNotFound:
    case ErrorCode::kInputOutput:
      return Reason::kBug;
  }
  return Reason::kBug;
}

}  // namespace sluice::gateway
