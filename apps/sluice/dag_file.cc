#include "dag_file.h"

#include <algorithm>
#include <utility>

#include "environment.h"
#include "server_process.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/gateway/config/load.h"

namespace sluice::app {

namespace config = gateway::config;

std::vector<std::string> DagFile::UpstreamNames() const {
  std::vector<std::string> names;
  for (const config::UpstreamConfig& upstream : config.upstreams)
    names.push_back(upstream.name);
  return names;
}

std::optional<DagFile> LoadDagFile(const std::string& file, std::string_view flow) {
  const Result<std::string> text = ReadConfigFile(file);
  if (!text) {
    fmt::print(stderr, "sluice: cannot read {}: {}\n", file, text.error().detail);
    return std::nullopt;
  }
  config::LoadOutcome outcome = config::LoadConfig(
      *text, file,
      config::LoadOptions{.environment = &EnvironmentVariable, .may_lack_routes = true});
  fmt::print(stderr, "{}", config::FormatProblems(outcome));
  if (!outcome.ok()) return std::nullopt;
  std::vector<std::string_view> names;
  for (const config::FlowConfig& one : outcome.config.flows)
    names.push_back(one.name);
  if (flow.empty() && names.size() == 1) flow = names.front();
  const auto found = std::ranges::find(outcome.config.flows, flow, &config::FlowConfig::name);
  if (found == outcome.config.flows.end()) {
    fmt::print(stderr, "sluice: {}: {}\n", file,
               names.empty() ? "has no `flows`"
               : flow.empty()
                   ? fmt::format("--flow must say which: {}", fmt::join(names, ", "))
                   : fmt::format("has no flow \"{}\", but {}", flow, fmt::join(names, ", ")));
    return std::nullopt;
  }
  DagFile loaded{.config = {}, .flow = *found};
  loaded.config = std::move(outcome.config);
  return loaded;
}

}  // namespace sluice::app
