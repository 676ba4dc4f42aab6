#include "sluice/gateway/config/load.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/complete.h"
#include "sluice/gateway/config/endpoint.h"
#include "sluice/gateway/config/findings.h"
#include "sluice/gateway/config/reader.h"
#include "sluice/gateway/config/text_tree.h"

namespace sluice::gateway::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kQuickName = "default";
// Requests a second of one client, where nobody has come whom a limit could be learnt from.
constexpr std::int64_t kQuickLimit = 10;
// The most that a configuration may say, but for the timeout: who waits an hour has gone.
constexpr Nanos kQuickTimeout = std::chrono::hours(1);
constexpr Nanos kQuickSilence = std::chrono::hours(24);
constexpr Bytes kQuickBodyBytes = 1024 * 1024 * kMiB;
constexpr std::int64_t kQuickPending = 1'000'000;

Json ToJson(const std::vector<Problem>& problems) {
  Json list = Json::array();
  for (const Problem& problem : problems) {
    Json entry;
    entry["file"] = problem.place.file;
    entry["line"] = problem.place.line;
    entry["column"] = problem.place.column;
    entry["path"] = problem.path;
    entry["message"] = problem.text;
    list.push_back(std::move(entry));
  }
  return list;
}

// Nothing that the service took before is refused now: however long it takes to answer, however
// large what it is sent, however many come at once.
void LiftBounds(Config& config) {
  config.routes.front().timeout = kQuickTimeout;
  config.routes.front().stream_idle_timeout = kQuickSilence;
  config.routes.front().max_body_bytes = kQuickBodyBytes;
  config.upstreams.front().max_pending = kQuickPending;
}

// Every guard that refuses, each in shadow: nobody is refused, and `sluice status --would-have`
// tells who would be. What depends on the traffic is learnt from it: a client's limit, and how many
// calls at once are enough; both begin where they would refuse nobody.
void AddShadowGuards(const Endpoint& endpoint, Config& config) {
  RateLimitConfig& limit = config.rate_limits.emplace_back();
  limit.name = "per-client";
  limit.key.push_back({.kind = RateKeyKind::kIp});
  limit.limit = kQuickLimit;
  limit.burst = kQuickLimit;
  limit.mode = GuardMode::kShadow;
  limit.learn.emplace();
  config.routes.front().rate_limits.push_back(limit.name);

  ConcurrencyLimitConfig& calls = config.concurrency_limits.emplace_back();
  calls.name = kQuickName;
  calls.initial_limit = calls.max_limit;
  calls.mode = GuardMode::kShadow;

  UpstreamConfig& upstream = config.upstreams.front();
  upstream.concurrency_limits.push_back(calls.name);
  upstream.circuit_breaker.emplace().mode = GuardMode::kShadow;
  upstream.admission_control.emplace().mode = GuardMode::kShadow;
  // One address has nobody to be compared with; a name may have more.
  if (!endpoint.address) upstream.outlier_detection.emplace().mode = GuardMode::kShadow;

  OverloadConfig& overload = config.overload.emplace();
  overload.mode = GuardMode::kShadow;
  overload.controller.propagate = false;  // The upstream sees nothing of it.
}

}  // namespace

std::string Problem::ToString() const {
  std::string line = place.file;
  if (place.line > 0) line += fmt::format(":{}:{}", place.line, place.column);
  if (!path.empty()) line += fmt::format(": {}", path);
  return line + ": " + text;
}

LoadOutcome LoadConfig(std::string_view text,
                       std::string_view file_name,
                       const LoadOptions& options) {
  LoadOutcome outcome;
  Findings findings(file_name);
  if (const auto tree = ReadTextTree(text)) {
    ReadInto(outcome.config, *tree, options, findings);
    Complete(outcome.config, findings);
    Check(outcome.config, findings);
  } else {
    findings.ComplainAt(tree.error().mark, "", tree.error().text);
  }
  outcome.problems = findings.TakeProblems();
  outcome.warnings = findings.TakeWarnings();
  return outcome;
}

std::string FormatProblems(const LoadOutcome& outcome) {
  std::string text;
  for (const Problem& problem : outcome.problems)
    text += problem.ToString() + "\n";
  for (const Problem& warning : outcome.warnings)
    text += "warning: " + warning.ToString() + "\n";
  return text;
}

std::string FormatProblemsJson(const LoadOutcome& outcome) {
  Json body;
  body["ok"] = outcome.ok();
  body["problems"] = ToJson(outcome.problems);
  body["warnings"] = ToJson(outcome.warnings);
  return body.dump(2, ' ', false, Json::error_handler_t::replace);
}

Result<Config> QuickConfig(std::string_view upstream_url) {
  const Result<Endpoint> endpoint = ParseEndpoint(upstream_url);
  if (!endpoint) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("--upstream: {}, got \"{}\"", endpoint.error().detail, upstream_url));
  }
  Config config;
  ListenerConfig listener;
  listener.name = kQuickName;
  listener.listen = "127.0.0.1:8080";
  config.listeners.push_back(std::move(listener));
  UpstreamConfig upstream;
  upstream.name = kQuickName;
  upstream.endpoints.emplace_back(upstream_url);
  config.upstreams.push_back(std::move(upstream));
  RouteConfig route;
  route.name = kQuickName;
  route.match.path_prefix = "/";
  route.upstream = kQuickName;
  config.routes.push_back(std::move(route));
  LiftBounds(config);
  AddShadowGuards(*endpoint, config);
  return config;
}

}  // namespace sluice::gateway::config
