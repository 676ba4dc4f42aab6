#include "would_have.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "exit_codes.h"
#include "guard_words.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using Json = nlohmann::json;

// What refuses most comes first.
std::vector<GuardWords> Sorted(std::vector<GuardWords> rules) {
  std::ranges::sort(rules, [](const GuardWords& a, const GuardWords& b) {
    return std::tie(b.would_refuse, b.refused, a.rule) <
           std::tie(a.would_refuse, a.refused, b.rule);
  });
  return rules;
}

void PrintRules(const std::vector<GuardWords>& rules, double seconds) {
  fmt::print("{:<30} {:<11} {:>9} {:>9} {:>16}  {}\n", "rule", "mode", "asked", "refused",
             "would refuse", "when");
  for (const GuardWords& rule : rules) {
    const std::string asked = rule.counts_requests ? fmt::format("{}", rule.asked) : "-";
    const std::string part = rule.counts_requests
                                 ? fmt::format("{:.1f}%", PercentOf(rule.would_refuse, rule.asked))
                                 : "";
    fmt::print("{:<30} {:<11} {:>9} {:>9} {:>9} {:>6}  {}\n", rule.rule, rule.mode, asked,
               rule.refused, rule.would_refuse, part, rule.when);
  }
  if (rules.empty()) fmt::print("no guards\n");
  const std::string ago = seconds < 1 ? "less than a second" : SpanText(seconds);
  fmt::print("\nCounted since the gateway started, {} ago.\n", ago);
}

Json AsJson(const std::vector<GuardWords>& found, double seconds) {
  Json rules = Json::array();
  for (const GuardWords& rule : found) {
    rules.push_back({{"rule", rule.rule},
                     {"mode", rule.mode},
                     {"counts", rule.counts_requests ? "requests" : "ejections"},
                     {"asked", rule.asked},
                     {"refused", rule.refused},
                     {"would_refuse", rule.would_refuse},
                     {"why", rule.when}});
  }
  return {{"seconds", seconds}, {"rules", std::move(rules)}};
}

}  // namespace

int WouldHave(const OperateOptions& options) {
  const std::expected<Json, int> page = FetchPage(options, "/api/v1/guards");
  if (!page) return page.error();
  const std::expected<Json, int> status = FetchPage(options, "/api/v1/status");
  if (!status) return status.error();
  const double seconds = std::floor(status->value("uptime_seconds", 0.0));
  const std::vector<GuardWords> rules = Sorted(WordsOf(page->value("guards", Json::array())));
  if (options.json) {
    fmt::print("{}\n", AsJson(rules, seconds).dump(2));
  } else {
    PrintRules(rules, seconds);
  }
  return kSuccess;
}

}  // namespace sluice::app
