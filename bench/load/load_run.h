// LoadRun: many clients, in a closed loop (each sends as soon as it has its answer) or in an open
// one (requests fall due at a fixed rate, whether or not earlier ones were answered).
//
// In the open loop latency counts from the moment a request was due, so a stall of the target is
// seen by every request that it delayed ("coordinated omission" is not possible).

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "load/client.h"
#include "load/outcome_log.h"
#include "load/poller.h"
#include "load/process_cpu.h"
#include "load/tally.h"
#include <sys/types.h>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::load {

enum class Arrivals : std::uint8_t {
  kEven,     // One each interval.
  kPoisson,  // Each at random, as many users who know nothing of each other.
};

struct LoadOptions {
  ClientOptions client;
  std::int64_t connections = 64;             // 1 .. 100'000.
  double rate_per_second = 0;                // 0: closed loop.
  Arrivals arrivals = Arrivals::kEven;       // Of the open loop.
  std::uint64_t seed = 1;                    // Of Arrivals::kPoisson.
  Nanos warmup{0};                           // Load that is not measured.
  Nanos duration = std::chrono::seconds(2);  // Of the measured part, at most.
  std::int64_t requests_max = 0;             // Ends the run earlier; 0: no such bound.
  Nanos request_timeout = std::chrono::seconds(5);
  Nanos grace = std::chrono::seconds(2);  // For what is in flight at the end.
  bool spins = false;                     // Never sleeps: for a core of its own.
  std::vector<pid_t> cpu_of;              // Whose processor time to measure.
};

struct LoadResult {
  Nanos measured_time{0};
  std::int64_t begun = 0;             // Requests sent in the whole run.
  std::int64_t connects = 0;          // Connections opened.
  std::int64_t closed_idle = 0;       // Connections the target closed between two requests.
  std::int64_t closed_announced = 0;  // Connections ended by "Connection: close".
  CpuUse cpu;                         // Of `cpu_of` while measuring.
  bool stopped = false;               // By a signal.
};

class LoadRun final : public ClientOwner {
 public:
  // `poller` and `outcomes` outlive the run; `outcomes` may be null.
  LoadRun(Poller& poller, LoadOptions options, OutcomeLog* outcomes = nullptr);
  ~LoadRun() override;

  // Runs to its end or until `stop` turns true. Fails with kNotFound when a process of `cpu_of` is
  // gone.
  [[nodiscard]] Result<LoadResult> Execute(const bool& stop);

  [[nodiscard]] Tally& tally() { return tally_; }

  void OnIdle(Client& client) override;
  void OnAnswer(Client& client, int status, Nanos latency) override;
  void OnFailure(Client& client, Failure failure) override;
  void OnDown(Client& client, Closing why) override;

 private:
  enum class Phase : std::uint8_t { kWarming, kMeasuring, kDraining, kDone };

  [[nodiscard]] Result<void> Advance(SteadyTime now, bool stop);
  [[nodiscard]] Result<void> StartMeasuring(SteadyTime now);
  [[nodiscard]] Result<void> StopMeasuring(SteadyTime now);
  [[nodiscard]] bool may_issue() const;
  void IssueDue(SteadyTime now);
  [[nodiscard]] Nanos NextInterval();
  void Issue(Client& client, SteadyTime due);
  void Connect(Client& client);
  void KeepHouse(SteadyTime now);
  void FailUnfinished();
  [[nodiscard]] Nanos WaitFor(SteadyTime now) const;

  Poller& poller_;
  const LoadOptions options_;
  OutcomeLog* const outcomes_;
  std::mt19937_64 chance_;
  Tally tally_;
  LoadResult result_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Client*> idle_;
  std::deque<Client*> down_;
  Phase phase_ = Phase::kWarming;
  SteadyTime phase_ends_{};
  SteadyTime measuring_since_{};
  SteadyTime next_due_{};
  SteadyTime next_house_keeping_{};
  CpuUse cpu_before_;
  Nanos interval_{0};
  std::int64_t in_flight_ = 0;
};

}  // namespace sluice::load
