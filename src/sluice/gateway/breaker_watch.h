// BreakerWatch: tells of breakers that changed their state, one line each.
//
// Workers change breakers and must not write logs; so the control loop compares their counts of
// transitions four times a second. It also carries out what is due by time alone, and lets rate
// limits warm up again when a breaker lets traffic through again.
//
// Belongs to the control loop.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/registry.h"

namespace sluice::gateway {

class BreakerWatch {
 public:
  static constexpr Nanos kInterval = std::chrono::milliseconds(250);

  BreakerWatch(Loop& control,
               const Registry& registry,
               std::function<void(std::string_view line)> log);
  BreakerWatch(const BreakerWatch&) = delete;
  BreakerWatch& operator=(const BreakerWatch&) = delete;
  ~BreakerWatch() { Stop(); }

  void Start();
  void Stop();

 private:
  using Entries = std::array<std::uint64_t, breaker::kStates>;  // How often each was entered.

  static void Fire(Timer& timer, SteadyTime now);
  void Look(SteadyTime now);

  Loop& control_;
  const Registry& registry_;
  std::function<void(std::string_view line)> log_;
  std::map<std::string, Entries> seen_;
  std::map<std::string, std::uint64_t> returns_;  // How often each let traffic through again.
  Timer timer_;
};

}  // namespace sluice::gateway
