#include "sluice/traffic/tap/tap_queue.h"

#include <algorithm>
#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::traffic::tap {
namespace {

using wire::recording::RecordedExchange;

// While the pool has no room for a batch it is offered again after this.
constexpr Nanos kRetryWait = std::chrono::milliseconds(100);
constexpr std::size_t kFreeCopiesMax = 4 * TapQueue::kBatchCopies;

}  // namespace

TapQueue::TapQueue(Loop& loop,
                   WorkerPool& pool,
                   std::shared_ptr<RecordingSink> sink,
                   const TapQueueOptions& options,
                   TapCounts& counts)
    : loop_(loop),
      pool_(pool),
      sink_(std::move(sink)),
      options_(options),
      counts_(counts),
      sampler_(options.sampler),
      timer_(&Fire, this) {}

TapQueue::~TapQueue() {
  SLUICE_ASSERT(is_quiet());
}

Bytes TapQueue::SizeOf(const RecordedExchange& copy) {
  return kCopyOverhead + copy.request.head.size() + copy.request.body.size() +
         copy.response.head.size() + copy.response.body.size();
}

TapQueue::Copy TapQueue::Take() {
  if (is_closed_) return nullptr;
  if (!Grow(kCopyOverhead)) return nullptr;
  counts_.taken.Add();
  if (free_.empty()) return std::make_unique<RecordedExchange>();
  Copy copy = std::move(free_.back());
  free_.pop_back();
  return copy;
}

bool TapQueue::Grow(Bytes bytes) {
  if (bytes_ + bytes > options_.bytes_max) {
    counts_.queue_full.Add();
    return false;
  }
  bytes_ += bytes;
  counts_.bytes.Add(static_cast<std::int64_t>(bytes));
  return true;
}

void TapQueue::Release(Bytes bytes) {
  SLUICE_ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  counts_.bytes.Add(-static_cast<std::int64_t>(bytes));
}

void TapQueue::Put(Copy copy) {
  counts_.put.Add();
  if (open_.empty()) open_since_ = loop_.now();
  open_.push_back(std::move(copy));
  if (open_.size() >= kBatchCopies || is_closed_) {
    HandOver(/*ends_wait=*/is_closed_);
  } else if (open_.size() == 1) {
    ArmFor(loop_.now() + std::min(kBatchWait, options_.flush_interval));
  }
}

void TapQueue::Drop(Copy copy) {
  Release(SizeOf(*copy));
  ClearForReuse(*copy);
  if (free_.size() < kFreeCopiesMax) free_.push_back(std::move(copy));
}

void TapQueue::ArmFor(SteadyTime due) {
  if (!timer_.armed() || timer_.due > due) loop_.Arm(timer_, due);
}

void TapQueue::Fire(Timer& timer, SteadyTime now) {
  auto* queue = static_cast<TapQueue*>(timer.owner);
  if (queue->open_.empty() && !queue->sink_may_wait_) return;
  const SteadyTime wait_ends = queue->sink_may_wait_
                                   ? queue->wait_ends_
                                   : queue->open_since_ + queue->options_.flush_interval;
  queue->HandOver(/*ends_wait=*/queue->is_closed_ || now >= wait_ends);
}

void TapQueue::HandOver(bool ends_wait) {
  if (idle_batches_.empty()) idle_batches_.push_back(std::make_unique<Batch>(loop_, *this));
  Batch& batch = *idle_batches_.back();
  batch.content.copies.swap(open_);
  sampler_.TakeCounts(batch.content.counts);
  batch.content.now = loop_.now();
  batch.content.ends_wait = ends_wait;
  batch.bytes = 0;
  for (const Copy& copy : batch.content.copies)
    batch.bytes += SizeOf(*copy);
  if (!pool_.Submit(batch)) {
    // What was counted stays with the batch, which is the next to go.
    batch.content.copies.swap(open_);
    if (!timer_.armed()) loop_.Arm(timer_, loop_.now() + kRetryWait);
    return;
  }
  ++under_way_;
  busy_batches_.push_back(std::move(idle_batches_.back()));
  idle_batches_.pop_back();
  // The first copy that waits says when all must be written, however many follow it.
  if (!ends_wait && !sink_may_wait_) wait_ends_ = open_since_ + options_.flush_interval;
  sink_may_wait_ = !ends_wait;
  if (timer_.armed()) loop_.Disarm(timer_);
  if (sink_may_wait_) ArmFor(wait_ends_);
}

void TapQueue::Work(PoolJob& job) {
  auto& batch = static_cast<Batch&>(job);
  batch.queue.sink_->Write(batch.content);
}

void TapQueue::Done(PoolJob& job) {
  auto& batch = static_cast<Batch&>(job);
  TapQueue& queue = batch.queue;
  queue.Release(batch.bytes);
  for (Copy& copy : batch.content.copies) {
    if (queue.free_.size() < kFreeCopiesMax) queue.free_.push_back(std::move(copy));
  }
  batch.content.copies.clear();
  const auto busy = std::ranges::find_if(
      queue.busy_batches_,
      [&batch](const std::unique_ptr<Batch>& one) { return one.get() == &batch; });
  queue.idle_batches_.push_back(std::move(*busy));
  queue.busy_batches_.erase(busy);
  --queue.under_way_;
}

void TapQueue::Close() {
  if (is_closed_) return;
  is_closed_ = true;
  if (open_.empty() && !sink_may_wait_) {
    if (timer_.armed()) loop_.Disarm(timer_);
    return;
  }
  HandOver(/*ends_wait=*/true);
}

}  // namespace sluice::traffic::tap
