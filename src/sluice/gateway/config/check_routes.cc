#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/path_template.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

class Names {
 public:
  Names(std::string_view section, std::vector<std::string_view> names)
      : section_(section), names_(std::move(names)), set_(names_.begin(), names_.end()) {}

  // Complains unless `name` is one of them. An empty one is somebody else's problem.
  void Require(std::string_view name, const std::string& path, Findings& findings) const {
    if (name.empty() || set_.contains(name)) return;
    if (findings.full()) return findings.Complain(path, "");
    findings.Complain(path, fmt::format("must name one of `{}`, got \"{}\"{}", section_,
                                        Shown(name), DidYouMean(name, names_)));
  }

 private:
  std::string_view section_;
  std::vector<std::string_view> names_;
  std::set<std::string_view> set_;
};

struct KnownNames {
  Names listeners;
  Names upstreams;
  Names rate_limits;
  Names degrade;
  Names flows;
};

template <typename T>
std::vector<std::string_view> NamesOf(const std::vector<T>& items) {
  std::vector<std::string_view> names;
  for (const T& item : items)
    names.push_back(item.name);
  return names;
}

KnownNames NamesIn(const Config& config) {
  std::vector<std::string_view> degrade;
  for (const auto& entry : config.degrade)
    degrade.push_back(entry.first);
  return {.listeners = Names("listeners", NamesOf(config.listeners)),
          .upstreams = Names("upstreams", NamesOf(config.upstreams)),
          .rate_limits = Names("rate_limits", NamesOf(config.rate_limits)),
          .degrade = Names("degrade", std::move(degrade)),
          .flows = Names("flows", NamesOf(config.flows))};
}

void CheckMatch(const MatchConfig& match, const std::string& path, Findings& findings) {
  const int paths = (match.path_exact.empty() ? 0 : 1) + (match.path_prefix.empty() ? 0 : 1) +
                    (match.path_template.empty() ? 0 : 1);
  if (paths > 1) {
    findings.Complain(path,
                      "must have at most one of path_exact, path_prefix, path_template; write one "
                      "route for each");
  }
  for (std::size_t i = 0; i < match.headers.size(); ++i) {
    const HeaderMatch& header = match.headers[i];
    const int rules = (header.exact ? 1 : 0) + (header.prefix ? 1 : 0) + (header.regex ? 1 : 0) +
                      (header.present ? 1 : 0);
    if (rules == 1) continue;
    findings.Complain(Child(path + ".headers", i),
                      "must have exactly one of exact, prefix, regex, present");
  }
  for (std::size_t i = 0; i < match.query.size(); ++i) {
    const QueryMatch& parameter = match.query[i];
    if (parameter.exact.has_value() != parameter.present.has_value()) continue;
    findings.Complain(Child(path + ".query", i), "must have exactly one of exact, present");
  }
}

void CheckRetry(const RouteConfig& route, const std::string& path, Findings& findings) {
  if (!route.retry) return;
  const RetryConfig& retry = *route.retry;
  if (retry.backoff.max < retry.backoff.base) {
    findings.Complain(path + ".retry.backoff.max", fmt::format("must be at least base ({}), got {}",
                                                               PrintDuration(retry.backoff.base),
                                                               PrintDuration(retry.backoff.max)));
  }
  if (retry.per_try_timeout >= route.timeout) {
    findings.Warn(path + ".retry.per_try_timeout",
                  fmt::format("is never reached, because the route's timeout is {}",
                              PrintDuration(route.timeout)));
  }
  if (retry.attempts == 1) {
    findings.Warn(path + ".retry.attempts", "is 1, the first send included: nothing is retried");
  }
}

void CheckDeny(const RouteConfig& route, const std::string& path, Findings& findings) {
  const auto refuse = [&](std::string_view field, bool is_set) {
    if (!is_set) return;
    findings.Complain(Child(path, field),
                      "is not read with `action: deny`; remove it, or the action");
  };
  refuse("upstream", !route.upstream.empty());
  refuse("flow", !route.flow.empty());
  refuse("retry", route.retry.has_value());
  refuse("rate_limits", !route.rate_limits.empty());
  refuse("degrade", !route.degrade.empty());
  refuse("admission_control", route.admission_control.has_value());
  refuse("concurrency_limits", !route.concurrency_limits.empty());
  refuse("circuit_breaker", route.circuit_breaker.has_value());
  refuse("prefix_rewrite", route.prefix_rewrite.has_value());
}

// What a route says of calls is for the nodes of its flow to say.
void CheckFlowRoute(const Config& config,
                    const RouteConfig& route,
                    const std::string& path,
                    Findings& findings) {
  const auto refuse = [&](std::string_view field, bool is_set, std::string_view advice) {
    if (!is_set) return;
    findings.Complain(Child(path, field), fmt::format("is not read with `flow`; {}", advice));
  };
  refuse("upstream", !route.upstream.empty(), "remove it, or the flow");
  refuse("retry", route.retry.has_value(), "give it to the flow's nodes");
  refuse("circuit_breaker", route.circuit_breaker.has_value(), "give it to the upstreams");
  refuse("admission_control", route.admission_control.has_value(), "give it to the upstreams");
  refuse("prefix_rewrite", route.prefix_rewrite.has_value(), "write the nodes' paths");
  const auto chain = config.degrade.find(route.degrade);
  if (chain == config.degrade.end()) return;
  const bool has_cache = std::ranges::any_of(
      chain->second.chain, [](const DegradeStep& step) { return step.stale_cache.has_value(); });
  if (!has_cache) return;
  findings.Warn(path + ".degrade",
                fmt::format("stale_cache of \"{}\" is always empty here: answers of flows are not "
                            "kept",
                            route.degrade));
}

