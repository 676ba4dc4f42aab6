// HealthChecker: asks every endpoint of one upstream whether it is well, and is the gate that keeps
// the sick ones out of the balance.
//
// One task for each endpoint, each check on a connection of its own: GET path, with a Host field.
// An endpoint counts as healthy until its first verdict, so a gateway that starts serves at once.
// When too many are sick the load balancer ignores this gate like all others (panic, see
// UpstreamOptions::panic_threshold_percent); the states stay as found.
//
// Belongs to one control loop, the one that publishes to the upstream; Weight() from any thread.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/endpoint_gate.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

struct HealthTransition {
  std::string_view upstream;
  std::string_view endpoint;  // Its label.
  Health health = Health::kUnknown;
  std::string_view
      detail;  // Why: "status 503", "connect_failed", "timeout", …; empty when healthy.
  SteadyTime at{};
};

class HealthChecker final : public EndpointGate,
                            private EndpointWatcher,
                            public std::enable_shared_from_this<HealthChecker> {
 public:
  // Called on the control loop when an endpoint's health changes, first verdicts included.
  using OnTransition = std::move_only_function<void(const HealthTransition&)>;

  // Requires upstream->options().health_check.
  [[nodiscard]] static std::shared_ptr<HealthChecker> Create(Loop& loop,
                                                             std::shared_ptr<Upstream> upstream,
                                                             OnTransition on_transition);
  ~HealthChecker() override;  // Requires that the tasks have ended.

  // Becomes a gate of the upstream and spawns a task for each endpoint, now and later, into
  // `group`. The first check of an endpoint comes within one interval, at a random moment. Once.
  void Start(TaskGroup& group);

  // Stops checking and takes the gate away: all endpoints count as healthy again. Tasks end at
  // once, or when a connect under way ends (HealthCheckOptions::timeout at most). Idempotent. Await
  // the group afterwards.
  void RequestStop();

  // 0 for endpoints found unhealthy, 1 for all others.
  [[nodiscard]] double Weight(std::size_t endpoint, SteadyTime now) const override;
  [[nodiscard]] std::string_view reason() const override { return "unhealthy"; }

  // Endpoints checked now, and those of them that are unhealthy. Of the control loop.
  [[nodiscard]] std::size_t checked() const { return probes_.size(); }
  [[nodiscard]] std::size_t unhealthy() const;

 private:
  struct Probe;

  HealthChecker(Loop& loop, std::shared_ptr<Upstream> upstream, OnTransition on_transition);

  void OnJoin(const std::shared_ptr<Endpoint>& endpoint, SteadyTime now) override;
  void OnLeave(const Endpoint& endpoint, SteadyTime now) override;

  Task<void> Run(std::shared_ptr<Probe> probe);
  Task<Result<void>> Check(Probe& probe);
  void Count(Probe& probe, const Result<void>& verdict);
  [[nodiscard]] SteadyTime NextAt();

  Loop& loop_;
  std::shared_ptr<Upstream> upstream_;
  const HealthCheckOptions& options_;
  OnTransition on_transition_;
  TaskGroup* group_ = nullptr;
  std::vector<std::shared_ptr<Probe>> probes_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::array<std::atomic<bool>, Upstream::kSlotsMax> unhealthy_{};
};

}  // namespace sluice::traffic
