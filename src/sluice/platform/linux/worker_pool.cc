#include "sluice/platform/linux/worker_pool.h"

#include <system_error>

#include <fmt/format.h>
#include <pthread.h>

#include "sluice/platform/linux/clock.h"

namespace sluice::platform {

Result<std::unique_ptr<WorkerPool>> WorkerPool::Start(const WorkerPoolOptions& options) {
  if (options.workers < 1 || options.workers > 1024) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("workers: 1..1024, got {}", options.workers));
  }
  std::unique_ptr<WorkerPool> pool(new WorkerPool(options));
  try {
    for (std::size_t i = 0; i < options.workers; ++i) {
      pool->threads_.emplace_back(&WorkerPool::Work, pool.get());
    }
  } catch (const std::system_error& error) {
    return Fail(ErrorCode::kInputOutput, fmt::format("no thread for a pool: {}", error.what()));
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool WorkerPool::Submit(PoolJob& job) {
  {
    const std::lock_guard lock(mutex_);
    if (queued_ >= options_.queue_max) return false;
    job.place = PoolJob::Place::kQueued;
    job.next = nullptr;
    job.previous = last_;
    (last_ == nullptr ? first_ : last_->next) = &job;
    last_ = &job;
    ++queued_;
  }
  wake_.notify_one();
  return true;
}

bool WorkerPool::Withdraw(PoolJob& job) {
  const std::lock_guard lock(mutex_);
  if (job.place != PoolJob::Place::kQueued) return false;
  Unlink(job);
  job.place = PoolJob::Place::kNowhere;
  return true;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_;
}

Nanos WorkerPool::Stopwatch() {
  return ReadSteadyClock().time_since_epoch();
}

void WorkerPool::Unlink(PoolJob& job) {
  (job.previous == nullptr ? first_ : job.previous->next) = job.next;
  (job.next == nullptr ? last_ : job.next->previous) = job.previous;
  --queued_;
}

void WorkerPool::Work() {
  ::pthread_setname_np(::pthread_self(), options_.name.substr(0, 15).c_str());
  while (true) {
    PoolJob* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return first_ != nullptr || stopping_; });
      if (first_ == nullptr) return;
      job = first_;
      Unlink(*job);
      job->place = PoolJob::Place::kTaken;
    }
    const Nanos before = Stopwatch();
    job->work(*job);
    job->took = Stopwatch() - before;
    job->home.Post([job] { job->done(*job); });
  }
}

}  // namespace sluice::platform
