#include "sluice/dag/run_block.h"

#include <cstring>
#include <new>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/contract/frame_pool.h"
#include "sluice/dag/compute_lane.h"
#include "sluice/dag/managed_node.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {
namespace {

constexpr auto kSucceededByte = static_cast<std::uint8_t>(NodeState::kSucceeded);

}  // namespace

// The body of a node without retries, hedges and guards. Its memory is a coroutine frame's.
struct RunBlock::PlainActivity : Activity, WorkOwner {
  PlainActivity(RunBlock& its_run, std::uint16_t its_node, SteadyTime until)
      : Activity(its_run, its_run.loop(), until, its_node, ActivityKind::kPlain),
        WorkOwner(&PlainFinished) {}
};

RunBlock::RunBlock(const CompiledPlan& plan,
                   Generation& generation,
                   Loop& loop,
                   const RunOptions& options)
    : id_(options.id),
      timer_(&TimerFired, this),
      observer_(options.observer),
      deadline_(options.deadline),
      loop_(&loop),
      generation_(&generation),
      plan_(&plan) {
  // Its last two lines are what every node reads.
  static_assert(alignof(RunBlock) == 64 && sizeof(RunBlock) == kRunHotOffset + 128);
  auto* const block = reinterpret_cast<std::byte*>(this);
  states_ = reinterpret_cast<std::uint8_t*>(block + plan.states_offset);
  async_queue_ = reinterpret_cast<std::uint16_t*>(block + plan.async_queue_offset);
  sync_queue_ = reinterpret_cast<std::uint16_t*>(block + plan.sync_queue_offset);
  std::memcpy(states_, plan.first_states.data(), plan.first_states.size());
  if (plan.has_counts) {
    std::memcpy(counts(), plan.first_counts.data(),
                plan.first_counts.size() * sizeof(std::uint16_t));
  }
  for (const CompiledPlan::Init& init : plan.inits)
    init.construct(slot(init.slot), init.capacity);
  if (options.tracing == Tracing::kOn) {
    careful_ = true;
    marks_ = reinterpret_cast<Mark*>(block + plan.trace_offset);
    std::memset(static_cast<void*>(marks_), 0, CompiledPlan::TraceBytes(plan.node_count));
  }
}

RunBlock::~RunBlock() {
  SLUICE_ASSERT(live_ == 0);
  for (const CompiledPlan::Drop& drop : plan_->drops) {
    if (drop.always || HasValue(state(drop.node))) drop.destroy(slot(drop.slot));
  }
}

void RunBlock::Begin() {
  begun_ = true;
  const bool reads_clock = deadline_ != kNever || is_traced();
  if (reads_clock) began_at_ = loop_->now();
  if (deadline_ != kNever) {
    if (deadline_ <= began_at_) return RunTimedOut();
    ArmFor(deadline_);
  }
  const std::vector<std::uint16_t>& roots = plan_->roots;
  for (std::size_t i = 0; i < plan_->async_roots; ++i)
    async_queue_[async_tail_++] = roots[i];
  for (std::size_t i = plan_->async_roots; i < roots.size(); ++i) {
    sync_queue_[sync_tail_++] = roots[i];
  }
  if (plan_->output == 0) Decide();  // The input is the output.
  Drain();
}

void RunBlock::Drain() {
  if (draining_) return;  // Whoever drains goes on with what was queued.
  draining_ = true;
  while (true) {
    if (async_head_ != async_tail_) {
      StartNode(plan_->nodes[plan_->units[async_queue_[async_head_++]].head]);
    } else if (sync_head_ != sync_tail_) {
      if (!careful_ && plan_->units[sync_queue_[sync_head_]].is_simple) {
        RunSimpleUnits();
      } else {
        RunUnit(sync_queue_[sync_head_++]);
      }
    } else {
      break;
    }
  }
  draining_ = false;
  if (plan_->has_compute) return PumpLanes();
  EndIfQuiet();
}

void RunBlock::RunUnit(std::uint16_t index) {
  const Unit& unit = plan_->units[index];
  const Step* const step = plan_->steps.data() + unit.first_step;
  if (unit.steps == 0) {
    StartNode(plan_->nodes[unit.head]);
  } else if (careful_) {
    SweepCarefully(step, step + unit.steps);
  } else {
    Sweep(step, step + unit.steps);
  }
}

