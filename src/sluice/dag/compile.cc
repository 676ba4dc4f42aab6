// From a draft to what the engine runs: which nodes are needed, in which order, cut into which
// units, laid out where.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "sluice/dag/draft.h"
#include "sluice/dag/draft_check.h"
#include "sluice/dag/run_block.h"

namespace sluice::dag {
namespace {

class Compiler {
 public:
  Compiler(const PlanDraft& draft, CompiledPlan& plan) : drafts_(draft.nodes()), plan_(plan) {}

  void Run() {
    FindNeeded();
    CountReaders();
    DescribeNodes();
    for (std::uint16_t node = 0; node < drafts_.size(); ++node)
      DescribeSelect(node);
    LinkInputs();
    LinkDependents();
    CutIntoUnits();
    MakeSteps();
    MakeEdges();
    LayOut();
  }

 private:
  static constexpr std::uint16_t kNoUnit = 0xffff;

  // What the output and the effects need, perhaps without one edge of a When().
  [[nodiscard]] std::vector<bool> Reached(std::uint16_t without_node,
                                          std::size_t without_input) const {
    std::vector<bool> reached(drafts_.size());
    reached[plan_.output] = true;
    for (std::size_t i = plan_.order.size(); i-- > 0;) {
      const std::uint16_t node = plan_.order[i];
      if (drafts_[node].is_effect) reached[node] = true;
      if (!reached[node]) continue;
      const std::vector<InputDraft>& inputs = drafts_[node].inputs;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (node == without_node && k == without_input) continue;
        if (inputs[k].kind != EdgeKind::kOrder) reached[inputs[k].node] = true;
      }
    }
    reached[0] = true;
    return reached;
  }

  void FindNeeded() { needed_ = Reached(kNoNode, 0); }

  void CountReaders() {
    readers_.assign(drafts_.size(), 0);
    ++readers_[plan_.output];
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (!needed_[i]) continue;
      for (const InputDraft& input : drafts_[i].inputs) {
        if (input.kind == EdgeKind::kData) ++readers_[input.node];
      }
    }
  }

  void DescribeNodes() {
    plan_.nodes.resize(drafts_.size());
    plan_.info.resize(drafts_.size());
    plan_.first_states.assign(drafts_.size(), static_cast<std::uint8_t>(NodeState::kNotNeeded));
    for (std::uint16_t i = 0; i < drafts_.size(); ++i) {
      DescribeNode(i);
      if (needed_[i]) plan_.first_states[i] = static_cast<std::uint8_t>(NodeState::kPending);
    }
    plan_.first_states[0] = static_cast<std::uint8_t>(NodeState::kSucceeded);
  }

  void DescribeNode(std::uint16_t index) {
    const NodeDraft& draft = drafts_[index];
    NodeInfo& info = plan_.info[index];
    info.name = draft.name;
    info.note = draft.note;
    info.policy = draft.policy.get();
    info.fallback = draft.fallback ? &draft.fallback : nullptr;
    info.make_absent = draft.make_absent;
    info.destroy = draft.destroy;
    info.close_reader = draft.close_reader;
    info.end_writer = draft.end_writer;
    info.subplan = draft.subplan.get();
    info.compute = draft.compute;
    info.pool = draft.pool;
    NodeRecord& node = plan_.nodes[index];
    const Policy& policy = *draft.policy;
    node.start = draft.start;
    node.step.call = draft.call;
    node.step.callable = draft.callable.get();
    node.step.node = index;
    node.timeout = policy.timeout;
    node.min_budget = policy.min_budget;
    node.kind = draft.kind;
    node.is_managed = !policy.guards.empty() || policy.retry.max_attempts > 1 ||
                      policy.hedge_after != Nanos::max() || policy.attempt_timeout != Nanos::max();
    node.is_compute = draft.compute != nullptr && !node.is_managed;
    plan_.has_compute = plan_.has_compute || node.is_compute;
    node.is_optional = draft.make_absent != nullptr;
    node.is_effect = draft.is_effect;
    node.never_once_started = policy.cancel == CancelMode::kNeverOnceStarted;
    node.has_streams = draft.construct != nullptr ||
                       std::ranges::any_of(draft.inputs, [](const InputDraft& input) {
                         return input.kind == EdgeKind::kStream;
                       });
  }

