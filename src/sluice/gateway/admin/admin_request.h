// A request to the admin API and its answer, as plain values.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/address.h"

namespace sluice::gateway::admin {

struct AdminRequest {
  std::string method;        // "GET", "POST", …
  std::string path;          // In normal form.
  std::string query;         // Without '?'.
  std::string host;          // Without its port.
  std::string authority;     // With it.
  std::string origin;        // Empty when there is none.
  std::string content_type;  // Lower case, without parameters.
  std::string authorization;
  std::string body;
};

struct AdminResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // With 405.
};

// {"error": error, "detail": detail}.
[[nodiscard]] AdminResponse Refuse(int status, std::string_view error, std::string_view detail);

}  // namespace sluice::gateway::admin
