// TapQueue: one worker's copies on their way to the sink.
//
// A copy is taken, filled while its exchange goes on, and put; some are handed to a thread of the
// worker pool together, and come back empty. Nothing here waits: when the bytes under way reach
// their bound there is no copy to take, and a copy that outgrows the bound is given up; both are
// counted, and the exchange goes on as if nobody watched.
//
// Not thread-safe: belongs to its worker's loop, which must run until is_quiet().

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/counter.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/timer.h"
#include "sluice/contract/worker_pool.h"
#include "sluice/traffic/tap/recording_sink.h"
#include "sluice/traffic/tap/sampler.h"

namespace sluice::traffic::tap {

struct TapQueueOptions {
  Bytes bytes_max = 32 * kMiB;                     // Of all copies under way on this worker.
  Nanos flush_interval = std::chrono::seconds(1);  // From Put() to the write, at most.
  SamplerOptions sampler;

  friend bool operator==(const TapQueueOptions&, const TapQueueOptions&) = default;
};

// Of one worker; they outlive its queues.
struct TapCounts {
  Counter taken;       // Copies begun.
  Counter put;         // Copies handed over whole.
  Counter queue_full;  // Exchanges that were to be kept, and had no room.
  Counter capped;      // Exchanges over the cap.
  Counter skipped;     // Exchanges outside the share and the quotas.
  Gauge bytes;         // Of all copies under way.
};

class TapQueue {
 public:
  // Copies are handed over when there are so many, or after so long.
  static constexpr std::size_t kBatchCopies = 64;
  static constexpr Nanos kBatchWait = std::chrono::milliseconds(50);
  // What a copy costs beside the bytes in it.
  static constexpr Bytes kCopyOverhead = 2 * kKiB;

  TapQueue(Loop& loop,
           WorkerPool& pool,
           std::shared_ptr<RecordingSink> sink,
           const TapQueueOptions& options,
           TapCounts& counts);
  TapQueue(const TapQueue&) = delete;
  TapQueue& operator=(const TapQueue&) = delete;
  ~TapQueue();  // Requires is_quiet().

  using Copy = std::unique_ptr<wire::recording::RecordedExchange>;

  // An empty copy; null when there is no room, which is counted.
  [[nodiscard]] Copy Take();
  // `bytes` more are about to be added to a copy. False: no room; Drop() it.
  [[nodiscard]] bool Grow(Bytes bytes);
  // `bytes` were taken out of a copy.
  void Shrink(Bytes bytes) { Release(bytes); }
  // The copy is complete.
  void Put(Copy copy);
  // The copy is given up.
  void Drop(Copy copy);

  [[nodiscard]] Sampler& sampler() { return sampler_; }
  [[nodiscard]] TapCounts& counts() { return counts_; }
  [[nodiscard]] const std::shared_ptr<RecordingSink>& sink() const { return sink_; }
  [[nodiscard]] const TapQueueOptions& options() const { return options_; }

  // Hands everything over and takes nothing more; then is_quiet() in a while.
  void Close();
  // No copy is under way: all were put or dropped, and what was put is with the sink.
  [[nodiscard]] bool is_quiet() const { return under_way_ == 0 && bytes_ == 0 && !timer_.armed(); }

 private:
  struct Batch : PoolJob {
    Batch(Loop& loop, TapQueue& its_queue)
        : PoolJob(loop, &TapQueue::Work, &TapQueue::Done), queue(its_queue) {}
    TapQueue& queue;
    TapBatch content;
    Bytes bytes = 0;
  };

  static Bytes SizeOf(const wire::recording::RecordedExchange& copy);
  static void Work(PoolJob& job);
  static void Done(PoolJob& job);
  static void Fire(Timer& timer, SteadyTime now);
  void HandOver(bool ends_wait);
  void ArmFor(SteadyTime due);
  void Release(Bytes bytes);

  Loop& loop_;
  WorkerPool& pool_;
  std::shared_ptr<RecordingSink> sink_;
  const TapQueueOptions options_;
  TapCounts& counts_;
  Sampler sampler_;
  Bytes bytes_ = 0;
  std::vector<Copy> open_;  // Complete, not yet handed over.
  std::vector<Copy> free_;
  std::vector<std::unique_ptr<Batch>> idle_batches_;
  std::vector<std::unique_ptr<Batch>> busy_batches_;
  std::size_t under_way_ = 0;   // Batches.
  bool sink_may_wait_ = false;  // It may have gathered something that it has not written.
  SteadyTime open_since_{};     // When the first of `open_` was put.
  SteadyTime wait_ends_{};      // If the sink may wait: when it must have written.
  bool is_closed_ = false;
  Timer timer_;
};

}  // namespace sluice::traffic::tap