  // Nodes that one side alone needs wait for the condition too.
  void DescribeSelect(std::uint16_t index) {
    const NodeDraft& draft = drafts_[index];
    if (draft.kind != NodeKind::kSelect || !needed_[index]) return;
    SelectRecord select{.node = index,
                        .condition = draft.inputs[0].node,
                        .then = draft.inputs[1].node,
                        .otherwise = draft.inputs[2].node,
                        .only_then = OnlySide(index, 1),
                        .only_otherwise = OnlySide(index, 2)};
    for (const std::vector<std::uint16_t>& side : {select.only_then, select.only_otherwise}) {
      for (const std::uint16_t node : side) {
        const bool is_first =
            std::ranges::none_of(drafts_[node].inputs, [&](const InputDraft& input) {
              return input.kind != EdgeKind::kOrder && std::ranges::binary_search(side, input.node);
            });
        if (!is_first) continue;
        controls_.push_back({.node = node, .condition = select.condition});
      }
    }
    plan_.info[index].select = static_cast<std::uint16_t>(plan_.selects.size());
    plan_.selects.push_back(std::move(select));
  }

  [[nodiscard]] std::vector<std::uint16_t> OnlySide(std::uint16_t select, std::size_t input) const {
    const std::vector<bool> others = Reached(select, input);
    std::vector<std::uint16_t> only;
    for (std::uint16_t node = 0; node < drafts_.size(); ++node) {
      if (needed_[node] && !others[node]) only.push_back(node);
    }
    return only;
  }

  void LinkInputs() {
    std::size_t edges = controls_.size();
    for (const NodeDraft& draft : drafts_)
      edges += draft.inputs.size();
    plan_.input_edges.reserve(edges);  // So that the spans stay valid.
    for (std::uint16_t node = 0; node < drafts_.size(); ++node) {
      const std::size_t first = plan_.input_edges.size();
      if (needed_[node]) AddInputs(node);
      plan_.info[node].inputs = std::span(plan_.input_edges).subspan(first);
    }
  }

  void AddInputs(std::uint16_t node) {
    for (const InputDraft& input : drafts_[node].inputs) {
      if (!needed_[input.node]) continue;  // Order-only, so it means nothing here.
      plan_.input_edges.push_back(
          {.other = input.node, .kind = input.kind, .is_only_reader = readers_[input.node] == 1});
    }
    for (const Control& control : controls_) {
      if (control.node != node) continue;
      plan_.input_edges.push_back({.other = control.condition, .kind = EdgeKind::kControl});
    }
  }

  void LinkDependents() {
    std::vector<std::uint32_t> rows(drafts_.size() + 1);
    for (const NodeEdge& input : plan_.input_edges)
      ++rows[input.other + 1U];
    for (std::size_t i = 1; i < rows.size(); ++i)
      rows[i] += rows[i - 1];
    plan_.dependent_edges.resize(plan_.input_edges.size());
    const std::span<const NodeEdge> all(plan_.dependent_edges);
    for (std::size_t node = 0; node < drafts_.size(); ++node) {
      plan_.info[node].dependents = all.subspan(rows[node], rows[node + 1] - rows[node]);
    }
    for (std::uint16_t node = 0; node < drafts_.size(); ++node) {
      for (const NodeEdge& input : plan_.info[node].inputs) {
        plan_.dependent_edges[rows[input.other]++] = {.other = node, .kind = input.kind};
      }
    }
  }

  [[nodiscard]] bool IsSwept(std::uint16_t node) const {
    return plan_.nodes[node].kind == NodeKind::kPlain && !plan_.nodes[node].is_managed;
  }

