// Random plans against a reference that knows nothing of units, counters and queues: it asks again
// and again which node's inputs are there. Times, states, values and the result must agree.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/random.h"
#include "sluice/dag/dag_fixture.h"

namespace sluice::dag {
namespace {

struct RandomNode {
  bool is_async = false;
  bool has_fallback = false;
  bool is_effect = false;
  bool fails = false;
  Nanos takes{0};
  Nanos timeout = Nanos::max();
  std::vector<std::size_t> inputs;
  std::vector<std::size_t> after;
};

struct RandomPlan {
  std::vector<RandomNode> nodes;
  PlanOptions options;
};

RandomPlan Draw(std::uint64_t seed) {
  Random random(seed);
  RandomPlan plan;
  plan.nodes.resize(2 + random.Below(40));
  const double calls = random.Unit();
  const double failures = random.Unit() * 0.2;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    RandomNode& node = plan.nodes[i];
    node.is_async = random.Strikes(calls);
    node.has_fallback = random.Strikes(0.5);
    node.is_effect = random.Strikes(0.1);
    node.fails = random.Strikes(failures);
    if (node.is_async) {
      // Odd and even times never meet a deadline at the same moment.
      node.takes = Nanos(2 * random.Below(50));
      if (random.Strikes(0.2)) node.timeout = Nanos(1 + 2 * random.Below(50));
    }
    for (std::uint64_t k = i == 0 ? 0 : random.Below(4); k > 0; --k) {
      node.inputs.push_back(random.Below(i));
    }
    if (i > 0 && random.Strikes(0.15)) node.after.push_back(random.Below(i));
  }
  plan.options.on_failure =
      random.Strikes(0.5) ? OnFailure::kCancelAll : OnFailure::kCancelDependentsOnly;
  plan.options.fusion = random.Strikes(0.5) ? Fusion::kFuse : Fusion::kNone;
  return plan;
}

struct Ended {
  NodeState state = NodeState::kPending;
  Nanos at{-1};
  int value = 0;
};

// The value of a node: a mixture of its number and its inputs' values.
int ValueOf(std::size_t node, const std::vector<int>& inputs) {
  int value = static_cast<int>(node) + 1;
  for (const int input : inputs)
    value = value * 31 + input;
  return value % 1'000'003;
}

class Reference {
 public:
  explicit Reference(const RandomPlan& plan) : plan_(plan), ended_(plan.nodes.size()) {
    std::vector<bool> needed(plan.nodes.size());
    needed.back() = true;
    for (std::size_t i = plan.nodes.size(); i-- > 0;) {
      needed[i] = needed[i] || plan.nodes[i].is_effect;
      if (!needed[i]) continue;
      for (const std::size_t input : plan.nodes[i].inputs)
        needed[input] = true;
    }
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (!needed[i]) ended_[i].state = NodeState::kNotNeeded;
    }
  }

  // Moves from one moment to the next until nothing changes any more.
  void Run() {
    while (true) {
      Settle();
      std::optional<Nanos> next;
      for (std::size_t i = 0; i < ended_.size(); ++i) {
        if (ended_[i].state == NodeState::kRunning) {
          next = std::min(next.value_or(Nanos::max()), EndOf(i));
        }
      }
      if (!next) break;
      now_ = *next;
      for (std::size_t i = 0; i < ended_.size(); ++i) {
        if (ended_[i].state == NodeState::kRunning && EndOf(i) == now_) EndOne(i);
      }
    }
  }

  [[nodiscard]] const Ended& of(std::size_t node) const { return ended_[node]; }
  [[nodiscard]] Nanos decided_at() const { return *decided_at_; }

 private:
  [[nodiscard]] Nanos EndOf(std::size_t i) const {
    const Nanos timeout = plan_.nodes[i].timeout;
    const Nanos span = std::min(plan_.nodes[i].takes, timeout);
    return started_.at(i) + span;
  }

