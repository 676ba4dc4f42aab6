#include "sluice/gateway/config/complete.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

// What one second allows, rounded down, at least one: `limit` per `period`.
std::int64_t DefaultBurst(std::int64_t limit, Nanos period) {
  const double per_second = static_cast<double>(limit) * 1e9 / static_cast<double>(period.count());
  constexpr double kBurstMax = 1e9;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(per_second, kBurstMax)));
}

void CompleteLimit(RateLimitConfig& limit) {
  if (limit.algorithm == RateAlgorithm::kGcra) {
    if (limit.burst == 0) limit.burst = DefaultBurst(limit.limit, limit.period);
    for (auto& [key, other] : limit.overrides) {
      if (other.burst == 0) other.burst = DefaultBurst(other.limit, limit.period);
    }
  }
  limit.cost_header = Lowered(limit.cost_header);
  for (RateKeyPart& part : limit.key) {
    if (part.kind == RateKeyKind::kHeader) part.name = Lowered(part.name);
  }
}

void CompleteBreaker(std::optional<BreakerConfig>& breaker) {
  if (!breaker) return;
  for (RateKeyPart& part : breaker->key) {
    if (part.kind == RateKeyKind::kHeader) part.name = Lowered(part.name);
  }
}

void CompleteMatch(MatchConfig& match) {
  match.host = Lowered(match.host);
  for (HeaderMatch& header : match.headers)
    header.name = Lowered(header.name);
}

void CompleteRelease(ReleaseConfig& release) {
  for (ReleaseKeyPart& part : release.key) {
    if (part.kind == ReleaseKeyKind::kHeader) part.name = Lowered(part.name);
  }
  for (ReleaseMatchConfig& rule : release.match)
    CompleteMatch(rule.match);
  for (MatchConfig& rule : release.never)
    CompleteMatch(rule);
}

void CompleteHeaders(std::map<std::string, std::string>& headers,
                     const std::string& path,
                     Findings& findings) {
  std::map<std::string, std::string> lowered;
  for (auto& [name, value] : headers) {
    const bool is_new = lowered.emplace(Lowered(name), std::move(value)).second;
    if (is_new) continue;
    findings.Complain(Child(path, name), "duplicate key; the names of header fields have no case");
  }
  headers = std::move(lowered);
}

}  // namespace

void Complete(Config& config, Findings& findings) {
  for (UpstreamConfig& upstream : config.upstreams) {
    CompleteBreaker(upstream.circuit_breaker);
    if (upstream.hash_on && upstream.hash_on->kind == HashOnKind::kHeader) {
      upstream.hash_on->name = Lowered(upstream.hash_on->name);
    }
  }
  for (RouteConfig& route : config.routes) {
    CompleteBreaker(route.circuit_breaker);
    CompleteMatch(route.match);
  }
  for (ConcurrencyLimitConfig& limit : config.concurrency_limits) {
    if (limit.partition_by && limit.partition_by->kind == HashOnKind::kHeader) {
      limit.partition_by->name = Lowered(limit.partition_by->name);
    }
  }
  if (config.overload && config.overload->priority.user_key.kind == HashOnKind::kHeader) {
    std::string& name = config.overload->priority.user_key.name;
    name = Lowered(name);
  }
  for (RateLimitConfig& limit : config.rate_limits)
    CompleteLimit(limit);
  for (ReleaseConfig& release : config.releases) {
    CompleteRelease(release);
    // Stable is there to answer: nobody has to be sent to a candidate that is sick.
    for (UpstreamConfig& upstream : config.upstreams) {
      if (upstream.name == release.plan.candidate) upstream.healthy_panic_threshold = 0;
    }
  }
  if (config.record) {
    std::optional<HashOn>& sample_by = config.record->sample_by;
    if (sample_by && sample_by->kind == HashOnKind::kHeader)
      sample_by->name = Lowered(sample_by->name);
    for (std::string& name : config.record->masking.headers)
      name = Lowered(name);
  }
  for (auto& [name, degrade] : config.degrade) {
    for (std::size_t i = 0; i < degrade.chain.size(); ++i) {
      if (degrade.chain[i].stale_cache) {
        for (std::string& field : degrade.chain[i].stale_cache->key_headers)
          field = Lowered(field);
      }
      if (!degrade.chain[i].static_answer) continue;
      const std::string path = Child(Child(Child("degrade", name), "chain"), i);
      CompleteHeaders(degrade.chain[i].static_answer->headers,
                      Child(Child(path, "static"), "headers"), findings);
    }
  }
  for (std::size_t i = 0; i < config.flows.size(); ++i) {
    FlowConfig& flow = config.flows[i];
    const std::string path = Child("flows", i);
    for (std::size_t j = 0; j < flow.nodes.size(); ++j) {
      CompleteHeaders(flow.nodes[j].headers, Child(path + ".nodes", j) + ".headers", findings);
    }
    CompleteHeaders(flow.response.headers, path + ".response.headers", findings);
  }
}

}  // namespace sluice::gateway::config
