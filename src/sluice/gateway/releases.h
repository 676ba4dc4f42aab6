// Releases: carries out what the plans and the judge of gray releases decide.
//
// Once a second it sums up what the workers have counted, lets each judge look at it and each
// machine move, and does what comes out: weights, records, lines. A weight falls before anything is
// written; it rises only after its transition is on the disk. Before the first configuration is
// served it reads what a former process kept, so the first request meets the weight of before.
//
// Belongs to the control loop, which waits for the disk at transitions.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/file_store.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/timer.h"
#include "sluice/gateway/event_feed.h"
#include "sluice/gateway/release_hooks.h"
#include "sluice/gateway/release_journal.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/release/judge.h"
#include "sluice/release/machine.h"
#include "sluice/state/durable_log.h"

namespace sluice::gateway {

using OpenStore = std::function<Result<std::unique_ptr<FileStore>>(const std::string& folder)>;

// One release, as it is now.
struct ReleaseEntry {
  explicit ReleaseEntry(release::PlanOptions options) : machine(std::move(options)) {}

  release::Machine machine;
  std::optional<release::Judge> judge;  // From the start of a run on.
  KeptRelease kept;                     // `state` and `evidence` are as last written.
  std::shared_ptr<ReleaseState> state;
  std::size_t index = kNoRelease;     // Into the releases of the snapshot in force.
  release::Tick seen;                 // Totals that the judge has been told.
  release::Verdict verdict;           // Of the last tick.
  bool skips_tick = false;            // This second has two weights.
  std::deque<std::string> unwritten;  // Records that the disk refused, the oldest first.
  // Each minute's latencies of stable, by route, of the last ten.
  std::map<std::string, std::deque<LatencyParts>> latencies;
  SteadyTime latency_at{};
};

class Releases {
 public:
  static constexpr Nanos kInterval = std::chrono::seconds(1);

  Releases(Loop& control,
           OpenStore open_store,
           EventFeed& feed,
           std::function<void(std::string_view line)> log);
  Releases(const Releases&) = delete;
  Releases& operator=(const Releases&) = delete;
  ~Releases() { Stop(); }  // After Stopped().

  // Before a configuration with releases is put in force for the first time: opens the store in its
  // `data_dir` and reads it. Fails with what the store says; then nothing has changed.
  [[nodiscard]] Result<void> Prepare(const config::Config& config);

  // After it was put in force and before workers serve it.
  void Follow(std::shared_ptr<const Snapshot> snapshot);

  void Start();
  void Stop();
  [[nodiscard]] Task<void> Stopped();

  using Entries = std::map<std::string, std::unique_ptr<ReleaseEntry>>;
  [[nodiscard]] const Entries& entries() const { return entries_; }
  [[nodiscard]] const ReleasePlan* PlanOf(const ReleaseEntry& entry) const;

  // Nothing: there is no such release.
  [[nodiscard]] std::optional<std::expected<void, release::CommandRefusal>> Do(
      const std::string& name, const release::CommandOrder& order);

  // Takes down what `evidence.source` says of the candidate, in place of what it said before; with
  // kWait, that it has nothing to say. It counts until the run's end. Nothing: there is no such
  // release.
  [[nodiscard]] std::optional<std::expected<void, release::CommandRefusal>> Tell(
      const std::string& name, release::OutsideEvidence evidence);

  // Of what was read at the start.
  [[nodiscard]] state::Health health() const { return health_; }

 private:
  static void Fire(Timer& timer, SteadyTime now);
  void Look(SteadyTime now);
  void Move(const std::string& name, ReleaseEntry& entry, SteadyTime now);
  [[nodiscard]] release::Surroundings SurroundingsOf(const ReleaseEntry& entry) const;
  void CarryOut(const std::string& name, ReleaseEntry& entry, const release::Effects& effects);
  void BeginStep(ReleaseEntry& entry);
  void Restore(const std::string& name, ReleaseEntry& entry, const ReleasePlan& plan);
  void Adopt(const std::string& name, ReleaseEntry& entry, const ReleasePlan& plan);
  void Write(const std::string& name, ReleaseEntry& entry, std::string record);
  [[nodiscard]] bool CatchUp(ReleaseEntry& entry);
  void SuspendAll();
  // A release of which nothing could be read while something was lost: it may have been aborted.
  void SuspendUnknown(const std::string& name, ReleaseEntry& entry);
  // Not `may_rise`: what is in force already, or less.
  void ApplyWeight(ReleaseEntry& entry, bool may_rise) const;
  void EndUnnamed();
  void CompactIfLarge();
  void NoteLatencies(ReleaseEntry& entry, SteadyTime now);
  static void FreezeThresholds(ReleaseEntry& entry);

  Loop& control_;
  OpenStore open_store_;
  EventFeed& feed_;
  std::function<void(std::string_view line)> log_;
  std::unique_ptr<FileStore> store_;
  std::unique_ptr<state::DurableLog> journal_;
  state::Health health_ = state::Health::kClean;
  bool was_just_read_ = false;  // No configuration has been followed since.
  KeptReleases dormant_;        // What is known of releases that no configuration has named yet.
  Entries entries_;
  std::shared_ptr<const Snapshot> snapshot_;
  SteadyTime looked_at_{};
  Timer timer_;
  ReleaseHooks hooks_;
};

}  // namespace sluice::gateway