  void Settle() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < ended_.size(); ++i) {
        if (ended_[i].state != NodeState::kPending || !IsReady(i)) continue;
        started_[i] = now_;
        ended_[i].state = NodeState::kRunning;
        if (EndOf(i) == now_) EndOne(i);
        changed = true;
      }
    }
  }

  [[nodiscard]] bool IsReady(std::size_t i) const {
    const auto has_value = [&](std::size_t k) { return HasValue(ended_[k].state); };
    const auto is_over = [&](std::size_t k) { return IsTerminal(ended_[k].state); };
    return std::ranges::all_of(plan_.nodes[i].inputs, has_value) &&
           std::ranges::all_of(plan_.nodes[i].after, is_over);
  }

  void EndOne(std::size_t i) {
    const RandomNode& node = plan_.nodes[i];
    std::vector<int> inputs;
    for (const std::size_t input : node.inputs)
      inputs.push_back(ended_[input].value);
    const bool timed_out = node.timeout < node.takes;
    Ended& ended = ended_[i];
    ended.at = now_;
    ended.value = ValueOf(i, inputs);
    ended.state = NodeState::kSucceeded;
    if (node.fails || timed_out) {
      ended.state = NodeState::kDegraded;
      ended.value = -1;
      if (!node.has_fallback) {
        ended.state = timed_out ? NodeState::kTimedOut : NodeState::kFailed;
        SkipReaders(i);
      }
    }
    Decide();
  }

  void SkipReaders(std::size_t gone) {
    for (std::size_t i = gone + 1; i < ended_.size(); ++i) {
      if (ended_[i].state != NodeState::kPending) continue;
      if (std::ranges::count(plan_.nodes[i].inputs, gone) == 0) continue;
      ended_[i].state = NodeState::kSkipped;
      SkipReaders(i);
    }
  }

  void Decide() {
    const NodeState output = ended_.back().state;
    if (decided_at_ || !IsTerminal(output)) return;
    decided_at_ = now_;
    if (HasValue(output)) return;
    std::vector<bool> goes_on(ended_.size());
    if (plan_.options.on_failure == OnFailure::kCancelDependentsOnly) {
      for (std::size_t i = ended_.size(); i-- > 0;) {
        if (plan_.nodes[i].is_effect && !IsTerminal(ended_[i].state)) goes_on[i] = true;
        if (!goes_on[i]) continue;
        for (const std::size_t input : plan_.nodes[i].inputs)
          goes_on[input] = true;
      }
    }
    for (std::size_t i = 0; i < ended_.size(); ++i) {
      if (!goes_on[i] && !IsTerminal(ended_[i].state)) {
        if (ended_[i].state == NodeState::kRunning) ended_[i].at = now_;
        ended_[i].state = NodeState::kCancelled;
      }
    }
  }

  const RandomPlan& plan_;
  std::vector<Ended> ended_;
  std::map<std::size_t, Nanos> started_;
  std::optional<Nanos> decided_at_;
  Nanos now_{0};
};

// The same plan for the engine, through drafts, since the number of inputs varies.
class Engine {
 public:
  explicit Engine(const RandomPlan& plan) : plan_(plan) {}

  using Order = int;

  PlanResult<std::shared_ptr<const CompiledPlan>> Build() {
    auto draft = std::make_shared<PlanDraft>("random");
    draft->Add(internal::DraftInput<int>());
    for (std::size_t i = 0; i < plan_.nodes.size(); ++i)
      draft->Add(DraftOf(i));
    return Compile(draft, static_cast<std::uint16_t>(plan_.nodes.size()), plan_.options);
  }

 private:
  struct Call {
    RandomNode node;
    std::size_t index;
  };

  static int Mix(const Call& call, RunBlock& run) {
    std::vector<int> inputs;
    const Step& step = run.plan().nodes[call.index + 1].step;
    for (std::size_t k = 0; k < call.node.inputs.size(); ++k) {
      inputs.push_back(*static_cast<const int*>(run.slot(step.inputs[k])));
    }
    return ValueOf(call.index, inputs);
  }

