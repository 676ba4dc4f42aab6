#include "sluice/gateway/admin/metrics_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sluice/contract/assert.h"
#include "sluice/gateway/admin/metrics_page.h"
#include "sluice/gateway/admin/overload_report.h"
#include "sluice/gateway/admin/recording_report.h"
#include "sluice/gateway/admin/totals.h"

namespace sluice::gateway::admin {
namespace {

struct NamedRoute {
  std::string name;
  std::string upstream;  // Empty: not in the configuration any more.
  RouteTotals totals;
};

std::vector<NamedRoute> RoutesOf(Gateway& gateway) {
  std::vector<NamedRoute> routes;
  gateway.stats().ForEachRoute([&routes](const std::string& name, const auto& blocks) {
    routes.push_back({.name = name, .upstream = {}, .totals = TotalsOf(blocks)});
  });
  if (gateway.registry().current() == nullptr) return routes;
  for (const RoutePlan& plan : gateway.registry().current()->routes) {
    for (NamedRoute& route : routes) {
      if (route.name == plan.config->name) route.upstream = plan.config->upstream;
    }
  }
  return routes;
}

void AddRoutes(Gateway& gateway, Page& page) {
  const std::vector<NamedRoute> routes = RoutesOf(gateway);
  page.Begin(MetricType::Counter, "sluice_http_requests_total", "Finished requests.");
  for (const NamedRoute& route : routes) {
    for (std::size_t method = 0; method < kMethodCount; ++method) {
      for (std::size_t i = 0; i < kStatusClassCount; ++i) {
        const std::uint64_t count = route.totals.by_method[method][i];
        if (count == 0) continue;
        page.Add({Label("route", route.name), Label("service", route.upstream),
                  Label("method", wire::NameOf(static_cast<wire::Method>(method))),
                  Label("code_class", i == 0 ? "none" : std::to_string(i) + "xx")},
                 count);
      }
    }
  }
  page.Begin(MetricType::Histogram, "sluice_http_request_duration_seconds",
             "From the complete request head to the last byte of the response.");
  for (const NamedRoute& route : routes) {
    page.AddHistogram({Label("route", route.name)}, route.totals.duration,
                      route.totals.duration_sum_nanos);
  }
  page.Begin(MetricType::Histogram, "sluice_upstream_duration_seconds",
             "From an attempt's start to its response head.");
  for (const NamedRoute& route : routes) {
    page.AddHistogram({Label("route", route.name)}, route.totals.upstream_duration,
                      route.totals.upstream_sum_nanos);
  }
  page.Begin(MetricType::Counter, "sluice_http_reasons_total", "How requests ended.");
  for (const NamedRoute& route : routes) {
    for (std::size_t i = 0; i < kReasonCount; ++i) {
      if (route.totals.reasons[i] == 0) continue;
      page.Add({Label("route", route.name), Label("reason", NameOf(static_cast<Reason>(i)))},
               route.totals.reasons[i]);
    }
  }
  page.Begin(MetricType::Counter, "sluice_http_retries_total", "Attempts repeated by policy.");
  for (const NamedRoute& route : routes) {
    page.Add({Label("route", route.name)}, route.totals.retries);
  }
}

void AddClients(Gateway& gateway, Page& page) {
  const GatewayTotals totals = TotalsOf(gateway.stats());
  page.Begin(MetricType::Gauge, "sluice_http_active_requests", "Requests under way.");
  page.Add({}, totals.active);
  page.Begin(MetricType::Gauge, "sluice_connections", "Client connections open.");
  page.Add({}, totals.connections);
  page.Begin(MetricType::Counter, "sluice_connections_total", "Client connections accepted.");
  page.Add({}, totals.connections_total);
  page.Begin(MetricType::Counter, "sluice_connections_refused_total",
             "Client connections closed at once, over max_connections.");
  page.Add({}, totals.connections_refused);
  page.Begin(MetricType::Counter, "sluice_protocol_errors_total",
             "Requests refused before a route was found.");
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    if (totals.protocol_errors[i] == 0) continue;
    page.Add({Label("class", NameOf(static_cast<Reason>(i)))}, totals.protocol_errors[i]);
  }
  page.Begin(MetricType::Counter, "sluice_access_log_dropped_total",
             "Lines that the sink could not take.");
  page.Add({}, totals.log_lines_dropped);
  page.Begin(MetricType::Counter, "sluice_overload_streams_reset_total",
             "Requests ended by `reset_largest_streams`.");
  page.Add({}, totals.streams_reset);
}

void AddRateLimits(Gateway& gateway, Page& page) {
  const Snapshot& snapshot = *gateway.registry().current();
  const SteadyTime now = gateway.control().now();
  const auto each_lesson = [&](auto value) {
    for (const RatePlan& plan : snapshot.rate_limits) {
      const Lesson* const lesson = gateway.learning().Find(plan.config->name);
      if (lesson != nullptr) page.Add({Label("rule", plan.config->name)}, value(*lesson));
    }
  };
  page.Begin(MetricType::Counter, "sluice_guard_decisions_total", "What guards decided.");
  for (const RatePlan& plan : snapshot.rate_limits) {
    const limit::DecisionTotals totals = plan.guard->Stats().decisions;
    const std::string& name = plan.config->name;
    const auto add = [&page, &name](const char* decision, std::uint64_t count) {
      page.Add({Label("guard", "rate_limit"), Label("rule", name), Label("decision", decision)},
               count);
    };
    add("allowed", totals.allowed);
    add("denied", totals.denied);
    add("would_deny", totals.would_deny);
  }
  for (const GuardCounts& counts : OverloadCounts(snapshot, now)) {
    const auto add = [&page, &counts](const char* decision, std::uint64_t count) {
      page.Add(
          {Label("guard", counts.guard), Label("rule", counts.rule), Label("decision", decision)},
          count);
    };
    add("allowed", counts.totals.allowed);
    add("denied", counts.totals.denied);
    add("would_deny", counts.totals.would_deny);
  }
  page.Begin(MetricType::Counter, "sluice_limit_near_limit_total",
             "Admitted with the burst nearly used.");
  for (const RatePlan& plan : snapshot.rate_limits) {
    page.Add({Label("rule", plan.config->name)}, plan.guard->Stats().decisions.near_limit);
  }
  page.Begin(MetricType::Gauge, "sluice_limit_keys", "Keys with a bucket of their own.");
  for (const RatePlan& plan : snapshot.rate_limits) {
    if (plan.config->key.empty()) continue;
    page.Add({Label("rule", plan.config->name)}, plan.guard->Stats().keyed.keys);
  }
  page.Begin(MetricType::Gauge, "sluice_limit_learning",
             "1 while a rule that learns has no limit.");
  each_lesson([](const Lesson& lesson) { return lesson.phase == Lesson::Phase::kOver ? 0 : 1; });
  page.Begin(MetricType::Gauge, "sluice_limit_learnt_value", "Tokens a period by what was learnt.");
  each_lesson([](const Lesson& lesson) { return lesson.limit; });
  page.Begin(MetricType::Counter, "sluice_limit_table_full_total",
             "Decisions about keys that found no room.");
  for (const RatePlan& plan : snapshot.rate_limits) {
    if (plan.config->key.empty()) continue;
    page.Add({Label("rule", plan.config->name)}, plan.guard->Stats().keyed.table_full);
  }
}

void AddOverload(const Snapshot& snapshot, Page& page) {
  page.Begin(MetricType::Gauge, "sluice_limit_value", "Requests that may be under way at once.");
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits)
    page.Add({Label("rule", plan.config->name)}, plan.state->limit->limit());
  page.Begin(MetricType::Gauge, "sluice_limit_inflight", "Requests that hold a slot of a limit.");
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits)
    page.Add({Label("rule", plan.config->name)}, plan.state->limit->inflight());
  page.Begin(MetricType::Gauge, "sluice_limit_waiting", "Requests that wait for a slot.");
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits)
    page.Add({Label("rule", plan.config->name)}, plan.state->limit->Stats().waiting);
  if (snapshot.overload.state == nullptr) return;
  page.Begin(MetricType::Gauge, "sluice_overload_threshold_level",
             "Requests below this level are shed: 0 none, 512 all.");
  page.Add({Label("gate", "gateway")}, snapshot.overload.state->gate.threshold());
  for (const ConcurrencyPlan& plan : snapshot.concurrency_limits)
    page.Add({Label("gate", plan.config->name)}, plan.state->gate.threshold());
  page.Begin(MetricType::Gauge, "sluice_overload_action_ratio",
             "How far an action against short resources is taken: 0 not, 1 fully.");
  for (std::size_t i = 0; i < limit::kResourceActions; ++i) {
    const auto action = static_cast<limit::ResourceAction>(i);
    page.Add({Label("action", NameOf(action))},
             snapshot.overload.state->resources.activation(action));
  }
}

