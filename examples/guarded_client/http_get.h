// HttpGet: the plainest HTTP client there is, so that the example has somebody to guard.

#pragma once

#include <chrono>
#include <optional>
#include <string>

// Asks `host`:`port` for `path` over a connection of its own and returns the status; nothing when
// there is no answer within `timeout`. Blocks.
[[nodiscard]] std::optional<int> HttpGet(const std::string& host,
                                         const std::string& port,
                                         const std::string& path,
                                         std::chrono::milliseconds timeout);
