// Ejection: joins outlier detection and slow start to the endpoints of one upstream.
//
// The rooms judge; this tells them who joins and leaves and what health checks find, puts them
// before the endpoints as gates, lets them judge in time and logs what changed. What they know
// survives a reload: it is theirs, found again by the upstream's name.
//
// Belongs to the control loop.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/breaker/outlier_detector.h"
#include "sluice/breaker/slow_start.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/traffic/health_checker.h"
#include "sluice/traffic/upstream.h"

namespace sluice::gateway {

[[nodiscard]] breaker::OutlierOptions OptionsOf(const config::OutlierDetectionConfig& config,
                                                const std::string& name);
[[nodiscard]] breaker::SlowStartOptions OptionsOf(const config::SlowStartConfig& config);

class Ejection final : private traffic::EndpointWatcher {
 public:
  using LogLine = std::function<void(std::string_view line)>;

  // `predecessor` is that of the upstream this one takes the place of, or null: endpoints that both
  // have do not join, they go on.
  Ejection(std::shared_ptr<traffic::Upstream> upstream, LogLine log, const Ejection* predecessor);
  Ejection(const Ejection&) = delete;
  Ejection& operator=(const Ejection&) = delete;
  ~Ejection();  // After Stop(), or without Use().

  // Takes over what `plan` says, at first and after each reload.
  void Use(const UpstreamPlan& plan, SteadyTime now);
  // Hears of no endpoint any more. The gates stay: who still serves by this upstream needs them.
  void Stop();

  void OnHealth(const traffic::HealthTransition& change);
  // Judges what is due and logs who went and who came back.
  void Sweep(SteadyTime now);

 private:
  struct Known {
    std::string label;
    bool is_unhealthy = false;
    bool was_ejected = false;
    std::uint64_t ejections = 0;
  };

  void OnJoin(const std::shared_ptr<traffic::Endpoint>& endpoint, SteadyTime now) override;
  void OnLeave(const traffic::Endpoint& endpoint, SteadyTime now) override;
  void JoinDetector(std::size_t slot, const Known& known, SteadyTime now) const;

  std::shared_ptr<traffic::Upstream> upstream_;
  LogLine log_;
  std::shared_ptr<breaker::OutlierDetector> outliers_;
  std::shared_ptr<breaker::SlowStart> slow_start_;
  bool unejects_on_health_ = false;
  bool is_watching_ = false;
  std::map<std::size_t, Known> known_;      // By slot.
  std::optional<SteadyTime> first_joined_;  // Who comes then finds nobody warmer than itself.
};

}  // namespace sluice::gateway
