#include "sluice/gateway/admin/status_json.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "sluice/gateway/admin/guard_json.h"
#include "sluice/gateway/admin/overload_report.h"
#include "sluice/gateway/admin/totals.h"
#include "sluice/gateway/config/show.h"

namespace sluice::gateway::admin {
namespace {

using Json = nlohmann::ordered_json;

Json DecisionsJson(const limit::DecisionTotals& totals) {
  return {{"allowed", totals.allowed},
          {"denied", totals.denied},
          {"would_deny", totals.would_deny},
          {"near_limit", totals.near_limit}};
}

// The keys that ask most now. A key without a text has none: the requests that lack every part.
Json TopKeysJson(const limit::RateLimit& guard, SteadyTime now) {
  constexpr std::size_t kTopKeysShown = 10;
  Json keys = Json::array();
  for (const limit::HeavyHitter& hitter : guard.TopKeys(now, kTopKeysShown)) {
    keys.push_back({{"key", hitter.text},
                    {"per_second", hitter.per_second},
                    {"refused_per_second", hitter.refused_per_second}});
  }
  return keys;
}

// How much in what time, in the words of the algorithm: only GCRA has a burst, pacing makes wait,
// and a calendar's period has no length of its own.
void AddBound(const config::RateLimitConfig& config, Json& json) {
  constexpr std::string_view kCalendars[] = {"", "minute", "hour", "day", "week", "month", "year"};
  const auto calendar = static_cast<limit::Calendar>(config.calendar);
  const bool is_calendar = calendar != limit::Calendar::kNone;
  json["limit"] = config.limit;
  if (is_calendar) json["calendar"] = kCalendars[static_cast<std::size_t>(calendar)];
  json["period_seconds"] = Seconds(is_calendar ? limit::PeriodLengthMax(calendar) : config.period);
  if (config.algorithm == config::RateAlgorithm::kGcra) json["burst"] = config.burst;
  if (config.algorithm == config::RateAlgorithm::kPacing) {
    json["max_queueing_seconds"] = Seconds(config.max_queueing_time);
  }
}

Json RateLimitJson(const RatePlan& plan, const Lesson* lesson, SteadyTime now) {
  const limit::RateLimitStats stats = plan.guard->Stats();
  const auto algorithm = static_cast<limit::Algorithm>(plan.config->algorithm);
  Json json = {{"name", plan.config->name}, {"kind", "rate_limit"}};
  AddMode(*plan.config, json);
  json["algorithm"] = limit::NameOf(algorithm);
  AddBound(*plan.config, json);
  json.update({{"is_keyed", !plan.config->key.empty()},
               {"keys", stats.keyed.keys},
               {"max_keys", plan.config->max_keys},
               {"table_full", stats.keyed.table_full},
               {"decisions", DecisionsJson(stats.decisions)},
               {"top_keys", TopKeysJson(*plan.guard, now)}});
  if (lesson != nullptr) {
    json["limit"] = lesson->limit;
    json["burst"] =
        std::max(plan.config->burst,
                 limit::EffectiveBurst({.limit = lesson->limit, .period = plan.config->period}));
    const Nanos left = Learning::TimeLeft(*lesson, plan.config->learn->length, now);
    json["learnt"] = {{"peak_per_second", lesson->peak_per_second},
                      {"is_over", lesson->phase == Lesson::Phase::kOver},
                      {"has_begun", lesson->phase != Lesson::Phase::kWaiting},
                      {"seconds_left", Seconds(left)}};
  }
  return json;
}

// A breaker as its route or upstream configures it.
struct BreakerUse {
  std::string name;
  const BreakerPlan* plan = nullptr;
  const config::BreakerConfig* config = nullptr;
};

// In order of names. A route's and an upstream's breaker never have the same one.
std::vector<BreakerUse> BreakersOf(const Snapshot& snapshot) {
  std::map<std::string, BreakerUse> found;
  const auto add = [&found](const auto& user) {
    if (user.breaker.guard == nullptr && user.breaker.keyed == nullptr) return;
    const std::string name(user.breaker.guard != nullptr ? user.breaker.guard->rule()
                                                         : user.breaker.keyed->rule());
    found[name] = {name, &user.breaker, &*user.config->circuit_breaker};
  };
  std::ranges::for_each(snapshot.routes, add);
  std::ranges::for_each(snapshot.upstreams, add);
  std::vector<BreakerUse> uses;
  for (auto& [name, use] : found)
    uses.push_back(std::move(use));
  return uses;
}

Json BreakerJson(const BreakerUse& use, SteadyTime now) {
  const breaker::BreakerSnapshot state = use.plan->guard->Snapshot(now);
  Json json = {{"name", use.name}, {"kind", "breaker"}};
  AddMode(*use.config, json);
  json.update({{"state", breaker::NameOf(state.state)},
               {"since_seconds", Seconds(now - state.since)},
               {"retry_after_seconds", Seconds(state.retry_after)},
               {"failure_rate", state.failure_rate},
               {"failure_rate_threshold", use.config->failure_rate_threshold},
               {"slow_call_rate", state.slow_call_rate},
               {"slow_call_rate_threshold", use.config->slow_call_rate_threshold},
               {"calls_in_window", state.window.calls},
               {"minimum_number_of_calls", use.config->minimum_number_of_calls},
               {"successes", state.successes_total},
               {"failures", state.failures_total},
               {"slow", state.slow_total},
               {"ignored", state.ignored_total},
               {"not_permitted", state.not_permitted_total},
               {"would_refuse", state.would_refuse_total}});
  return json;
}

Json KeyedBreakerJson(const BreakerUse& use, SteadyTime now) {
  breaker::KeyedBreaker& guard = *use.plan->keyed;
  const bool is_by_hand = guard.by_hand() != breaker::State::kClosed;
  const breaker::KeyedBreakerStats stats = guard.Stats(now);
  Json json = {{"name", use.name}, {"kind", "breaker"}};
  AddMode(*use.config, json);
  json.update({{"is_keyed", true},
               {"state", is_by_hand ? breaker::NameOf(guard.by_hand()) : "per_key"},
               {"keys", stats.keys},
               {"keys_not_closed", stats.keys_not_closed},
               {"opened", stats.opened_total},
               {"successes", stats.successes_total},
               {"failures", stats.failures_total},
               {"not_permitted", stats.not_permitted_total},
               {"would_refuse", stats.would_refuse_total},
               {"evicted", stats.evicted_total},
               {"overflow", stats.overflow_total}});
  return json;
}

// By cause, those that are not 0.
Json EjectionsJson(const std::array<std::uint64_t, breaker::kEjectionCauses>& counts) {
  Json json = Json::object();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    json[std::string(NameOf(static_cast<breaker::EjectionCause>(i)))] = counts[i];
  }
  return json;
}

// Refuses no request: it takes endpoints out.
Json EjectionJson(const UpstreamPlan& plan) {
  const breaker::OutlierTotals totals = plan.outliers->Totals();
  Json json = {{"name", plan.config->name}, {"kind", "outlier_detection"}};
  AddMode(*plan.config->outlier_detection, json);
  json.update({{"endpoints", totals.hosts},
               {"out", totals.active},
               {"ejections", EjectionsJson(totals.ejections_total)},
               {"would_eject", EjectionsJson(totals.would_eject_total)}});
  return json;
}

Json DegradeJson(const degrade::DegradeChain& chain) {
  Json steps = Json::array();
  for (const degrade::StepStats& step : chain.Stats()) {
    steps.push_back({{"source", step.source},
                     {"chosen", step.chosen},
                     {"served", step.served},
                     {"failed", step.failed},
                     {"bulkhead_full", step.bulkhead_full},
                     {"in_flight", step.in_flight}});
  }
  return {{"name", chain.name()}, {"kind", "degrade"}, {"steps", std::move(steps)}};
}

// Why an endpoint is out, and until when; or what it was found to be like.
Json OutlierJson(const breaker::HostStatus& status) {
  Json json = {
      {"ejected", status.is_ejected},        {"enforced", status.is_enforced},
      {"ejections", status.ejections_total}, {"in_a_row", status.in_a_row},
      {"success_rate", status.success_rate}, {"latency_p90_seconds", Seconds(status.latency_p90)}};
  if (status.ejections_total > 0) json["last_cause"] = NameOf(status.cause);
  if (status.is_ejected) json["back_in_seconds"] = Seconds(status.remaining);
  return json;
}

Json EndpointJson(const UpstreamPlan& plan, const traffic::EndpointMember& member, SteadyTime now) {
  const traffic::Endpoint& endpoint = *member.endpoint;
  const auto list = plan.upstream->Endpoints();
  Json reasons = Json::array();
  for (const auto& gate : list->gates) {
    if (gate->Weight(endpoint.slot(), now) < 1) reasons.push_back(gate->reason());
  }
  Json json = {{"endpoint", endpoint.label()},
               {"health", traffic::NameOf(endpoint.health())},
               {"weight", list->GateWeight(endpoint, now)},
               {"reasons", std::move(reasons)},
               {"active", endpoint.active()},
               {"requests", endpoint.requests_total()},
               {"failures", endpoint.failures_total()}};
  if (plan.outliers != nullptr) {
    json["outlier"] = OutlierJson(plan.outliers->StatusOf(endpoint.slot(), now));
  }
  return json;
}

}  // namespace

