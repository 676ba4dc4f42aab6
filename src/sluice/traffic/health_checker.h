// HealthChecker: asks every endpoint of one upstream whether it is well, and puts a gate before the
// sick ones.
//
// One task for each endpoint, each check on a connection of its own: GET path, with a Host field.
// An endpoint counts as healthy until its first verdict, so a gateway that starts serves at once;
// the first success, or `unhealthy_after` failures in a row, are that verdict. When too many are
// sick the load balancer ignores this gate like all others (panic, see
// UpstreamOptions::panic_threshold_percent); the states stay as found.
//
// Belongs to one control loop, the one that publishes to the upstream.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"
#include "sluice/traffic/upstream.h"

namespace sluice::traffic {

class Connection;

struct HealthTransition {
  std::string_view upstream;
  std::string_view endpoint;  // Its label.
  std::size_t slot = 0;
  Health health = Health::kUnknown;
  std::string_view detail;  // Why: "status 503", "connect_failed", …; empty when healthy.
  SteadyTime at{};
};

class HealthChecker final : private EndpointWatcher {
 public:
  // Called on the control loop when an endpoint's health changes, first verdicts included. The
  // views live during the call.
  using OnTransition = std::move_only_function<void(const HealthTransition&)>;

  // Requires upstream->options().health_check. `on_transition` may be empty.
  HealthChecker(Loop& loop, std::shared_ptr<Upstream> upstream, OnTransition on_transition);
  ~HealthChecker();  // Requires that the tasks have ended.
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // Adds the gate to the upstream ("unhealthy": 0 for endpoints found sick, 1 for all others) and
  // spawns a task for each endpoint, now and later, into `group`, which must live until they ended.
  // The first check of an endpoint comes within one interval, at a random moment. Once.
  void Start(TaskGroup& group);

  // kForget: takes the gate away, and all endpoints are kUnknown again. kHandOver: gate and health
  // stay as found, for another upstream takes this one's place with the same endpoints; its checker
  // goes on from there.
  enum class Stop : std::uint8_t { kForget, kHandOver };

  // Stops checking. Tasks end at once, or when a connect under way ends
  // (HealthCheckOptions::timeout at most). Idempotent. Await the group afterwards.
  void RequestStop(Stop stop = Stop::kForget);

  // Endpoints checked now, and those of them that are unhealthy.
  [[nodiscard]] std::size_t checked() const { return probes_.size(); }
  [[nodiscard]] std::size_t unhealthy() const;

 private:
  class Gate;
  struct Probe;

  void OnJoin(const std::shared_ptr<Endpoint>& endpoint, SteadyTime now) override;
  void OnLeave(const Endpoint& endpoint, SteadyTime now) override;

  Task<void> Run(std::shared_ptr<Probe> probe);
  Task<Result<void>> Check(Probe& probe);
  static Task<Result<void>> Ask(Connection& connection,
                                const std::string& request,
                                SteadyTime deadline);
  void Count(Probe& probe, const Result<void>& verdict);
  void Turn(Probe& probe, Health health, std::string_view detail);
  static void EndProbe(Probe& probe);
  void Forget(Endpoint& endpoint) const;
  [[nodiscard]] SteadyTime NextAt();

  Loop& loop_;
  std::shared_ptr<Upstream> upstream_;
  const HealthCheckOptions& options_;
  OnTransition on_transition_;
  std::shared_ptr<Gate> gate_;
  TaskGroup* group_ = nullptr;
  std::vector<std::shared_ptr<Probe>> probes_;
  std::size_t running_ = 0;
};

}  // namespace sluice::traffic
