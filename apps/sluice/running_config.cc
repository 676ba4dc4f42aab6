#include "running_config.h"

#include <algorithm>
#include <string>

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
  const std::expected<Json, int> running = FetchPage(options, "/api/v1/config");
  if (!running) return running.error();
  const std::expected<Json, int> page = FetchPage(options, "/api/v1/guards");
  if (!page) return page.error();
  config::LoadOutcome outcome = config::LoadConfig(running->dump(), "the running configuration");
  if (!outcome.ok()) {
    fmt::print(stderr, "sluice: the gateway's answer is not understood: is it of this version?\n{}",
               config::FormatProblems(outcome));
    return kCheckFailed;
  }
  TakeLessons(page->value("guards", Json::array()), outcome.config);
  fmt::print("{}", options.json ? config::ToJson(outcome.config)
                                : config::ToYaml(outcome.config, config::Detail::kChanged));
  return kSuccess;
}

}  // namespace sluice::app
