// Small configurations for tests: right as they are, with one thing added.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/load.h"

namespace sluice::gateway::config {

// A configuration without problems and warnings. Each function adds `extra` (", key: value") to one
// of its parts.
struct Sample {
  std::string top;
  std::string listener;
  std::string upstream;
  std::string route;

  [[nodiscard]] std::string Text() const {
    return fmt::format(
        "listeners: [{{name: l, listen: \"127.0.0.1:8080\"{}}}]\n"
        "upstreams: [{{name: u, endpoints: [\"127.0.0.1:9001\"]{}}}]\n"
        "routes: [{{name: r, upstream: u{}}}]\n{}\n",
        listener, upstream, route, top);
  }
};

inline std::string WithTop(std::string_view extra) {
  return Sample{.top = std::string(extra)}.Text();
}
inline std::string WithListener(std::string_view extra) {
  return Sample{.listener = std::string(extra)}.Text();
}
inline std::string WithUpstream(std::string_view extra) {
  return Sample{.upstream = std::string(extra)}.Text();
}
inline std::string WithRoute(std::string_view extra) {
  return Sample{.route = std::string(extra)}.Text();
}
// A rate limit `x` of 10 per second that the route uses.
inline std::string WithLimit(std::string_view extra) {
  return Sample{.top = fmt::format("rate_limits: [{{name: x, limit: 10{}}}]", extra),
                .route = ", rate_limits: [x]"}
      .Text();
}
// A degrade chain `d` of one step that the route uses.
inline std::string WithStep(std::string_view step) {
  return Sample{.top = fmt::format("degrade: {{d: {{chain: [{{{}}}]}}}}", step),
                .route = ", degrade: d"}
      .Text();
}

// "path: text" of each, without the place.
inline std::vector<std::string> Said(const std::vector<Problem>& problems) {
  std::vector<std::string> said;
  for (const Problem& problem : problems)
    said.push_back(problem.path.empty() ? problem.text : problem.path + ": " + problem.text);
  return said;
}
inline std::vector<std::string> ProblemsOf(std::string_view text) {
  return Said(LoadConfig(text, "test.yaml").problems);
}
inline std::vector<std::string> WarningsOf(std::string_view text) {
  return Said(LoadConfig(text, "test.yaml").warnings);
}

}  // namespace sluice::gateway::config
