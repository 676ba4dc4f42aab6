// CompiledPlan: what the engine reads while it runs. Immutable, shared by all runs of all loops.
//
// Nodes that the output needs are cut into units: an asynchronous node, or a region of plain
// functions that one completion sets going and that are swept in topological order. Only units have
// counters; edges between units are rows of one array (CSR), and a unit that waits for one edge
// has no counter either. Everything else about a node, its name and policy, lies apart.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/dag/context.h"
#include "sluice/dag/node_state.h"
#include "sluice/dag/policy.h"
#include "sluice/dag/work.h"

namespace sluice::dag {

class JobContext;

inline constexpr std::uint16_t kNoNode = 0xffff;
inline constexpr std::size_t kNodesMax = 65'000;

// One plain function in the order of the sweep; for asynchronous nodes only the data is used.
struct Step {
  // Runs the function and puts its value into the slot. False: it failed, and said so by
  // RunBlock::Failed().
  using Call = bool (*)(const Step& step, RunBlock& run);

  Call call = nullptr;
  const void* callable = nullptr;         // Owned by the plan.
  const std::uint32_t* inputs = nullptr;  // Offsets of the slots it reads.
  std::uint32_t slot = 0;                 // Offset of its own.
  std::uint16_t node = 0;
  bool releases = false;  // Has edges that leave its unit, or is the output.
};

// An edge from a node to a unit, in 32 bits.
struct UnitEdge {
  static constexpr std::uint32_t kTarget = 0xffff;
  static constexpr std::uint32_t kSingle = 1U << 16U;     // The target waits for this edge alone.
  static constexpr std::uint32_t kAsync = 1U << 17U;      // The target goes to the first queue.
  static constexpr std::uint32_t kOrder = 1U << 18U;      // A value is not needed: After().
  static constexpr std::uint32_t kCondition = 1U << 19U;  // Decides the target, a When().
  static constexpr std::uint32_t kBranch = 1U << 20U;     // May be chosen by the target, a When().
  static constexpr std::uint32_t kAtStart = 1U << 21U;    // Holds from the start: streams.
  static constexpr std::uint32_t kSpecial = kCondition | kBranch | kAtStart;
};

struct Unit {
  std::uint32_t first_step = 0;
  std::uint16_t steps = 0;      // 0: an asynchronous or managed node.
  std::uint16_t head = 0;       // The node that the unit's edges lead to.
  std::uint16_t waits_for = 0;  // Edges; the first value of its counter.
  bool is_async = false;
  bool is_simple = false;  // One function, whose edges are plain ones: those of the next fields.
  std::uint32_t first_edge = 0;
  std::uint32_t end_edge = 0;
};

enum class NodeKind : std::uint8_t { kPlain, kAsync, kSelect };

// What the engine reads when an asynchronous node starts and ends.
struct NodeRecord {
  // Starts the body; `owner` is told of its end, maybe before this returns.
  using Start = void (*)(const NodeRecord& node, Context& context, WorkOwner& owner);

  Start start = nullptr;
  Step step;  // Callable, inputs, slot, and the call of a plain function.
  Nanos timeout = Nanos::max();
  Nanos min_budget{0};
  NodeKind kind = NodeKind::kPlain;
  bool is_managed = false;  // Has attempts: retry, hedge, guards, a timeout of its own.
  bool is_optional = false;
  bool is_effect = false;
  bool has_fallback = false;
  bool never_once_started = false;
  bool has_streams = false;  // Writes or reads one.
  bool is_compute = false;   // Cheap calls may be made without a job of their own.
};

// The sides of a When() node.
struct SelectRecord {
  std::uint16_t node = 0;
  std::uint16_t condition = 0;
  std::uint16_t then = 0;
  std::uint16_t otherwise = 0;
  std::vector<std::uint16_t> only_then;  // Nodes that only this side needs.
  std::vector<std::uint16_t> only_otherwise;
};

enum class EdgeKind : std::uint8_t { kData, kOrder, kControl, kStream };

struct NodeEdge {
  std::uint16_t other = 0;
  EdgeKind kind = EdgeKind::kData;
  bool is_only_reader = false;  // Of inputs: nobody else reads the value.
};

class CompiledPlan;
class PlanDraft;

// How a compute node is called from any thread; of its type.
struct ComputeCalls {
  // Runs the function and puts its value into `place`, or says why it failed.
  using Call = bool (*)(const Step& step,
                        RunBlock& run,
                        JobContext& job,
                        void* place,
                        std::unique_ptr<NodeError>& failure);

