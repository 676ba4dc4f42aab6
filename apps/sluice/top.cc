// `sluice top`: what each route, guard and upstream does now, redrawn every interval.

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "exit_codes.h"
#include "guard_words.h"
#include "operate.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "sluice/platform/linux/loop.h"

namespace sluice::app {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J";

// What the counters said at the last view, by route.
struct RouteBefore {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
};
using Before = std::map<std::string, RouteBefore>;

std::uint64_t ErrorsOf(const Json& route) {
  return route["by_class"].value("5xx", 0ULL);
}

void PrintRoutes(const Json& routes, Before& before, double seconds) {
  fmt::print("{:<20} {:>9} {:>7} {:>10} {:>9} {:>9} {:>9}\n", "route", "req/s", "5xx %", "total",
             "degraded", "p50 ms", "p99 ms");
  for (const Json& route : routes) {
    const std::string name = route.value("name", "");
    RouteBefore& last = before[name];
    const std::uint64_t requests = route.value("requests", 0ULL);
    const std::uint64_t errors = ErrorsOf(route);
    const double fresh = static_cast<double>(requests - last.requests);
    const double failed = static_cast<double>(errors - last.errors);
    fmt::print("{:<20} {:>9.1f} {:>7.2f} {:>10} {:>9} {:>9.1f} {:>9.1f}\n", name,
               seconds > 0 ? fresh / seconds : 0.0, fresh > 0 ? 100.0 * failed / fresh : 0.0,
               requests, route.value("degraded", 0ULL),
               route["latency_seconds"].value("p50", 0.0) * 1000,
               route["latency_seconds"].value("p99", 0.0) * 1000);
    last = {.requests = requests, .errors = errors};
  }
}

// Those of a rate limit that ask most; a key that nobody may see has a `#` instead of its text.
void PrintTopKeys(const Json& keys) {
  constexpr std::size_t kKeysShown = 3;
  std::size_t shown = 0;
  for (const Json& key : keys) {
    if (shown++ == kKeysShown) return;
    const std::string text = key.value("key", "");
    fmt::print("  {:<45} {:>8.1f}/s {:>8.1f}/s\n", text.empty() ? "(no key)" : text,
               key.value("per_second", 0.0), key.value("refused_per_second", 0.0));
  }
}

void PrintGuards(const Json& guards) {
  fmt::print("\n{:<28} {:<11} {:<18} {:>10} {:>9} {:>12}\n", "guard", "mode", "now", "asked",
             "refused", "would refuse");
  std::map<std::string, const Json*> by_rule;
  for (const Json& guard : guards)
    by_rule[fmt::format("{}/{}", guard.value("kind", ""), guard.value("name", ""))] = &guard;
  for (const GuardWords& rule : WordsOf(guards)) {
    const std::string asked = rule.counts_requests ? fmt::format("{}", rule.asked) : "-";
    fmt::print("{:<28} {:<11} {:<18} {:>10} {:>9} {:>12}\n", rule.rule, rule.mode, rule.now, asked,
               rule.refused, rule.would_refuse);
    const auto guard = by_rule.find(rule.rule);
    if (guard != by_rule.end()) PrintTopKeys(guard->second->value("top_keys", Json::array()));
  }
}

// Without health checks nothing is known, and nothing is amiss.
std::string HealthText(const Json& endpoint) {
  if (endpoint.value("outlier", Json::object()).value("enforced", false)) return "ejected";
  const std::string health = endpoint.value("health", "");
  return health == "unknown" ? "unchecked" : health;
}

// Of an endpoint that is out, or would be: why, and for how long.
void PrintEjection(const Json& endpoint) {
  const Json outlier = endpoint.value("outlier", Json::object());
  if (!outlier.value("ejected", false)) return;
  fmt::print("  {} by {}, the {}. time in a row; back in {}\n",
             outlier.value("enforced", false) ? "ejected" : "would be ejected",
             outlier.value("last_cause", "?"), outlier.value("in_a_row", 0),
             SpanText(std::ceil(outlier.value("back_in_seconds", 0.0))));
}

void PrintUpstreams(const Json& upstreams) {
  fmt::print("\n{:<20} {:<24} {:<10} {:>7} {:>10} {:>9}\n", "upstream", "endpoint", "health",
             "active", "requests", "failures");
  for (const Json& upstream : upstreams) {
    if (upstream["endpoints"].empty()) {
      fmt::print("{:<20} none: no name of an endpoint resolves\n", upstream.value("name", ""));
    }
    for (const Json& endpoint : upstream["endpoints"]) {
      fmt::print("{:<20} {:<24} {:<10} {:>7} {:>10} {:>9}\n", upstream.value("name", ""),
                 endpoint.value("endpoint", ""), HealthText(endpoint),
                 endpoint.value("active", 0LL), endpoint.value("requests", 0ULL),
                 endpoint.value("failures", 0ULL));
      PrintEjection(endpoint);
    }
  }
}

// What one view shows: the answers of four pages in one.
std::expected<Json, int> FetchAll(const OperateOptions& options) {
  Json all = Json::object();
  for (const std::string_view page : {"status", "routes", "guards", "upstreams"}) {
    const std::expected<Json, int> fetched = FetchPage(options, fmt::format("/api/v1/{}", page));
    if (!fetched) return fetched;
    all.update(*fetched);
  }
  return all;
}

}  // namespace

int Top(const OperateOptions& options) {
  const Result<std::unique_ptr<platform::EpollLoop>> pause = platform::EpollLoop::Create();
  if (!pause) {
    fmt::print(stderr, "sluice: {}\n", pause.error().detail);
    return kUnreachable;
  }
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  Before before;
  for (unsigned view = 0; options.count == 0 || view < options.count; ++view) {
    if (view > 0) {
      (*pause)->RunOnce(Nanos(static_cast<Nanos::rep>(options.interval_seconds * 1e9)));
    }
    std::expected<Json, int> fetched = FetchAll(options);
    if (!fetched) return fetched.error();
    Json& all = *fetched;
    if (options.json) {
      fmt::print("{}\n", all.dump());
      continue;
    }
    if (is_terminal) fmt::print("{}", kClearScreen);
    fmt::print("sluice {} · {} · {} active, {} connections\n\n", all.value("version", ""),
               all.value("phase", ""), all["requests"].value("active", 0LL),
               all["connections"].value("open", 0LL));
    PrintRoutes(all["routes"], before, view == 0 ? 0.0 : options.interval_seconds);
    PrintGuards(all["guards"]);
    PrintUpstreams(all["upstreams"]);
    std::fflush(stdout);
  }
  return kSuccess;
}

}  // namespace sluice::app
