// UpstreamCare: what the control loop does for each upstream: health checks, name resolution,
// ejection.
//
// Belongs to the control loop.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/ejection.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/traffic/endpoint_refresh.h"
#include "sluice/traffic/health_checker.h"

namespace sluice::gateway {

class UpstreamCare {
 public:
  using LogLine = std::function<void(std::string_view line)>;

  // How often ejections are looked after.
  static constexpr Nanos kSweepInterval = std::chrono::milliseconds(250);

  UpstreamCare(Loop& control, LogLine log);
  ~UpstreamCare();  // After Stopped().
  UpstreamCare(const UpstreamCare&) = delete;
  UpstreamCare& operator=(const UpstreamCare&) = delete;

  // Begins to care for upstreams that are new in `snapshot`, and stops for those that left.
  void Follow(const Snapshot& snapshot);

  // Stops for all.
  void RequestStop();
  [[nodiscard]] Task<void> Stopped();

  // True when every name has been answered, or has failed, at least once.
  [[nodiscard]] bool settled() const;

 private:
  struct Ward {
    Ward(std::shared_ptr<traffic::Upstream> its_upstream, LogLine log, const Ward* predecessor)
        : upstream(its_upstream),
          ejection(its_upstream,
                   std::move(log),
                   predecessor == nullptr ? nullptr : &predecessor->ejection) {}

    std::shared_ptr<traffic::Upstream> upstream;
    Ejection ejection;
    std::unique_ptr<traffic::HealthChecker> checker;  // Null: no health check.
    std::unique_ptr<traffic::EndpointRefresh> refresh;
    TaskGroup tasks;
  };

  void Begin(const UpstreamPlan& plan, const Ward* predecessor);
  static void End(Ward& ward, traffic::HealthChecker::Stop stop);
  [[nodiscard]] const Ward* FindEnded(std::string_view upstream) const;
  static void Sweep(Timer& timer, SteadyTime now);
  void ForgetEnded();

  Loop& control_;
  LogLine log_;
  std::vector<std::unique_ptr<Ward>> wards_;
  std::vector<std::unique_ptr<Ward>> ending_;
  Timer sweep_timer_;
};

}  // namespace sluice::gateway
