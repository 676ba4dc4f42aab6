// PlanDraft: a plan under construction, without types. Builder and DescribedPlan write it,
// Compile() checks it and makes a CompiledPlan.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/dag/compiled_plan.h"
#include "sluice/dag/plan_error.h"
#include "sluice/dag/policy.h"

namespace sluice::dag {

struct InputDraft {
  std::uint16_t node = 0;
  EdgeKind kind = EdgeKind::kData;
  bool is_taken = false;  // Moved from by its reader.
};

// The policy of nodes that name none. One object, so that a plain node costs no copy.
[[nodiscard]] const std::shared_ptr<const Policy>& DefaultPolicy();

struct NodeDraft {
  std::string name;
  std::string note;
  std::string where;
  NodeKind kind = NodeKind::kPlain;
  // Shared by all nodes without one of their own.
  std::shared_ptr<const Policy> policy = DefaultPolicy();
  Step::Call call = nullptr;
  NodeRecord::Start start = nullptr;
  std::shared_ptr<const void> callable;
  std::vector<InputDraft> inputs;

  // Its value.
  std::size_t value_bytes = 0;
  std::size_t value_align = 1;
  NodeInfo::Destroy destroy = nullptr;
  void (*make_absent)(void* slot) = nullptr;  // Set: the node is optional.
  NodeInfo::MakeFallback fallback;
  bool is_effect = false;
  bool moves_selected = false;  // A When() whose value cannot be copied.

  // Streams: the slot is a channel.
  void (*construct)(void* slot, std::uint32_t capacity) = nullptr;
  std::uint32_t capacity = 0;
  void (*close_reader)(void* slot) = nullptr;
  void (*end_writer)(void* slot, const NodeError* error) = nullptr;

  // Of compute nodes.
  const ComputeCalls* compute = nullptr;
  WorkerPool* pool = nullptr;

  std::shared_ptr<const CompiledPlan> subplan;  // Of a node that is a plan itself.
};

class PlanDraft {
 public:
  explicit PlanDraft(std::string name) : name_(std::move(name)) {}

  // Returns the node's index. Problems are kept for Compile().
  std::uint16_t Add(NodeDraft node);

  // `later` starts only when `earlier` has ended, however it ended. Has no effect where the plan
  // does not run `earlier`.
  void After(std::uint16_t earlier, std::uint16_t later);

  // The first problem of all counts.
  void Complain(PlanErrorCode code, std::string node, std::string message);

  [[nodiscard]] NodeDraft& node(std::uint16_t index) { return nodes_[index]; }
  [[nodiscard]] const std::vector<NodeDraft>& nodes() const { return nodes_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint16_t Find(std::string_view name) const;  // kNoNode: there is none.
  // The first one; null: none so far.
  [[nodiscard]] const PlanError* problem() const {
    return problems_.empty() ? nullptr : &problems_.front();
  }

 private:
  std::string name_;
  std::vector<NodeDraft> nodes_;
  std::vector<PlanError> problems_;
};

// Checks the draft and lays it out for running. `output` is the node whose value a run gives.
[[nodiscard]] PlanResult<std::shared_ptr<const CompiledPlan>> Compile(
    std::shared_ptr<const PlanDraft> draft, std::uint16_t output, const PlanOptions& options);

// The same plan with another policy of node `name`; runs under way keep theirs. Fails with
// kUnknownInput, or as Compile().
[[nodiscard]] PlanResult<std::shared_ptr<const CompiledPlan>> Recompile(const CompiledPlan& plan,
                                                                        std::string_view name,
                                                                        Policy policy);

}  // namespace sluice::dag
