// Gateway: the whole of it — a control loop and its workers — as one object.
//
// The control loop starts, reloads and drains; checks health and resolves names; answers the admin
// API. Workers serve. main() gives it the loops and what of the outside world it may use; the
// simulation gives it simulated ones.
//
// All calls on the control loop.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/byte_sink.h"
#include "sluice/contract/host_load.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/breaker_watch.h"
#include "sluice/gateway/config/config.h"
#include "sluice/gateway/config/load.h"
#include "sluice/gateway/learning.h"
#include "sluice/gateway/overload_watch.h"
#include "sluice/gateway/recordings.h"
#include "sluice/gateway/registry.h"
#include "sluice/gateway/releases.h"
#include "sluice/gateway/stats.h"
#include "sluice/gateway/upstream_care.h"
#include "sluice/gateway/worker.h"

namespace sluice::gateway {

// What the gateway may use of the outside world.
struct GatewayWorld {
  Loop* control = nullptr;
  std::vector<Loop*> workers;
  OpenListener open_listener;  // Called on the worker's loop. Empty: Loop::Listen.
  // Told which listeners are in force, by identity, after each change; none once the gateway stops
  // to accept.
  std::function<void(const std::vector<std::string>& identities)> on_listeners;
  // "stdout", "stderr" or a path; called on the control loop, once per change of the path.
  std::function<Result<std::shared_ptr<ByteSink>>(const std::string& path)> open_access_log;
  // A reload with the same path: begins the file anew if it was moved away.
  std::function<void(ByteSink& sink)> reopen_access_log;
  ReadFile read_file;
  // A folder for what must outlive the process; blocking. Empty: nothing is kept.
  OpenStore open_store;
  // For recordings; where one is missing nothing is recorded. The pool must outlive the gateway.
  WorkerPool* background = nullptr;
  PrepareRecording prepare_recording;
  HostLoadSource* host_load = nullptr;  // Null: nothing is known of the machine.
  // Changes of state, one line each: "breaker_opened upstream=pay". Called on the control loop.
  std::function<void(std::string_view line)> log;
  std::uint64_t seed = 0;
  config::Environment environment;
};

enum class Phase : std::uint8_t { kStarting, kServing, kDraining, kStopped };

[[nodiscard]] std::string_view NameOf(Phase phase);

struct ReloadStatus {
  bool last_was_successful = true;
  WallTime last_success{};
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
};

struct BoundListener {
  std::string name;
  std::string identity;
  Address address;  // With the real port.
};

class Gateway {
 public:
  explicit Gateway(GatewayWorld world);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();  // After Stop().

  // Puts a configuration in force: the first, or a new one. Serialised: a second call waits for the
  // first. On failure everything is as before: kInvalidConfig, kAddressInUse, kPermissionDenied, ….
  [[nodiscard]] Task<Result<void>> Apply(config::Config config);

  // Reads a text and applies it; problems carry their places. What SIGHUP and POST /config do.
  // `dry_run` only checks.
  enum class ApplyMode : std::uint8_t { kApply, kDryRun };
  [[nodiscard]] Task<config::LoadOutcome> ApplyText(std::string text,
                                                    std::string file_name,
                                                    ApplyMode mode);

  // A new configuration could not even be read: counted like one that was refused.
  void NoteRefusedReload(std::string_view why);

  // Graceful end: lame duck, stop accepting, finish what is in flight up to the drain timeout, then
  // close. Returns how many exchanges were killed. A second call makes the first stop waiting.
  [[nodiscard]] Task<std::uint64_t> Drain();
  void HurryDrain();

  // Calls `visit` for every listening socket, on its worker's loop.
  [[nodiscard]] Task<void> ForEachListener(std::function<void(Listener&)> visit);

  // Ends everything; afterwards no task of the gateway runs on any loop. After Drain().
  [[nodiscard]] Task<void> Stop();

  [[nodiscard]] Phase phase() const { return phase_; }
  // Serving and not draining: what /readyz says.
  [[nodiscard]] bool is_ready() const { return phase_ == Phase::kServing; }
  // Of the configuration that every worker serves; 0 before the first.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  [[nodiscard]] const ReloadStatus& reloads() const { return reloads_; }
  [[nodiscard]] const std::vector<BoundListener>& bound() const { return bound_; }
  [[nodiscard]] const Registry& registry() const { return registry_; }
  [[nodiscard]] const Learning& learning() const { return learning_; }
  [[nodiscard]] Releases& releases() { return releases_; }
  [[nodiscard]] const EventFeed& feed() const { return feed_; }
  [[nodiscard]] const Recordings& recordings() const { return recordings_; }
  [[nodiscard]] StatsBook& stats() { return stats_; }
  [[nodiscard]] Loop& control() { return *world_.control; }
  [[nodiscard]] SteadyTime started_at() const { return started_at_; }
  [[nodiscard]] TaskGroup& tasks() { return tasks_; }
  [[nodiscard]] std::size_t worker_count() const { return world_.workers.size(); }
  [[nodiscard]] std::uint64_t drain_killed() const { return drain_killed_; }

  void Log(std::string_view line);

 private:
  [[nodiscard]] Task<Result<void>> ApplyNow(config::Config config);
  [[nodiscard]] Task<Result<std::vector<std::vector<Worker::Opened>>>> OpenListeners(
      const Snapshot& snapshot);
  [[nodiscard]] Task<void> DropOpened(std::vector<std::vector<Worker::Opened>> opened);
  [[nodiscard]] Task<void> InstallEverywhere(std::shared_ptr<const Snapshot> snapshot,
                                             std::vector<std::vector<Worker::Opened>> opened);
  [[nodiscard]] Task<bool> AllEmpty();
  [[nodiscard]] Task<void> TakeTurn();
  void EndTurn();
  [[nodiscard]] Task<void> NothingApplying();
  void UpdateBound(const Snapshot& snapshot,
                   const std::vector<std::vector<Worker::Opened>>& opened);
  void TellListeners(const Snapshot& snapshot) const;
  void WarnOfRestart(config::LoadOutcome& outcome, const std::string& file_name);
  [[nodiscard]] Result<void> PrepareAccessLog(const config::Config& config);

  GatewayWorld world_;
  limit::KeyHasher key_hasher_;
  StatsBook stats_;
  Registry registry_;
  UpstreamCare care_;
  BreakerWatch breaker_watch_;
  Learning learning_;
  OverloadWatch overload_watch_;
  EventFeed feed_;
  Releases releases_;
  Recordings recordings_;
  std::vector<std::unique_ptr<Worker>> workers_;  // Each made and destroyed on its own loop.
  TaskGroup tasks_;
  Phase phase_ = Phase::kStarting;
  std::uint64_t generation_ = 0;
  ReloadStatus reloads_;
  std::vector<BoundListener> bound_;
  std::map<std::string, std::shared_ptr<ListenerShare>> shares_;  // By identity.
  std::string access_log_path_ = "off";
  std::shared_ptr<ByteSink> access_log_;
  std::shared_ptr<ByteSink> retired_log_;  // Until no worker writes to it.
  SteadyTime started_at_{};
  std::uint64_t drain_killed_ = 0;
  bool hurry_ = false;
  bool applying_ = false;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t served_ticket_ = 0;
  Event hurry_event_;
};

}  // namespace sluice::gateway
