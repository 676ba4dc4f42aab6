// `sluice warmup`: sends a recording to one instance until it is warm, and says whether it is.
//
// Exit codes: 0 warm (or steady, where no latency was recorded to compare with); 1 not warm when
// the time was over; 2 usage, or nothing of the recording can be read; 3 the target never answered;
// 4 nothing could be replayed, so nobody knows; 130 interrupted.

#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace sluice::app {

struct WarmupVerb {
  std::string recording;
  std::string target;    // "http://host:port", "http://unix:/path".
  std::string upstream;  // Only what this upstream was asked; empty: everything.
  std::string timeout = "120s";
  std::string connect_timeout = "60s";
  long long target_requests = 0;  // 0: automatic.
  long long concurrency_max = 64;
  double rate = 0;  // 0: as recorded.
  double level_ratio = 1.25;
  std::vector<std::string> safe_posts;
  std::vector<std::string> safe_gets;
  std::string credential_hook;
  std::string host;
  std::string boot_id_header = "x-boot-id";
  bool json = false;
};

void AddWarmup(CLI::App& app, WarmupVerb& verb, int& exit_code);

[[nodiscard]] int Warmup(const WarmupVerb& verb);

}  // namespace sluice::app
