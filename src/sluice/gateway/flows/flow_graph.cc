#include "sluice/gateway/flows/flow_graph.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "sluice/dag/described_plan.h"
#include "sluice/gateway/flows/flow_call.h"
#include "sluice/gateway/flows/flow_plan.h"
#include "sluice/gateway/flows/flow_reply.h"
#include "sluice/gateway/flows/flow_scope.h"

namespace sluice::gateway::flows {
namespace {

using Body = dag::DescribedBody<FlowValue>;

constexpr std::string_view kInput = "input";

// The budget of retries is the upstream's; the engine's own must not come before it.
constexpr double kJitter = 0.5;  // As a route's pauses: from half to the whole.
constexpr double kNoBudgetRatio = 1.0;
constexpr double kNoBudgetBurst = 10'000.0;

class GraphBuilder {
 public:
  explicit GraphBuilder(const FlowPlan& flow) : flow_(flow) {
    description_.name = flow.config().name;
    description_.output = {.node = std::string(FlowPlan::kResponseNode)};
  }

  Result<dag::Plan<FlowValue, FlowValue>> Build() {
    for (const FlowNode& node : flow_.nodes()) {
      AddCall(node);
      if (node.when) AddCondition(node);
    }
    AddResponse();
    std::expected<dag::Plan<FlowValue, FlowValue>, dag::PlanErrors> built =
        dag::BuildDescribed(description_);
    if (built) return std::move(*built);
    std::string text;
    for (const dag::PlanError& error : built.error())
      text += fmt::format("{}{}", text.empty() ? "" : "; ", error.message);
    return Fail(ErrorCode::kInvalidConfig, fmt::format("flow `{}`: {}", flow_.config().name, text));
  }

 private:
  // What others read of a node.
  [[nodiscard]] std::string ReadName(const std::string& name) const {
    const std::size_t index = flow_.NodeOf(name);
    const bool is_conditional = index != FlowPlan::kNoNode && flow_.nodes()[index].when;
    return is_conditional ? name + ".then" : name;
  }

  std::vector<dag::DescribedInput> InputsOf(const std::vector<std::string>& names) const {
    std::vector<dag::DescribedInput> inputs{{.node = std::string(kInput)}};
    for (const std::string& name : names)
      inputs.push_back({.node = ReadName(name)});
    return inputs;
  }

  static dag::Policy PolicyOf(const FlowNode& node) {
    const config::FlowNodeConfig& config = *node.config;
    dag::Policy policy;
    if (config.timeout > Nanos(0)) policy.timeout = config.timeout;
    if (config.hedge_after > Nanos(0)) policy.hedge_after = config.hedge_after;
    policy.idempotent = node.is_idempotent;
    if (config.retry) {
      policy.retry.max_attempts = static_cast<int>(config.retry->attempts);
      policy.retry.backoff = config.retry->backoff.base;
      policy.retry.backoff_max = config.retry->backoff.max;
      policy.retry.jitter = kJitter;
      policy.retry.budget_ratio = kNoBudgetRatio;
      policy.retry.budget_burst = kNoBudgetBurst;
      policy.retry.retry_if = &IsWorthRetrying;
    }
    return policy;
  }

  void AddCall(const FlowNode& node) {
    const config::FlowNodeConfig& config = *node.config;
    Body body;
    body.name = config.name;
    body.inputs = InputsOf(node.inputs);
    for (const std::string& earlier : config.after)
      body.after.push_back({.node = ReadName(earlier)});
    body.policy = PolicyOf(node);
    body.is_optional = config.optional;
    body.is_effect = config.effect && !node.when;
    body.call = [call = &node](dag::Context& context, dag::Inputs<FlowValue> inputs) {
      return CallNode(*call, context, inputs);
    };
    if (node.fallback != nullptr) {
      body.fallback = [answer = node.fallback](const dag::NodeError&) {
        return FlowValue{.answer = answer, .run = nullptr};
      };
    }
    description_.nodes.push_back(std::move(body));
  }

  void AddCondition(const FlowNode& node) {
    const std::string& name = node.config->name;
    Body condition;
    condition.name = name + ".when";
    condition.inputs = InputsOf(node.condition_inputs);
    condition.compute = [call = &node](dag::Inputs<FlowValue> inputs) -> Result<FlowValue> {
      FlowScope scope(*inputs[0].run, call->condition_inputs, inputs);
      return FlowValue{.answer = nullptr, .run = nullptr, .holds = call->when->Holds(scope)};
    };
    description_.nodes.push_back(std::move(condition));

    Body choice;
    choice.name = name + ".then";
    choice.inputs = {{.node = name + ".when"}, {.node = name}};
    choice.choose = [](const FlowValue& value) { return value.holds; };
    choice.is_effect = node.config->effect;
    description_.nodes.push_back(std::move(choice));
  }

  void AddResponse() {
    Body body;
    body.name = FlowPlan::kResponseNode;
    body.inputs = InputsOf(flow_.response().inputs);
    body.compute = [flow = &flow_](dag::Inputs<FlowValue> inputs) -> Result<FlowValue> {
      FlowScope scope(*inputs[0].run, flow->response().inputs, inputs);
      return RenderResponse(flow->response(), scope);
    };
    description_.nodes.push_back(std::move(body));
  }

  const FlowPlan& flow_;
  dag::PlanDescription<FlowValue> description_;
};

}  // namespace

Result<dag::Plan<FlowValue, FlowValue>> BuildGraph(const FlowPlan& flow) {
  return GraphBuilder(flow).Build();
}

}  // namespace sluice::gateway::flows
