// DescribedPlan: a plan made of names instead of handles, for flows that are read from a file.
//
// All values are of one opaque type, JSON in the gateway; `type` words are compared when the plan
// is built. Nodes may be described in any order. Every mistake of names and types is told at once,
// each with its code and its place.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/dag/body.h"
#include "sluice/dag/draft.h"
#include "sluice/dag/plan.h"
#include "sluice/dag/pool_call.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

inline constexpr std::string_view kAnyType = "any";

struct DescribedInput {
  std::string node;          // By name; "input" is the input of the run.
  std::string type = "any";  // What the reader expects; "any" takes everything.
  std::string where = {};    // "flows.yaml:12:5", for messages.
};

// What of a node does not depend on the type of values.
struct DescribedNode {
  std::string name;
  std::string where = {};
  std::string type = "any";  // Of its value; "any" fits everywhere.
  std::vector<DescribedInput> inputs = {};
  std::vector<DescribedInput> after = {};  // Only their ends are waited for.
  Policy policy = {};
  bool is_optional = false;  // Its failure gives a default-constructed value.
  bool is_effect = false;
};

// The inputs of a node under way, in the order of its description. Valid while the node runs.
template <typename Value>
class Inputs {
 public:
  Inputs(RunBlock& run, std::uint16_t node) : run_(&run), node_(node) {}
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(run_->plan().info[node_].arguments);
  }
  [[nodiscard]] const Value& operator[](std::size_t index) const {
    return *static_cast<const Value*>(run_->slot(run_->plan().nodes[node_].step.inputs[index]));
  }

 private:
  RunBlock* run_;
  std::uint16_t node_;
};

// A node with its body: exactly one of `call`, `compute` and `choose` is set.
template <typename Value>
struct DescribedBody : DescribedNode {
  std::function<Work<Value>(Context&, Inputs<Value>)> call = {};
  // A plain function; on a thread of `pool` when there is one.
  std::function<Result<Value>(Inputs<Value>)> compute = {};
  WorkerPool* pool = nullptr;
  // Chooses between inputs 1 (true) and 2 (false) by input 0; without input 2 the value is a
  // default-constructed one. What only the other side needs never starts.
  std::function<bool(const Value&)> choose = {};
  std::function<Value(const NodeError&)> fallback = {};
};

template <typename Value>
struct PlanDescription {
  std::string name;
  std::string input_type = "any";
  DescribedInput output;
  PlanOptions options = {};
  std::vector<DescribedBody<Value>> nodes = {};
};

using PlanErrors = std::vector<PlanError>;

namespace internal {

// Which node each name of a description is.
class NameTable {
 public:
  NameTable(std::string_view input_type, std::vector<const DescribedNode*> nodes);

  // kNoNode, and a problem noted, when there is none of this name or it has another type.
  std::uint16_t Resolve(const DescribedNode* reader, const DescribedInput& input);

  [[nodiscard]] PlanErrors& problems() { return problems_; }

 private:
  [[nodiscard]] std::uint16_t Find(std::string_view name) const;

  std::string_view input_type_;
  std::vector<const DescribedNode*> nodes_;
  PlanErrors problems_;
};

template <typename Value>
struct DescribedCall {
  std::function<Work<Value>(Context&, Inputs<Value>)> call;
  static void Start(const NodeRecord& node, Context& context, WorkOwner& owner) {
    std::optional<Work<Value>> work;
    try {
      const auto& self = *static_cast<const DescribedCall*>(node.step.callable);
      work.emplace(self.call(context, Inputs<Value>(context.run(), node.step.node)));
    } catch (...) {
      owner.FailWithException();
      owner.finished(owner);
      return;
    }
    std::move(*work).Start(owner);
  }
};

template <typename Value>
struct DescribedCompute {
  std::function<Result<Value>(Inputs<Value>)> compute;
  static bool Call(const Step& step, RunBlock& run) {
    try {
      const auto& self = *static_cast<const DescribedCompute*>(step.callable);
      Result<Value> value = self.compute(Inputs<Value>(run, step.node));
      if (!value) {
        run.Failed(std::move(value.error()));
        return false;
      }
      ::new (run.slot(step.slot)) Value(std::move(*value));
      return true;
    } catch (...) {
      run.FailedWithException();
      return false;
    }
  }
};

// The condition of a choice: a node of its own, before the choosing one.
template <typename Value>
struct DescribedCondition {
  std::function<bool(const Value&)> choose;
  static bool Call(const Step& step, RunBlock& run) {
    try {
      const auto& self = *static_cast<const DescribedCondition*>(step.callable);
      ::new (run.slot(step.slot)) bool(self.choose(Inputs<Value>(run, step.node)[0]));
      return true;
    } catch (...) {
      run.FailedWithException();
      return false;
    }
  }
};

template <typename Value>
class Describer {
 public:
  explicit Describer(const PlanDescription<Value>& description)
      : description_(description),
        draft_(std::make_shared<PlanDraft>(description.name)),
        names_(description.input_type, Heads()) {}

