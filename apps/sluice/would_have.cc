#include "would_have.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "admin_client.h"
#include "exit_codes.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using Json = nlohmann::json;

struct Finding {
  std::string rule;  // "rate_limit/per-user", as in x-sluice-reason.
  std::string mode;
  std::uint64_t asked = 0;
  std::uint64_t refused = 0;
  std::uint64_t would_refuse = 0;
  std::string why;
};

double PartOf(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// Who of the keys asked most, for a rule that knows.
std::string BusiestKey(const Json& guard) {
  const auto keys = guard.find("top_keys");
  if (keys == guard.end() || keys->empty()) return {};
  const Json& first = keys->front();
  const std::string key = first.value("key", "");
  return fmt::format("; busiest: {} with {:.1f}/s", key.empty() ? "requests without key" : key,
                     first.value("per_second", 0.0));
}

std::string WhatWasLearnt(const Json& guard) {
  const auto learnt = guard.find("learnt");
  if (learnt == guard.end()) return {};
  return fmt::format(" ({} from a peak of {:.1f}/s)",
                     learnt->value("is_over", false) ? "learnt" : "learning",
                     learnt->value("peak_per_second", 0.0));
}

Finding OfCounted(const Json& guard, const Json& decisions) {
  Finding found;
  found.refused = decisions.value("denied", std::uint64_t{0});
  found.would_refuse = decisions.value("would_deny", std::uint64_t{0});
  found.asked = decisions.value("allowed", std::uint64_t{0}) + found.refused + found.would_refuse;
  const double period = guard.value("period_seconds", 0.0);
  if (period > 0) {
    found.why =
        fmt::format("more than {} in {:g} s, burst {}{}{}", guard.value("limit", 0LL), period,
                    guard.value("burst", 0LL), WhatWasLearnt(guard), BusiestKey(guard));
  } else if (guard.contains("limit")) {
    found.why = fmt::format("more than {} at once", guard["limit"].dump());
  }
  return found;
}

Finding OfBreaker(const Json& guard) {
  Finding found;
  found.refused = guard.value("not_permitted", std::uint64_t{0});
  found.would_refuse = guard.value("would_refuse", std::uint64_t{0});
  found.asked = guard.value("successes", std::uint64_t{0}) +
                guard.value("failures", std::uint64_t{0}) +
                guard.value("ignored", std::uint64_t{0}) + found.refused;
  const double rate = guard.value("failure_rate", -1.0);
  found.why = fmt::format("{}, {}", guard.value("state", "?"),
                          rate < 0 ? std::string("too few calls to judge")
                                   : fmt::format("{:.0f} % of {} calls failed", rate,
                                                 guard.value("calls_in_window", 0LL)));
  return found;
}

std::vector<Finding> FindingsIn(const Json& guards) {
  std::vector<Finding> findings;
  for (const Json& guard : guards) {
    const std::string kind = guard.value("kind", "");
    const auto decisions = guard.find("decisions");
    Finding found;
    if (kind == "breaker") {
      found = OfBreaker(guard);
    } else if (decisions != guard.end()) {
      found = OfCounted(guard, *decisions);
    } else {
      continue;  // A degrade chain refuses nobody.
    }
    found.rule = fmt::format("{}/{}", kind, guard.value("name", ""));
    found.mode = guard.value("mode", "enforce");
    findings.push_back(std::move(found));
  }
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
    return std::tie(b.would_refuse, b.refused, a.rule) <
           std::tie(a.would_refuse, a.refused, b.rule);
  });
  return findings;
}

void Print(const std::vector<Finding>& findings) {
  fmt::print("{:<32} {:<9} {:>10} {:>10} {:>16}  {}\n", "rule", "mode", "asked", "refused",
             "would refuse", "when");
  for (const Finding& found : findings) {
    fmt::print("{:<32} {:<9} {:>10} {:>10} {:>9} {:>5.1f}%  {}\n", found.rule, found.mode,
               found.asked, found.refused, found.would_refuse,
               PartOf(found.would_refuse, found.asked), found.why);
  }
  if (findings.empty()) fmt::print("no rules\n");
}

Json AsJson(const std::vector<Finding>& findings) {
  Json rules = Json::array();
  for (const Finding& found : findings) {
    rules.push_back({{"rule", found.rule},
                     {"mode", found.mode},
                     {"asked", found.asked},
                     {"refused", found.refused},
                     {"would_refuse", found.would_refuse},
                     {"why", found.why}});
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
  const std::vector<Finding> findings = FindingsIn(page["guards"]);
  if (options.json) {
    fmt::print("{}\n", AsJson(findings).dump(2));
  } else {
    Print(findings);
  }
  return kSuccess;
}

}  // namespace sluice::app