std::string StatusJson(Gateway& gateway, const ProcessHooks& hooks) {
  const GatewayTotals totals = TotalsOf(gateway.stats());
  Json listeners = Json::array();
  for (const BoundListener& listener : gateway.bound()) {
    listeners.push_back({{"name", listener.name}, {"address", listener.address.ToString()}});
  }
  const ReloadStatus& reloads = gateway.reloads();
  Json status = {
      {"version", hooks.version},
      {"pid", hooks.pid},
      {"phase", NameOf(gateway.phase())},
      {"uptime_seconds", Seconds(gateway.control().now() - gateway.started_at())},
      {"workers", gateway.worker_count()},
      {"listeners", std::move(listeners)},
      {"config",
       {{"generation", gateway.generation()},
        {"file", hooks.config_file},
        {"last_reload_successful", reloads.last_was_successful},
        {"last_success_unix_seconds", Seconds(reloads.last_success.time_since_epoch())},
        {"reload_failures", reloads.failures}}},
      {"requests",
       {{"total", totals.requests}, {"active", totals.active}, {"refused", totals.refused}}},
      {"connections", {{"open", totals.connections}, {"total", totals.connections_total}}},
      {"drain_killed", gateway.drain_killed()}};
  if (hooks.usage) {
    const Result<ProcessNumbers> usage = hooks.usage();
    if (usage) {
      status["process"] = {{"resident_bytes", usage->resident_bytes},
                           {"open_files", usage->open_files},
                           {"cpu_seconds", usage->cpu_seconds}};
    }
  }
  return status.dump(2) + "\n";
}

