// The verbs that operate a running gateway through its admin API.

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace sluice::app {

struct OperateOptions {
  std::string admin = "127.0.0.1:7070";  // host:port or unix:/path.
  std::string token_file;
  std::string config_file;  // reload only.
  bool json = false;
  bool would_have = false;        // status only: what shadow rules would have refused.
  double interval_seconds = 1.0;  // top only.
  unsigned count = 0;             // top only; 0: until interrupted.
};

// The admin token; empty where none is named, or after saying why it cannot be read.
[[nodiscard]] std::string TokenOf(const OperateOptions& options);

// A page of the admin API, or the exit code after saying what went wrong.
[[nodiscard]] std::expected<nlohmann::json, int> FetchPage(const OperateOptions& options,
                                                           std::string_view path);

// Each prints its result and returns the exit code: 3 when the gateway cannot be reached.
[[nodiscard]] int Status(const OperateOptions& options);
[[nodiscard]] int Reload(const OperateOptions& options);
[[nodiscard]] int Drain(const OperateOptions& options);
[[nodiscard]] int Upgrade(const OperateOptions& options);
[[nodiscard]] int Top(const OperateOptions& options);

}  // namespace sluice::app
