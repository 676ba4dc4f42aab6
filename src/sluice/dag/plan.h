// Plan<In, Out>: what depends on what, built once. Immutable; copies share it; any thread may read.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/draft.h"
#include "sluice/dag/plan_error.h"
#include "sluice/dag/policy.h"

namespace sluice::dag {

template <typename In, typename Out>
class Plan {
 public:
  explicit Plan(std::shared_ptr<const CompiledPlan> compiled) : compiled_(std::move(compiled)) {}

  [[nodiscard]] const std::string& name() const { return compiled_->name; }
  [[nodiscard]] std::size_t node_count() const { return compiled_->node_count; }

  // The same plan with another policy of one node: for a reload. Fails with kUnknownInput when no
  // node has this name, or as Builder::Build().
  [[nodiscard]] PlanResult<Plan> WithPolicy(std::string_view node, Policy policy) const {
    auto changed = Recompile(*compiled_, node, std::move(policy));
    if (!changed) return std::unexpected(std::move(changed.error()));
    return Plan(std::move(*changed));
  }

  [[nodiscard]] const std::shared_ptr<const CompiledPlan>& compiled() const { return compiled_; }

 private:
  std::shared_ptr<const CompiledPlan> compiled_;
};

}  // namespace sluice::dag
