// WorkerPool of real threads: for calls that block, away from the loops.
//
// One queue under one mutex: a job that blocks costs far more than the lock. An ended job goes home
// by Loop::Post, which wakes the loop only when it sleeps.
//
// Thread rule: any loop may submit; a job is withdrawn by its home loop. All loops must turn until
// their last job is done.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/contract/result.h"
#include "sluice/contract/worker_pool.h"

namespace sluice::platform {

struct WorkerPoolOptions {
  std::string name = "pool";    // As `top -H` shows it; cut to 15 bytes.
  std::size_t workers = 4;      // Threads, 1..1'024.
  std::size_t queue_max = 256;  // Jobs that wait; one more is refused.
};

class WorkerPool final : public sluice::WorkerPool {
 public:
  // Fails with kInvalidOption, or with kInputOutput when a thread cannot be started.
  static Result<std::unique_ptr<WorkerPool>> Start(const WorkerPoolOptions& options);
  // Does what is queued, then joins.
  ~WorkerPool() override;

  [[nodiscard]] bool Submit(PoolJob& job) override;
  [[nodiscard]] bool Withdraw(PoolJob& job) override;
  [[nodiscard]] std::size_t queued() const override;
  [[nodiscard]] std::size_t workers() const override { return options_.workers; }
  [[nodiscard]] Nanos Stopwatch() override;

 private:
  explicit WorkerPool(const WorkerPoolOptions& options) : options_(options) {}
  void Work();
  void Unlink(PoolJob& job);

  WorkerPoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  PoolJob* first_ = nullptr;
  PoolJob* last_ = nullptr;
  std::size_t queued_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::platform
