// LoadConfig: text → Config, or every problem in it with its place.
//
// YAML, of which JSON is a part, so a POSTed body goes the same way. Values may hold
// "${NAME}" or "${NAME:-default}", replaced from the environment the caller passes. Pure: reads no
// file, no environment and no clock.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/gateway/config/config.h"

namespace sluice::gateway::config {

// Larger texts, deeper trees and greedier aliases are refused before they cost memory.
inline constexpr Bytes kConfigBytesMax = 4 * kMiB;
inline constexpr int kConfigDepthMax = 64;
inline constexpr int kConfigNodesMax = 200'000;  // Aliases count as often as they are used.

struct Place {
  std::string file;  // As the caller named it.
  int line = 0;      // From 1; 0: the problem concerns the file as a whole.
  int column = 0;    // From 1.
};

// "must be 1..1000000, got 0; …" at "rate_limits[2].limit".
struct Problem {
  Place place;
  std::string path;  // Empty for the text as a whole.
  std::string text;

  // "sluice.yaml:12:9: rate_limits[2].limit: must be …".
  [[nodiscard]] std::string ToString() const;
};

// `config` may be put in force exactly when `problems` is empty. Both lists are sorted by place.
struct LoadOutcome {
  Config config;
  std::vector<Problem> problems;
  std::vector<Problem> warnings;

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

// Looks up an environment variable; nullopt where there is none.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct LoadOptions {
  Environment environment;  // Empty: no variable is set.
  // A file of flows and their upstreams alone is enough: for drawing and trying them.
  bool may_lack_routes = false;
};

// Never throws. `file_name` only names the place of problems.
[[nodiscard]] LoadOutcome LoadConfig(std::string_view text,
                                     std::string_view file_name,
                                     const LoadOptions& options = {});

// What `sluice check` and a refused reload print: one line per problem, then per warning (those
// begin with "warning: "), each ended by a newline.
[[nodiscard]] std::string FormatProblems(const LoadOutcome& outcome);

// The same for machines: {"ok": false, "problems": [{"file","line","column","path","message"}],
// "warnings": […]}. What `sluice check --json` prints and HTTP 422 carries.
[[nodiscard]] std::string FormatProblemsJson(const LoadOutcome& outcome);

// What `sluice serve --upstream http://127.0.0.1:9000` runs: one listener on 127.0.0.1:8080, one
// upstream `default`, one route for everything, every guard in shadow. Fails with kInvalidOption.
[[nodiscard]] Result<Config> QuickConfig(std::string_view upstream_url);

}  // namespace sluice::gateway::config
