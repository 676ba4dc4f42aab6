// FlowRunner: the runs of one flow on one worker, as one snapshot has it.
//
// It bounds them, counts them, and keeps the traces of those worth looking at. A reload makes a new
// one: runs under way go on in the old one, which its snapshot keeps until the last of them ended;
// meanwhile the bounds hold for each.
//
// Belongs to the worker's loop.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/dag/run_options.h"
#include "sluice/dag/runner.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/flow_stats.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway::flows {

// How a run ended, once that is known. A timeout is one whichever clock was first.
[[nodiscard]] RunOutcome OutcomeOf(const dag::RunView& run);

class FlowCall;

class FlowRunner final : public dag::RunObserver {
 public:
  // `worker_count` share the bounds out among them. `worker` and `stats` must outlive it.
  FlowRunner(WorkerContext& worker,
             std::shared_ptr<const FlowPlan> plan,
             std::size_t worker_count,
             FlowStats& stats);
  FlowRunner(const FlowRunner&) = delete;
  FlowRunner& operator=(const FlowRunner&) = delete;
  ~FlowRunner() override;  // Requires is_quiet().

  // Takes a place for a run that is to begin, while its request is still coming in. Without one
  // left the run is refused, and counted as such. Start() or GiveBackPlace() follows.
  [[nodiscard]] bool TakePlace();
  void GiveBackPlace() { --places_taken_; }

  // Begins a run in the place that was taken for it; see dag::Runner::Run().
  [[nodiscard]] dag::Running<FlowValue> Start(FlowValue input, SteadyTime deadline);

  // The run's result is known, `duration` after it was asked for.
  void Count(RunOutcome outcome, Nanos duration);
  void CountTooLarge(std::size_t node) { nodes_[node]->too_large.Add(); }

  // Exchanges of calls; kept for the next ones.
  [[nodiscard]] std::unique_ptr<Exchange> TakeExchange();
  void GiveBack(std::unique_ptr<Exchange> exchange);

  // Calls under way, between the two.
  void Enter(FlowCall& call) { calls_under_way_.push_back(&call); }
  void Leave(FlowCall& call) { std::erase(calls_under_way_, &call); }
  // Ends every call, and lets none begin: a run that goes on after its response ends with them.
  void StopCalls();
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }

  [[nodiscard]] const FlowPlan& plan() const { return *plan_; }
  [[nodiscard]] bool is_quiet() const { return runner_.in_flight() == 0 && runner_.queued() == 0; }

  void OnEnded(const dag::RunView& run) override;

 private:
  void Tally(const dag::RunView& run);
  static void TallyCall(const dag::RunView& run, std::uint16_t call, NodeTally& tally);
  void KeepTrace(const dag::RunView& run);

  // How many traces were kept in this second.
  struct KeepRate {
    SteadyTime since{};
    std::int64_t kept = 0;
  };

  WorkerContext& worker_;
  std::shared_ptr<const FlowPlan> plan_;
  FlowStats& stats_;
  FlowTally& tally_;
  std::vector<NodeTally*> nodes_;       // By the flow's node.
  std::vector<NodeTally*> plan_nodes_;  // By the plan's node; null: the response, the input.
  std::vector<std::uint16_t> calls_;    // The plan's node of each of the flow's.
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<FlowCall*> calls_under_way_;
  std::size_t places_taken_ = 0;  // By requests whose runs have not begun.
  KeepRate keep_rate_;
  bool is_stopping_ = false;
  std::size_t places_max_;
  dag::Runner<FlowValue, FlowValue> runner_;
};

}  // namespace sluice::gateway::flows
