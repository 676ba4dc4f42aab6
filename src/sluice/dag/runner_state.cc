#include "sluice/dag/runner_state.h"

#include <algorithm>
#include <new>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/dag/draft.h"

namespace sluice::dag {
namespace {

constexpr std::align_val_t kBlockAlign{64};  // The hot part begins with a cache line.

NodeError Rejected(ErrorCode code, std::string_view detail) {
  return {.kind = FailureKind::kRejected,
          .cause = {.code = code, .retry = RetryAdvice::kSafe, .detail = std::string(detail)}};
}

}  // namespace

Generation::Generation(RunnerState& runner, std::shared_ptr<const CompiledPlan> plan)
    : runner_(runner), plan_(std::move(plan)), subrunners_(plan_->node_count) {
  for (std::uint32_t node = 0; node < plan_->node_count; ++node) {
    const NodeInfo& info = plan_->info[node];
    if (info.policy->retry.max_attempts > 1 && retry_tokens_.empty()) {
      retry_tokens_.resize(plan_->node_count);
    }
    if (info.policy->retry.max_attempts > 1) retry_tokens_[node] = info.policy->retry.budget_burst;
    if (plan_->nodes[node].is_compute) {
      computes_.resize(plan_->node_count);
      computes_[node].calls = info.compute;
      computes_[node].destroy = info.destroy;
      computes_[node].lane = &runner.LaneFor(*info.pool);
    }
    if (info.subplan != nullptr) {
      subrunners_[node] = std::make_unique<RunnerState>(
          runner.loop(), plan_->draft->nodes()[node].subplan, RunnerOptions{});
    }
  }
}

Generation::~Generation() {
  SLUICE_ASSERT(blocks_in_use_ == 0);  // Await Drain() and drop all outcomes first.
  for (std::vector<void*>& blocks : free_blocks_) {
    for (void* block : blocks)
      ::operator delete(block, kBlockAlign);
  }
}

RunBlock& Generation::Allocate(const RunOptions& options) {
  const bool traced = options.tracing == Tracing::kOn;
  std::vector<void*>& blocks = free_blocks_[traced ? 1 : 0];
  void* memory = nullptr;
  if (!blocks.empty()) {
    memory = blocks.back();
    blocks.pop_back();
  } else {
    memory = ::operator new(traced ? plan_->traced_block_bytes : plan_->block_bytes, kBlockAlign);
  }
  ++blocks_in_use_;
  return *::new (memory) RunBlock(*plan_, *this, runner_.loop(), options);
}

void Generation::Free(RunBlock& run) {
  std::vector<void*>& blocks = free_blocks_[run.is_traced() ? 1 : 0];
  run.~RunBlock();
  if (blocks.size() < runner_.options().pooled_max) {
    blocks.push_back(&run);
  } else {
    ::operator delete(static_cast<void*>(&run), kBlockAlign);
  }
  --blocks_in_use_;
  if (blocks_in_use_ == 0) runner_.GenerationIdle(*this);  // May destroy this.
}

void Generation::EarnRetry(std::uint16_t node) {
  const RetryPolicy& retry = plan_->info[node].policy->retry;
  retry_tokens_[node] = std::min(retry_tokens_[node] + retry.budget_ratio, retry.budget_burst);
}

bool Generation::SpendRetry(std::uint16_t node) {
  if (retry_tokens_[node] < 1.0) return false;
  retry_tokens_[node] -= 1.0;
  return true;
}

void Generation::LearnCost(std::uint16_t node, Nanos sample) {
  computes_[node].cost.Learn(sample, runner_.options().compute.pool_above);
}

RunnerState::RunnerState(Loop& loop,
                         std::shared_ptr<const CompiledPlan> plan,
                         const RunnerOptions& options)
    : loop_(loop),
      options_(options),
      current_(std::make_unique<Generation>(*this, std::move(plan))) {}

RunnerState::~RunnerState() {
  SLUICE_ASSERT(in_flight_ == 0 && queued_ == 0);
}

void RunnerState::Launch(RunBlock& run) {
  if (is_closed_) return run.Refuse(Rejected(ErrorCode::kDraining, "the runner is draining"));
  if (in_flight_ < options_.in_flight_max && queued_ == 0) return BeginNow(run);
  if (queued_ >= options_.queue_max) {
    return run.Refuse(Rejected(ErrorCode::kOverloaded, "too many runs are in flight"));
  }
  Enqueue(run);
}

void RunnerState::BeginNow(RunBlock& run) {
  ++in_flight_;
  counts_.started.Add();
  counts_.in_flight.Add(1);
  run.Begin();
}

void RunnerState::Enqueue(RunBlock& run) {
  run.previous_ = last_waiting_;
  run.next_ = nullptr;
  (last_waiting_ == nullptr ? first_waiting_ : last_waiting_->next_) = &run;
  last_waiting_ = &run;
  ++queued_;
  counts_.queued.Add(1);
  run.ArmDeadline();
}

void RunnerState::Unqueue(RunBlock& run) {
  const bool is_queued = run.previous_ != nullptr || first_waiting_ == &run;
  if (!is_queued) return;
  (run.previous_ == nullptr ? first_waiting_ : run.previous_->next_) = run.next_;
  (run.next_ == nullptr ? last_waiting_ : run.next_->previous_) = run.previous_;
  run.next_ = run.previous_ = nullptr;
  --queued_;
  counts_.queued.Add(-1);
}

RunBlock& RunnerState::TakeNext() {
  RunBlock& run = options_.queue_order == QueueOrder::kFifo ? *first_waiting_ : *last_waiting_;
  Unqueue(run);
  return run;
}

void RunnerState::StartWaiting() {
  if (starting_) return;  // A run that ended at once: the loop below goes on.
  starting_ = true;
  while (queued_ > 0 && in_flight_ < options_.in_flight_max) {
    RunBlock& run = TakeNext();
    const bool has_deadline = run.deadline() != kNever;
    if (has_deadline && run.deadline() - loop_.now() < options_.drop_if_remaining_below) {
      run.Refuse(Rejected(ErrorCode::kOverloaded, "waited until too little time was left"));
    } else {
      BeginNow(run);
    }
  }
  starting_ = false;
}

void RunnerState::RunDecided(const RunBlock& run) {
  if (run.error() == nullptr) return counts_.succeeded.Add();
  switch (run.error()->kind) {
    case FailureKind::kFailed:
      return counts_.failed.Add();
    case FailureKind::kTimedOut:
      return counts_.timed_out.Add();
    case FailureKind::kCancelled:
      return counts_.cancelled.Add();
    case FailureKind::kRejected:
      return counts_.rejected.Add();
  }
}

void RunnerState::RunEnded(RunBlock& run) {
  --in_flight_;
  counts_.in_flight.Add(-1);
  if (run.late_results() > 0) counts_.late_results.Add(run.late_results());
  if (queued_ > 0) StartWaiting();
  EndDrain();
}

void RunnerState::EndDrain() {
  if (is_quiet() && std::exchange(drain_awaited_, false)) RunQueue::Current().Push(drain_waiter_);
}

bool RunnerState::is_quiet() const {
  return in_flight_ == 0 &&
         std::ranges::all_of(lanes_, [](const auto& lane) { return lane->helpers() == 0; });
}

ComputeLane& RunnerState::LaneFor(WorkerPool& pool) {
  for (const auto& lane : lanes_) {
    if (&lane->pool() == &pool) return *lane;
  }
  lanes_.emplace_back(new ComputeLane(*this, pool));
  return *lanes_.back();
}

void RunnerState::PumpLanes() {
  for (const auto& lane : lanes_) {
    lane->Pump();
  }
}

void RunnerState::Replace(std::shared_ptr<const CompiledPlan> plan) {
  if (current_->blocks_in_use() > 0) retired_.push_back(std::move(current_));
  current_ = std::make_unique<Generation>(*this, std::move(plan));
}

void RunnerState::GenerationIdle(const Generation& generation) {
  std::erase_if(retired_, [&](const auto& retired) { return retired.get() == &generation; });
}

void RunnerState::Close() {
  is_closed_ = true;
  while (queued_ > 0) {
    TakeNext().Refuse(Rejected(ErrorCode::kDraining, "the runner is draining"));
  }
}

}  // namespace sluice::dag
