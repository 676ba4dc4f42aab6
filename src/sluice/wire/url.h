// Absolute http URLs as people write them: "http://host:port/path?query", "https://host/",
// "http://unix:/run/app.sock" (everything after "unix:" is the path of the socket).

#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/contract/result.h"

namespace sluice::wire {

struct HttpUrl {
  bool is_https = false;
  std::string_view authority;   // host[:port] as written; empty for a Unix socket.
  std::string_view host;        // An IPv6 address without its brackets.
  std::uint16_t port = 80;      // The written one or the scheme's.
  std::string_view unix_path;   // Set instead of a host.
  std::string_view path = "/";  // "/" when not written; always "/" for a Unix socket.
  std::string_view query;       // Without '?'.
};

// The views are of `text`. Fails with kInvalidOption and says what is wrong.
[[nodiscard]] Result<HttpUrl> ParseHttpUrl(std::string_view text);

}  // namespace sluice::wire