void AddBreakers(Gateway& gateway, Page& page) {
  const SteadyTime now = gateway.control().now();
  const auto& breakers = gateway.registry().breakers();
  page.Begin(MetricType::Gauge, "sluice_breaker_state",
             "0 closed, 1 open, 2 half open, 3 recovering, 4 forced open, 5 disabled, 6 metrics "
             "only. With "
             "keys: what all are set to by hand, else 0.");
  for (const auto& [name, breaker] : breakers) {
    page.Add({Label("rule", name)}, static_cast<int>(breaker->Snapshot(now).state));
  }
  for (const auto& [name, breaker] : gateway.registry().keyed_breakers())
    page.Add({Label("rule", name)}, static_cast<int>(breaker->by_hand()));
  page.Begin(MetricType::Counter, "sluice_breaker_opened_total", "Times a breaker has tripped.");
  for (const auto& [name, breaker] : breakers) {
    page.Add({Label("rule", name)}, breaker::OpenedOf(breaker->Snapshot(now)));
  }
  std::map<std::string, breaker::KeyedBreakerStats> keyed;
  for (const auto& [name, breaker] : gateway.registry().keyed_breakers())
    keyed.emplace(name, breaker->Stats(now));
  const auto each_keyed = [&](auto value) {
    for (const auto& [name, stats] : keyed)
      page.Add({Label("rule", name)}, value(stats));
  };
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.opened_total; });
  page.Begin(MetricType::Counter, "sluice_breaker_transitions_total", "Changes of state.");
  for (const auto& [name, breaker] : breakers) {
    const breaker::BreakerSnapshot state = breaker->Snapshot(now);
    for (std::size_t from = 0; from < breaker::kStates; ++from) {
      for (std::size_t to = 0; to < breaker::kStates; ++to) {
        if (state.transitions[from][to] == 0) continue;
        page.Add(
            {Label("rule", name), Label("from", breaker::NameOf(static_cast<breaker::State>(from))),
             Label("to", breaker::NameOf(static_cast<breaker::State>(to)))},
            state.transitions[from][to]);
      }
    }
  }
  page.Begin(MetricType::Counter, "sluice_breaker_not_permitted_total",
             "Calls that a breaker refused.");
  for (const auto& [name, breaker] : breakers) {
    page.Add({Label("rule", name)}, breaker->Snapshot(now).not_permitted_total);
  }
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.not_permitted_total; });
  page.Begin(MetricType::Counter, "sluice_breaker_would_refuse_total",
             "Calls let through by mode or enforce_percent alone.");
  for (const auto& [name, breaker] : breakers) {
    page.Add({Label("rule", name)}, breaker->Snapshot(now).would_refuse_total);
  }
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.would_refuse_total; });
  page.Begin(MetricType::Gauge, "sluice_breaker_keys", "Keys with a breaker of their own.");
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.keys; });
  page.Begin(MetricType::Gauge, "sluice_breaker_keys_not_closed", "Of these, not closed.");
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.keys_not_closed; });
  page.Begin(MetricType::Counter, "sluice_breaker_overflow_total",
             "Calls whose key found no room for a breaker.");
  each_keyed([](const breaker::KeyedBreakerStats& stats) { return stats.overflow_total; });
}