// Single functions, one after the other, with the queue's ends in registers: a store of a state may
// alias any member, so the compiler would load them anew for every node. What becomes ready while
// the queue is empty runs next without passing through it, which keeps the order and takes a store
// and a load out of the chain from node to node.
void RunBlock::RunSimpleUnits() {
  const Unit* const units = plan_->units.data();
  const Step* const steps = plan_->steps.data();
  const std::uint32_t* const edges = plan_->edges.data();
  std::uint16_t* const counters = counts();
  std::uint16_t* const queue = sync_queue_;
  std::uint8_t* const states = states_;
  std::uint16_t tail = sync_tail_;
  std::uint16_t head = sync_head_;
  std::uint16_t at = queue[head++];
  while (units[at].is_simple) {
    const Unit& unit = units[at];
    const Step& step = steps[unit.first_step];
    if (!step.call(step, *this)) [[unlikely]] {
      sync_head_ = head;
      sync_tail_ = tail;
      return NodeFailed(step.node, TakeStepFailure());
    }
    states[step.node] = kSucceededByte;
    bool has_next = false;
    bool leaves = careful_;
    for (std::uint32_t i = unit.first_edge; i != unit.end_edge; ++i) {
      const std::uint32_t edge = edges[i];
      const auto target = static_cast<std::uint16_t>(edge & UnitEdge::kTarget);
      if ((edge & UnitEdge::kSingle) == 0 && --counters[target] != 0) continue;
      if ((edge & UnitEdge::kAsync) != 0) {
        async_queue_[async_tail_++] = target;
        leaves = true;  // Calls go out before the next function computes.
      } else if (!has_next && head == tail) {
        at = target;
        has_next = true;
      } else {
        queue[tail++] = target;
      }
    }
    if (!has_next && head != tail) {
      at = queue[head++];
      has_next = true;
    }
    if (!has_next) {
      sync_head_ = head;
      sync_tail_ = tail;
      return;
    }
    if (leaves) break;
  }
  // Back to where it was: the first place was taken from the queue, so there is room.
  queue[--head] = at;
  sync_head_ = head;
  sync_tail_ = tail;
}

// The way of almost every run: nothing was skipped, so nothing needs to be looked at.
void RunBlock::Sweep(const Step* step, const Step* end) {
  std::uint8_t* const states = states_;
  for (; step != end; ++step) {
    if (!step->call(*step, *this)) [[unlikely]] {
      NodeFailed(step->node, TakeStepFailure());
      return SweepCarefully(step + 1, end);
    }
    states[step->node] = kSucceededByte;
    if (!step->releases) continue;
    Release(step->node);
    // Calls go out before the next function computes.
    while (async_head_ != async_tail_) {
      StartNode(plan_->nodes[plan_->units[async_queue_[async_head_++]].head]);
    }
    if (careful_) [[unlikely]] {
      return SweepCarefully(step + 1, end);
    }
  }
}

void RunBlock::SweepCarefully(const Step* step, const Step* end) {
  for (; step != end; ++step) {
    if (state(step->node) != NodeState::kPending) continue;
    if (is_traced()) {
      marks_[step->node].start = Offset(loop_->now(), began_at_);
      CountAttempt(step->node);
    }
    states_[step->node] = static_cast<std::uint8_t>(NodeState::kRunning);
    if (!step->call(*step, *this)) {
      NodeFailed(step->node, TakeStepFailure());
    } else {
      NodeSucceeded(step->node);
    }
    while (async_head_ != async_tail_) {
      StartNode(plan_->nodes[plan_->units[async_queue_[async_head_++]].head]);
    }
  }
}

void RunBlock::StartNode(const NodeRecord& record) {
  if (state(record.step.node) != NodeState::kPending) return;
  const bool reads_clock = deadline_ != kNever || record.timeout != Nanos::max() || is_traced();
  const SteadyTime now = reads_clock ? loop_->now() : SteadyTime{};
  if (deadline_ != kNever && (now >= deadline_ || deadline_ - now < record.min_budget)) {
    return NotStarted(record);
  }
  if (is_traced()) marks_[record.step.node].start = Offset(now, began_at_);
  states_[record.step.node] = static_cast<std::uint8_t>(NodeState::kRunning);
  if (record.is_managed) {
    ManagedNode::Start(*this, record);
  } else if (!record.is_compute || !StartCompute(record, now)) {
    StartPlain(record, now);
  }
}

void RunBlock::StartPlain(const NodeRecord& record, SteadyTime now) {
  CountAttempt(record.step.node);
  SteadyTime until = deadline_;
  bool arms = false;
  if (record.timeout != Nanos::max()) {
    const SteadyTime own = SaturatingAdd(now, record.timeout);
    arms = own < until;  // Else the run's own timer ends it.
    if (arms) until = own;
  }
  auto* const activity =
      ::new (AllocateFrame(sizeof(PlainActivity))) PlainActivity(*this, record.step.node, until);
  activity->slot = slot(record.step.slot);
  activity->optional_slot = record.is_optional;
  Enter(*activity);
  if (arms) ArmFor(until);
  if (record.has_streams) ReleaseAtStart(record.step.node);
  record.start(record, *activity, *activity);
}

