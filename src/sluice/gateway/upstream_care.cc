#include "sluice/gateway/upstream_care.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::gateway {

UpstreamCare::UpstreamCare(Loop& control, LogLine log) : control_(control), log_(std::move(log)) {}

UpstreamCare::~UpstreamCare() = default;

void UpstreamCare::Begin(const std::shared_ptr<traffic::Upstream>& upstream) {
  auto ward = std::make_unique<Ward>();
  ward->upstream = upstream;
  const LogLine& log = log_;
  ward->refresh = std::make_unique<traffic::EndpointRefresh>(
      control_, upstream, [&log](const traffic::RefreshEvent& event) {
        if (event.error != nullptr) {
          log(fmt::format("resolve_failed upstream={} host={} error=\"{}\"", event.upstream,
                          event.host, event.error->detail));
        } else {
          log(fmt::format("endpoints_changed upstream={} host={} addresses={} left_out={}",
                          event.upstream, event.host, event.addresses, event.left_out));
        }
      });
  ward->refresh->Start(ward->tasks);
  if (upstream->options().health_check) {
    ward->checker = std::make_unique<traffic::HealthChecker>(
        control_, upstream, [&log](const traffic::HealthTransition& change) {
          log(fmt::format("endpoint_{} upstream={} endpoint={} detail=\"{}\"",
                          traffic::NameOf(change.health), change.upstream, change.endpoint,
                          change.detail));
        });
    ward->checker->Start(ward->tasks);
  }
  wards_.push_back(std::move(ward));
}

void UpstreamCare::End(Ward& ward) {
  ward.refresh->RequestStop();
  if (ward.checker != nullptr) ward.checker->RequestStop();
}

void UpstreamCare::ForgetEnded() {
  std::erase_if(ending_, [](const auto& ward) { return ward->tasks.running() == 0; });
}

void UpstreamCare::Follow(const Snapshot& snapshot) {
  ForgetEnded();
  for (std::unique_ptr<Ward>& ward : wards_) {
    const bool stays = std::ranges::any_of(snapshot.upstreams, [&ward](const UpstreamPlan& plan) {
      return plan.upstream == ward->upstream;
    });
    if (stays) continue;
    End(*ward);
    ending_.push_back(std::move(ward));
  }
  std::erase(wards_, nullptr);
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const bool is_known = std::ranges::any_of(
        wards_, [&plan](const auto& ward) { return ward->upstream == plan.upstream; });
    if (!is_known) Begin(plan.upstream);
  }
}

void UpstreamCare::RequestStop() {
  for (std::unique_ptr<Ward>& ward : wards_) {
    End(*ward);
    ending_.push_back(std::move(ward));
  }
  wards_.clear();
}

Task<void> UpstreamCare::Stopped() {
  for (const std::unique_ptr<Ward>& ward : ending_)
    co_await ward->tasks.Drained();
  ending_.clear();
}

bool UpstreamCare::settled() const {
  return std::ranges::all_of(wards_, [](const auto& ward) { return ward->refresh->settled(); });
}

}  // namespace sluice::gateway
