#include "running_config.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "admin_client.h"
#include "exit_codes.h"
#include "guard_words.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/show.h"

namespace sluice::app {
namespace {

namespace config = gateway::config;
using Json = nlohmann::json;

// A page of the admin API, or the exit code after saying what went wrong.
std::expected<std::string, int> Fetch(const OperateOptions& options, std::string_view path) {
  const AdminClient client(options.admin, TokenOf(options));
  Result<AdminAnswer> answer = client.Call({.path = path});
  if (!answer) {
    fmt::print(stderr, "sluice: no answer from the admin API at {}: {}\n", options.admin,
               answer.error().detail);
    return std::unexpected(answer.error().code == ErrorCode::kInvalidOption ? kUsage
                                                                            : kUnreachable);
  }
  if (answer->status == 200) return std::move(answer->body);
  fmt::print(stderr, "sluice: the admin API answered {} to {}\n", answer->status, path);
  return std::unexpected(answer->status == 401 ? kUsage : kCheckFailed);
}

// Writes down what the rules have learnt.
void TakeLessons(const Json& guards, config::Config& running) {
  for (const Json& guard : guards) {
    const auto learnt = guard.find("learnt");
    if (learnt == guard.end()) continue;
    const auto rule = std::ranges::find(running.rate_limits, guard.value("name", ""),
                                        &config::RateLimitConfig::name);
    if (rule == running.rate_limits.end()) continue;
    if (!learnt->value("is_over", false)) {
      const std::string left = SpanText(learnt->value("seconds_left", 0.0));
      fmt::print(stderr, "sluice: rate_limits `{}` still learns, for {}{}\n", rule->name, left,
                 learnt->value("has_begun", true) ? " more" : " from the first request on");
      continue;
    }
    rule->limit = guard.value("limit", rule->limit);
    rule->burst = guard.value("burst", rule->burst);
    rule->learn.reset();
  }
}

}  // namespace

int ShowRunningConfig(const OperateOptions& options) {
  const std::expected<std::string, int> text = Fetch(options, "/api/v1/config");
  if (!text) return text.error();
  const std::expected<std::string, int> page = Fetch(options, "/api/v1/guards");
  if (!page) return page.error();
  config::LoadOutcome outcome = config::LoadConfig(*text, "the running configuration");
  const Json guards = Json::parse(*page, nullptr, /*allow_exceptions=*/false);
  if (!outcome.ok() || !guards.is_object() || !guards.contains("guards")) {
    fmt::print(stderr, "sluice: the gateway's answer is not understood: is it of this version?\n{}",
               config::FormatProblems(outcome));
    return kCheckFailed;
  }
  TakeLessons(guards["guards"], outcome.config);
  fmt::print("{}", options.json ? config::ToJson(outcome.config)
                                : config::ToYaml(outcome.config, config::Detail::kChanged));
  return kSuccess;
}

}  // namespace sluice::app
