// FlowScope: what references stand for in one node of one run.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/dag/described_plan.h"
#include "sluice/gateway/flows/answer.h"
#include "sluice/gateway/flows/flow_run.h"
#include "sluice/gateway/flows/reference.h"

namespace sluice::gateway::flows {

// An element of for_each.
struct FlowItem {
  std::string_view json;
  std::size_t index = 0;
};

class FlowScope final : public Scope {
 public:
  // `names` are the nodes behind the first of `inputs`, which is the run's own. All must outlive
  // the scope.
  FlowScope(const FlowRun& run,
            const std::vector<std::string>& names,
            dag::Inputs<FlowValue> inputs,
            std::optional<FlowItem> item = std::nullopt)
      : run_(run), names_(names), inputs_(inputs), item_(item) {}

  Value ValueOf(const Reference& reference) override;

 private:
  [[nodiscard]] const Answer* AnswerOf(std::string_view node) const;
  [[nodiscard]] Value OfRequest(const Reference& reference);
  [[nodiscard]] Value OfNode(const Reference& reference);

  const FlowRun& run_;
  const std::vector<std::string>& names_;
  dag::Inputs<FlowValue> inputs_;
  std::optional<FlowItem> item_;
  std::string scratch_;
};

}  // namespace sluice::gateway::flows
