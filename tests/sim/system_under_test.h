// SystemUnderTest: what a scenario is played against.
//
// The gateway implements it, and so does the pass-through that tests the runner itself. All of it
// lives in a sim::World and is called from outside any turn; an implementation enters the turns of
// its loops itself.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tests/sim/scenario.h"

#include "sluice/contract/result.h"
#include "sluice/platform/sim/world.h"

namespace sluice::scenario {

class SystemUnderTest {
 public:
  virtual ~SystemUnderTest() = default;

  // Validates `config` and serves by it; the world may run meanwhile. Fails with kInvalidConfig,
  // `detail` naming every problem.
  [[nodiscard]] virtual Result<void> Start(const std::string& config) = 0;
  // The same, while it serves; on a failure the old configuration goes on.
  [[nodiscard]] virtual Result<void> Reload(const std::string& config) = 0;
  // Begins to drain; does not wait.
  virtual void Drain() = 0;
  // Ends everything, also what is in flight. The world may run meanwhile. Afterwards no stream, no
  // listener and no timer of the system is left.
  virtual void Stop() = 0;

  [[nodiscard]] virtual std::size_t exchanges_in_flight() const = 0;
  // Its counters, as Prometheus text.
  [[nodiscard]] virtual std::string MetricsText() = 0;
  // Its loops' streams are limited to `streams_max`, by way of sim::Faults.
  virtual void LimitStreams(std::size_t streams_max) = 0;
};

// Makes a system in `world`; `scenario` says where it listens.
using MakeSystem =
    std::function<std::unique_ptr<SystemUnderTest>(sim::World& world, const Scenario& scenario)>;

}  // namespace sluice::scenario
