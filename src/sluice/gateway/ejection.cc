#include "sluice/gateway/ejection.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::gateway {
namespace {

std::int64_t Millis(Nanos span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

std::string LabelOf(const traffic::Endpoint& endpoint) {
  if (endpoint.version().empty()) return endpoint.label();
  return fmt::format("{} {}", endpoint.label(), endpoint.version());
}

// Puts `next` in the place of `current` before the endpoints.
template <typename Gate>
bool Replace(traffic::Upstream& upstream,
             std::shared_ptr<Gate>& current,
             const std::shared_ptr<Gate>& next) {
  if (current == next) return false;
  if (current != nullptr) upstream.RemoveGate(current.get());
  if (next != nullptr) upstream.AddGate(next);
  current = next;
  return true;
}

}  // namespace

breaker::OutlierOptions OptionsOf(const config::OutlierDetectionConfig& config,
                                  const std::string& name) {
  breaker::OutlierOptions options;
  const auto count = [](std::int64_t value) { return static_cast<int>(value); };
  options.name = name;
  options.mode = config.mode;
  options.enforce_percent = config.enforce_percent;
  options.consecutive_5xx = count(config.consecutive_5xx);
  options.consecutive_gateway_failure = count(config.consecutive_gateway_failure);
  options.consecutive_local_origin_failure = count(config.consecutive_local_origin_failure);
  options.split_external_local_origin_errors = config.split_external_local_origin_errors;
  options.interval = config.interval;
  options.success_rate_minimum_hosts = count(config.success_rate_minimum_hosts);
  options.success_rate_request_volume = count(config.success_rate_request_volume);
  options.success_rate_stdev_factor = config.success_rate_stdev_factor;
  options.failure_percentage_threshold = config.failure_percentage_threshold;
  options.failure_percentage_minimum_hosts = count(config.failure_percentage_minimum_hosts);
  options.failure_percentage_request_volume = count(config.failure_percentage_request_volume);
  options.latency_factor = config.latency_factor;
  options.latency_minimum = config.latency_minimum;
  options.latency_minimum_hosts = count(config.latency_minimum_hosts);
  options.latency_request_volume = count(config.latency_request_volume);
  options.base_ejection_time = config.base_ejection_time;
  options.max_ejection_time = config.max_ejection_time;
  options.max_ejection_time_jitter = config.max_ejection_time_jitter;
  options.max_ejection_percent = config.max_ejection_percent;
  options.always_eject_one_host = config.always_eject_one_host;
  return options;
}

breaker::SlowStartOptions OptionsOf(const config::SlowStartConfig& config) {
  return {.window = config.window,
          .aggression = config.aggression,
          .min_weight_percent = config.min_weight_percent};
}

Ejection::Ejection(std::shared_ptr<traffic::Upstream> upstream,
                   LogLine log,
                   const Ejection* predecessor)
    : upstream_(std::move(upstream)), log_(std::move(log)) {
  if (predecessor != nullptr) known_ = predecessor->known_;
}

Ejection::~Ejection() {
  SLUICE_ASSERT(!is_watching_);
}

void Ejection::Use(const UpstreamPlan& plan, SteadyTime now) {
  const auto& outliers = plan.config->outlier_detection;
  unejects_on_health_ = outliers && outliers->successful_active_health_check_uneject_host;
  const bool is_new = Replace(*upstream_, outliers_, plan.outliers);
  Replace(*upstream_, slow_start_, plan.slow_start);
  if (outliers_ != nullptr) outliers_->SetSlowStart(slow_start_);
  if (!is_watching_) {
    is_watching_ = true;
    const std::map<std::size_t, Known> before = known_;
    upstream_->Watch(*this, now);  // Joins all that are there.
    for (const auto& [slot, known] : before) {
      // Whom this upstream has no more, in case nobody else tells.
      bool stays = false;
      for (const traffic::EndpointMember& member : upstream_->Endpoints()->members)
        stays = stays || member.endpoint->slot() == slot;
      if (stays) continue;
      known_.erase(slot);
      if (outliers_ != nullptr) outliers_->Leave(slot);
    }
  } else if (is_new && outliers_ != nullptr) {
    for (const auto& [slot, known] : known_)
      JoinDetector(slot, known, now);
  }
}

void Ejection::Stop() {
  if (!std::exchange(is_watching_, false)) return;
  upstream_->Unwatch(*this);
}

void Ejection::JoinDetector(std::size_t slot, const Known& known, SteadyTime now) const {
  if (outliers_ != nullptr) outliers_->Join(slot, known.label, now);
}

void Ejection::OnJoin(const std::shared_ptr<traffic::Endpoint>& endpoint, SteadyTime now) {
  if (known_.empty()) first_joined_ = now;
  const std::string label = LabelOf(*endpoint);
  Known& known = known_[endpoint->slot()];
  const bool goes_on = known.label == label;
  known.label = label;
  known.is_unhealthy = endpoint->health() == traffic::Health::kUnhealthy;
  JoinDetector(endpoint->slot(), known, now);
  if (goes_on || slow_start_ == nullptr) return;
  // Where all begin together, smaller shares would only be the same shares.
  if (first_joined_ == now) {
    slow_start_->Skip(endpoint->slot());
  } else {
    slow_start_->Begin(endpoint->slot(), now);
  }
}

void Ejection::OnLeave(const traffic::Endpoint& endpoint, SteadyTime /*now*/) {
  known_.erase(endpoint.slot());
  if (outliers_ != nullptr) outliers_->Leave(endpoint.slot());
}

void Ejection::OnHealth(const traffic::HealthTransition& change) {
  const auto found = known_.find(change.slot);
  if (found == known_.end()) return;
  Known& known = found->second;
  const bool was_unhealthy =
      std::exchange(known.is_unhealthy, change.health == traffic::Health::kUnhealthy);
  if (!was_unhealthy || change.health != traffic::Health::kHealthy) return;
  if (outliers_ != nullptr && unejects_on_health_) outliers_->Uneject(change.slot, change.at);
  if (slow_start_ != nullptr) slow_start_->Begin(change.slot, change.at);
}

void Ejection::Sweep(SteadyTime now) {
  if (outliers_ == nullptr) return;
  outliers_->Sweep(now);
  for (auto& [slot, known] : known_) {
    const breaker::HostStatus status = outliers_->StatusOf(slot, now);
    if (status.ejections_total > known.ejections) {
      log_(fmt::format(
          "endpoint_ejected upstream={} endpoint=\"{}\" cause={} for_ms={} in_a_row={} enforced={}",
          upstream_->name(), known.label, breaker::NameOf(status.cause), Millis(status.remaining),
          status.in_a_row, status.is_enforced));
    }
    if (known.was_ejected && !status.is_ejected) {
      log_(fmt::format("endpoint_returned upstream={} endpoint=\"{}\"", upstream_->name(),
                       known.label));
    }
    known.ejections = status.ejections_total;
    known.was_ejected = status.is_ejected;
  }
}

}  // namespace sluice::gateway
