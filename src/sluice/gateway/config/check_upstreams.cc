#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/endpoint.h"
#include "sluice/gateway/config/quantity.h"

namespace sluice::gateway::config {
namespace {

using Listeners = std::map<Address, std::string>;

void CheckEndpoints(const UpstreamConfig& upstream,
                    const std::string& path,
                    const Listeners& listeners,
                    Findings& findings) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < upstream.endpoints.size(); ++i) {
    const Result<Endpoint> endpoint = ParseEndpoint(upstream.endpoints[i]);
    if (!endpoint) continue;
    const std::string place = Child(path + ".endpoints", i);
    const std::string identity = endpoint->address
                                     ? endpoint->address->ToString()
                                     : fmt::format("{}:{}", endpoint->host, endpoint->port);
    if (!seen.insert(identity).second) {
      findings.Complain(place,
                        fmt::format("must be unique, got \"{}\" twice", upstream.endpoints[i]));
    }
    if (!endpoint->address) continue;
    const auto listener = listeners.find(*endpoint->address);
    if (listener == listeners.end()) continue;
    findings.Warn(place,
                  fmt::format("sends requests back to this gateway's own {}", listener->second));
  }
}

void CheckHashOn(const UpstreamConfig& upstream, const std::string& path, Findings& findings) {
  const bool is_ring = upstream.load_balancing == LoadBalancing::kRingHash;
  if (is_ring && !upstream.hash_on) {
    findings.Complain(path + ".hash_on",
                      "is required with `load_balancing: ring_hash`; write source_ip, path, "
                      "{header: name} or {cookie: name}");
  }
  if (!is_ring && upstream.hash_on) {
    findings.Complain(path + ".hash_on",
                      "is only read with `load_balancing: ring_hash`; set that or remove it");
  }
}

void CheckOutliers(const UpstreamConfig& upstream, const std::string& path, Findings& findings) {
  if (!upstream.outlier_detection || upstream.endpoints.empty()) return;
  const OutlierDetectionConfig& outliers = *upstream.outlier_detection;
  const std::string place = path + ".outlier_detection";
  if (outliers.max_ejection_time < outliers.base_ejection_time) {
    findings.Complain(place + ".max_ejection_time",
                      fmt::format("must be at least base_ejection_time ({}), got {}",
                                  PrintDuration(outliers.base_ejection_time),
                                  PrintDuration(outliers.max_ejection_time)));
  }
  if (outliers.latency_factor > 0 && outliers.latency_factor < 1) {
    findings.Complain(place + ".latency_factor",
                      fmt::format("must be 0 or 1..1000, got {}", outliers.latency_factor));
  }
  const Result<Endpoint> endpoint = ParseEndpoint(upstream.endpoints.front());
  const bool is_enforced = outliers.mode == GuardMode::kEnforce;
  if (is_enforced && upstream.endpoints.size() == 1 && endpoint && endpoint->address) {
    findings.Warn(place, "does nothing: the only endpoint of an upstream is never ejected");
  }
}

// A degrade chain on every forwarding route is what makes the loss of an upstream survivable.
void CheckCritical(const Config& config,
                   const UpstreamConfig& upstream,
                   const std::string& path,
                   Findings& findings) {
  if (upstream.critical) return;
  for (const RouteConfig& route : config.routes) {
    if (route.upstream != upstream.name || !route.degrade.empty()) continue;
    findings.Warn(path + ".critical",
                  fmt::format("is false, but route \"{}\" has no `degrade`: without {} it can only "
                              "fail",
                              route.name, upstream.name));
  }
}

}  // namespace

void CheckUpstreams(const Config& config, Findings& findings) {
  Listeners listeners;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    if (const Result<Address> address = Address::Parse(config.listeners[i].listen)) {
      listeners.emplace(*address, Child("listeners", i));
    }
  }
  std::set<std::string> used;
  for (const RouteConfig& route : config.routes)
    used.insert(route.upstream);
  for (const auto& [name, degrade] : config.degrade) {
    for (const DegradeStep& step : degrade.chain) {
      if (step.upstream) used.insert(step.upstream->name);
    }
  }

  for (const FlowConfig& flow : config.flows) {
    for (const FlowNodeConfig& node : flow.nodes)
      used.insert(node.upstream);
  }

  std::set<std::string> names;
  for (std::size_t i = 0; i < config.upstreams.size(); ++i) {
    const UpstreamConfig& upstream = config.upstreams[i];
    const std::string path = Child("upstreams", i);
    CheckEndpoints(upstream, path, listeners, findings);
    CheckHashOn(upstream, path, findings);
    CheckOutliers(upstream, path, findings);
    if (upstream.circuit_breaker) {
      CheckBreaker(*upstream.circuit_breaker, path + ".circuit_breaker", findings);
      for (std::size_t j = 0; j < upstream.circuit_breaker->key.size(); ++j) {
        if (upstream.circuit_breaker->key[j].kind != RateKeyKind::kPathParam) continue;
        findings.Complain(Child(path + ".circuit_breaker.key", j),
                          "path_param is of a route: give the route a circuit_breaker");
      }
    }
    if (upstream.name.empty()) continue;
    if (!names.insert(upstream.name).second) {
      findings.Complain(path + ".name",
                        fmt::format("must be unique, got \"{}\" twice", upstream.name));
    }
    if (!used.contains(upstream.name)) {
      findings.WarnUnused(path,
                          fmt::format("upstream \"{}\" is not used by any route", upstream.name));
    }
    CheckCritical(config, upstream, path, findings);
  }
}

void CheckBreaker(const BreakerConfig& breaker, const std::string& path, Findings& findings) {
  if (breaker.wait_backoff.max < breaker.wait_duration_in_open_state) {
    findings.Complain(path + ".wait_backoff.max",
                      fmt::format("must be at least wait_duration_in_open_state ({}), got {}",
                                  PrintDuration(breaker.wait_duration_in_open_state),
                                  PrintDuration(breaker.wait_backoff.max)));
  }
  const BreakerConfig defaults;
  const bool is_bounded =
      breaker.max_keys != defaults.max_keys || breaker.on_keys_full != defaults.on_keys_full;
  if (breaker.key.empty() && is_bounded) {
    findings.Complain(path + ".key", "is required with max_keys and on_keys_full");
  }
  const SlidingWindowConfig& window = breaker.sliding_window;
  if (window.type == WindowType::kCount && window.buckets != SlidingWindowConfig{}.buckets) {
    findings.Warn(path + ".sliding_window.buckets",
                  "is not read, because a count window has no buckets");
  }
  if (window.type == WindowType::kCount && breaker.minimum_number_of_calls > window.call_size) {
    findings.Warn(path + ".minimum_number_of_calls",
                  fmt::format("is {}, but the window holds {} calls and is judged when it is full",
                              breaker.minimum_number_of_calls, window.call_size));
  }
}

}  // namespace sluice::gateway::config
