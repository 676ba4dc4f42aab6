// ComputeLane: the cheap compute nodes of one runner, shared between its loop and a pool's threads.
//
// Handing a function of a microsecond to a sleeping thread costs more than calling it, so the loop
// works its lane off itself, and recruits threads of the pool only when what waits takes longer
// than waking one does. A recruited thread helps until the lane has been empty for a while. Nothing
// depends on helpers: a pool that refuses them makes the lane slower, not wrong.
//
// How it works. A bounded ring of jobs: the loop alone appends, the loop and helpers claim by
// compare-and-swap of `head_`. A slot is read before its claim and may have been overwritten by
// then only if `head_` has moved, so the claim fails (stores of slots release, loads acquire). A
// helper puts the value into the job's own memory and the job onto a stack, `completed_`, from
// where the loop takes it: nothing of a run is written by another thread. The wake-up of the loop
// is Dekker's, as in PostQueue: it publishes `sleeping_` and looks at `completed_`, a helper the
// other way round, all sequentially consistent.
//
// Thread rule: belongs to its loop; HelperWork() and what it calls run on threads of the pool.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/loop.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/dag/pool_call.h"
#include "sluice/dag/run_block.h"

namespace sluice::dag {

class RunnerState;

// What a compute node takes, learnt on one loop.
class ComputeCost {
 public:
  [[nodiscard]] bool is_known() const { return estimate_ >= Nanos(0); }
  [[nodiscard]] Nanos estimate() const { return estimate_; }

  // One sample. A moving average of weight 1/8; above `limit` only when two in a row say so, since
  // one may be the system's doing, which ran another program meanwhile.
  void Learn(Nanos sample, Nanos limit);

  // True for the calls that are to be measured where measuring is dear: one of eight.
  [[nodiscard]] bool IsSample() {
    if (until_sample_ > 0) {
      --until_sample_;
      return false;
    }
    until_sample_ = 7;
    return true;
  }

 private:
  Nanos estimate_{-1};
  std::uint8_t until_sample_ = 0;
  bool was_slow_ = false;
};

class ComputeLane;

// What calling a compute node takes, in one line of cache.
struct ComputeNode {
  ComputeCost cost;
  const ComputeCalls* calls = nullptr;
  NodeInfo::Destroy destroy = nullptr;
  ComputeLane* lane = nullptr;
};

// A compute node on a lane. Followed by room for its value.
struct alignas(kLaneValueAlign) ComputeJob : Activity {
  ComputeJob(RunBlock& its_run,
             const NodeRecord& record,
             const ComputeCalls& its_calls,
             SteadyTime until)
      : Activity(its_run, its_run.loop(), until, record.step.node, ActivityKind::kCompute),
        step(record.step),
        calls(its_calls),
        job(until) {}

  [[nodiscard]] void* room() { return this + 1; }

  const Step& step;
  const ComputeCalls& calls;
  JobContext job;
  ComputeJob* following = nullptr;  // In the overflow, or among the completed.
  std::unique_ptr<NodeError> failure;
  Nanos took{-1};
  bool is_good = false;   // The value is in its place.
  bool in_place = false;  // That of the run, not the room.
  bool accepts = true;    // The loop's: somebody wants the value.
};
// AllocateFrame gives what operator new gives; values of a stricter alignment go to the pool.
static_assert(kLaneValueAlign <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

class ComputeLane {
 public:
  ComputeLane(RunnerState& runner, WorkerPool& pool);
  ComputeLane(const ComputeLane&) = delete;
  ComputeLane& operator=(const ComputeLane&) = delete;

  // The runner's end, with no job left. Helpers still on their way home outlive it, and the lane
  // with them.
  struct Leave {
    void operator()(ComputeLane* lane) const;
  };

  [[nodiscard]] WorkerPool& pool() const { return pool_; }
  [[nodiscard]] std::size_t helpers() const { return active_; }
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

  // `cost` is the node's estimate. The job is worked off by the next Pump().
  void Push(ComputeJob& job, Nanos cost);

  // Works the lane off: until it is empty, or the slice of this turn is used up and the next turn
  // goes on, or only helpers have something left, and they will wake the loop.
  void Pump();

 private:
  static constexpr std::uint32_t kRing = 256;
  static constexpr std::uint32_t kClaimMax = 8;
  static constexpr Nanos kLinger{20'000};    // How long a helper looks for more.
  static constexpr Nanos kShift{1'000'000};  // How long one helps, so that others get the thread.
  static constexpr std::size_t kHelpersMax = 16;

  struct Helper : PoolJob {
    Helper(Loop& loop, ComputeLane& its_lane)
        : PoolJob(loop, &HelperWork, &HelperDone), lane(its_lane) {}
    ComputeLane& lane;
    bool is_active = false;
  };

  ~ComputeLane() = default;

  [[nodiscard]] std::uint32_t Claim(std::array<ComputeJob*, kClaimMax>& jobs, std::uint32_t most);
  [[nodiscard]] bool TryAppend(ComputeJob& job);
  void Refill();
  void Recruit();
  void FinishCompleted();
  [[nodiscard]] bool WaitsForHelpers();
  void GoOnNextTurn();

  // On threads of the pool.
  static void HelperWork(PoolJob& job);
  void Help();
  void Complete(ComputeJob& job);
  [[nodiscard]] bool FindsMore(Nanos since);
  static void HelperDone(PoolJob& job);  // On the loop again.

  // Shared; each on a line of its own.
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  alignas(64) std::atomic<ComputeJob*> completed_{nullptr};
  std::atomic<bool> sleeping_{false};
  std::array<std::atomic<ComputeJob*>, kRing> ring_{};

  // The loop's.
  RunnerState* runner_;  // Null when it has gone.
  Loop& loop_;
  WorkerPool& pool_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::size_t active_ = 0;
  std::size_t outstanding_ = 0;  // Jobs pushed and not finished.
  ComputeJob* overflow_first_ = nullptr;
  ComputeJob* overflow_last_ = nullptr;
  std::size_t overflowing_ = 0;
  Nanos recent_cost_{0};
  Timer next_turn_;
  bool pumping_ = false;
};

}  // namespace sluice::dag
