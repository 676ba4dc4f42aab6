// What of a recording may be sent to an instance that nobody uses yet, and why the rest may not.
//
// Warm-up sends real requests to a real service, so what might change something is left out unless
// somebody has said that it only reads. Pure.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/wire/recording/recorded_exchange.h"

namespace sluice::warmup {

enum class Skip : std::uint8_t {
  kNone,
  kWrite,        // Its method is not among those allowed, or a field names another one.
  kUnsafeGet,    // A GET that logs out, deletes, confirms or sets a cookie.
  kAuth,         // It was made with credentials, and there are none to replace them.
  kTruncated,    // Its body was not recorded whole.
  kMalformed,    // It is no request that could be sent.
  kNotAnswered,  // It failed when it was recorded, or no upstream was asked.
  kNoRoom,       // The corpus is full.
};
inline constexpr std::size_t kSkipCount = 8;
[[nodiscard]] std::string_view NameOf(Skip skip);

// How a client showed who it is.
enum class AuthKind : std::uint8_t { kNone, kBearer, kBasic, kOther, kApiKey, kCookie };
[[nodiscard]] std::string_view NameOf(AuthKind kind);
[[nodiscard]] AuthKind AuthKindOf(std::string_view request_head);

struct SafetyOptions {
  // Methods that may be sent. Only safe ones (RFC 9110 §9.2.1) are taken from here; a write is
  // allowed by `safe_posts` alone.
  std::vector<std::string> methods{"GET", "HEAD", "OPTIONS"};
  // Routes whose unsafe methods only read (a search by POST): a route's name, or the path that
  // begins it ("/search" also stands for "/search/hotels").
  std::vector<std::string> safe_posts;
  // GETs that are sent although they look unsafe; written as above.
  std::vector<std::string> safe_gets;
  // There are credentials to replace the recorded ones.
  bool has_credentials = false;

  friend bool operator==(const SafetyOptions&, const SafetyOptions&) = default;
};

// Why `exchange` is not to be sent; kNone: it is. The first reason in the order of writes, unsafe
// GETs, credentials, what cannot be sent.
[[nodiscard]] Skip SkipOf(const wire::recording::RecordedExchange& exchange,
                          const SafetyOptions& options);

}  // namespace sluice::warmup
