// CachePolicy: which answers may be kept for the time when there is none, and for how long.
//
// RFC 9111 (storing, freshness) and RFC 5861 section 4 (stale-if-error): what the origin forbids is
// not kept, unless the configuration says to look past it. Pure functions of header values.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/contract/time.h"

namespace sluice::degrade {

// A Cache-Control field, or all such fields joined by ", ". Unknown directives are ignored, of two
// equal ones the stricter counts; a number that is none counts as 0 (RFC 9111 section 4.2.1).
struct CacheControl {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  bool is_public = false;
  bool must_revalidate = false;  // Or proxy-revalidate.
  std::optional<Nanos> max_age;
  std::optional<Nanos> shared_max_age;  // s-maxage.
  std::optional<Nanos> stale_if_error;

  [[nodiscard]] static CacheControl Parse(std::string_view text);
};

// What of the rules below the configuration looks past.
struct CacheLeniency {
  bool cache_control = false;  // no-store, no-cache, private, must-revalidate.
  bool authorization = false;  // Then the field's value belongs to the key: see the gateway.
  bool cookie = false;
  bool set_cookie = false;  // The field itself is never kept.
  friend bool operator==(const CacheLeniency&, const CacheLeniency&) = default;
};

struct CacheRequest {
  bool has_authorization = false;
  bool has_cookie = false;
  bool has_range = false;
  std::string_view cache_control;
};

struct CacheResponse {
  int status = 200;
  std::string_view cache_control;
  std::string_view vary;
  std::string_view age;
  bool has_set_cookie = false;
};

// How long a kept answer is good.
struct Lifetime {
  Nanos age{0};                    // When it came.
  Nanos fresh_for{0};              // From its age 0.
  std::optional<Nanos> stale_for;  // Beyond that, as the origin says; absent: as configured.
  bool is_public = false;          // Said to be for everybody.
};

// Nothing when the answer to this GET must not be kept.
[[nodiscard]] std::optional<Lifetime> MayKeep(const CacheRequest& request,
                                              const CacheResponse& response,
                                              const CacheLeniency& leniency);

// Whether this request, a GET or HEAD, may be answered by what was kept from another's.
[[nodiscard]] bool MayServe(const CacheRequest& request,
                            bool is_public,
                            const CacheLeniency& leniency);

}  // namespace sluice::degrade
