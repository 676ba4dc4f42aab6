// Taking an upstream's endpoint apart.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"

namespace sluice::gateway::config {

struct Endpoint {
  // Set for literal addresses and unix paths; otherwise a Resolver must be asked for `host`.
  std::optional<Address> address;
  std::string host;        // "booking.local", "127.0.0.1", "::1"; empty for unix.
  std::uint16_t port = 0;  // 1 .. 65535; 0 for unix.
  std::string authority;   // For the Host field: "booking.local:9001"; "localhost" for unix.
};

// Reads "ip:port", "host:port", "[v6]:port", "unix:/path" or one of the first three after
// "http://" (port 80 then if none is given). Fails with kInvalidOption and a detail that says what
// to write.
[[nodiscard]] Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace sluice::gateway::config