  // A plain function joins the region of its inputs when they all are of one region; one without
  // inputs joins the region that begins the run.
  void CutIntoUnits() {
    unit_of_.assign(drafts_.size(), kNoUnit);
    std::uint16_t first_region = kNoUnit;
    for (const std::uint16_t node : plan_.order) {
      if (node == 0 || !needed_[node]) continue;
      std::uint16_t joins = kNoUnit;
      bool waits = false;
      if (IsSwept(node) && plan_.options.fusion == Fusion::kFuse) {
        joins = RegionOfInputs(node, waits);
        if (!waits) joins = first_region;
      }
      if (joins == kNoUnit) {
        joins = static_cast<std::uint16_t>(plan_.units.size());
        plan_.units.push_back(
            {.head = node, .is_async = plan_.nodes[node].kind == NodeKind::kAsync});
        if (IsSwept(node) && !waits) first_region = joins;
      }
      unit_of_[node] = joins;
      if (IsSwept(node) || plan_.nodes[node].kind == NodeKind::kSelect) ++plan_.units[joins].steps;
    }
  }

  // kNoUnit when they are of several, or not all of values of one region.
  [[nodiscard]] std::uint16_t RegionOfInputs(std::uint16_t node, bool& waits) const {
    std::uint16_t region = kNoUnit;
    for (const NodeEdge& input : plan_.info[node].inputs) {
      if (input.other == 0) continue;
      const std::uint16_t unit = unit_of_[input.other];
      const bool fits = input.kind == EdgeKind::kData && IsSwept(input.other);
      if (!fits || (waits && unit != region)) {
        waits = true;
        return kNoUnit;
      }
      region = unit;
      waits = true;
    }
    return region;
  }

  void MakeSteps() {
    std::uint32_t next = 0;
    for (Unit& unit : plan_.units) {
      unit.first_step = next;
      next += unit.steps;
    }
    plan_.steps.resize(next);
    std::vector<std::uint32_t> filled;
    for (const Unit& unit : plan_.units)
      filled.push_back(unit.first_step);
    step_of_.assign(drafts_.size(), UINT32_MAX);
    for (const std::uint16_t node : plan_.order) {
      if (unit_of_[node] == kNoUnit || plan_.units[unit_of_[node]].steps == 0) continue;
      step_of_[node] = filled[unit_of_[node]]++;
    }
  }

  void MakeEdges() {
    for (std::uint16_t node = 0; node < drafts_.size(); ++node)
      CountWaits(node);
    for (std::uint16_t node = 0; node < drafts_.size(); ++node) {
      plan_.edge_rows.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
      if (node != 0 && needed_[node]) EdgesOf(node);
    }
    plan_.edge_rows.push_back(static_cast<std::uint32_t>(plan_.edges.size()));
    for (std::uint16_t unit = 0; unit < plan_.units.size(); ++unit) {
      plan_.first_counts.push_back(plan_.units[unit].waits_for);
      if (plan_.units[unit].waits_for > 1) plan_.has_counts = true;
      if (plan_.units[unit].waits_for == 0) plan_.roots.push_back(unit);
    }
    for (Unit& unit : plan_.units) {
      unit.first_edge = plan_.edge_rows[unit.head];
      unit.end_edge = plan_.edge_rows[unit.head + 1U];
      const auto begin = plan_.edges.begin() + unit.first_edge;
      unit.is_simple =
          unit.steps == 1 && unit.head != plan_.output &&
          std::none_of(begin, plan_.edges.begin() + unit.end_edge,
                       [](std::uint32_t edge) { return (edge & UnitEdge::kSpecial) != 0; });
    }
    std::ranges::sort(plan_.roots, {}, [&](std::uint16_t unit) {
      return std::pair(!plan_.units[unit].is_async, plan_.units[unit].head);
    });
    plan_.async_roots = static_cast<std::uint16_t>(std::ranges::count_if(
        plan_.roots, [&](std::uint16_t unit) { return plan_.units[unit].is_async; }));
  }

