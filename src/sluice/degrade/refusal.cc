#include "sluice/degrade/refusal.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::degrade {

namespace {

std::int64_t CeilTo(Nanos span, Nanos unit) {
  const std::int64_t whole = span / unit;
  return whole * unit.count() < span.count() ? whole + 1 : whole;
}

bool IsUpstreamTransport(const Error& error) {
  if (error.side != Side::kUpstream) return false;
  switch (error.code) {
    case ErrorCode::kBadResponse:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kTimeout:
    case ErrorCode::kResolveFailed:
    case ErrorCode::kInputOutput:
      return true;
    default:
      return false;
  }
}

// RFC 8259 §7: quotation mark, backslash and control characters are escaped.
void AppendJsonText(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (code < 0x20) {
      out += "\\u00";
      out += kHex[code >> 4U];
      out += kHex[code & 0xfU];
    } else {
      out += byte;
    }
  }
}

// gRPC over HTTP2, "Responses": printable ASCII but `%` stands for itself.
void AppendPercentEncoded(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code < 0x7f && byte != '%') {
      out += byte;
    } else {
      out += '%';
      out += kHex[code >> 4U];
      out += kHex[code & 0xfU];
    }
  }
}

}  // namespace

int StatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kBadRequest:
      return 400;
    case ErrorCode::kNoRoute:
      return 404;
    case ErrorCode::kMethodNotAllowed:
      return 405;
    case ErrorCode::kRequestTimeout:
      return 408;
    case ErrorCode::kBodyTooLarge:
      return 413;
    case ErrorCode::kTargetTooLong:
      return 414;
    case ErrorCode::kExpectationFailed:
      return 417;
    case ErrorCode::kRateLimited:
      return 429;
    case ErrorCode::kHeadTooLarge:
      return 431;
    case ErrorCode::kVersionNotSupported:
      return 505;
    case ErrorCode::kBadResponse:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kResolveFailed:
      return 502;
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
      return 504;
    case ErrorCode::kBreakerOpen:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDraining:
    case ErrorCode::kNoEndpoint:
    case ErrorCode::kOutOfDescriptors:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kInputOutput:
      return error.side == Side::kUpstream ? 502 : 500;
    case ErrorCode::kInvalidOption:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kAddressInUse:
    case ErrorCode::kNotFound:
      return 500;
    case ErrorCode::kPermissionDenied:
      return 403;
  }
  return 500;
}

GrpcStatus GrpcStatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kRateLimited:
    case ErrorCode::kBodyTooLarge:
    case ErrorCode::kTargetTooLong:
    case ErrorCode::kHeadTooLarge:
      return GrpcStatus::kResourceExhausted;
    case ErrorCode::kTimeout:
    case ErrorCode::kUpstreamTimeout:
    case ErrorCode::kRequestTimeout:
      return GrpcStatus::kDeadlineExceeded;
    case ErrorCode::kNoRoute:
    case ErrorCode::kMethodNotAllowed:
    case ErrorCode::kVersionNotSupported:
    case ErrorCode::kExpectationFailed:
      return GrpcStatus::kUnimplemented;
    case ErrorCode::kPermissionDenied:
      return GrpcStatus::kPermissionDenied;
    case ErrorCode::kCancelled:
      return GrpcStatus::kCancelled;
    case ErrorCode::kBreakerOpen:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDraining:
    case ErrorCode::kNoEndpoint:
    case ErrorCode::kOutOfDescriptors:
    case ErrorCode::kBadResponse:
    case ErrorCode::kConnectFailed:
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kResolveFailed:
      return GrpcStatus::kUnavailable;
    case ErrorCode::kInputOutput:
      return error.side == Side::kUpstream ? GrpcStatus::kUnavailable : GrpcStatus::kInternal;
    case ErrorCode::kBadRequest:
    case ErrorCode::kInvalidOption:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kAddressInUse:
    case ErrorCode::kNotFound:
      return GrpcStatus::kInternal;
  }
  return GrpcStatus::kInternal;
}

void AppendGrpcMessage(const Error& error, std::string& out) {
  AppendPercentEncoded(NameOf(error.code), out);
  if (error.guard.empty()) return;
  out += ": ";
  AppendPercentEncoded(error.guard, out);
  if (error.rule.empty()) return;
  out += '/';
  AppendPercentEncoded(error.rule, out);
}

void AppendReason(const Error& error, std::string& out) {
  if (!error.guard.empty()) {
    out += error.guard;
    if (error.rule.empty()) return;
    out += '/';
    out += error.rule;
    return;
  }
  if (IsUpstreamTransport(error)) out += "upstream_";
  out += NameOf(error.code);
}

bool HasRetryAfter(const Error& error) {
  if (error.retry_after != Nanos(0)) return error.retry_after > Nanos(0);
  switch (error.code) {
    case ErrorCode::kRateLimited:
    case ErrorCode::kBreakerOpen:
    case ErrorCode::kOverloaded:
    case ErrorCode::kDraining:
      return true;
    case ErrorCode::kPermissionDenied:
      return false;
    default:
      return !error.guard.empty();
  }
}

std::int64_t RetryAfterSeconds(Nanos retry_after) {
  return std::max<std::int64_t>(1, CeilTo(retry_after, std::chrono::seconds(1)));
}

std::int64_t RetryAfterMillis(Nanos retry_after) {
  return std::max<std::int64_t>(1, CeilTo(retry_after, std::chrono::milliseconds(1)));
}

std::int64_t ResetSeconds(Nanos reset_after) {
  return std::max<std::int64_t>(0, CeilTo(reset_after, std::chrono::seconds(1)));
}

void AppendBody(const Error& error, std::string& out, std::string_view cause) {
  out += R"({"error":")";
  AppendJsonText(NameOf(error.code), out);
  if (!error.rule.empty()) {
    out += R"(","rule":")";
    AppendJsonText(error.rule, out);
  }
  if (!cause.empty()) {
    out += R"(","cause":")";
    AppendJsonText(cause, out);
  }
  // What a client did wrong is told to it; what went wrong behind us is not its business.
  if (error.side == Side::kClient && !error.detail.empty()) {
    out += R"(","detail":")";
    // It may quote what the client sent, which need not be UTF-8.
    for (const char byte : error.detail) {
      const bool is_ascii = static_cast<unsigned char>(byte) < 0x80;
      AppendJsonText(is_ascii ? std::string_view(&byte, 1) : "?", out);
    }
  }
  out += "\"}";
}

void AppendNumber(std::int64_t number, std::string& out) {
  std::array<char, 20> digits{};  // "-9223372036854775808"
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void AppendRateLimitPolicy(const RateLimitStatus& status, std::string& out) {
  AppendNumber(status.limit, out);
  out += ";w=";
  AppendNumber(RetryAfterSeconds(status.period), out);
  out += ";burst=";
  AppendNumber(status.burst, out);
}

void AppendRateLimit(const RateLimitStatus& status, std::string& out) {
  out += "limit=";
  AppendNumber(status.limit, out);
  out += ", remaining=";
  AppendNumber(status.remaining, out);
  out += ", reset=";
  AppendNumber(ResetSeconds(status.reset_after), out);
}

}  // namespace sluice::degrade