  std::expected<Plan<Value, Value>, PlanErrors> Build() {
    draft_->Add(DraftInput<Value>());
    for (const DescribedBody<Value>& node : description_.nodes)
      draft_->Add(DraftOf(node));
    for (std::uint16_t i = 0; i < description_.nodes.size(); ++i) {
      Connect(description_.nodes[i], static_cast<std::uint16_t>(i + 1));
    }
    const std::uint16_t output = names_.Resolve(nullptr, description_.output);
    if (!names_.problems().empty()) return std::unexpected(std::move(names_.problems()));
    auto compiled = Compile(std::move(draft_), output, description_.options);
    if (!compiled) return std::unexpected(PlanErrors{std::move(compiled.error())});
    return Plan<Value, Value>(std::move(*compiled));
  }

 private:
  [[nodiscard]] std::vector<const DescribedNode*> Heads() const {
    std::vector<const DescribedNode*> heads;
    for (const DescribedBody<Value>& node : description_.nodes)
      heads.push_back(&node);
    return heads;
  }

  NodeDraft DraftOf(const DescribedBody<Value>& node) {
    NodeDraft draft;
    if (node.choose) {
      draft = DraftSelect<Value>(node.name);
    } else if (node.call) {
      draft.kind = NodeKind::kAsync;
      draft.note = "async";
      draft.start = &DescribedCall<Value>::Start;
      draft.callable = std::make_shared<const DescribedCall<Value>>(node.call);
    } else if (node.pool != nullptr) {
      draft.kind = NodeKind::kAsync;
      draft.note = "pool";
      draft.start = &DescribedCall<Value>::Start;
      draft.callable = std::make_shared<const DescribedCall<Value>>(OnPool(node));
    } else {
      draft.call = &DescribedCompute<Value>::Call;
      draft.callable = std::make_shared<const DescribedCompute<Value>>(node.compute);
    }
    draft.name = node.name;
    draft.where = node.where;
    draft.policy = std::make_shared<const Policy>(node.policy);
    draft.is_effect = node.is_effect;
    DescribeValue<Value>(draft);
    if (node.fallback) {
      draft.fallback = [make = node.fallback](const NodeError& error, void* slot) {
        ::new (slot) Value(make(error));
      };
    } else if (node.is_optional) {
      draft.fallback = [](const NodeError&, void* slot) { ::new (slot) Value(); };
    }
    return draft;
  }

  // The coroutine of a function that blocks; the plan keeps function and pool.
  static DescribedCall<Value> OnPool(const DescribedBody<Value>& node) {
    const auto body = std::make_shared<
        const PoolBody<std::function<Result<Value>(Inputs<Value>)>, Inputs<Value>>>(*node.pool,
                                                                                    node.compute);
    return {[body](Context& context, Inputs<Value> inputs) { return (*body)(context, inputs); }};
  }

  void Connect(const DescribedBody<Value>& node, std::uint16_t index) {
    std::vector<InputDraft> inputs;
    for (const DescribedInput& input : node.inputs) {
      const std::uint16_t from = names_.Resolve(&node, input);
      if (from != kNoNode) inputs.push_back({.node = from});
    }
    if (node.choose && inputs.size() == node.inputs.size()) inputs = Choice(node, inputs);
    draft_->node(index).inputs = std::move(inputs);
    for (const DescribedInput& earlier : node.after) {
      const std::uint16_t from = names_.Resolve(&node, earlier);
      if (from != kNoNode) draft_->After(from, index);
    }
  }

  std::vector<InputDraft> Choice(const DescribedBody<Value>& node, std::vector<InputDraft> inputs) {
    if (inputs.size() < 2 || inputs.size() > 3) {
      draft_->Complain(PlanErrorCode::kUnknownInput, node.name,
                       "a choice has a condition and one or two sides");
      return {};
    }
    NodeDraft condition;
    condition.name = node.name + ".condition";
    condition.call = &DescribedCondition<Value>::Call;
    condition.callable = std::make_shared<const DescribedCondition<Value>>(node.choose);
    DescribeValue<bool>(condition);
    condition.inputs = {inputs[0]};
    inputs[0] = {.node = draft_->Add(std::move(condition))};
    if (inputs.size() == 2) {
      NodeDraft absent;
      absent.name = node.name + ".absent";
      absent.call = &DescribedCompute<Value>::Call;
      absent.callable = std::make_shared<const DescribedCompute<Value>>(
          [](Inputs<Value>) -> Result<Value> { return Value(); });
      DescribeValue<Value>(absent);
      inputs.push_back({.node = draft_->Add(std::move(absent))});
    }
    return inputs;
  }

  const PlanDescription<Value>& description_;
  std::shared_ptr<PlanDraft> draft_;
  NameTable names_;
};

}  // namespace internal

// Makes the plan, or tells every unknown name and mismatched type, or else the first other mistake:
// a cycle ("cycle: a -> b -> c -> a", with the places), a name used twice, a bad policy.
template <typename Value>
[[nodiscard]] std::expected<Plan<Value, Value>, PlanErrors> BuildDescribed(
    const PlanDescription<Value>& description) {
  static_assert(std::is_default_constructible_v<Value>);
  return internal::Describer<Value>(description).Build();
}

}  // namespace sluice::dag
