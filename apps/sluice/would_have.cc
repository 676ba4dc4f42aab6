#include "would_have.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "admin_client.h"
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

void Print(const std::vector<GuardWords>& rules) {
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
  if (rules.empty()) fmt::print("no rules\n");
}

Json AsJson(const std::vector<GuardWords>& found) {
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
  return {{"rules", std::move(rules)}};
}

}  // namespace

int WouldHave(const OperateOptions& options) {
  const AdminClient client(options.admin, TokenOf(options));
  const Result<AdminAnswer> answer = client.Call({.path = "/api/v1/guards"});
  if (!answer) {
    fmt::print(stderr, "sluice: no answer from the admin API at {}: {}\n", options.admin,
               answer.error().detail);
    return answer.error().code == ErrorCode::kInvalidOption ? kUsage : kUnreachable;
  }
  const Json page = Json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (answer->status != 200 || !page.is_object() || !page.contains("guards")) {
    fmt::print(stderr, "sluice: the admin API answered {}\n", answer->status);
    return answer->status == 401 ? kUsage : kCheckFailed;
  }
  const std::vector<GuardWords> rules = Sorted(WordsOf(page["guards"]));
  if (options.json) {
    fmt::print("{}\n", AsJson(rules).dump(2));
  } else {
    Print(rules);
  }
  return kSuccess;
}

}  // namespace sluice::app
