#include "sluice/gateway/room_options.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/config/endpoint.h"
#include "sluice/gateway/request_key.h"

namespace sluice::gateway {
namespace {

constexpr Nanos kProbeTimeoutMin = std::chrono::seconds(1);
constexpr Nanos kProbeTimeoutMax = std::chrono::hours(1);

breaker::StatusSet StatusesOf(const std::vector<config::StatusRange>& ranges) {
  breaker::StatusSet set;
  for (const config::StatusRange& range : ranges) {
    const bool was_added = set.Add(fmt::format("{}-{}", range.first, range.last));
    SLUICE_ASSERT(was_added);  // The loader has checked the range.
  }
  return set;
}

breaker::GrpcStatusSet GrpcOf(const std::vector<GrpcStatus>& statuses) {
  breaker::GrpcStatusSet set;
  for (const GrpcStatus status : statuses)
    set.Add(status);
  return set;
}

traffic::LoadBalancing LoadBalancingOf(config::LoadBalancing balancing) {
  switch (balancing) {
    case config::LoadBalancing::kRoundRobin:
      return traffic::LoadBalancing::kRoundRobin;
    case config::LoadBalancing::kRandom:
      return traffic::LoadBalancing::kRandom;
    case config::LoadBalancing::kLeastRequest:
      return traffic::LoadBalancing::kLeastRequest;
    case config::LoadBalancing::kRingHash:
      return traffic::LoadBalancing::kRingHash;
  }
  return traffic::LoadBalancing::kRoundRobin;
}

traffic::HealthCheckOptions HealthCheckOf(const config::HealthCheckConfig& config) {
  traffic::HealthCheckOptions options{.path = config.path,
                                      .host = config.host,
                                      .interval = config.interval,
                                      .timeout = config.timeout};
  options.unhealthy_after = static_cast<std::uint32_t>(config.unhealthy_after);
  options.healthy_after = static_cast<std::uint32_t>(config.healthy_after);
  options.statuses.clear();
  for (const config::StatusRange& range : config.statuses) {
    options.statuses.push_back({.first = range.first, .last = range.last});
  }
  return options;
}

limit::OnTableFull OnTableFullOf(config::OnTableFull action) {
  switch (action) {
    case config::OnTableFull::kSharedBucket:
      return limit::OnTableFull::kSharedBucket;
    case config::OnTableFull::kAllow:
      return limit::OnTableFull::kAllow;
    case config::OnTableFull::kDeny:
      return limit::OnTableFull::kDeny;
  }
  return limit::OnTableFull::kSharedBucket;
}

// In the order of the configuration's words.
static_assert(static_cast<int>(limit::Algorithm::kPacing) ==
              static_cast<int>(config::RateAlgorithm::kPacing));
static_assert(static_cast<int>(limit::Calendar::kYear) ==
              static_cast<int>(config::CalendarPeriod::kYear));

degrade::Trigger TriggerOf(config::DegradeTrigger trigger) {
  switch (trigger) {
    case config::DegradeTrigger::kRateLimited:
      return degrade::Trigger::kRateLimited;
    case config::DegradeTrigger::kBreakerOpen:
      return degrade::Trigger::kBreakerOpen;
    case config::DegradeTrigger::kOverload:
      return degrade::Trigger::kOverload;
    case config::DegradeTrigger::kUpstreamError:
      return degrade::Trigger::kUpstreamError;
    case config::DegradeTrigger::kTimeout:
      return degrade::Trigger::kTimeout;
  }
  return degrade::Trigger::kUpstreamError;
}

Result<degrade::StaticAnswer> StaticOf(const config::StaticStep& step) {
  degrade::StaticAnswer answer;
  answer.status = static_cast<int>(step.status);
  answer.body = step.body.value_or("");
  if (step.body_template) {
    Result<degrade::BodyTemplate> parsed = degrade::BodyTemplate::Parse(*step.body_template);
    if (!parsed) return std::unexpected(parsed.error());
    answer.body_template = std::move(*parsed);
  }
  for (const auto& [name, value] : step.headers) {
    if (name == "content-type") {
      answer.content_type = value;
    } else {
      answer.headers.push_back({.name = name, .value = value});
    }
  }
  return answer;
}

degrade::StaleCacheAnswer StaleCacheOf(const config::StaleCacheStep& step) {
  degrade::StaleCacheAnswer answer{.max_stale = step.max_stale,
                                   .max_bytes = step.max_bytes,
                                   .max_answer_bytes = step.max_answer_bytes,
                                   .refresh_interval = step.refresh_interval,
                                   .key_headers = step.key_headers,
                                   .leniency = {}};
  for (const config::CacheIgnore ignored : step.ignore) {
    switch (ignored) {
      case config::CacheIgnore::kCacheControl:
        answer.leniency.cache_control = true;
        break;
      case config::CacheIgnore::kAuthorization:
        answer.leniency.authorization = true;
        break;
      case config::CacheIgnore::kCookie:
        answer.leniency.cookie = true;
        break;
      case config::CacheIgnore::kSetCookie:
        answer.leniency.set_cookie = true;
        break;
    }
  }
  return answer;
}

}  // namespace

breaker::BreakerOptions OptionsOf(const config::BreakerConfig& config,
                                  const std::string& name,
                                  Nanos call_timeout) {
  breaker::BreakerOptions options;
  options.name = name;
  options.mode = config.mode;
  options.enforce_percent = config.enforce_percent;
  const bool is_timed = config.sliding_window.type == config::WindowType::kTime;
  options.sliding_window.type = is_timed ? breaker::WindowType::kTime : breaker::WindowType::kCount;
  options.sliding_window.length = config.sliding_window.time_size;
  options.sliding_window.buckets = static_cast<int>(config.sliding_window.buckets);
  options.sliding_window.calls = static_cast<int>(config.sliding_window.call_size);
  options.minimum_number_of_calls = static_cast<int>(config.minimum_number_of_calls);
  options.failure_rate_threshold = config.failure_rate_threshold;
  options.slow_call_rate_threshold = config.slow_call_rate_threshold;
  options.slow_call_duration_threshold = config.slow_call_duration_threshold;
  options.threshold_mode = config.threshold_mode == config::ThresholdMode::kGte
                               ? breaker::ThresholdMode::kGreaterOrEqual
                               : breaker::ThresholdMode::kGreater;
  options.consecutive_failures = static_cast<int>(config.consecutive_failures);
  options.wait_duration_in_open_state = config.wait_duration_in_open_state;
  options.wait_backoff = {
      .multiplier = config.wait_backoff.multiplier,
      .max = std::max(config.wait_backoff.max, config.wait_duration_in_open_state),
      .jitter_ratio = config.wait_backoff.jitter};
  options.permitted_number_of_calls_in_half_open_state =
      static_cast<int>(config.permitted_number_of_calls_in_half_open_state);
  options.max_wait_duration_in_half_open_state = config.max_wait_duration_in_half_open_state;
  options.probe_timeout = std::clamp(call_timeout, kProbeTimeoutMin, kProbeTimeoutMax);
  options.automatic_transition = config.automatic_transition;
  options.recovery_ramp = {.length = config.recovery_ramp.window,
                           .min_percent = config.recovery_ramp.min_percent,
                           .aggression = config.recovery_ramp.aggression};
  return options;
}

breaker::ClassifyOptions ClassifyOptionsOf(const config::BreakerConfig& config) {
  breaker::ClassifyOptions options;
  options.record_statuses = StatusesOf(config.record.statuses);
  options.ignore_statuses = StatusesOf(config.ignore.statuses);
  options.record_grpc = GrpcOf(config.record.grpc);
  options.ignore_grpc = GrpcOf(config.ignore.grpc);
  options.timeouts = config.record.timeouts;
  options.connect_errors = config.record.connect_errors;
  return options;
}

Result<limit::RateLimitOptions> OptionsOf(const config::RateLimitConfig& config,
                                          const limit::KeyHasher& hasher) {
  limit::RateLimitOptions options;
  options.name = config.name;
  options.algorithm = static_cast<limit::Algorithm>(config.algorithm);
  options.limit = config.limit;
  options.period = config.period;
  options.calendar = static_cast<limit::Calendar>(config.calendar);
  options.burst = config.burst;
  options.max_queueing_time = config.max_queueing_time;
  if (config.warm_up) {
    options.warm_up = limit::WarmUpOptions{.period = config.warm_up->period,
                                           .cold_factor = config.warm_up->cold_factor};
  }
  options.init_fill_ratio = config.init_fill_ratio;
  options.drain_on_reject = config.drain_on_reject;
  options.cost = static_cast<std::uint32_t>(config.cost);
  options.mode = config.mode;
  options.enforce_percent = config.enforce_percent;
  options.keying = config.key.empty() ? limit::Keying::kUnkeyed : limit::Keying::kKeyed;
  options.max_keys = static_cast<std::size_t>(config.max_keys);
  options.on_table_full = OnTableFullOf(config.on_table_full);
  options.near_limit_ratio = config.near_limit_ratio;
  for (const auto& [text, value] : config.overrides) {
    const std::optional<std::uint64_t> hash = OverrideKeyHash(config.key, text, hasher);
    if (!hash) {
      return Fail(ErrorCode::kInvalidConfig,
                  fmt::format("rate_limits `{}`: override `{}` must have a part for each of the {} "
                              "of `key`, joined by \"|\"",
                              config.name, text, config.key.size()));
    }
    options.overrides.push_back({.key_hash = *hash, .limit = value.limit, .burst = value.burst});
  }
  return options;
}

limit::RetryBudgetOptions OptionsOf(const config::RetryBudgetConfig& config) {
  return {.budget_percent = config.budget_percent,
          .min_retry_concurrency = config.min_retry_concurrency};
}

Result<traffic::UpstreamOptions> OptionsOf(const config::UpstreamConfig& config) {
  traffic::UpstreamOptions options;
  options.name = config.name;
  for (const std::string& text : config.endpoints) {
    Result<config::Endpoint> endpoint = config::ParseEndpoint(text);
    if (!endpoint) {
      return Fail(ErrorCode::kInvalidConfig,
                  fmt::format("upstreams `{}`: {}", config.name, endpoint.error().detail));
    }
    traffic::EndpointSpec spec;
    spec.address = endpoint->address;
    spec.host = std::move(endpoint->host);
    spec.port = endpoint->port;
    spec.authority = std::move(endpoint->authority);
    options.endpoints.push_back(std::move(spec));
  }
  options.load_balancing = LoadBalancingOf(config.load_balancing);
  options.connect_timeout = config.connect_timeout;
  options.panic_threshold_percent = static_cast<std::uint32_t>(config.healthy_panic_threshold);
  options.pool.connections_max = static_cast<std::size_t>(config.max_connections);
  options.pool.waiting_max = static_cast<std::size_t>(config.max_pending);
  options.pool.idle_timeout = config.idle_timeout;
  options.pool.requests_per_connection =
      static_cast<std::uint64_t>(config.max_requests_per_connection);
  if (config.health_check) options.health_check = HealthCheckOf(*config.health_check);
  return options;
}

Result<degrade::ChainOptions> OptionsOf(const config::DegradeConfig& config,
                                        const std::string& name) {
  degrade::ChainOptions options;
  options.name = name;
  options.on = degrade::TriggerSet();
  for (const config::DegradeTrigger trigger : config.on)
    options.on.Add(TriggerOf(trigger));
  options.max_concurrent = config.max_concurrent;
  for (const config::StatusRange& range : config.statuses)
    options.statuses.push_back({.first = range.first, .last = range.last});
  for (const config::DegradeStep& step : config.chain) {
    degrade::StepOptions out;
    if (step.static_answer) {
      Result<degrade::StaticAnswer> fixed = StaticOf(*step.static_answer);
      if (!fixed) {
        return Fail(ErrorCode::kInvalidConfig,
                    fmt::format("degrade `{}`: template {}", name, fixed.error().detail));
      }
      out.answer = std::move(*fixed);
    } else if (step.stale_cache) {
      out.answer = StaleCacheOf(*step.stale_cache);
    } else if (step.upstream) {
      out.answer = degrade::UpstreamAnswer{.name = step.upstream->name};
      out.timeout = step.upstream->timeout;
    } else {
      out.answer = degrade::RejectAnswer{.status = static_cast<int>(step.reject->status),
                                         .retry_after = step.reject->retry_after};
    }
    out.methods = step.methods;
    out.max_concurrent = step.max_concurrent;
    options.steps.push_back(std::move(out));
  }
  return options;
}

}  // namespace sluice::gateway
