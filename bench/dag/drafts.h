// Our side: plans of the shapes, made without the typed builder, whose arguments are fixed in
// number.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/dag/shapes.h"
#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/dag/body.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/runner_state.h"

namespace dag_bench {

using PlanPointer = std::shared_ptr<const sluice::dag::CompiledPlan>;

// `body` is a plain function or a coroutine of a Context&; its inputs are only waited for.
template <typename F>
PlanPointer PlanOf(const Shape& shape,
                   F body,
                   const sluice::dag::Policy& policy = {},
                   const sluice::dag::PlanOptions& options = {}) {
  using Body = sluice::dag::internal::Body<F>;
  auto draft = std::make_shared<sluice::dag::PlanDraft>("bench");
  draft->Add(sluice::dag::internal::DraftInput<sluice::dag::Done>());
  const auto shared_policy = std::make_shared<const sluice::dag::Policy>(policy);
  const auto callable = std::make_shared<const F>(std::move(body));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    auto node = sluice::dag::internal::DraftNode<Body, sluice::dag::internal::Absence::kForbidden>(
        fmt::format("n{}", i), shared_policy, callable);
    for (const std::uint16_t input : shape[i]) {
      node.inputs.push_back({.node = static_cast<std::uint16_t>(input + 1)});
    }
    draft->Add(std::move(node));
  }
  auto plan = sluice::dag::Compile(draft, static_cast<std::uint16_t>(shape.size()), options);
  SLUICE_ASSERT(plan.has_value());
  return *plan;
}

// As PlanOf, of compute nodes.
template <typename F>
PlanPointer ComputePlanOf(const Shape& shape, sluice::WorkerPool& pool, F body) {
  using Body = sluice::dag::PoolBody<F>;
  auto draft = std::make_shared<sluice::dag::PlanDraft>("bench");
  draft->Add(sluice::dag::internal::DraftInput<sluice::dag::Done>());
  const auto callable =
      std::make_shared<const Body>(pool, std::move(body), sluice::dag::PoolUse::kCompute);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    auto node = sluice::dag::internal::DraftNode<sluice::dag::internal::Body<Body>,
                                                 sluice::dag::internal::Absence::kForbidden>(
        fmt::format("n{}", i), sluice::dag::DefaultPolicy(), callable);
    node.compute = sluice::dag::internal::ComputeCallsOf<F>();
    node.pool = &pool;
    for (const std::uint16_t input : shape[i]) {
      node.inputs.push_back({.node = static_cast<std::uint16_t>(input + 1)});
    }
    draft->Add(std::move(node));
  }
  auto plan = sluice::dag::Compile(draft, static_cast<std::uint16_t>(shape.size()), {});
  SLUICE_ASSERT(plan.has_value());
  return *plan;
}

// A run from its allocation to its end.
inline void RunOnce(sluice::dag::RunnerState& runner, const sluice::dag::RunOptions& options) {
  sluice::dag::RunBlock& run = runner.Allocate(options);
  runner.Launch(run);
  SLUICE_ASSERT(run.has_ended());
  run.LetGo();
}

}  // namespace dag_bench