std::string RoutesJson(Gateway& gateway) {
  Json routes = Json::array();
  for (const RoutePlan& route : gateway.registry().current()->routes) {
    const RouteTotals totals = TotalsOf(*route.stats);
    Json classes = Json::object();
    for (std::size_t i = 1; i < kStatusClassCount; ++i) {
      classes[std::to_string(i) + "xx"] = totals.by_class[i];
    }
    Json reasons = Json::object();
    for (std::size_t i = 0; i < kReasonCount; ++i) {
      if (totals.reasons[i] > 0) reasons[NameOf(static_cast<Reason>(i))] = totals.reasons[i];
    }
    routes.push_back({{"name", route.config->name},
                      {"upstream", route.config->upstream},
                      {"timeout_seconds", Seconds(route.config->timeout)},
                      {"rate_limits", route.config->rate_limits},
                      {"degrade", route.config->degrade},
                      {"requests", totals.requests},
                      {"by_class", std::move(classes)},
                      {"by_reason", std::move(reasons)},
                      {"retries", totals.retries},
                      {"degraded", totals.degraded},
                      {"latency_seconds",
                       {{"mean", totals.MeanSeconds()},
                        {"p50", totals.QuantileSeconds(0.50)},
                        {"p99", totals.QuantileSeconds(0.99)}}}});
  }
  return Json{{"routes", std::move(routes)}}.dump(2) + "\n";
}

std::string UpstreamsJson(Gateway& gateway) {
  Json upstreams = Json::array();
  const SteadyTime now = gateway.control().now();
  for (const UpstreamPlan& plan : gateway.registry().current()->upstreams) {
    Json endpoints = Json::array();
    for (const traffic::EndpointMember& member : plan.upstream->Endpoints()->members) {
      endpoints.push_back(EndpointJson(plan, member, now));
    }
    const PoolTotals pool = PoolTotalsOf(gateway.stats(), plan.config->name);
    upstreams.push_back({{"name", plan.config->name},
                         {"critical", plan.config->critical},
                         {"endpoints", std::move(endpoints)},
                         {"active_retries", plan.retry_budget->active_retries()},
                         {"retries_refused", plan.retry_budget->refused_total()},
                         {"pool",
                          {{"connections", pool.connections},
                           {"idle", pool.idle},
                           {"waiting", pool.waiting},
                           {"connects", pool.connects},
                           {"connect_failures", pool.connect_failures},
                           {"reuses", pool.reuses}}}});
  }
  return Json{{"upstreams", std::move(upstreams)}}.dump(2) + "\n";
}

std::string GuardsJson(Gateway& gateway) {
  Json guards = Json::array();
  const Snapshot& snapshot = *gateway.registry().current();
  const SteadyTime now = gateway.control().now();
  for (const RatePlan& plan : snapshot.rate_limits)
    guards.push_back(RateLimitJson(plan, gateway.learning().Find(plan.config->name), now));
  AppendOverload(snapshot, now, guards);
  for (const BreakerUse& use : BreakersOf(snapshot)) {
    guards.push_back(use.plan->guard != nullptr ? BreakerJson(use, now)
                                                : KeyedBreakerJson(use, now));
  }
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    if (plan.outliers != nullptr) guards.push_back(EjectionJson(plan));
  }
  for (const degrade::DegradeChain* chain : ChainsOf(snapshot))
    guards.push_back(DegradeJson(*chain));
  return Json{{"guards", std::move(guards)}}.dump(2) + "\n";
}

}  // namespace sluice::gateway::admin