  static Work<int> Body(const Call& call, Context& context) {
    if (call.node.takes > 0ns) {
      const bool slept = co_await context.SleepFor(call.node.takes);
      if (!slept) co_return Fail(ErrorCode::kCancelled, "stopped");
    }
    if (call.node.fails) co_return Fail(ErrorCode::kNotFound, "drawn");
    co_return Mix(call, context.run());
  }

  static void Start(const NodeRecord& record, Context& context, WorkOwner& owner) {
    Body(*static_cast<const Call*>(record.step.callable), context).Start(owner);
  }

  static bool CallPlain(const Step& step, RunBlock& run) {
    const auto& call = *static_cast<const Call*>(step.callable);
    if (call.node.fails) {
      run.Failed(Error{.code = ErrorCode::kNotFound, .detail = "drawn"});
      return false;
    }
    ::new (run.slot(step.slot)) int(Mix(call, run));
    return true;
  }

  NodeDraft DraftOf(std::size_t index) {
    const RandomNode& node = plan_.nodes[index];
    NodeDraft draft;
    draft.name = fmt::format("n{}", index);
    draft.policy = std::make_shared<const Policy>(Policy{.timeout = node.timeout});
    draft.callable = std::make_shared<const Call>(node, index);
    draft.kind = node.is_async ? NodeKind::kAsync : NodeKind::kPlain;
    draft.start = &Start;
    draft.call = &CallPlain;
    draft.is_effect = node.is_effect;
    internal::DescribeValue<int>(draft);
    if (node.has_fallback) {
      draft.fallback = [](const NodeError&, void* slot) { ::new (slot) int(-1); };
    }
    for (const std::size_t input : node.inputs) {
      draft.inputs.push_back({.node = static_cast<std::uint16_t>(input + 1)});
    }
    for (const std::size_t earlier : node.after) {
      draft.inputs.push_back(
          {.node = static_cast<std::uint16_t>(earlier + 1), .kind = EdgeKind::kOrder});
    }
    return draft;
  }

  const RandomPlan& plan_;
};

void Compare(std::uint64_t seed, Tracing tracing) {
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const RandomPlan drawn = Draw(seed);
  Reference reference(drawn);
  reference.Run();
  const auto compiled = Engine(drawn).Build();
  ASSERT_TRUE(compiled);
  DagWorld w;
  Runner<int, int> runner(w.loop, Plan<int, int>(*compiled));
  Finished<int> finished;
  TaskGroup tasks;
  w.loop.Enter([&] { tasks.Spawn(Await(w, runner.Run(0, {.tracing = tracing}), finished)); });
  ASSERT_TRUE(w.world.RunUntilIdle());
  ASSERT_TRUE(finished.outcome.has_value());
  EXPECT_EQ(finished.at, reference.decided_at());
  EXPECT_EQ(runner.in_flight(), 0U);
  for (std::uint16_t i = 0; i < drawn.nodes.size(); ++i) {
    const auto node = static_cast<std::uint16_t>(i + 1);
    const Ended& expected = reference.of(i);
    ASSERT_TRUE(IsTerminal(finished.outcome->state(node))) << "node " << i;
    // In the moment in which a run fails, who ends first is a matter of order, and so is what is
    // cancelled then; before it everything is certain.
    const bool is_certain = finished.outcome->has_value() ||
                            (expected.at >= 0ns && expected.at < reference.decided_at());
    if (!is_certain) continue;
    ASSERT_EQ(NameOf(finished.outcome->state(node)), NameOf(expected.state)) << "node " << i;
    const RunBlock& block = finished.outcome->block();
    if (block.is_traced() && block.moments(node).end != kNever) {
      ASSERT_EQ(block.moments(node).end - w.start, expected.at) << "node " << i;
    }
    if (HasValue(expected.state)) {
      const Output<int> handle{nullptr, node};
      ASSERT_EQ(*finished.outcome->ValueOf(handle), expected.value) << "node " << i;
    }
  }
  w.loop.Enter([&] { finished.outcome.reset(); });
}

TEST(DagProperty, RandomPlansEndLikeAReferenceThatKnowsNoTricks) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Compare(seed, seed % 3 == 0 ? Tracing::kOn : Tracing::kOff);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::dag
