#include "sluice/dag/compute_lane.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/dag/runner_state.h"

namespace sluice::dag {
namespace {

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Calls the function; `place` is where its value goes. The time it took, by `pool`'s stopwatch, is
// what has passed since `now`, which goes on with it; of what is not called nothing is learnt.
void Call(ComputeJob& job, void* place, WorkerPool& pool, Nanos& now) {
  const bool is_called = !job.job.stop_requested();
  if (is_called) {
    job.is_good = job.calls.call(job.step, job.run(), job.job, place, job.failure);
  } else {  // Nobody wants it any more, and it has not begun.
    job.failure = std::make_unique<NodeError>(
        NodeError{.kind = FailureKind::kCancelled,
                  .cause = {.code = ErrorCode::kCancelled, .detail = "stopped before it began"}});
  }
  const Nanos after = pool.Stopwatch();
  const Nanos passed = after - std::exchange(now, after);
  if (is_called) job.took = passed;
}

}  // namespace

void ComputeCost::Learn(Nanos sample, Nanos limit) {
  if (!is_known()) {
    estimate_ = sample;
    return;
  }
  if (sample > limit && estimate_ <= limit) {
    until_sample_ = 0;
    if (std::exchange(was_slow_, true)) estimate_ = sample;
    return;
  }
  was_slow_ = false;
  estimate_ += (sample - estimate_) / 8;
}

ComputeLane::ComputeLane(RunnerState& runner, WorkerPool& pool)
    : runner_(&runner),
      loop_(runner.loop()),
      pool_(pool),
      next_turn_(
          [](Timer& timer, SteadyTime /*now*/) { static_cast<ComputeLane*>(timer.owner)->Pump(); },
          this) {
  for (std::size_t i = 0; i < std::min(pool.workers(), kHelpersMax); ++i) {
    helpers_.push_back(std::make_unique<Helper>(loop_, *this));
  }
}

void ComputeLane::Leave::operator()(ComputeLane* lane) const {
  SLUICE_ASSERT(lane->outstanding_ == 0);
  lane->loop_.Disarm(lane->next_turn_);
  lane->runner_ = nullptr;
  if (lane->active_ == 0) delete lane;  // Else the last helper's end does.
}

bool ComputeLane::TryAppend(ComputeJob& job) {
  const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
  if (tail - head_.load(std::memory_order_acquire) >= kRing) return false;
  ring_[tail % kRing].store(&job, std::memory_order_release);
  tail_.store(tail + 1, std::memory_order_release);
  return true;
}

void ComputeLane::Push(ComputeJob& job, Nanos cost) {
  ++outstanding_;
  recent_cost_ = cost;
  if (overflow_first_ == nullptr && TryAppend(job)) return;
  (overflow_first_ == nullptr ? overflow_first_ : overflow_last_->following) = &job;
  overflow_last_ = &job;
  job.following = nullptr;
  ++overflowing_;
}

void ComputeLane::Refill() {
  while (overflow_first_ != nullptr) {
    ComputeJob* const following = overflow_first_->following;  // The job may be gone afterwards.
    if (!TryAppend(*overflow_first_)) return;
    overflow_first_ = following;
    --overflowing_;
  }
}

// Takes up to `most`, but leaves the others their share.
std::uint32_t ComputeLane::Claim(std::array<ComputeJob*, kClaimMax>& jobs, std::uint32_t most) {
  std::uint32_t head = head_.load(std::memory_order_acquire);
  while (true) {
    const std::uint32_t ready = tail_.load(std::memory_order_acquire) - head;
    if (ready == 0) return 0;
    const std::uint32_t share = std::max(1U, ready / 8);
    const std::uint32_t count = std::min({share, most, kClaimMax});
    for (std::uint32_t i = 0; i < count; ++i) {
      jobs[i] = ring_[(head + i) % kRing].load(std::memory_order_acquire);
    }
    if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return count;
    }
  }
}

// One more thread, when what waits is worth waking it.
void ComputeLane::Recruit() {
  if (active_ == helpers_.size()) return;
  const std::size_t ready = overflowing_ + (tail_.load(std::memory_order_relaxed) -
                                            head_.load(std::memory_order_relaxed));
  const Nanos waiting = recent_cost_ * static_cast<std::int64_t>(ready / (active_ + 1));
  if (waiting <= runner_->options().compute.wake_above) return;
  for (const std::unique_ptr<Helper>& helper : helpers_) {
    if (helper->is_active) continue;
    helper->is_active = pool_.Submit(*helper);
    if (helper->is_active) ++active_;
    return;
  }
}

