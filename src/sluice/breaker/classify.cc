#include "sluice/breaker/classify.h"

#include <charconv>
#include <optional>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

std::optional<int> ParseStatus(std::string_view text) {
  int status = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, status);
  if (error != std::errc() || rest != end || text.size() != 3) return std::nullopt;
  return status;
}

}  // namespace

bool StatusSet::Add(std::string_view text) {
  int first = 0;
  int last = 0;
  if (text.size() == 3 && text.substr(1) == "xx") {
    first = (text[0] - '0') * 100;
    last = first + 99;
  } else {
    const std::size_t dash = text.find('-');
    const std::optional<int> low = ParseStatus(text.substr(0, dash));
    const std::optional<int> high =
        dash == std::string_view::npos ? low : ParseStatus(text.substr(dash + 1));
    if (!low || !high) return false;
    first = *low;
    last = *high;
  }
  if (first < kFirst || last > kLast || first > last) return false;
  for (int status = first; status <= last; ++status) {
    members_.set(static_cast<std::size_t>(status - kFirst));
  }
  return true;
}

bool StatusSet::Contains(int status) const {
  if (status < kFirst || status > kLast) return false;
  return members_.test(static_cast<std::size_t>(status - kFirst));
}

ClassifyOptions::ClassifyOptions() {
  SLUICE_ASSERT(record_statuses.Add("5xx"));
  SLUICE_ASSERT(ignore_statuses.Add("429"));
  for (const GrpcStatus status :
       {GrpcStatus::kUnavailable, GrpcStatus::kDeadlineExceeded, GrpcStatus::kInternal}) {
    record_grpc.Add(status);
  }
  for (const GrpcStatus status : {GrpcStatus::kResourceExhausted, GrpcStatus::kCancelled})
    ignore_grpc.Add(status);
}

Verdict ClassifyStatus(int status, Refusal refusal, const ClassifyOptions& options) {
  if (refusal == Refusal::kByPeerGuard) return Verdict::kIgnored;
  if (options.ignore_statuses.Contains(status)) return Verdict::kIgnored;
  if (options.record_statuses.Contains(status)) return Verdict::kFailure;
  return Verdict::kSuccess;
}

Verdict ClassifyGrpc(GrpcStatus status, Refusal refusal, const ClassifyOptions& options) {
  if (refusal == Refusal::kByPeerGuard) return Verdict::kIgnored;
  if (options.ignore_grpc.Contains(status)) return Verdict::kIgnored;
  if (options.record_grpc.Contains(status)) return Verdict::kFailure;
  return Verdict::kSuccess;
}

Verdict ClassifyError(const Error& error, const ClassifyOptions& options) {
  const auto counted_if = [](bool counted) {
    return counted ? Verdict::kFailure : Verdict::kIgnored;
  };
  // What the client did, or did not wait for, says nothing about the upstream.
  if (error.side == Side::kClient) return Verdict::kIgnored;
  switch (error.code) {
    case ErrorCode::kConnectFailed:
    case ErrorCode::kResolveFailed:
      return counted_if(options.connect_errors);
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
      return counted_if(options.timeouts);
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kBadResponse:
    case ErrorCode::kInputOutput:
      return Verdict::kFailure;
    // What the client sent.
    case ErrorCode::kBadRequest:
    case ErrorCode::kTargetTooLong:
    case ErrorCode::kHeadTooLarge:
    case ErrorCode::kBodyTooLarge:
    case ErrorCode::kMethodNotAllowed:
    case ErrorCode::kVersionNotSupported:
    case ErrorCode::kExpectationFailed:
    case ErrorCode::kRequestTimeout:
    case ErrorCode::kCancelled:
    // Our own refusals, and want of our own means.
    case ErrorCode::kInvalidOption:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kAddressInUse:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kOutOfDescriptors:
    case ErrorCode::kNotFound:
    case ErrorCode::kNoRoute:
    case ErrorCode::kNoEndpoint:
    case ErrorCode::kRateLimited:
    case ErrorCode::kBreakerOpen:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDraining:
      return Verdict::kIgnored;
  }
  return Verdict::kIgnored;
}

std::optional<HostVerdict> HostVerdictOf(int status, Refusal refusal) {
  // Refused on the way: the host may not even have seen it. 429 is its limit at work, not a fault.
  if (refusal == Refusal::kByPeerGuard) return std::nullopt;
  if (status == 502 || status == 503 || status == 504) return HostVerdict::kGatewayFailure;
  return status >= 500 && status <= 599 ? HostVerdict::kServerError : HostVerdict::kSuccess;
}

std::optional<HostVerdict> HostVerdictOf(const Error& error) {
  if (error.side != Side::kUpstream) return std::nullopt;
  switch (error.code) {
    case ErrorCode::kConnectFailed:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
    case ErrorCode::kInputOutput:
      return HostVerdict::kLocalFailure;
    case ErrorCode::kBadResponse:
      return HostVerdict::kGatewayFailure;
    default:
      return std::nullopt;
  }
}

}  // namespace sluice::breaker