void RunBlock::PlainFinished(WorkOwner& owner) {
  auto* const activity = static_cast<PlainActivity*>(&owner);
  RunBlock& run = activity->run();
  const std::uint16_t node = activity->node_index();
  const WorkOwner::End end = activity->end;
  std::unique_ptr<NodeError> failure = std::move(activity->failure);
  run.Leave(*activity);
  activity->~PlainActivity();
  FreeFrame(activity, sizeof(PlainActivity));
  if (end == WorkOwner::End::kDropped) {
    ++run.late_results_;
  } else if (run.IsWanted(node)) {
    if (end == WorkOwner::End::kValue) {
      run.NodeSucceeded(node);
    } else {
      run.NodeFailed(node, std::move(failure));
    }
  }
  run.Drain();
}

void RunBlock::StopActivity(Activity& activity, Verdict verdict) {
  if (activity.kind == ActivityKind::kManaged) {
    return static_cast<ManagedNode&>(activity).Abandon(verdict);
  }
  if (activity.kind == ActivityKind::kCompute) {
    static_cast<ComputeJob&>(activity).accepts = false;
    if (!plan_->nodes[activity.node_index()].never_once_started) RequestStop(activity);
    return;
  }
  static_cast<PlainActivity&>(activity).accepts = false;
  if (!plan_->nodes[activity.node_index()].never_once_started) RequestStop(activity);
}

void RunBlock::RequestStop(Activity& activity) {
  if (activity.kind == ActivityKind::kManaged) {
    return static_cast<ManagedNode&>(activity).StopAttempts();
  }
  if (activity.kind == ActivityKind::kCompute) {
    return static_cast<ComputeJob&>(activity).job.RequestStop();
  }
  activity.RequestStop();
}

bool RunBlock::HasReturned(const Activity& activity) const {
  if (activity.kind == ActivityKind::kManaged) {
    return static_cast<const ManagedNode&>(activity).has_returned();
  }
  if (activity.kind == ActivityKind::kCompute) return false;  // Not known before it is back.
  return static_cast<const PlainActivity&>(activity).end != WorkOwner::End::kNone;
}

void RunBlock::Enter(Activity& activity) {
  activity.next = activities_;
  activity.link = &activities_;
  if (activities_ != nullptr) activities_->link = &activity.next;
  activities_ = &activity;
  ++live_;
}

void RunBlock::Leave(Activity& activity) {
  *activity.link = activity.next;
  if (activity.next != nullptr) activity.next->link = activity.link;
  --live_;
}

void RunBlock::NodeSucceeded(std::uint16_t node) {
  SetTerminal(node, NodeState::kSucceeded);
  Release(node);
}

void RunBlock::SetTerminal(std::uint16_t node, NodeState state) {
  states_[node] = static_cast<std::uint8_t>(state);
  if (is_traced() && !marks_[node].start.is_never())
    marks_[node].end = Offset(loop_->now(), began_at_);
  if (plan_->nodes[node].has_streams) CloseStreams(node);
}

void RunBlock::Push(std::uint32_t edge) {
  const auto target = static_cast<std::uint16_t>(edge & UnitEdge::kTarget);
  if ((edge & UnitEdge::kSingle) == 0 && --counts()[target] != 0) return;
  if ((edge & UnitEdge::kAsync) != 0) {
    async_queue_[async_tail_++] = target;
  } else {
    sync_queue_[sync_tail_++] = target;
  }
}

// `node` has a value: its dependents have one edge less to wait for.
void RunBlock::Release(std::uint16_t node) {
  const std::uint32_t* edge = plan_->edges.data() + plan_->edge_rows[node];
  const std::uint32_t* const end = plan_->edges.data() + plan_->edge_rows[node + 1U];
  for (; edge != end; ++edge) {
    if ((*edge & UnitEdge::kSpecial) != 0) [[unlikely]] {
      ReleaseSpecial(node, *edge);
    } else {
      Push(*edge);
    }
  }
  if (node == plan_->output && !decided_) Decide();
}

// The result is known; whoever waits for it goes on in this turn.
void RunBlock::Decide() {
  decided_ = true;
  if (is_traced()) decided_at_ = loop_->now();
  generation_->runner().RunDecided(*this);
  if (waiter_.handle != nullptr) RunQueue::Current().Push(waiter_);
}

void RunBlock::EndIfQuiet() {
  if (!decided_ || live_ != 0 || ended_ || draining_) return;
  ended_ = true;
  if (timer_.armed()) loop_->Disarm(timer_);
  if (observer_ != nullptr) NotifyObserver();
  RunnerState& runner = generation_->runner();
  const bool free_now = !held_;
  if (begun_) runner.RunEnded(*this);  // May begin others, which changes nothing here.
  if (free_now) generation_->Free(*this);
}

void RunBlock::LetGo() {
  waiter_.handle = nullptr;
  if (ended_) return generation_->Free(*this);
  held_ = false;            // Free at the end, which may be
  if (!decided_) Cancel();  // now.
}

void RunBlock::Detach() {
  waiter_.handle = nullptr;
  if (ended_) return generation_->Free(*this);
  held_ = false;
}

}  // namespace sluice::dag
