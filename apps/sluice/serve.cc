#include "serve.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "environment.h"
#include "exit_codes.h"
#include "listening_sockets.h"
#include "process_log.h"
#include "server_process.h"
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/config/load.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/signals.h"

namespace sluice::app {
namespace {

namespace config = gateway::config;

// The configuration to start with, or the exit code after saying what is wrong.
std::expected<config::Config, int> Load(const ServeOptions& options) {
  if (!options.upstream.empty()) {
    Result<config::Config> quick = config::QuickConfig(options.upstream);
    if (!quick) {
      fmt::print(stderr, "sluice: {}\n", quick.error().detail);
      return std::unexpected(kUsage);
    }
    if (options.listen) quick->listeners.front().listen = *options.listen;
    return std::move(*quick);
  }
  const Result<std::string> text = ReadConfigFile(options.config_file);
  if (!text) {
    fmt::print(stderr, "sluice: cannot read {}: {}\n", options.config_file, text.error().detail);
    return std::unexpected(kUsage);
  }
  config::LoadOutcome outcome = config::LoadConfig(
      *text, options.config_file, config::LoadOptions{.environment = &EnvironmentVariable});
  fmt::print(stderr, "{}", config::FormatProblems(outcome));
  if (!outcome.ok()) return std::unexpected(kUsage);
  return std::move(outcome.config);
}

// Where a program that was started by its bare name was found, so that an upgrade finds the one
// that is installed there then.
std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const std::string path = EnvironmentVariable("PATH").value_or("");
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    const std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return name;
}

}  // namespace

int Serve(ServeOptions options) {
  platform::BlockSignals();
  SetUpLog(options.log_level);
  SetOnBug(OnBug::kCount);  // In production a bug costs one request, never the process.
  Result<platform::InheritedListeners> inherited = platform::InheritedListeners::FromEnvironment();
  if (!inherited) {
    fmt::print(stderr, "sluice: {}\n", inherited.error().detail);
    return kUsage;
  }
  std::expected<config::Config, int> loaded = Load(options);
  if (!loaded) return loaded.error();
  const Result<std::uint64_t> limit = platform::RaiseFileLimit();
  if (limit) options.files_max = *limit;
  if (!limit) LogLine(fmt::format("file_limit_not_raised error=\"{}\"", limit.error().detail));
  if (!options.command.empty()) options.command.front() = FindProgram(options.command.front());
  ListeningSockets sockets(std::move(*inherited));
  ServerProcess process(options, std::move(*loaded), sockets);
  return process.Run();
}

}  // namespace sluice::app