// A key of a path parameter that the route's match does not name would be the same for everybody.
void CheckPathParameters(const Config& config,
                         const RouteConfig& route,
                         const std::string& path,
                         Findings& findings) {
  const Result<PathTemplate> pattern = PathTemplate::Parse(route.match.path_template);
  for (std::size_t i = 0; i < route.rate_limits.size(); ++i) {
    for (const RateLimitConfig& limit : config.rate_limits) {
      if (limit.name != route.rate_limits[i]) continue;
      for (const RateKeyPart& part : limit.key) {
        if (part.kind != RateKeyKind::kPathParam) continue;
        if (pattern && pattern->HasVariable(part.name)) continue;
        findings.Complain(Child(path + ".rate_limits", i),
                          fmt::format("needs {{{0}}} in this route's match.path_template, because "
                                      "\"{1}\" is keyed by path_param {0}",
                                      Shown(part.name), Shown(limit.name)));
      }
    }
  }
}

// Throttles bear the names of their routes and upstreams, as breakers do.
void CheckRouteThrottle(const Config& config,
                        const RouteConfig& route,
                        const std::string& path,
                        Findings& findings) {
  for (const UpstreamConfig& upstream : config.upstreams) {
    if (upstream.name != route.name || !upstream.admission_control) continue;
    findings.Complain(path + ".admission_control",
                      fmt::format("would have the name of the admission control of upstream "
                                  "\"{}\"; rename the route",
                                  Shown(route.name)));
  }
}

// Breakers bear the names of their routes and upstreams, and are told apart by them.
void CheckRouteBreaker(const Config& config,
                       const RouteConfig& route,
                       const std::string& path,
                       Findings& findings) {
  CheckBreaker(*route.circuit_breaker, path + ".circuit_breaker", findings);
  const Result<PathTemplate> pattern = PathTemplate::Parse(route.match.path_template);
  for (std::size_t i = 0; i < route.circuit_breaker->key.size(); ++i) {
    const RateKeyPart& part = route.circuit_breaker->key[i];
    if (part.kind != RateKeyKind::kPathParam) continue;
    if (pattern && pattern->HasVariable(part.name)) continue;
    findings.Complain(Child(path + ".circuit_breaker.key", i),
                      fmt::format("needs {{{}}} in match.path_template", Shown(part.name)));
  }
  for (const UpstreamConfig& upstream : config.upstreams) {
    if (upstream.name != route.name || !upstream.circuit_breaker) continue;
    findings.Complain(path + ".circuit_breaker",
                      fmt::format("would have the name of the breaker of upstream \"{}\"; rename "
                                  "the route",
                                  Shown(route.name)));
  }
}

void CheckForward(const Config& config,
                  const RouteConfig& route,
                  const std::string& path,
                  const KnownNames& names,
                  Findings& findings) {
  if (!route.flow.empty()) {
    CheckFlowRoute(config, route, path, findings);
    names.flows.Require(route.flow, path + ".flow", findings);
  } else if (route.upstream.empty()) {
    findings.Complain(path + ".upstream", "is required unless `action: deny`");
  }
  names.upstreams.Require(route.upstream, path + ".upstream", findings);
  names.degrade.Require(route.degrade, path + ".degrade", findings);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < route.rate_limits.size(); ++i) {
    const std::string place = Child(path + ".rate_limits", i);
    names.rate_limits.Require(route.rate_limits[i], place, findings);
    if (seen.insert(route.rate_limits[i]).second) continue;
    findings.Complain(place, fmt::format("must be unique, got \"{}\" twice", route.rate_limits[i]));
  }
  CheckPathParameters(config, route, path, findings);
  CheckRetry(route, path, findings);
  if (route.circuit_breaker) CheckRouteBreaker(config, route, path, findings);
  if (route.admission_control) CheckRouteThrottle(config, route, path, findings);
  if (route.prefix_rewrite && route.match.path_prefix.empty()) {
    findings.Complain(path + ".prefix_rewrite",
                      "needs `match.path_prefix`, which is what it replaces");
  }
}

void CheckRouteListeners(const Config& config,
                         const RouteConfig& route,
                         const std::string& path,
                         const KnownNames& names,
                         Findings& findings) {
  for (std::size_t i = 0; i < route.listeners.size(); ++i) {
    const std::string place = Child(path + ".listeners", i);
    const std::string& name = route.listeners[i];
    names.listeners.Require(name, place, findings);
    const auto here = route.listeners.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(route.listeners.begin(), here, name) != here) {
      findings.Complain(place, fmt::format("must be unique, got \"{}\" twice", Shown(name)));
    }
    const bool is_egress =
        std::ranges::any_of(config.listeners, [&name](const ListenerConfig& listener) {
          return listener.name == name && listener.kind == ListenerKind::kEgress;
        });
    if (!is_egress || !route.match.host.empty()) continue;
    findings.Warn(path + ".match",
                  fmt::format("has no host, so calls through \"{}\" to any host go to this route",
                              Shown(name)));
  }
}

}  // namespace

void CheckRoutes(const Config& config, Findings& findings) {
  const KnownNames known = NamesIn(config);
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.routes.size() && !findings.full(); ++i) {
    const RouteConfig& route = config.routes[i];
    const std::string path = Child("routes", i);
    if (!route.name.empty() && !names.insert(route.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", route.name));
    }
    CheckMatch(route.match, path + ".match", findings);
    CheckRouteListeners(config, route, path, known, findings);
    if (route.action == RouteAction::kDeny) {
      CheckDeny(route, path, findings);
    } else {
      CheckForward(config, route, path, known, findings);
    }
  }
}

}  // namespace sluice::gateway::config
