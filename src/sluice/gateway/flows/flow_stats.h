// What is counted about a flow, and the runs that are kept to be looked at.
//
// Counters have one writer, the loop of their worker, and outlive configurations by name. The kept
// runs are a ring behind a lock; only slow and failed runs touch it. Readers on any thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/contract/time.h"
#include "sluice/dag/runner_state.h"
#include "sluice/dag/trace.h"
#include "sluice/gateway/latency_histogram.h"

namespace sluice::gateway::flows {

enum class RunOutcome : std::uint8_t { kOk, kDegraded, kFailed, kTimedOut, kRejected, kCancelled };
inline constexpr std::size_t kRunOutcomeCount = 6;

// "ok", "degraded", "failed", "timed_out", "rejected", "cancelled".
[[nodiscard]] std::string_view NameOf(RunOutcome outcome);

// Of one node, on one worker.
struct alignas(64) NodeTally {
  Counter on_path;        // Runs with the node on their critical path.
  Counter path_nanos;     // Its time on them.
  Counter started;        // Runs in which it was called.
  Counter running_nanos;  // From its beginning to its end, over all of them.
  Counter degraded;       // Went on without its answer, or with the fallback.
  Counter failed;         // Failed or timed out, and nothing took its place.
  Counter attempts;
  Counter too_large;  // Answers over their bound.
};

// Of one flow, on one worker.
struct alignas(64) FlowTally {
  std::array<Counter, kRunOutcomeCount> outcomes;
  LatencyHistogram duration;
  Counter traced;        // Runs that began; what shares are shares of.
  Counter traced_nanos;  // Their duration.
  Counter late_results;
  Counter traces_dropped;  // Runs worth a trace, in a second that had enough of them.
};

// A run that somebody may want to look at.
struct KeptRun {
  std::uint64_t number = 0;  // Counts up, over all of a flow.
  WallTime ended{};
  RunOutcome outcome = RunOutcome::kOk;
  std::string trace_id;  // Of the request's traceparent.
  std::string path;
  std::string error;                  // Empty: none.
  std::vector<std::string> degraded;  // Nodes.
  dag::RunTrace trace;
};

class FlowStats {
 public:
  explicit FlowStats(std::size_t worker_count);
  FlowStats(const FlowStats&) = delete;
  FlowStats& operator=(const FlowStats&) = delete;

  [[nodiscard]] FlowTally& flow(std::size_t worker) { return *flows_[worker]; }
  // Made at the first call; stable for ever.
  [[nodiscard]] NodeTally& Node(std::string_view name, std::size_t worker);

  // Keeps the last `bound` runs.
  void Keep(KeptRun run, std::size_t bound);
  // The newest first.
  [[nodiscard]] std::vector<std::shared_ptr<const KeptRun>> kept() const;

  // A runner, for as long as it lives.
  void AddRunner(const dag::RunnerCounts& counts);
  void RemoveRunner(const dag::RunnerCounts& counts);
  [[nodiscard]] std::int64_t in_flight() const;
  [[nodiscard]] std::int64_t queued() const;

  // Calls `visit(tally)` for each worker.
  template <typename Visit>
  void ForEachWorker(Visit visit) const {
    for (const auto& tally : flows_)
      visit(*tally);
  }
  // Calls `visit(name, tallies)` for every node ever seen, in order of names.
  template <typename Visit>
  void ForEachNode(Visit visit) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, tallies] : nodes_)
      visit(name, tallies);
  }

 private:
  std::vector<std::unique_ptr<FlowTally>> flows_;  // By worker.
  mutable std::mutex mutex_;                       // Guards what is below, never the counters.
  std::map<std::string, std::vector<std::unique_ptr<NodeTally>>, std::less<>> nodes_;
  std::deque<std::shared_ptr<const KeptRun>> kept_;
  std::uint64_t kept_total_ = 0;
  std::vector<const dag::RunnerCounts*> runners_;
};

}  // namespace sluice::gateway::flows
