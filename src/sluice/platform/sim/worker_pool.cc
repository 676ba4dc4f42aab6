#include "sluice/platform/sim/worker_pool.h"

#include <algorithm>

#include "sluice/contract/assert.h"

namespace sluice::sim {

WorkerPool::WorkerPool(const WorkerPoolOptions& options) : options_(options) {
  for (std::size_t i = 0; i < options.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(*this));
  }
}

WorkerPool::~WorkerPool() {
  SLUICE_ASSERT(queue_.empty() && running_ == 0);
}

bool WorkerPool::Submit(PoolJob& job) {
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (worker->job != nullptr) continue;
    Begin(*worker, job);
    return true;
  }
  if (queue_.size() >= options_.queue_max) return false;
  job.place = PoolJob::Place::kQueued;
  queue_.push_back(&job);
  return true;
}

bool WorkerPool::Withdraw(PoolJob& job) {
  if (job.place != PoolJob::Place::kQueued) return false;
  queue_.erase(std::ranges::find(queue_, &job));
  job.place = PoolJob::Place::kNowhere;
  return true;
}

void WorkerPool::Begin(Worker& worker, PoolJob& job) {
  job.place = PoolJob::Place::kTaken;
  worker.job = &job;
  ++running_;
  job.took = options_.duration;
  job.home.Arm(worker.timer, SaturatingAdd(job.home.now(), options_.duration));
}

void WorkerPool::Finish(Timer& timer, SteadyTime /*now*/) {
  auto& worker = *static_cast<Worker*>(timer.owner);
  WorkerPool& pool = worker.pool;
  PoolJob& job = *worker.job;
  worker.job = nullptr;
  --pool.running_;
  if (!pool.queue_.empty()) {
    PoolJob& following = *pool.queue_.front();
    pool.queue_.pop_front();
    pool.Begin(worker, following);
  }
  job.work(job);
  job.done(job);  // May free it.
}

}  // namespace sluice::sim