void AddOutliers(const Snapshot& snapshot, Page& page) {
  const auto each = [&snapshot](auto visit) {
    for (const UpstreamPlan& plan : snapshot.upstreams) {
      if (plan.outliers != nullptr) visit(plan.config->name, plan.outliers->Totals());
    }
  };
  const auto by_cause = [&each, &page](auto counts) {
    each([&](const std::string& name, const breaker::OutlierTotals& totals) {
      for (std::size_t i = 0; i < breaker::kEjectionCauses; ++i) {
        const std::string_view cause = NameOf(static_cast<breaker::EjectionCause>(i));
        page.Add({Label("upstream", name), Label("cause", cause)}, counts(totals)[i]);
      }
    });
  };
  page.Begin(MetricType::Gauge, "sluice_outlier_ejections_active",
             "Endpoints that are out by outlier detection.");
  each([&page](const std::string& name, const breaker::OutlierTotals& totals) {
    page.Add({Label("upstream", name)}, totals.active);
  });
  page.Begin(MetricType::Counter, "sluice_outlier_ejections_total", "Ejections of endpoints.");
  by_cause([](const breaker::OutlierTotals& totals) { return totals.ejections_total; });
  page.Begin(MetricType::Counter, "sluice_outlier_would_eject_total",
             "Ejections that were only counted.");
  by_cause([](const breaker::OutlierTotals& totals) { return totals.would_eject_total; });
  page.Begin(MetricType::Counter, "sluice_outlier_overflow_total",
             "Ejections left out because too many endpoints were out.");
  each([&page](const std::string& name, const breaker::OutlierTotals& totals) {
    page.Add({Label("upstream", name)}, totals.overflow_total);
  });
}

