// The gateway as scenarios play it: a control loop and two workers in simulated time.
//
// Everything is the production code but the loops: configuration, admin API, workers.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/system_under_test.h"

#include "sluice/contract/task_group.h"
#include "sluice/gateway/admin/admin_api.h"
#include "sluice/gateway/admin/admin_server.h"
#include "sluice/gateway/gateway.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/memory_sink.h"
#include "sluice/platform/sim/worker_pool.h"

namespace sluice::scenario {

class GatewaySystem final : public SystemUnderTest {
 public:
  static constexpr std::size_t kWorkers = 2;

  GatewaySystem(sim::World& world, const Scenario& scenario);
  ~GatewaySystem() override;

  [[nodiscard]] Result<void> Start(const std::string& config) override;
  [[nodiscard]] Result<void> Reload(const std::string& config) override;
  void Drain() override;
  void Stop() override;
  [[nodiscard]] std::size_t exchanges_in_flight() const override;
  [[nodiscard]] std::string MetricsText() override;
  void LimitStreams(std::size_t streams_max) override;

 private:
  [[nodiscard]] gateway::GatewayWorld World();
  [[nodiscard]] Result<void> Apply(const std::string& config);
  [[nodiscard]] Task<void> KeepApplied(std::string config, Result<void>& out, bool& done);
  [[nodiscard]] Task<void> DrainTask();
  [[nodiscard]] Task<void> StopTask(bool& done);

  sim::World& world_;
  const Scenario& scenario_;
  sim::Loop& control_;
  std::vector<sim::Loop*> workers_;
  std::shared_ptr<sim::MemorySink> access_log_;
  sim::WorkerPool background_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<gateway::admin::AdminApi> api_;
  std::unique_ptr<gateway::admin::AdminServer> admin_;
  TaskGroup tasks_;
  bool draining_ = false;
  bool drained_ = false;
};

[[nodiscard]] std::unique_ptr<SystemUnderTest> MakeGateway(sim::World& world,
                                                           const Scenario& scenario);

}  // namespace sluice::scenario
