// PathShares: which node holds results up, over many runs.
//
// Name it as the observer of traced runs of one plan on one loop. Each ended run walks its critical
// path; every node on it is charged the time from the end of the node before to its own, so the
// shares of a run add up to its duration. Allocates nothing per run.
//
// One writer, the loop; readers from any thread (sluice/contract/counter.h).

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/counter.h"
#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/run.h"
#include "sluice/dag/run_options.h"

namespace sluice::dag {

struct NodeTally {
  Counter on_path;        // Runs with the node on their critical path.
  Counter path_nanos;     // Its time on them.
  Counter started;        // Runs in which it began.
  Counter running_nanos;  // From its beginning to its end, over all of them.
  Counter degraded;
  Counter failed;  // Failed or timed out.
};

class PathShares final : public RunObserver {
 public:
  // Keeps the plan, for the names.
  explicit PathShares(std::shared_ptr<const CompiledPlan> plan);

  // Ignores untraced runs and runs of another plan.
  void OnEnded(const RunView& run) override;

  [[nodiscard]] std::uint64_t runs() const { return runs_.value(); }
  // Over all runs, until their results were known.
  [[nodiscard]] std::uint64_t duration_nanos() const { return duration_nanos_.value(); }
  [[nodiscard]] std::size_t node_count() const { return tallies_.size(); }
  // Index as in the plan; 0 is the input.
  [[nodiscard]] const NodeTally& tally(std::uint16_t node) const { return tallies_[node]; }
  [[nodiscard]] std::string_view name(std::uint16_t node) const { return plan_->NameOfNode(node); }
  // Part of the duration of all runs that `node` was on the critical path, 0..1.
  [[nodiscard]] double share(std::uint16_t node) const;

 private:
  std::shared_ptr<const CompiledPlan> plan_;
  std::vector<NodeTally> tallies_;
  Counter runs_;
  Counter duration_nanos_;
};

}  // namespace sluice::dag
