// Builder: writes a plan down in C++. Edges come from the handles that a node takes.
//
//   Builder<Order> b("checkout");
//   Output<User> user = b.Node("user", {.timeout = 80ms},
//       [&](Context& c, const Order& o) -> Work<User> { … }, b.input());
//   Output<Price> price = b.Node("price", [](const Order& o, const User& u) { … }, b.input(),
//   user); PlanResult<Plan<Order, Price>> plan = std::move(b).Build(price);
//
// A body is a plain function, which runs inline, or a coroutine that returns Work<T>; either may
// take a Context& first. It is called from many runs and loops at once, so it is called as const.
// A node takes handles that exist already: without After() a plan cannot hold a cycle. Mistakes
// are kept and told by Build().

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/contract/worker_pool.h"
#include "sluice/dag/body.h"
#include "sluice/dag/compute_call.h"
#include "sluice/dag/draft.h"
#include "sluice/dag/for_each.h"
#include "sluice/dag/handles.h"
#include "sluice/dag/plan.h"
#include "sluice/dag/pool_call.h"
#include "sluice/dag/subplan.h"

namespace sluice::dag {

struct StreamOptions {
  std::uint32_t capacity = 16;  // Items in the buffer, 1..65'536.
};

template <typename In>
class Builder {
 public:
  explicit Builder(std::string name) : draft_(std::make_shared<PlanDraft>(std::move(name))) {
    draft_->Add(internal::DraftInput<In>());
  }

  [[nodiscard]] Output<In> input() const { return {draft_.get(), 0}; }

  // A node with a value that its dependents need. Names are [A-Za-z0-9_.-]+.
  template <typename F, typename... H>
  auto Node(std::string_view name, const Policy& policy, F body, H... inputs) {
    using Body = internal::Body<F, H...>;
    return Output<typename Body::Value>{
        draft_.get(),
        Add<Body, internal::Absence::kForbidden>(name, std::make_shared<const Policy>(policy),
                                                 std::move(body), inputs...)};
  }
  template <typename F, typename... H>
    requires(!std::is_same_v<F, Policy>)
  auto Node(std::string_view name, F body, H... inputs) {
    using Body = internal::Body<F, H...>;
    return Output<typename Body::Value>{
        draft_.get(), Add<Body, internal::Absence::kForbidden>(name, DefaultPolicy(),
                                                               std::move(body), inputs...)};
  }

  // A node that may fail: its dependents get an empty optional then.
  template <typename F, typename... H>
  auto Optional(std::string_view name, const Policy& policy, F body, H... inputs) {
    using Body = internal::Body<F, H...>;
    return Output<std::optional<typename Body::Value>>{
        draft_.get(),
        Add<Body, internal::Absence::kAllowed>(name, std::make_shared<const Policy>(policy),
                                               std::move(body), inputs...)};
  }
  template <typename F, typename... H>
    requires(!std::is_same_v<F, Policy>)
  auto Optional(std::string_view name, F body, H... inputs) {
    return Optional(name, Policy{}, std::move(body), inputs...);
  }

  // What `node` has for a value when it fails, times out or is rejected. The function is plain;
  // what it throws is the node's failure then.
  template <typename T, typename F>
  void Fallback(Output<T> node, F make) {
    if (!Owns(node)) return;
    draft_->node(node.node).fallback = [make = std::move(make)](const NodeError& error,
                                                                void* slot) {
      if constexpr (std::is_same_v<T, Done>) {
        make(error);
      } else {
        ::new (slot) T(make(error));
      }
    };
  }

  // The node runs although the output does not need it; the result does not wait for it.
  template <typename T>
  void Effect(Output<T> node) {
    if (Owns(node)) draft_->node(node.node).is_effect = true;
  }

  // `later` starts only after `earlier` has ended, however it ended; no value passes. Does not make
  // `earlier` needed.
  template <typename A, typename B>
  void After(Output<A> earlier, Output<B> later) {
    if (Owns(earlier) && Owns(later)) draft_->After(earlier.node, later.node);
  }

  // One of two values. What only the other one needs never starts. Moves the value when this node
  // is its only reader, else copies it.
  template <typename T>
  Output<T> When(std::string_view name,
                 Output<bool> condition,
                 Output<T> then,
                 Output<T> otherwise) {
    NodeDraft node = internal::DraftSelect<T>(name);
    internal::AddInputs(*draft_, node, condition, then, otherwise);
    return {draft_.get(), draft_->Add(std::move(node))};
  }