  void CountWaits(std::uint16_t node) {
    if (unit_of_[node] == kNoUnit || plan_.units[unit_of_[node]].head != node) return;
    Unit& unit = plan_.units[unit_of_[node]];
    const bool selects = plan_.nodes[node].kind == NodeKind::kSelect;
    if (selects) unit.waits_for = 1;  // Its condition and what that chooses are one edge.
    for (const NodeEdge& input : plan_.info[node].inputs) {
      if (input.other != 0 && !(selects && input.kind == EdgeKind::kData)) ++unit.waits_for;
    }
  }

  // Edges that decide a When() come first: what they skip must not start.
  void EdgesOf(std::uint16_t node) {
    const std::size_t first = plan_.edges.size();
    if (!plan_.selects.empty()) {
      for (const NodeEdge& edge : plan_.info[node].dependents) {
        if (Decides(node, edge)) AddEdge(first, BitsOf(edge) | UnitEdge::kCondition);
      }
    }
    for (const NodeEdge& edge : plan_.info[node].dependents) {
      const Unit& unit = plan_.units[unit_of_[edge.other]];
      if (unit.head != edge.other) continue;  // Within a region the sweep keeps the order.
      if (edge.kind != EdgeKind::kData || plan_.nodes[edge.other].kind != NodeKind::kSelect) {
        plan_.edges.push_back(BitsOf(edge));
      } else if (!Decides(node, edge)) {
        AddEdge(first, BitsOf(edge) | UnitEdge::kBranch);
      }
    }
  }

  [[nodiscard]] bool Decides(std::uint16_t node, const NodeEdge& edge) const {
    const std::uint16_t select = plan_.info[edge.other].select;
    return edge.kind == EdgeKind::kData && select != kNoNode &&
           plan_.selects[select].condition == node;
  }

