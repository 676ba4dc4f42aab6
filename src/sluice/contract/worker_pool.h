// WorkerPool: threads for work that would block a loop, with a bounded queue.
//
// A PoolJob is embedded in its owner, a coroutine's frame mostly: Submit() hands it over, `work`
// runs on a thread of the pool, then `done` runs on the loop that submitted it. So submitting
// allocates nothing.
//
// Thread rule: any loop may submit and withdraw its own jobs.

#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/contract/loop.h"
#include "sluice/contract/time.h"

namespace sluice {

struct PoolJob {
  using Step = void (*)(PoolJob& job);

  PoolJob(Loop& its_home, Step its_work, Step its_done)
      : home(its_home), work(its_work), done(its_done) {}
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;

  Loop& home;  // Must run until `done` was called.
  Step work;   // On a thread of the pool. Must not throw.
  Step done;   // On the loop, in a turn of its own. May free the job.

  // How long `work` took, for `done`; below zero when it was not called.
  Nanos took{-1};

  // The pool's own.
  PoolJob* next = nullptr;
  PoolJob* previous = nullptr;
  enum class Place : std::uint8_t { kNowhere, kQueued, kTaken } place = Place::kNowhere;
};

class WorkerPool {
 public:
  WorkerPool() = default;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  virtual ~WorkerPool() = default;

  // True: `job` belongs to the pool until `done`. False: the queue is full, nothing will happen.
  [[nodiscard]] virtual bool Submit(PoolJob& job) = 0;

  // Takes a job back that no thread has begun. True: it is the caller's again and neither step will
  // be called. False: it has begun or ended, so `done` is still to come.
  [[nodiscard]] virtual bool Withdraw(PoolJob& job) = 0;

  // Jobs that wait for a thread.
  [[nodiscard]] virtual std::size_t queued() const = 0;

  [[nodiscard]] virtual std::size_t workers() const = 0;

  // A clock for measuring functions that a loop runs itself instead of handing them over: only
  // differences on one thread mean something. From any thread; costs a few ten nanoseconds.
  [[nodiscard]] virtual Nanos Stopwatch() = 0;
};

}  // namespace sluice