void ComputeLane::FinishCompleted() {
  if (completed_.load(std::memory_order_relaxed) == nullptr) return;
  ComputeJob* newest = completed_.exchange(nullptr, std::memory_order_acquire);
  ComputeJob* oldest = nullptr;
  while (newest != nullptr) {
    ComputeJob* const following = newest->following;
    newest->following = oldest;
    oldest = std::exchange(newest, following);
  }
  while (oldest != nullptr) {
    ComputeJob& job = *std::exchange(oldest, oldest->following);
    --outstanding_;
    RunBlock::ComputeFinished(job);
  }
}

void ComputeLane::Pump() {
  if (pumping_ || outstanding_ == 0) return;
  pumping_ = true;
  sleeping_.store(false, std::memory_order_relaxed);
  Nanos now = pool_.Stopwatch();
  const Nanos slice_end = now + runner_->options().compute.slice;
  std::array<ComputeJob*, kClaimMax> claimed{};
  while (outstanding_ > 0) {
    FinishCompleted();
    Refill();
    if (Claim(claimed, 1) == 0) {
      if (outstanding_ == 0 || !WaitsForHelpers()) break;
      now = pool_.Stopwatch();
      continue;
    }
    ComputeJob& job = *claimed[0];
    Recruit();
    RunBlock& run = job.run();
    // Once nobody wants it any more, a fallback may have its place.
    job.in_place = job.accepts && run.IsWanted(job.step.node);
    Call(job, job.in_place ? run.slot(job.step.slot) : job.room(), pool_, now);
    --outstanding_;
    RunBlock::ComputeFinished(job);
    if (now > slice_end && outstanding_ > 0) {
      loop_.Arm(next_turn_, loop_.now());  // The others of this loop go first.
      break;
    }
  }
  pumping_ = false;
}

// Helpers have the rest. A function that is almost done is waited for, since sleeping and waking
// takes longer; true when one has come. False: the loop sleeps, and will be woken.
bool ComputeLane::WaitsForHelpers() {
  const Nanos until = pool_.Stopwatch() + 2 * recent_cost_;
  do {
    for (int i = 0; i < 16; ++i) {
      if (completed_.load(std::memory_order_relaxed) != nullptr) return true;
      Pause();
    }
  } while (pool_.Stopwatch() < until);
  sleeping_.store(true);
  if (completed_.load() == nullptr) return false;
  sleeping_.store(false);  // A wake-up that is on its way already finds nothing to do.
  return true;
}

void ComputeLane::HelperWork(PoolJob& job) {
  static_cast<Helper&>(job).lane.Help();
}

void ComputeLane::Help() {
  std::array<ComputeJob*, kClaimMax> claimed{};
  const Nanos begun = pool_.Stopwatch();
  Nanos now = begun;
  while (now - begun < kShift) {
    const std::uint32_t count = Claim(claimed, kClaimMax);
    if (count == 0) {
      if (!FindsMore(now)) return;
      now = pool_.Stopwatch();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      ComputeJob& job = *claimed[i];
      Call(job, job.room(), pool_, now);
      Complete(job);
    }
  }
}

bool ComputeLane::FindsMore(Nanos since) {
  do {
    for (int i = 0; i < 16; ++i) {
      if (tail_.load(std::memory_order_relaxed) != head_.load(std::memory_order_relaxed)) {
        return true;
      }
      Pause();
    }
  } while (pool_.Stopwatch() - since < kLinger);
  return false;
}

// The job is the loop's from here on.
void ComputeLane::Complete(ComputeJob& job) {
  ComputeJob* newest = completed_.load(std::memory_order_relaxed);
  do {
    job.following = newest;
  } while (!completed_.compare_exchange_weak(newest, &job));
  if (sleeping_.load() && sleeping_.exchange(false)) {
    loop_.Post([this] { Pump(); });  // Comes before this helper's own end.
  }
}

void ComputeLane::HelperDone(PoolJob& job) {
  auto& helper = static_cast<Helper&>(job);
  ComputeLane& lane = helper.lane;
  helper.is_active = false;
  --lane.active_;
  if (lane.runner_ != nullptr) {
    lane.runner_->HelperEnded();
  } else if (lane.active_ == 0) {
    delete &lane;
  }
}

}  // namespace sluice::dag
