#include "sluice/gateway/upstream_care.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::gateway {

UpstreamCare::UpstreamCare(Loop& control, LogLine log)
    : control_(control), log_(std::move(log)), sweep_timer_(&Sweep, this) {}

UpstreamCare::~UpstreamCare() = default;

void UpstreamCare::Begin(const UpstreamPlan& plan, const Ward* predecessor) {
  const std::shared_ptr<traffic::Upstream>& upstream = plan.upstream;
  const LogLine& log = log_;
  auto ward = std::make_unique<Ward>(upstream, log, predecessor);
  if (!upstream->options().health_check) {
    // Found by a check that is no more.
    for (const traffic::EndpointMember& member : upstream->Endpoints()->members)
      member.endpoint->set_health(traffic::Health::kUnknown);
  }
  ward->ejection.Use(plan, control_.now());
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
        control_, upstream,
        [&log, ejection = &ward->ejection](const traffic::HealthTransition& change) {
          ejection->OnHealth(change);
          std::string line =
              fmt::format("endpoint_{} upstream={} endpoint={}", traffic::NameOf(change.health),
                          change.upstream, change.endpoint);
          if (!change.detail.empty()) line += fmt::format(" detail=\"{}\"", change.detail);
          log(line);
        });
    ward->checker->Start(ward->tasks);
  }
  wards_.push_back(std::move(ward));
}

void UpstreamCare::End(Ward& ward, traffic::HealthChecker::Stop stop) {
  ward.refresh->RequestStop();
  if (ward.checker != nullptr) ward.checker->RequestStop(stop);
  ward.ejection.Stop();
}

// The one that has just ended: it has known the upstream's endpoints.
const UpstreamCare::Ward* UpstreamCare::FindEnded(std::string_view upstream) const {
  for (auto ward = ending_.rbegin(); ward != ending_.rend(); ++ward) {
    if ((*ward)->upstream->name() == upstream) return ward->get();
  }
  return nullptr;
}

void UpstreamCare::Sweep(Timer& timer, SteadyTime now) {
  auto* care = static_cast<UpstreamCare*>(timer.owner);
  for (const std::unique_ptr<Ward>& ward : care->wards_)
    ward->ejection.Sweep(now);
  care->control_.Arm(timer, now + kSweepInterval);
}

void UpstreamCare::ForgetEnded() {
  std::erase_if(ending_, [](const auto& ward) { return ward->tasks.running() == 0; });
}

void UpstreamCare::Follow(const Snapshot& snapshot) {
  ForgetEnded();
  const SteadyTime now = control_.now();
  for (std::unique_ptr<Ward>& ward : wards_) {
    const auto plan = std::ranges::find_if(snapshot.upstreams, [&ward](const UpstreamPlan& one) {
      return one.config->name == ward->upstream->name();
    });
    const bool has_plan = plan != snapshot.upstreams.end();
    if (has_plan && plan->upstream == ward->upstream) {
      ward->ejection.Use(*plan, now);
      continue;
    }
    End(*ward,
        has_plan ? traffic::HealthChecker::Stop::kHandOver : traffic::HealthChecker::Stop::kForget);
    ending_.push_back(std::move(ward));
  }
  std::erase(wards_, nullptr);
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const bool is_known = std::ranges::any_of(
        wards_, [&plan](const auto& ward) { return ward->upstream == plan.upstream; });
    if (!is_known) Begin(plan, FindEnded(plan.config->name));
  }
  if (!sweep_timer_.armed()) control_.Arm(sweep_timer_, now + kSweepInterval);
}

void UpstreamCare::RequestStop() {
  if (sweep_timer_.armed()) control_.Disarm(sweep_timer_);
  for (std::unique_ptr<Ward>& ward : wards_) {
    End(*ward, traffic::HealthChecker::Stop::kForget);
    ending_.push_back(std::move(ward));
  }
  wards_.clear();
  control_.resolver().CancelAll();  // Or who stops would wait for a silent server.
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
