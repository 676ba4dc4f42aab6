// UpstreamCare: what the control loop does for each upstream: health checks and name resolution.
//
// Belongs to the control loop.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/traffic/endpoint_refresh.h"
#include "sluice/traffic/health_checker.h"

namespace sluice::gateway {

class UpstreamCare {
 public:
  using LogLine = std::function<void(std::string_view line)>;

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
    std::shared_ptr<traffic::Upstream> upstream;
    std::unique_ptr<traffic::HealthChecker> checker;  // Null: no health check.
    std::unique_ptr<traffic::EndpointRefresh> refresh;
    TaskGroup tasks;
  };

  void Begin(const std::shared_ptr<traffic::Upstream>& upstream);
  static void End(Ward& ward);
  void ForgetEnded();

  Loop& control_;
  LogLine log_;
  std::vector<std::unique_ptr<Ward>> wards_;
  std::vector<std::unique_ptr<Ward>> ending_;
};

}  // namespace sluice::gateway
