// Release journal: how the life of releases is written down, record by record.
//
// A record is JSON: a transition with all that a release is then (synced), what others say of the
// candidate (synced), or a second's counts and times (not synced). So the evidence is computed
// again, to the last digit, from a transition and the ticks since. A snapshot holds the same of all
// releases, with their history.
//
// Pure; any thread.

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/release/machine.h"
#include "sluice/release/tick.h"

namespace sluice::gateway {

struct PastTransition {
  release::Transition transition;
  WallTime at{};
  std::string evidence_digest;  // SHA-256 of the judge's evidence at that time; empty: none.
};

// All that is kept of one release.
struct KeptRelease {
  release::PlanState state;
  std::string run;       // See ReleasePlan::run.
  std::string evidence;  // Judge::Save(), as of the last transition or snapshot.
  struct KeptTick {
    release::Tick tick;
    double share = 0;
    bool is_settling = false;
  };
  std::vector<KeptTick> ticks;  // Read: the seconds since then, which the judge has to add.
  // What others have said of the candidate in this run, by who said it; the last word counts.
  using Outside = std::map<std::string, release::OutsideEvidence>;
  Outside outside;
  std::map<std::string, std::vector<std::int64_t>> thresholds;  // By route; see ReleaseRoute.
  std::deque<PastTransition> history;                           // The oldest first.

  static constexpr std::size_t kHistoryMax = 200;
  void Remember(PastTransition past);
};
using KeptReleases = std::map<std::string, KeptRelease>;

// The records. `kept` is as after the transition; its history is not written again, nor are ticks.
[[nodiscard]] std::string TransitionRecord(const std::string& name,
                                           const KeptRelease& kept,
                                           const PastTransition& past);
[[nodiscard]] std::string TickRecord(const std::string& name,
                                     const release::PlanState& state,
                                     const KeptRelease::KeptTick& tick);
[[nodiscard]] std::string OutsideRecord(const std::string& name, const KeptRelease& kept);
[[nodiscard]] std::string SnapshotOf(const KeptReleases& releases);

// Reads a snapshot, and adds a record to what is known. Fail with kBadRequest on other texts, and
// then leave `releases` as it was.
[[nodiscard]] Result<void> ReadSnapshot(std::string_view text, KeptReleases& releases);
[[nodiscard]] Result<void> ReadRecord(std::string_view text, KeptReleases& releases);

// For the admin API and the feed: {"id", "generation", "from", "to", …}.
[[nodiscard]] std::string TransitionJson(const std::string& name, const PastTransition& past);

}  // namespace sluice::gateway
