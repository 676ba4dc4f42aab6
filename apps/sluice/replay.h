// `sluice replay`: sends a recording to a target, at its times, and reports how that went.
//
// Exit codes: 0 done; 2 usage, or nothing in the recording can be sent; 3 nobody listens at the
// target, or no request was answered; 130 interrupted (the report is of what was sent).

#pragma once

#include <string>
#include <vector>

#include "record_options.h"
#include <CLI/CLI.hpp>

namespace sluice::app {

struct ReplayOptions {
  std::string recording;
  std::string target;                            // "http://host:port", "http://unix:/path".
  FilterOptions filter{.direction = "ingress"};  // What the target's like was asked.
  double speed = 1;
  double rate = 0;
  long long loops = 1;  // 0: until interrupted.
  std::string timeout = "30s";
  std::string connect_timeout = "10s";  // How long to wait for a target that is down.
  long long in_flight_max = 4096;
  bool preserve_connections = false;
  bool allow_writes = false;
  std::string host;
  std::vector<std::string> set_headers;  // "name: value"
  std::vector<std::string> drop_headers;
  bool json = false;
  std::string html;  // A file.
};

void AddReplay(CLI::App& app, ReplayOptions& options, int& exit_code);

[[nodiscard]] int Replay(const ReplayOptions& options);

}  // namespace sluice::app
