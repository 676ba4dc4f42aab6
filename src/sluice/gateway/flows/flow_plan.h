// FlowPlan: a flow of the configuration, compiled: templates, conditions, and the plan of its
// calls.
//
// Immutable; shared by all loops. The bodies of its plan point into it, so a run holds the snapshot
// that has it.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/dag/plan.h"
#include "sluice/gateway/config/flow_config.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/condition.h"
#include "sluice/gateway/flows/json_body.h"
#include "sluice/gateway/flows/reference.h"
#include "sluice/gateway/flows/text_template.h"

namespace sluice::gateway::flows {

using NamedTemplates = std::vector<std::pair<std::string, TextTemplate>>;

struct FlowNode {
  const config::FlowNodeConfig* config = nullptr;  // Of the plan's own FlowConfig.
  std::size_t index = 0;                           // Among the nodes.
  std::size_t upstream = 0;                        // Index into Snapshot::upstreams.
  TextTemplate path;
  NamedTemplates query;
  NamedTemplates headers;
  std::optional<JsonBody> body;
  std::optional<Condition> when;
  std::optional<Reference> items;             // Of for_each.
  std::vector<std::string> inputs;            // Nodes that its call reads, in the plan's order.
  std::vector<std::string> condition_inputs;  // Nodes that `when` reads.
  bool is_idempotent = false;
  bool wants_json = false;                  // Somebody leads into its body.
  std::vector<std::string> wanted_headers;  // That somebody asks for.
  std::shared_ptr<const Answer> fallback;   // Null: none.
};

struct FlowResponse {
  const config::FlowResponseConfig* config = nullptr;
  TextTemplate status;
  NamedTemplates headers;
  std::optional<JsonBody> body;
  std::vector<std::string> inputs;
};

class FlowPlan {
 public:
  static constexpr std::size_t kNoNode = static_cast<std::size_t>(-1);
  static constexpr std::string_view kResponseNode = "response";

  // `upstreams` in the order of the snapshot. Fails with kInvalidConfig for what the loader should
  // have refused.
  static Result<std::shared_ptr<const FlowPlan>> Create(const config::FlowConfig& config,
                                                        const std::vector<std::string>& upstreams);

  FlowPlan(const FlowPlan&) = delete;
  FlowPlan& operator=(const FlowPlan&) = delete;

  [[nodiscard]] const config::FlowConfig& config() const { return config_; }
  [[nodiscard]] const std::vector<FlowNode>& nodes() const { return nodes_; }
  [[nodiscard]] const FlowResponse& response() const { return response_; }
  [[nodiscard]] const dag::Plan<FlowValue, FlowValue>& plan() const { return *plan_; }
  [[nodiscard]] bool needs_request_body() const { return needs_request_body_; }
  [[nodiscard]] const std::vector<std::string>& request_headers() const { return request_headers_; }
  [[nodiscard]] const std::vector<std::string>& captures() const { return captures_; }

  // Which node of the flow a node of the plan works for: conditions work for the call that they
  // decide about. kNoNode for the response.
  [[nodiscard]] std::size_t NodeOf(std::string_view plan_node) const;

 private:
  friend class FlowCompiler;
  explicit FlowPlan(const config::FlowConfig& config) : config_(config) {}

  config::FlowConfig config_;
  std::vector<FlowNode> nodes_;
  FlowResponse response_;
  std::vector<std::string> request_headers_;
  std::vector<std::string> captures_;
  bool needs_request_body_ = false;
  std::optional<dag::Plan<FlowValue, FlowValue>> plan_;
};

}  // namespace sluice::gateway::flows
