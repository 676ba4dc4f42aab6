#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

// Fields that the gateway writes itself.
constexpr std::array<std::string_view, 9> kOwnFields{
    "connection", "content-length",    "date",    "keep-alive",       "te",
    "trailer",    "transfer-encoding", "upgrade", "x-sluice-degraded"};

template <typename T>
void CheckUnique(const std::vector<T>& items, const std::string& path, Findings& findings) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto here = items.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(items.begin(), here, items[i]) == here) continue;
    findings.Complain(Child(path, i), "must be unique, and stands in this list already");
  }
}

void CheckStatic(const StaticStep& step, const std::string& path, Findings& findings) {
  const int bodies = (step.body ? 1 : 0) + (step.body_template ? 1 : 0) + (step.file ? 1 : 0);
  if (bodies > 1) findings.Complain(path, "must have at most one of body, template, file");
  const bool has_no_body = step.status == 204 || step.status == 205 || step.status == 304;
  if (has_no_body && bodies > 0) {
    findings.Complain(path + ".status",
                      fmt::format("must be one with a body, got {}; remove the body", step.status));
  }
  for (const auto& entry : step.headers) {
    const bool is_own =
        std::find(kOwnFields.begin(), kOwnFields.end(), entry.first) != kOwnFields.end();
    if (!is_own) continue;
    findings.Complain(Child(path + ".headers", entry.first),
                      "must not be set here, because the gateway writes it itself; remove it");
  }
}

void CheckStaleCache(const DegradeStep& step, const std::string& path, Findings& findings) {
  const StaleCacheStep& cache = *step.stale_cache;
  for (std::size_t i = 0; i < step.methods.size(); ++i) {
    if (step.methods[i] == "GET" || step.methods[i] == "HEAD") continue;
    findings.Complain(Child(path + ".methods", i),
                      fmt::format("must be GET or HEAD for stale_cache, got \"{}\"; an old answer "
                                  "to a write would claim what did not happen",
                                  Shown(step.methods[i])));
  }
  if (cache.max_answer_bytes > cache.max_bytes / 8) {
    findings.Complain(path + ".stale_cache.max_answer_bytes",
                      "must be at most an eighth of max_bytes");
  }
  CheckUnique(cache.key_headers, path + ".stale_cache.key_headers", findings);
  CheckUnique(cache.ignore, path + ".stale_cache.ignore", findings);
}

void CheckUpstreamStep(const Config& config,
                       const UpstreamStep& step,
                       const std::string& path,
                       Findings& findings) {
  if (step.name.empty()) return;
  std::vector<std::string_view> names;
  for (const UpstreamConfig& upstream : config.upstreams)
    names.push_back(upstream.name);
  if (std::find(names.begin(), names.end(), step.name) != names.end()) return;
  findings.Complain(path + ".upstream.name",
                    fmt::format("must name one of `upstreams`, got \"{}\"{}", Shown(step.name),
                                DidYouMean(step.name, names)));
}

void CheckStep(const Config& config,
               const DegradeStep& step,
               const std::string& path,
               Findings& findings) {
  const int answers = (step.stale_cache ? 1 : 0) + (step.upstream ? 1 : 0) +
                      (step.static_answer ? 1 : 0) + (step.reject ? 1 : 0);
  if (answers != 1) {
    findings.Complain(path, "must have exactly one of stale_cache, upstream, static, reject");
  }
  if (step.stale_cache) CheckStaleCache(step, path, findings);
  if (step.upstream) CheckUpstreamStep(config, *step.upstream, path, findings);
  if (step.static_answer) CheckStatic(*step.static_answer, path + ".static", findings);
}

void CheckChain(const Config& config,
                const DegradeConfig& degrade,
                const std::string& path,
                Findings& findings) {
  bool always_answered = false;
  bool has_cache = false;
  for (std::size_t i = 0; i < degrade.chain.size(); ++i) {
    const DegradeStep& step = degrade.chain[i];
    const std::string place = Child(path + ".chain", i);
    CheckStep(config, step, place, findings);
    if (step.stale_cache && has_cache) {
      findings.Complain(place + ".stale_cache", "must stand once in a chain, which has one cache");
    }
    has_cache = has_cache || step.stale_cache;
    if (always_answered) {
      findings.Complain(place,
                        "is never reached, because a step before it answers every method; remove "
                        "it, or give that step `methods`");
    }
    const bool can_fail = step.stale_cache || step.upstream || step.max_concurrent > 0;
    always_answered = always_answered || (step.methods.empty() && !can_fail);
  }
  CheckUnique(degrade.on, path + ".on", findings);
  for (std::size_t i = 0; i < degrade.statuses.size(); ++i) {
    if (degrade.statuses[i].first >= 500) continue;
    findings.Complain(Child(path + ".statuses", i),
                      "must be within 500-599: any other status is an answer, not an error");
  }
}

// Who is told apart by a header field: those of a rate limit's or a breaker's key, beside the two
// that the cache knows itself.
void CollectHeaders(const std::vector<RateKeyPart>& key, std::set<std::string>& names) {
  for (const RateKeyPart& part : key) {
    const bool is_known = part.name == "authorization" || part.name == "cookie";
    if (part.kind == RateKeyKind::kHeader && !is_known) names.insert(part.name);
  }
}

std::set<std::string> HeadersThatTellApart(const Config& config, const RouteConfig& route) {
  std::set<std::string> names;
  for (const RateLimitConfig& rule : config.rate_limits) {
    const auto& used = route.rate_limits;
    if (std::find(used.begin(), used.end(), rule.name) != used.end())
      CollectHeaders(rule.key, names);
  }
  if (route.circuit_breaker) CollectHeaders(route.circuit_breaker->key, names);
  for (const UpstreamConfig& upstream : config.upstreams) {
    if (upstream.name == route.upstream && upstream.circuit_breaker)
      CollectHeaders(upstream.circuit_breaker->key, names);
  }
  return names;
}

// A route whose guards tell callers apart by a field probably answers them differently, too.
void CheckWhoseAnswer(const Config& config, const RouteConfig& route, Findings& findings) {
  const auto degrade = config.degrade.find(route.degrade);
  if (degrade == config.degrade.end()) return;
  const std::string path = Child("degrade", route.degrade) + ".chain";
  for (std::size_t i = 0; i < degrade->second.chain.size(); ++i) {
    const std::optional<StaleCacheStep>& cache = degrade->second.chain[i].stale_cache;
    if (!cache) continue;
    for (const std::string& name : HeadersThatTellApart(config, route)) {
      const auto& known = cache->key_headers;
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      findings.Warn(Child(path, i) + ".stale_cache.key_headers",
                    fmt::format("does not have \"{}\", by which guards of route \"{}\" tell its "
                                "callers apart: the kept answer of one could be given to another; "
                                "add it, unless all get the same answer",
                                Shown(name), Shown(route.name)));
    }
  }
}

}  // namespace

void CheckDegrade(const Config& config, Findings& findings) {
  std::set<std::string> used;
  for (const RouteConfig& route : config.routes) {
    used.insert(route.degrade);
    CheckWhoseAnswer(config, route, findings);
  }

  for (const auto& [name, degrade] : config.degrade) {
    const std::string path = Child("degrade", name);
    CheckChain(config, degrade, path, findings);
    if (!used.contains(name)) {
      findings.WarnUnused(path, fmt::format("chain \"{}\" is not used by any route", Shown(name)));
    }
  }
}

}  // namespace sluice::gateway::config
