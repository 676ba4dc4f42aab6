// `sluice serve`: runs the gateway and its admin API until it is told to stop.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

struct ServeOptions {
  std::string config_file;            // Either this or `upstream`.
  std::string upstream;               // "http://127.0.0.1:9000".
  std::optional<std::string> listen;  // With `upstream`: instead of 127.0.0.1:8080.
  std::optional<std::string> admin;   // Overrides admin.listen.
  std::string log_level = "info";
  std::uint64_t files_max = 0;       // The limit of open files; 0: unknown. Set by Serve().
  std::vector<std::string> command;  // argv, for the successor of an upgrade.
};

// Blocks. Returns the exit code.
[[nodiscard]] int Serve(ServeOptions options);

}  // namespace sluice::app
