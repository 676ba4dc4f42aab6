// OverloadWatch: the control loop's part of overload control: looks at the machine and at what the
// limits did, and moves the thresholds of the gates.
//
// Belongs to the control loop.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include "sluice/contract/host_load.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/registry.h"
#include "sluice/gateway/stats.h"

namespace sluice::gateway {

class OverloadWatch {
 public:
  // `host` may be null: then nothing is known of the machine.
  OverloadWatch(Loop& control,
                const Registry& registry,
                StatsBook& stats,
                HostLoadSource* host,
                std::function<void(std::string_view line)> log);
  OverloadWatch(const OverloadWatch&) = delete;
  OverloadWatch& operator=(const OverloadWatch&) = delete;
  ~OverloadWatch() { Stop(); }

  // After each new snapshot: begins, goes on with its intervals, or ends where it asks for nothing.
  void Follow();
  void Stop();

 private:
  struct Seen {
    std::int64_t ended = 0;
    std::uint64_t denied = 0;
    Nanos held{0};
  };

  static void FireControl(Timer& timer, SteadyTime now);
  static void FireHost(Timer& timer, SteadyTime now);
  void Control(const OverloadPlan& plan, SteadyTime now);
  void TickLimits(const Snapshot& snapshot);
  void Look(const OverloadPlan& plan, SteadyTime now);
  void TellChange(std::string_view gate,
                  std::uint32_t before,
                  std::uint32_t after,
                  ShedCause cause) const;
  [[nodiscard]] const OverloadPlan* plan() const;
  [[nodiscard]] bool LoopsAreLate(OverloadState& state) const;
  [[nodiscard]] double ConnectionsRatio() const;

  Loop& control_;
  const Registry& registry_;
  StatsBook& stats_;
  HostLoadSource* host_;
  std::function<void(std::string_view line)> log_;
  std::map<const LimitState*, Seen> seen_;  // At the last tick.
  Timer control_timer_;
  Timer host_timer_;
};

}  // namespace sluice::gateway
