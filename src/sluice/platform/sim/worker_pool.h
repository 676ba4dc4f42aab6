// sim::WorkerPool: threads in simulated time. A job takes what the pool says, then its work is done
// in a turn of its home loop. First come, first served.
//
// Not thread-safe: belongs to the world's thread.

#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/contract/worker_pool.h"

namespace sluice::sim {

struct WorkerPoolOptions {
  std::size_t workers = 1;
  std::size_t queue_max = 16;  // Jobs that wait; one more is refused.
  Nanos duration{0};           // Of every job.
};

class WorkerPool final : public sluice::WorkerPool {
 public:
  explicit WorkerPool(const WorkerPoolOptions& options);
  // Asserts that no job is left.
  ~WorkerPool() override;

  [[nodiscard]] bool Submit(PoolJob& job) override;
  [[nodiscard]] bool Withdraw(PoolJob& job) override;
  [[nodiscard]] std::size_t queued() const override { return queue_.size(); }
  [[nodiscard]] std::size_t workers() const override { return options_.workers; }
  // Advances by the duration of a job with every look: what a loop runs itself seems to take that.
  [[nodiscard]] Nanos Stopwatch() override { return stopwatch_ += options_.duration; }
  [[nodiscard]] std::size_t running() const { return running_; }

  // Of jobs that begin from now on.
  void set_duration(Nanos duration) { options_.duration = duration; }

 private:
  struct Worker {
    explicit Worker(WorkerPool& its_pool) : pool(its_pool), timer(&Finish, this) {}
    WorkerPool& pool;
    Timer timer;
    PoolJob* job = nullptr;
  };

  void Begin(Worker& worker, PoolJob& job);
  static void Finish(Timer& timer, SteadyTime now);

  WorkerPoolOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::deque<PoolJob*> queue_;
  std::size_t running_ = 0;
  Nanos stopwatch_{0};
};

}  // namespace sluice::sim
