// FlowCall: one HTTP call of a flow, made like any proxied request: by way of an Exchange of its
// own, so that endpoint selection, breakers, concurrency limits, ejection, pools and tracing are
// those of every other call to that upstream.
//
// Belongs to the run's loop.

#pragma once

#include <cstdint>

#include "sluice/contract/result.h"
#include "sluice/contract/task.h"
#include "sluice/contract/time.h"
#include "sluice/dag/context.h"
#include "sluice/dag/described_plan.h"
#include "sluice/dag/work.h"
#include "sluice/gateway/exchange.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/flow_run.h"
#include "sluice/gateway/flows/reference.h"
#include "sluice/gateway/response.h"

namespace sluice::gateway::flows {

class FlowCall {
 public:
  // `key` is the same for all attempts of the call, and of no other. Both must outlive the call.
  FlowCall(FlowRun& run, const FlowNode& node, SteadyTime deadline, std::uint64_t key)
      : run_(run), node_(node), deadline_(deadline), key_(key) {}
  FlowCall(const FlowCall&) = delete;
  FlowCall& operator=(const FlowCall&) = delete;

  // Renders the request, sends it and takes the answer. Fails as the renderers (text_template.h)
  // and ForwardAlternative() do; with kBadResponse for a status from 400 on that the node does not
  // accept, for an answer that is too long, broken, or no JSON where somebody leads into it. The
  // error's `retry` says whether the node's policy has it sent again. Once a call.
  [[nodiscard]] Task<Result<Answer>> Make(Scope& scope);

  // Nobody waits any more: ends the call at once. After the deadline that is the upstream's fault.
  void Stop();

 private:
  [[nodiscard]] Result<void> Prepare(Scope& scope);
  [[nodiscard]] Task<Result<Answer>> Exchanged();
  [[nodiscard]] Task<Result<void>> ReadBody(Response& response, Answer& answer);
  [[nodiscard]] Result<Answer> Judge(Answer answer, int status) const;
  [[nodiscard]] Error Explained(Error error) const;
  [[nodiscard]] bool Retries(config::RetryOn on, int status) const;

  FlowRun& run_;
  const FlowNode& node_;
  SteadyTime deadline_;
  std::uint64_t key_;
  Exchange* exchange_ = nullptr;
  bool is_stopped_ = false;
};

// Until when an attempt that begins now may take, with all its calls.
[[nodiscard]] SteadyTime AttemptDeadline(const FlowNode& node, const dag::Context& context);

// The body of a node: one call, or one for each element.
[[nodiscard]] dag::Work<FlowValue> CallNode(const FlowNode& node,
                                            dag::Context& context,
                                            dag::Inputs<FlowValue> inputs);

// What the engine asks of a failed attempt.
[[nodiscard]] bool IsWorthRetrying(const dag::NodeError& error);

}  // namespace sluice::gateway::flows
