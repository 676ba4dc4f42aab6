// The request that `sluice dag run` sends, read from JSON:
//
//   {"method": "POST", "path": "/trips/lisbon", "path_template": "/trips/{city}",
//    "query": {"page": 2}, "headers": {"x-user-id": "u1"}, "body": {…}}
//
// All of it may be absent: GET, or POST with a body, of /.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/result.h"
#include "sluice/wire/http_head.h"

namespace sluice::app {

struct DagRequest {
  std::string bytes;          // As sent.
  std::string path_template;  // Empty: not said.
  wire::Method method = wire::Method::kGet;
};

// Fails with kInvalidOption for what is no such JSON.
[[nodiscard]] Result<DagRequest> ReadDagRequest(std::string_view json);

}  // namespace sluice::app
