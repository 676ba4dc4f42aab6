// PassThrough: the smallest system under test, which hands bytes on. It tests the runner itself.
//
// Its config: lines `listen ADDRESS`, `forward ADDRESS`, and optionally `leak` (Stop() forgets a
// listener, to see that it is noticed). Every connection gets one to the upstream and back.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/system_under_test.h"

#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"

namespace sluice::scenario {

class PassThrough final : public SystemUnderTest {
 public:
  explicit PassThrough(sim::World& world)
      : world_(world), loop_(world.AddLoop({.name = "gateway"})) {}

  [[nodiscard]] Result<void> Start(const std::string& config) override;
  [[nodiscard]] Result<void> Reload(const std::string& config) override;
  void Drain() override;
  void Stop() override;
  [[nodiscard]] std::size_t exchanges_in_flight() const override { return streams_.size() / 2; }
  [[nodiscard]] std::string MetricsText() override;
  void LimitStreams(std::size_t streams_max) override;

 private:
  struct Config {
    Address listen;
    Address forward;
    bool leaks = false;
  };

  [[nodiscard]] static Result<Config> Read(const std::string& text);
  [[nodiscard]] Task<void> Accept();
  [[nodiscard]] Task<void> Join(std::unique_ptr<Stream> client);
  [[nodiscard]] Task<void> Copy(Stream& from, Stream& to);
  void CancelAll();

  sim::World& world_;
  sim::Loop& loop_;
  Config config_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> leaked_;
  std::vector<Stream*> streams_;
  std::uint64_t connections_total_ = 0;
  TaskGroup tasks_;
};

// For PlayScenario().
[[nodiscard]] std::unique_ptr<SystemUnderTest> MakePassThrough(sim::World& world,
                                                               const Scenario& scenario);

}  // namespace sluice::scenario
