// How the function of a compute node is called without a coroutine around it. The inside of
// Builder::Compute.

#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/handles.h"
#include "sluice/dag/pool_call.h"
#include "sluice/dag/run_block.h"
#include "sluice/dag/work.h"

namespace sluice::dag::internal {

template <typename F, typename... H>
struct ComputeCall {
  using Shape = JobShape<F, ArgumentOf<H>...>;
  using Value = typename Shape::Value;

  template <std::size_t... I>
  static Result<Value> Invoke(const Step& step,
                              RunBlock& run,
                              JobContext& job,
                              std::index_sequence<I...>) {
    const auto& body = *static_cast<const PoolBody<F, ArgumentOf<H>...>*>(step.callable);
    return Shape::Invoke(body.body(), job, Reading<H>::Read(run, step.inputs[I])...);
  }

  static bool Call(const Step& step,
                   RunBlock& run,
                   JobContext& job,
                   void* place,
                   std::unique_ptr<NodeError>& failure) {
    try {
      Result<Value> returned = Invoke(step, run, job, std::index_sequence_for<H...>());
      if (!returned) {
        failure = std::make_unique<NodeError>(ErrorOfBody(std::move(returned.error())));
        return false;
      }
      if constexpr (!std::is_same_v<Value, Done>) ::new (place) Value(std::move(*returned));
      return true;
    } catch (...) {
      failure = std::make_unique<NodeError>(ErrorOfException(std::current_exception()));
      return false;
    }
  }

  static void Move(void* from, void* to) {
    if constexpr (!std::is_same_v<Value, Done>) {
      auto* const value = static_cast<Value*>(from);
      ::new (to) Value(std::move(*value));
      value->~Value();
    }
  }

  static constexpr ComputeCalls kCalls{
      .call = &Call, .move = &Move, .value_bytes = std::is_same_v<Value, Done> ? 0 : sizeof(Value)};
};

// Null for values that a lane has no room for; those nodes are jobs of the pool.
template <typename F, typename... H>
const ComputeCalls* ComputeCallsOf() {
  using Call = ComputeCall<F, H...>;
  if constexpr (alignof(typename Call::Value) > kLaneValueAlign) {
    return nullptr;
  } else {
    return &Call::kCalls;
  }
}

}  // namespace sluice::dag::internal