  // `body(Context&, const E&)` for every element of the vector `list`, at most `max_parallel` at
  // once; the results are in the order of the list. kFailFast: one failure stops the others and is
  // the node's; kCollect: a std::vector<Result<R>>.
  template <ItemFailure kFailure = ItemFailure::kFailFast, typename L, typename F>
  auto ForEach(std::string_view name,
               const Policy& policy,
               const ForEachOptions& options,
               Output<L> list,
               F body) {
    if (options.max_parallel < 1) {
      draft_->Complain(PlanErrorCode::kBadPolicy, std::string(name), "max_parallel is below 1");
    }
    const Output out =
        Node(name, policy, ForEachBody<L, F, kFailure>(options, std::move(body)), list);
    if (Owns(out)) draft_->node(out.node).note = "for_each";
    return out;
  }

  // A plan as a node. Its runs get this run's deadline; its failures are called "name/node".
  template <typename InnerIn, typename InnerOut>
  Output<InnerOut> Subplan(std::string_view name,
                           const Policy& policy,
                           const Plan<InnerIn, InnerOut>& plan,
                           Output<InnerIn> input) {
    const Output<InnerOut> out = Node(name, policy, SubplanBody<InnerIn, InnerOut>(), input);
    if (Owns(out)) {
      draft_->node(out.node).subplan = plan.compiled();
      draft_->node(out.node).note = "plan";
    }
    return out;
  }

  // A plain function on a thread of `pool`, which must outlive all runs. It may take a
  // JobContext& first. A full queue rejects it; the time in the queue counts.
  template <typename F, typename... H>
  auto Blocking(
      std::string_view name, const Policy& policy, WorkerPool& pool, F body, H... inputs) {
    const Output out = Node(
        name, policy, PoolBody<F, internal::ArgumentOf<H>...>(pool, std::move(body)), inputs...);
    if (Owns(out)) draft_->node(out.node).note = "pool";
    return out;
  }

  // A plain function that computes, for as long as it likes: calls that have turned out cheap are
  // made by the loop and by threads of `pool` together, others are jobs of the pool, as Blocking()
  // has it (ComputeOptions). It may be called on any thread, and must not block.
  template <typename F, typename... H>
  auto Compute(std::string_view name, const Policy& policy, WorkerPool& pool, F body, H... inputs) {
    static_assert(((internal::Reading<H>::kEdge == EdgeKind::kData) && ...),
                  "a stream is read on its loop; a compute node is not");
    const Output out =
        Node(name, policy,
             PoolBody<F, internal::ArgumentOf<H>...>(pool, std::move(body), PoolUse::kCompute),
             inputs...);
    if (Owns(out)) {
      draft_->node(out.node).note = "compute";
      draft_->node(out.node).compute = internal::ComputeCallsOf<F, H...>();
      draft_->node(out.node).pool = &pool;
    }
    return out;
  }

  // A node that gives many values while it runs: `body(Context&, StreamWriter<T>&, inputs…)`
  // returns Work<void> or Work<Done>. Exactly one node reads the stream; it starts when the writer
  // does.
  template <typename T, typename F, typename... H>
  StreamOutput<T> Stream(std::string_view name,
                         const Policy& policy,
                         const StreamOptions& options,
                         F body,
                         H... inputs) {
    using Body = internal::WriterBody<T, F, H...>;
    NodeDraft node = internal::DraftNode<Body, internal::Absence::kForbidden>(
        name, std::make_shared<const Policy>(policy), internal::Keep(std::move(body)));
    internal::MakeStream<T>(node, options.capacity);
    internal::AddInputs(*draft_, node, inputs...);
    const std::uint16_t index = draft_->Add(std::move(node));
    return {draft_.get(), index};
  }

  // The plan whose runs give the value of `output`. Fails with the first mistake.
  template <typename Out>
  [[nodiscard]] PlanResult<Plan<In, Out>> Build(Output<Out> output,
                                                const PlanOptions& options = {}) && {
    if (!Owns(output)) return std::unexpected(*draft_->problem());
    auto compiled = Compile(std::move(draft_), output.node, options);
    if (!compiled) return std::unexpected(std::move(compiled.error()));
    return Plan<In, Out>(std::move(*compiled));
  }

 private:
  template <typename H>
  bool Owns(const H& handle) {
    return internal::Owns(*draft_, handle);
  }

  template <typename Body, internal::Absence kAbsence, typename F, typename... H>
  std::uint16_t Add(std::string_view name,
                    std::shared_ptr<const Policy> policy,
                    F body,
                    H... inputs) {
    NodeDraft node = internal::DraftNode<Body, kAbsence>(name, std::move(policy),
                                                         internal::Keep(std::move(body)));
    internal::AddInputs(*draft_, node, inputs...);
    return draft_->Add(std::move(node));
  }

  std::shared_ptr<PlanDraft> draft_;
};

}  // namespace sluice::dag
