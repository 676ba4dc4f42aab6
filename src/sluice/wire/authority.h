// host[:port] as Host and URIs carry it, and parameters of a query.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::wire {

struct HostPort {
  std::string_view host;              // As given; an IPv6 address keeps its brackets.
  std::optional<std::uint16_t> port;  // Absent when not written.
};

// Splits and checks. A host is letters, digits, '-', '.', '_' (at most 255 of them), or an IPv6
// address in brackets. Fails with kBadRequest on anything else: user information, escapes, an empty
// host or port, a port over 65535.
[[nodiscard]] Result<HostPort> SplitAuthority(std::string_view authority);

// Appends the host in lower case, and the port unless it is the default of `scheme` ("http" 80,
// "https" 443). Two authorities are the same when this form of them is.
void AppendCanonicalAuthority(const HostPort& authority, std::string_view scheme, std::string& out);

// True when both mean the same host and port under `scheme`. Allocates nothing.
[[nodiscard]] bool SameAuthority(const HostPort& a, const HostPort& b, std::string_view scheme);

// The decoded value of the first parameter called `name` in `query` (without '?'); nullopt when
// there is none. Names are compared decoded, so an escape cannot hide a parameter from a rule; '+'
// is a space. The view is of `query` where nothing had to be decoded, else of `scratch`.
[[nodiscard]] std::optional<std::string_view> FindQueryParameter(std::string_view query,
                                                                 std::string_view name,
                                                                 std::string& scratch);

}  // namespace sluice::wire