  // A When() hears of a node once, however often it reads it.
  void AddEdge(std::size_t first, std::uint32_t bits) {
    const auto begin = plan_.edges.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::find(begin, plan_.edges.end(), bits) == plan_.edges.end()) plan_.edges.push_back(bits);
  }

  [[nodiscard]] std::uint32_t BitsOf(const NodeEdge& edge) const {
    std::uint32_t bits = unit_of_[edge.other];
    const Unit& unit = plan_.units[bits];
    if (unit.waits_for == 1) bits |= UnitEdge::kSingle;
    if (unit.is_async) bits |= UnitEdge::kAsync;
    if (edge.kind == EdgeKind::kOrder) bits |= UnitEdge::kOrder;
    if (edge.kind == EdgeKind::kStream) bits |= UnitEdge::kAtStart;
    return bits;
  }

  std::uint32_t Reserve(std::size_t bytes, std::size_t align) {
    end_ = (end_ + align - 1) / align * align;
    const std::size_t offset = end_;
    end_ += bytes;
    return static_cast<std::uint32_t>(offset);
  }

  void LayOut() {
    end_ = sizeof(RunBlock);
    const std::size_t counters = plan_.has_counts ? plan_.units.size() : 0;
    plan_.counts_offset = Reserve(counters * sizeof(std::uint16_t), alignof(std::uint16_t));
    plan_.async_queue_offset =
        Reserve(plan_.units.size() * sizeof(std::uint16_t), alignof(std::uint16_t));
    const auto async_units = static_cast<std::size_t>(
        std::ranges::count_if(plan_.units, [](const Unit& unit) { return unit.is_async; }));
    plan_.sync_queue_offset =
        static_cast<std::uint32_t>(plan_.async_queue_offset + async_units * sizeof(std::uint16_t));
    plan_.states_offset = Reserve(drafts_.size(), 1);
    for (std::uint16_t node = 0; node < drafts_.size(); ++node)
      PlaceValue(node);
    std::ranges::reverse(plan_.drops);
    plan_.block_bytes = Reserve(0, alignof(std::max_align_t));
    plan_.trace_offset =
        Reserve(CompiledPlan::TraceBytes(plan_.node_count), alignof(std::uint32_t));
    plan_.traced_block_bytes = static_cast<std::uint32_t>(end_);
    FillSteps();
  }

  void PlaceValue(std::uint16_t node) {
    const NodeDraft& draft = drafts_[node];
    if (!needed_[node] || draft.value_bytes == 0) return;
    const std::uint32_t slot = Reserve(draft.value_bytes, draft.value_align);
    plan_.nodes[node].step.slot = slot;
    const bool is_stream = draft.construct != nullptr;
    if (is_stream) {
      plan_.inits.push_back(
          {.slot = slot, .construct = draft.construct, .capacity = draft.capacity});
    }
    if (draft.destroy != nullptr) {
      plan_.drops.push_back(
          {.slot = slot, .node = node, .destroy = draft.destroy, .always = is_stream || node == 0});
    }
  }

  // Last, when all slots have their places and `input_offsets` does not move any more.
  void FillSteps() {
    std::size_t arguments = 0;
    for (const NodeInfo& info : plan_.info)
      arguments += info.inputs.size();
    plan_.input_offsets.reserve(arguments);
    for (std::uint16_t node = 0; node < drafts_.size(); ++node) {
      Step& step = plan_.nodes[node].step;
      step.inputs = plan_.input_offsets.data() + plan_.input_offsets.size();
      for (const NodeEdge& input : plan_.info[node].inputs) {
        if (input.kind != EdgeKind::kData && input.kind != EdgeKind::kStream) continue;
        ++plan_.info[node].arguments;
        plan_.input_offsets.push_back(plan_.nodes[input.other].step.slot);
      }
      step.releases = node == plan_.output || plan_.edge_rows[node] != plan_.edge_rows[node + 1U];
      if (step_of_[node] != UINT32_MAX) plan_.steps[step_of_[node]] = step;
    }
  }

  const std::vector<NodeDraft>& drafts_;
  CompiledPlan& plan_;
  struct Control {
    std::uint16_t node = 0;
    std::uint16_t condition = 0;
  };

  std::vector<bool> needed_;
  std::vector<std::uint32_t> readers_;  // Of values.
  std::vector<Control> controls_;       // Nodes that wait for the condition of a When().
  std::vector<std::uint16_t> unit_of_;
  std::vector<std::uint32_t> step_of_;
  std::size_t end_ = 0;
};

}  // namespace

PlanResult<std::shared_ptr<const CompiledPlan>> Compile(std::shared_ptr<const PlanDraft> draft,
                                                        std::uint16_t output,
                                                        const PlanOptions& options) {
  if (PlanResult<void> good = CheckDraft(*draft, output); !good) {
    return std::unexpected(std::move(good.error()));
  }
  PlanResult<std::vector<std::uint16_t>> order = OrderDraft(*draft);
  if (!order) return std::unexpected(std::move(order.error()));
  auto plan = std::make_shared<CompiledPlan>();
  plan->name = draft->name();
  plan->options = options;
  plan->output = output;
  plan->node_count = static_cast<std::uint32_t>(draft->nodes().size());
  plan->order = std::move(*order);
  plan->draft = std::move(draft);
  Compiler(*plan->draft, *plan).Run();
  return plan;
}

PlanResult<std::shared_ptr<const CompiledPlan>> Recompile(const CompiledPlan& plan,
                                                          std::string_view name,
                                                          Policy policy) {
  const std::uint16_t node = plan.draft->Find(name);
  if (node == kNoNode || node == 0) {
    return std::unexpected(PlanError{.code = PlanErrorCode::kUnknownInput,
                                     .node = std::string(name),
                                     .message = "no node has this name"});
  }
  auto draft = std::make_shared<PlanDraft>(*plan.draft);
  draft->node(node).policy = std::make_shared<const Policy>(std::move(policy));
  return Compile(std::move(draft), plan.output, plan.options);
}

}  // namespace sluice::dag