// Each route's cache once, by the name of its chain.
std::map<std::string, degrade::StaleCacheStats> CachesOf(const Snapshot& snapshot) {
  std::map<std::string, degrade::StaleCacheStats> caches;
  for (const RoutePlan& route : snapshot.routes) {
    if (route.kept != nullptr) caches[route.chain->name()] = route.kept->Stats();
  }
  return caches;
}

void AddDegrade(const Snapshot& snapshot, Page& page) {
  const std::vector<const degrade::DegradeChain*> chains = ChainsOf(snapshot);
  const auto each_step = [&](auto count) {
    for (const degrade::DegradeChain* chain : chains) {
      for (const degrade::StepStats& step : chain->Stats()) {
        page.Add({Label("rule", chain->name()), Label("source", step.source)}, count(step));
      }
    }
  };
  page.Begin(MetricType::Counter, "sluice_degrade_total", "Degraded answers given.");
  each_step([](const degrade::StepStats& step) { return step.served; });
  page.Begin(MetricType::Counter, "sluice_degrade_failed_total",
             "Steps that had no answer, or no room.");
  each_step([](const degrade::StepStats& step) { return step.failed + step.bulkhead_full; });
  const auto caches = CachesOf(snapshot);
  page.Begin(MetricType::Gauge, "sluice_stale_cache_bytes", "Memory of kept answers.");
  for (const auto& [rule, stats] : caches)
    page.Add({Label("rule", rule)}, stats.bytes);
  page.Begin(MetricType::Gauge, "sluice_stale_cache_answers", "Answers kept.");
  for (const auto& [rule, stats] : caches)
    page.Add({Label("rule", rule)}, stats.answers);
  page.Begin(MetricType::Counter, "sluice_stale_cache_evicted_total",
             "Kept answers that made room for others.");
  for (const auto& [rule, stats] : caches)
    page.Add({Label("rule", rule)}, stats.evicted_total);
}

void AddUpstreams(Gateway& gateway, const Snapshot& snapshot, Page& page) {
  const SteadyTime now = gateway.control().now();
  const auto each_endpoint = [&](auto value) {
    for (const UpstreamPlan& plan : snapshot.upstreams) {
      const auto list = plan.upstream->Endpoints();
      for (const traffic::EndpointMember& member : list->members) {
        page.Add(
            {Label("upstream", plan.config->name), Label("endpoint", member.endpoint->label())},
            value(*list, *member.endpoint));
      }
    }
  };
  page.Begin(MetricType::Gauge, "sluice_endpoint_available_ratio",
             "Share of its traffic an endpoint gets: 0 when unhealthy, 1 when well.");
  each_endpoint([now](const traffic::EndpointList& list, const traffic::Endpoint& endpoint) {
    return list.GateWeight(endpoint, now);
  });
  page.Begin(MetricType::Counter, "sluice_endpoint_requests_total",
             "Attempts sent to an endpoint.");
  each_endpoint([](const traffic::EndpointList&, const traffic::Endpoint& endpoint) {
    return endpoint.requests_total();
  });
  page.Begin(MetricType::Counter, "sluice_endpoint_failures_total", "Of these, how many failed.");
  each_endpoint([](const traffic::EndpointList&, const traffic::Endpoint& endpoint) {
    return endpoint.failures_total();
  });
  page.Begin(MetricType::Gauge, "sluice_upstream_connections", "Connections to an upstream.");
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const PoolTotals pool = PoolTotalsOf(gateway.stats(), plan.config->name);
    page.Add({Label("upstream", plan.config->name), Label("state", "idle")}, pool.idle);
    page.Add({Label("upstream", plan.config->name), Label("state", "active")},
             pool.connections - pool.idle);
  }
  page.Begin(MetricType::Counter, "sluice_upstream_connects_total", "Connections attempted.");
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const PoolTotals pool = PoolTotalsOf(gateway.stats(), plan.config->name);
    page.Add({Label("upstream", plan.config->name)}, pool.connects);
  }
}