  Call call = nullptr;
  void (*move)(void* from, void* to) = nullptr;  // And destroys what is left in `from`.
  std::size_t value_bytes = 0;
};
inline constexpr std::size_t kLaneValueAlign = 16;

// What people and the slow paths read.
struct NodeInfo {
  // Puts the fallback's value into the slot; may throw.
  using MakeFallback = std::function<void(const NodeError& error, void* slot)>;
  using Destroy = void (*)(void* slot);

  // Names, policy and fallback are the draft's, which the plan keeps.
  std::string_view name;
  std::string_view note;  // "async", "blocking", "for_each", …, for pictures.
  const Policy* policy = nullptr;
  const MakeFallback* fallback = nullptr;     // Null: it has none.
  void (*make_absent)(void* slot) = nullptr;  // Of optional nodes: puts an empty optional.
  Destroy destroy = nullptr;                  // Null when there is nothing to do.
  // Of streams: their reader's or their writer's node has ended.
  void (*close_reader)(void* slot) = nullptr;
  void (*end_writer)(void* slot, const NodeError* error) = nullptr;
  const CompiledPlan* subplan = nullptr;  // Of a node that is a plan itself; the draft's.
  // Of compute nodes, both: for calling them without a job of their own.
  const ComputeCalls* compute = nullptr;
  WorkerPool* pool = nullptr;
  std::uint16_t arguments = 0;           // How many of `inputs` have a value or a stream to read.
  std::uint16_t select = kNoNode;        // Which SelectRecord a When() has.
  std::span<const NodeEdge> inputs;      // In the order of the arguments, then control and order.
  std::span<const NodeEdge> dependents;  // In declaration order.
};

class CompiledPlan {
 public:
  struct Drop {
    std::uint32_t slot = 0;
    std::uint16_t node = 0;
    NodeInfo::Destroy destroy = nullptr;
    bool always = false;  // Also without the node's success: the input, and streams.
  };
  struct Init {
    std::uint32_t slot = 0;
    void (*construct)(void* slot, std::uint32_t capacity) = nullptr;
    std::uint32_t capacity = 0;
  };

  std::string name;
  PlanOptions options;
  std::uint16_t output = kNoNode;  // Node 0 is the input.
  std::uint32_t node_count = 0;

  // The hot part.
  std::vector<Unit> units;
  std::vector<Step> steps;               // Unit by unit.
  std::vector<std::uint32_t> edge_rows;  // Of node n: edges[edge_rows[n] .. edge_rows[n + 1]).
  std::vector<std::uint32_t> edges;
  std::vector<std::uint16_t> roots;  // Units that wait for nothing, asynchronous ones first.
  std::uint16_t async_roots = 0;
  std::vector<NodeRecord> nodes;
  bool has_selects = false;
  bool has_unneeded = false;
  bool has_compute = false;

  // Where a run block keeps what.
  std::uint32_t counts_offset = 0;
  std::uint32_t states_offset = 0;
  std::uint32_t async_queue_offset = 0;
  std::uint32_t sync_queue_offset = 0;
  std::uint32_t block_bytes = 0;
  std::uint32_t trace_offset = 0;
  std::uint32_t traced_block_bytes = 0;
  std::vector<std::uint16_t> first_counts;
  std::vector<std::uint8_t> first_states;
  bool has_counts = false;

  // The cold part.
  std::vector<NodeInfo> info;
  std::vector<SelectRecord> selects;
  std::vector<Init> inits;  // Streams.
  std::vector<Drop> drops;  // Values with something to destroy, in reverse declaration order.
  std::vector<std::uint32_t> input_offsets;
  std::vector<NodeEdge> input_edges;
  std::vector<NodeEdge> dependent_edges;
  std::vector<std::uint16_t> order;        // All nodes, topologically, by declaration where free.
  std::shared_ptr<const PlanDraft> draft;  // Owns the functions; made anew for another policy.

  // Two marks of time and a count of attempts for each node.
  [[nodiscard]] static constexpr std::size_t TraceBytes(std::size_t nodes) {
    return nodes * (2 * sizeof(std::uint32_t) + 1);
  }

  [[nodiscard]] std::string_view NameOfNode(std::uint16_t node) const { return info[node].name; }
};

}  // namespace sluice::dag
