#include "check.h"

#include "environment.h"
#include "exit_codes.h"
#include "server_process.h"
#include <fmt/format.h>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/show.h"

namespace sluice::app {
namespace {

namespace config = gateway::config;

config::LoadOutcome LoadFile(const std::string& file) {
  const Result<std::string> text = ReadConfigFile(file);
  if (text) {
    return config::LoadConfig(*text, file,
                              config::LoadOptions{.environment = &EnvironmentVariable});
  }
  config::LoadOutcome outcome;
  outcome.problems.push_back({.place = {.file = file}, .path = {}, .text = text.error().detail});
  return outcome;
}

}  // namespace

int Check(const std::string& file, Format format) {
  const config::LoadOutcome outcome = LoadFile(file);
  if (format == Format::kJson) {
    fmt::print("{}", config::FormatProblemsJson(outcome));
  } else {
    fmt::print(outcome.ok() ? stdout : stderr, "{}", config::FormatProblems(outcome));
    if (outcome.ok()) fmt::print("{}: ok\n", file);
  }
  return outcome.ok() ? kSuccess : kUsage;
}

int ShowConfig(const std::string& file, Format format) {
  const config::LoadOutcome outcome = LoadFile(file);
  if (!outcome.ok()) {
    fmt::print(stderr, "{}", config::FormatProblems(outcome));
    return kUsage;
  }
  fmt::print("{}", format == Format::kJson ? config::ToJson(outcome.config)
                                           : config::ToYaml(outcome.config));
  return kSuccess;
}

int ShowSchema() {
  fmt::print("{}", config::JsonSchema());
  return kSuccess;
}

}  // namespace sluice::app