void AddReleases(Gateway& gateway, Page& page) {
  const auto each = [&gateway](auto visit) {
    for (const auto& [name, entry] : gateway.releases().entries()) {
      if (gateway.releases().PlanOf(*entry) != nullptr) visit(name, *entry);
    }
  };
  page.Begin(MetricType::Gauge, "sluice_release_candidate_weight_ratio",
             "Part of the keys that the candidate gets.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    page.Add({Label("release", name)},
             static_cast<double>(entry.machine.state().candidate_buckets) / release::kBuckets);
  });
  page.Begin(MetricType::Gauge, "sluice_release_state", "1 for the state that a release is in.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    page.Add({Label("release", name), Label("state", NameOf(entry.machine.state().state))}, 1);
  });
  page.Begin(MetricType::Gauge, "sluice_release_generation", "Grows with every transition.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    page.Add({Label("release", name)}, entry.machine.state().generation);
  });
  page.Begin(MetricType::Gauge, "sluice_release_log_evalue",
             "Natural logarithm of the evidence against the candidate.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    if (!entry.judge) return;
    for (const release::MetricReport& report : entry.judge->Report())
      page.Add({Label("release", name), Label("metric", report.name)}, report.log_e);
  });
  page.Begin(MetricType::Gauge, "sluice_release_aa_log_evalue",
             "Natural logarithm of the evidence that stable differs from its control slice.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    if (entry.judge) page.Add({Label("release", name)}, entry.judge->control_log_e());
  });
  page.Begin(MetricType::Gauge, "sluice_release_aa_evalue",
             "The evidence that stable differs from its control slice; at most 1e300.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    constexpr double kLogMax = 690;
    if (!entry.judge) return;
    page.Add({Label("release", name)}, std::exp(std::min(entry.judge->control_log_e(), kLogMax)));
  });
  page.Begin(MetricType::Counter, "sluice_release_fallback_total",
             "Requests of the candidate that stable answered, since it had no usable endpoint.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    std::uint64_t count = 0;
    for (const auto& worker : entry.state->workers()) {
      for (const auto& arm : worker->decisions)
        count += arm[static_cast<std::size_t>(release::Cause::kFallback)].value();
    }
    page.Add({Label("release", name)}, count);
  });
  page.Begin(MetricType::Counter, "sluice_release_bodies_unread_total",
             "Answers whose body the judge asked for and could not read.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    std::uint64_t count = 0;
    for (const auto& worker : entry.state->workers())
      count += worker->bodies_unread.value();
    page.Add({Label("release", name)}, count);
  });
  page.Begin(MetricType::Gauge, "sluice_release_state_health",
             "1 for how what is kept of releases was found at the start.");
  page.Add({Label("health", state::NameOf(gateway.releases().health()))}, 1);
  page.Begin(MetricType::Counter, "sluice_release_requests_total",
             "Requests by the version that answered and why it did.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    for (std::size_t arm = 0; arm < release::kArms; ++arm) {
      for (std::size_t cause = 0; cause < release::kCauses; ++cause) {
        std::uint64_t count = 0;
        for (const auto& worker : entry.state->workers())
          count += worker->decisions[arm][cause].value();
        if (count == 0) continue;
        page.Add({Label("release", name), Label("arm", NameOf(static_cast<release::Arm>(arm))),
                  Label("cause", NameOf(static_cast<release::Cause>(cause)))},
                 count);
      }
    }
  });
  page.Begin(MetricType::Counter, "sluice_release_key_source_total",
             "Requests by where their key came from.");
  each([&page](const std::string& name, const ReleaseEntry& entry) {
    for (std::size_t source = 0; source < kKeySources; ++source) {
      std::uint64_t count = 0;
      for (const auto& worker : entry.state->workers())
        count += worker->key_sources[source].value();
      if (count == 0) continue;
      page.Add(
          {Label("release", name), Label("source", NameOf(static_cast<KeySourceKind>(source)))},
          count);
    }
  });
}

