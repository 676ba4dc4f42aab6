// A plan that is a node of another plan.

#pragma once

#include <new>
#include <string>
#include <utility>

#include "sluice/dag/context.h"
#include "sluice/dag/run.h"
#include "sluice/dag/runner_state.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

template <typename In, typename Out>
class SubplanBody {
 public:
  Work<Out> operator()(Context& context, const In& input) const {
    RunnerState& runner = context.run().generation().SubrunnerOf(context.node_index());
    RunOptions options;
    options.deadline = context.deadline();
    options.id = context.idempotency_key();
    RunBlock& run = runner.Allocate(options);
    const CompiledPlan& plan = run.plan();
    ::new (run.slot(plan.nodes[0].step.slot)) In(input);
    Running<Out> running(run, plan.nodes[plan.output].step.slot);
    Canceller canceller(running);
    context.Listen(canceller);
    runner.Launch(run);
    Outcome<Out> outcome = co_await running;
    canceller.Leave();  // The outcome has taken the run over.
    if (outcome) co_return std::move(*outcome);
    NodeError error = *outcome.error();
    error.node = error.node.empty() ? std::string(context.node())
                                    : std::string(context.node()) + "/" + error.node;
    co_return std::unexpected(std::move(error));
  }

 private:
  struct Canceller : StopListener {
    explicit Canceller(Running<Out>& its_running) : StopListener(&Cancel), running(its_running) {}
    static void Cancel(StopListener& self) { static_cast<Canceller&>(self).running.Cancel(); }
    Running<Out>& running;
  };
};

}  // namespace sluice::dag
