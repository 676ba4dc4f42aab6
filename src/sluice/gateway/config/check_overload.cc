#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/nearest.h"
#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

void CheckAlgorithm(const ConcurrencyLimitConfig& limit,
                    const std::string& path,
                    Findings& findings) {
  if (limit.algorithm == ConcurrencyAlgorithm::kFixed) {
    if (limit.limit == 0) {
      findings.Complain(path + ".limit", "is required with `algorithm: fixed`");
    }
    return;
  }
  if (limit.limit != 0) {
    findings.Complain(path + ".limit",
                      "is only read with `algorithm: fixed`; set that, or use `initial_limit` and "
                      "`max_limit`");
  }
  if (limit.min_limit > limit.max_limit) {
    findings.Complain(path + ".min_limit", fmt::format("must be at most max_limit ({}), got {}",
                                                       limit.max_limit, limit.min_limit));
  }
  if (limit.window.min > limit.window.max) {
    findings.Complain(path + ".window.min", fmt::format("must be at most max ({}), got {}",
                                                        PrintDuration(limit.window.max),
                                                        PrintDuration(limit.window.min)));
  }
}

void CheckQueue(const ConcurrencyLimitConfig& limit, const std::string& path, Findings& findings) {
  if (!limit.queue) return;
  const AdmissionQueueConfig& queue = *limit.queue;
  if (queue.max_rejection_factor < queue.initial_rejection_factor) {
    findings.Complain(path + ".queue.max_rejection_factor",
                      fmt::format("must be at least initial_rejection_factor ({}), got {}",
                                  queue.initial_rejection_factor, queue.max_rejection_factor));
  }
  if (queue.codel.interval < queue.codel.target_delay) {
    findings.Complain(
        path + ".queue.codel.interval",
        fmt::format("must be at least target_delay ({}), got {}",
                    PrintDuration(queue.codel.target_delay), PrintDuration(queue.codel.interval)));
  }
  if (limit.mode != GuardMode::kEnforce || limit.enforce_percent < 100) {
    findings.Warn(path + ".queue",
                  "is not used, because not every refusal is carried out: what would wait counts "
                  "as what would be refused");
  }
}

void CheckPartitions(const ConcurrencyLimitConfig& limit,
                     const std::string& path,
                     const std::set<std::string>& routes,
                     Findings& findings) {
  constexpr std::size_t kPartitionsMax = 16;
  double sum = 0;
  for (const auto& [name, ratio] : limit.partitions) {
    const std::string place = Child(path + ".partitions", name);
    sum += ratio;
    if (ratio <= 0) findings.Complain(place, "must be above 0; remove it to guarantee nothing");
    if (!limit.partition_by && !routes.contains(name)) {
      findings.WarnUnused(place,
                          "is no route's name, and without `partition_by` nobody else is in it");
    }
  }
  if (sum > 1 + 1e-9) {
    findings.Complain(path + ".partitions", fmt::format("must add up to at most 1, got {:g}", sum));
  }
  if (limit.partitions.size() > kPartitionsMax) {
    findings.Complain(path + ".partitions", fmt::format("must be at most {}, got {}",
                                                        kPartitionsMax, limit.partitions.size()));
  }
  if (limit.partitions.empty() && limit.partition_by) {
    findings.Complain(path + ".partition_by", "needs `partitions`: there is nothing to choose");
  }
}

// Names of limits as a route or an upstream lists them.
void CheckNames(const std::vector<std::string>& names,
                const std::string& path,
                const std::set<std::string>& known,
                Findings& findings) {
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!known.contains(names[i])) {
      findings.Complain(Child(path, i),
                        fmt::format("must name one of `concurrency_limits`, got \"{}\"{}",
                                    Shown(names[i]), DidYouMean(names[i], candidates)));
    }
    if (!seen.insert(names[i]).second) {
      findings.Complain(Child(path, i), "must be unique, and stands in this list already");
    }
  }
}

void CheckTriggers(const OverloadConfig& overload, Findings& findings) {
  for (std::size_t i = 0; i < overload.resources.triggers.size(); ++i) {
    const ResourceTriggerConfig& trigger = overload.resources.triggers[i];
    const std::string path = Child("overload.resources.triggers", i);
    if (trigger.threshold.has_value() == trigger.scaled.has_value()) {
      findings.Complain(path, "must have exactly one of threshold, scaled");
    }
    if (trigger.scaled &&
        trigger.scaled->saturation_threshold < trigger.scaled->scaling_threshold) {
      findings.Complain(
          path + ".scaled.saturation_threshold",
          fmt::format("must be at least scaling_threshold ({}), got {}",
                      trigger.scaled->scaling_threshold, trigger.scaled->saturation_threshold));
    }
  }
}

// Metrics and reasons know these as the gates of the gateway itself.
constexpr std::array<std::string_view, 2> kTakenNames{"shed", "gateway"};

// A request keeps its route's slots while it asks for its upstream's: with one limit for both, all
// slots may be held by requests that wait for another one of it.
void CheckOwnSlots(const Config& config, std::size_t index, Findings& findings) {
  const RouteConfig& route = config.routes[index];
  const auto upstream = std::ranges::find(config.upstreams, route.upstream, &UpstreamConfig::name);
  if (upstream == config.upstreams.end()) return;
  for (std::size_t i = 0; i < route.concurrency_limits.size(); ++i) {
    const std::string& name = route.concurrency_limits[i];
    if (std::ranges::find(upstream->concurrency_limits, name) ==
        upstream->concurrency_limits.end()) {
      continue;
    }
    findings.Complain(
        Child(Child("routes", index) + ".concurrency_limits", i),
        fmt::format("stands in those of upstream \"{}\" too: a request would need two "
                    "slots of it; name it in one place",
                    route.upstream));
  }
}

}  // namespace

void CheckOverload(const Config& config, Findings& findings) {
  std::set<std::string> routes;
  std::set<std::string> used;
  for (const RouteConfig& route : config.routes) {
    routes.insert(route.name);
    used.insert(route.concurrency_limits.begin(), route.concurrency_limits.end());
  }
  for (const UpstreamConfig& upstream : config.upstreams)
    used.insert(upstream.concurrency_limits.begin(), upstream.concurrency_limits.end());

  std::set<std::string> names;
  for (std::size_t i = 0; i < config.concurrency_limits.size(); ++i) {
    const ConcurrencyLimitConfig& limit = config.concurrency_limits[i];
    const std::string path = Child("concurrency_limits", i);
    CheckAlgorithm(limit, path, findings);
    CheckQueue(limit, path, findings);
    CheckPartitions(limit, path, routes, findings);
    if (limit.name.empty()) continue;
    if (!names.insert(limit.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", limit.name));
    }
    if (std::ranges::find(kTakenNames, limit.name) != kTakenNames.end()) {
      findings.Complain(path + ".name",
                        fmt::format("must be another than \"{}\", the gateway's own gate in "
                                    "metrics and reasons",
                                    limit.name));
    }
    if (!used.contains(limit.name)) {
      findings.WarnUnused(path, fmt::format("concurrency limit \"{}\" is not used by any route or "
                                            "upstream",
                                            limit.name));
    }
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    CheckNames(config.routes[i].concurrency_limits, Child("routes", i) + ".concurrency_limits",
               names, findings);
    CheckOwnSlots(config, i, findings);
  }
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    CheckNames(config.upstreams[i].concurrency_limits,
               Child("upstreams", i) + ".concurrency_limits", names, findings);
  }
  if (config.overload) CheckTriggers(*config.overload, findings);
}

}  // namespace sluice::gateway::config
