#include "sluice/platform/linux/post_queue.h"

#include <thread>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::platform {

bool PostQueue::Post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    work_.push_back(std::move(work));
  }
  return Publish();
}

bool PostQueue::RequestStop() {
  {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
  }
  return Publish();
}

bool PostQueue::Publish() {
  pending_.store(true);
  return may_sleep_.load() && may_sleep_.exchange(false);  // Only one of many posters wakes it.
}

bool PostQueue::PrepareToSleep() {
  may_sleep_.store(true);
  if (!pending_.load()) return true;
  may_sleep_.store(false);
  return false;
}

void PostQueue::Awake() {
  may_sleep_.store(false, std::memory_order_relaxed);
}

PostQueue::Taken PostQueue::Take(std::vector<Work>& batch) {
  SLUICE_ASSERT(batch.empty());
  if (!pending_.load(std::memory_order_relaxed)) return Taken::kGoOn;
  // Before the swap: who posts after it publishes again.
  pending_.store(false);
  const std::lock_guard lock(mutex_);
  std::swap(batch, work_);
  return stop_requested_ ? Taken::kStop : Taken::kGoOn;
}

void PostQueue::Close() {
  std::vector<Work> unrun;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(unrun, work_);
  }
}

void PostQueue::AwaitPosters() const {
  // A poster is about to be gone: one system call away at most.
  while (posters_.load(std::memory_order_acquire) != 0)
    std::this_thread::yield();
}

}  // namespace sluice::platform