void AddRecording(Gateway& gateway, Page& page) {
  if (gateway.recordings().sink() == nullptr) return;
  const RecordingTotals totals = RecordingTotalsOf(gateway);
  page.Begin(MetricType::Counter, "sluice_record_written_total", "Exchanges recorded.");
  page.Add({}, totals.written);
  page.Begin(MetricType::Counter, "sluice_record_dropped_total",
             "Exchanges that were to be recorded and were not.");
  page.Add({Label("reason", "queue_full")}, totals.queue_full);
  page.Add({Label("reason", "write_failed")}, totals.write_failed);
  page.Begin(MetricType::Counter, "sluice_record_skipped_total",
             "Exchanges that were not to be recorded.");
  page.Add({Label("reason", "not_sampled")}, totals.not_sampled);
  page.Add({Label("reason", "rate_cap")}, totals.rate_capped);
  page.Begin(MetricType::Counter, "sluice_record_write_failures_total", "Writes that failed.");
  page.Add({}, totals.write_failures);
  page.Begin(MetricType::Counter, "sluice_record_masked_values_total", "Values masked.");
  page.Add({}, totals.masked_values);
  page.Begin(MetricType::Counter, "sluice_record_evicted_total",
             "Exchanges let go for the size or age of the recording.");
  page.Add({}, totals.evicted);
  page.Begin(MetricType::Gauge, "sluice_record_exchanges", "Exchanges in the recording.");
  page.Add({}, totals.stored);
  page.Begin(MetricType::Gauge, "sluice_record_file_bytes", "Size of the recording.");
  page.Add({}, totals.file_bytes);
  page.Begin(MetricType::Gauge, "sluice_record_queue_bytes", "Copies in memory, not yet written.");
  page.Add({}, totals.queue_bytes);
}

void AddOperations(Gateway& gateway, const ProcessHooks& hooks, Page& page) {
  const ReloadStatus& reloads = gateway.reloads();
  page.Begin(MetricType::Gauge, "sluice_config_last_reload_successful", "1, or 0 after a refusal.");
  page.Add({}, reloads.last_was_successful ? 1 : 0);
  page.Begin(MetricType::Gauge, "sluice_config_last_reload_success_timestamp_seconds",
             "When a configuration was last put in force.");
  page.Add({}, static_cast<double>(reloads.last_success.time_since_epoch().count()) / 1e9);
  page.Begin(MetricType::Gauge, "sluice_config_generation",
             "Number of the configuration in force.");
  page.Add({}, gateway.generation());
  page.Begin(MetricType::Counter, "sluice_drain_killed_total", "Requests cut off by draining.");
  page.Add({}, gateway.drain_killed());
  page.Begin(MetricType::Counter, "sluice_bug_total", "Impossible things that happened.");
  page.Add({}, BugCount());
  page.Begin(MetricType::Gauge, "sluice_build_info", "1; the version is a label.");
  page.Add({Label("version", hooks.version)}, 1);
  if (!hooks.usage) return;
  const Result<ProcessNumbers> usage = hooks.usage();
  if (!usage) return;
  page.Begin(MetricType::Gauge, "sluice_process_resident_bytes", "Resident memory.");
  page.Add({}, usage->resident_bytes);
  page.Begin(MetricType::Gauge, "sluice_process_open_files", "Descriptors in use.");
  page.Add({}, usage->open_files);
  page.Begin(MetricType::Counter, "sluice_process_cpu_seconds_total", "User and system time.");
  page.Add({}, usage->cpu_seconds);
}

}  // namespace

std::string MetricsText(Gateway& gateway, const ProcessHooks& hooks) {
  Page page;
  AddRoutes(gateway, page);
  AddClients(gateway, page);
  if (gateway.registry().current() != nullptr) {
    const Snapshot& snapshot = *gateway.registry().current();
    AddRateLimits(gateway, page);
    AddOverload(snapshot, page);
    AddBreakers(gateway, page);
    AddOutliers(snapshot, page);
    AddDegrade(snapshot, page);
    AddReleases(gateway, page);
    AddUpstreams(gateway, snapshot, page);
    AddFlows(gateway, page);
  }
  AddRecording(gateway, page);
  AddOperations(gateway, hooks, page);
  return page.Text();
}

}  // namespace sluice::gateway::admin
