#include "sluice/contract/result.h"

namespace sluice {

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidOption:
      return "invalid_option";
    case ErrorCode::kInvalidConfig:
      return "invalid_config";
    case ErrorCode::kBadRequest:
      return "bad_request";
    case ErrorCode::kTargetTooLong:
      return "target_too_long";
    case ErrorCode::kHeadTooLarge:
      return "head_too_large";
    case ErrorCode::kBodyTooLarge:
      return "body_too_large";
    case ErrorCode::kMethodNotAllowed:
      return "method_not_allowed";
    case ErrorCode::kVersionNotSupported:
      return "version_not_supported";
    case ErrorCode::kExpectationFailed:
      return "expectation_failed";
    case ErrorCode::kRequestTimeout:
      return "request_timeout";
    case ErrorCode::kBadResponse:
      return "bad_response";
    case ErrorCode::kConnectFailed:
      return "connect_failed";
    case ErrorCode::kConnectionReset:
      return "connection_reset";
    case ErrorCode::kConnectionClosed:
      return "connection_closed";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kAddressInUse:
      return "address_in_use";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kOutOfDescriptors:
      return "out_of_descriptors";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kResolveFailed:
      return "resolve_failed";
    case ErrorCode::kInputOutput:
      return "input_output";
    case ErrorCode::kNoRoute:
      return "no_route";
    case ErrorCode::kNoEndpoint:
      return "no_endpoint";
    case ErrorCode::kRateLimited:
      return "rate_limited";
    case ErrorCode::kBreakerOpen:
      return "breaker_open";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kUpstreamTimeout:
      return "upstream_timeout";
    case ErrorCode::kDraining:
      return "draining";
  }
  return "unknown";
}

}  // namespace sluice
