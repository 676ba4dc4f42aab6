#include "sluice/limit/admission_queue.h"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/limit/option_range.h"

namespace sluice::limit {
namespace {

// A call that waited so long takes half as long again as without a queue: together with what the
// callee's own queue adds, twice as long. Critical ones find a slot long before; where by chance
// several come at once they are not to be lost for a few milliseconds.
constexpr int kLatencyPart = 2;
// What is learnt of very fast callees is not to ask for finer timers than there are.
constexpr Nanos kLearntWaitMin = std::chrono::milliseconds(1);

}  // namespace

void Validate(const AdmissionQueueOptions& options,
              std::string_view path,
              ConfigProblems& problems) {
  const auto complain = [&](std::string_view field, std::string text) {
    problems.push_back({fmt::format("{}.{}", path, field), std::move(text)});
  };
  if (!IsWithin(options.initial_rejection_factor, 0, 100)) {
    complain("initial_rejection_factor",
             fmt::format("must be 0..100, got {}", options.initial_rejection_factor));
  }
  if (!IsWithin(options.max_rejection_factor, options.initial_rejection_factor, 100)) {
    complain("max_rejection_factor",
             fmt::format("must be initial_rejection_factor ({})..100, got {}",
                         options.initial_rejection_factor, options.max_rejection_factor));
  }
  if (options.max_wait < Nanos(0) || options.max_wait > std::chrono::minutes(1)) {
    complain("max_wait",
             fmt::format("must be 0..60000000000 ns, got {}", options.max_wait.count()));
  }
  const CodelOptions& codel = options.codel;
  if (codel.target_delay < Nanos(0) || codel.target_delay > std::chrono::seconds(10)) {
    complain("codel.target_delay",
             fmt::format("must be 0..10000000000 ns, got {}", codel.target_delay.count()));
  }
  const Nanos interval_min = std::max<Nanos>(codel.target_delay, std::chrono::milliseconds(1));
  if (codel.interval < interval_min || codel.interval > std::chrono::minutes(1)) {
    complain("codel.interval",
             fmt::format("must be at least the target delay and 1 ms, and at most "
                         "60000000000 ns, got {}",
                         codel.interval.count()));
  }
}

AdmissionWaiter* AdmissionQueue::LowestBelow(Criticality criticality) const {
  for (std::size_t i = 0; i < static_cast<std::size_t>(criticality); ++i) {
    // The oldest goes: it has the least time left.
    if (lists_[i].first != nullptr) return lists_[i].first;
  }
  return nullptr;
}

AdmissionQueue::Push AdmissionQueue::TryPush(AdmissionWaiter& waiter,
                                             std::int64_t limit,
                                             double chance,
                                             SteadyTime now,
                                             AdmissionWaiter*& displaced) {
  SLUICE_ASSERT(waiter.state != AdmissionWaiter::State::kWaiting);
  const double initial = options_.initial_rejection_factor * static_cast<double>(limit);
  const double most = options_.max_rejection_factor * static_cast<double>(limit);
  const auto waiting = static_cast<double>(size_);
  const bool fits =
      waiting < most && (waiting < initial || chance * (most - initial) >= waiting + 1 - initial);
  if (!fits) {
    AdmissionWaiter* lowest = LowestBelow(waiter.criticality);
    if (lowest == nullptr) return Push::kRefused;
    Unlink(*lowest);
    lowest->state = AdmissionWaiter::State::kDropped;
    displaced = lowest;
  }
  List& list = lists_[static_cast<std::size_t>(waiter.criticality)];
  waiter.next = nullptr;
  waiter.previous = list.last;
  (list.last == nullptr ? list.first : list.last->next) = &waiter;
  list.last = &waiter;
  waiter.state = AdmissionWaiter::State::kWaiting;
  waiter.since = now;
  ++size_;
  ++waiting_of_[waiter.partition];
  return Push::kWaits;
}

void AdmissionQueue::Unlink(AdmissionWaiter& waiter) {
  List& list = lists_[static_cast<std::size_t>(waiter.criticality)];
  (waiter.previous == nullptr ? list.first : waiter.previous->next) = waiter.next;
  (waiter.next == nullptr ? list.last : waiter.next->previous) = waiter.previous;
  waiter.next = nullptr;
  waiter.previous = nullptr;
  if (judged_ == &waiter) judged_ = nullptr;
  --size_;
  --waiting_of_[waiter.partition];
}

void AdmissionQueue::Drop(AdmissionWaiter& waiter, AdmissionWaiter*& dropped) {
  Unlink(waiter);
  waiter.state = AdmissionWaiter::State::kDropped;
  waiter.next = dropped;
  dropped = &waiter;
}

bool AdmissionQueue::IsNewestFirst(std::size_t criticality, SteadyTime now) const {
  return options_.order == QueueOrder::kLifoWhenOverloaded &&
         codels_[criticality].IsOverloaded(now);
}

void AdmissionQueue::Remove(AdmissionWaiter& waiter) {
  SLUICE_ASSERT(waiter.state == AdmissionWaiter::State::kWaiting);
  Unlink(waiter);
  waiter.state = AdmissionWaiter::State::kIdle;
}

AdmissionWaiter* AdmissionQueue::Front(SteadyTime now, AdmissionWaiter*& dropped) {
  for (std::size_t i = kCriticalityCount; i > 0;) {
    List& list = lists_[i - 1];
    if (list.first == nullptr) {
      --i;
      continue;
    }
    AdmissionWaiter* front = IsNewestFirst(i - 1, now) ? list.last : list.first;
    if (front == judged_) return front;
    const Nanos waited = now - front->since;
    const bool is_late = waited > LongestWait(front->criticality);
    if (!is_late && !codels_[i - 1].ShouldDrop(waited, now)) {
      judged_ = front;
      return front;
    }
    Drop(*front, dropped);
  }
  return nullptr;
}

// CoDel is not asked: that others stand says nothing of a partition which has room.
AdmissionWaiter* AdmissionQueue::FirstOf(std::uint32_t partition,
                                         SteadyTime now,
                                         AdmissionWaiter*& dropped) {
  for (std::size_t i = kCriticalityCount; i > 0; --i) {
    const bool newest_first = IsNewestFirst(i - 1, now);
    AdmissionWaiter* waiter = newest_first ? lists_[i - 1].last : lists_[i - 1].first;
    while (waiter != nullptr) {
      AdmissionWaiter* const next = newest_first ? waiter->previous : waiter->next;
      if (waiter->partition == partition) {
        if (now - waiter->since <= LongestWait(waiter->criticality)) return waiter;
        Drop(*waiter, dropped);
      }
      waiter = next;
    }
  }
  return nullptr;
}

void AdmissionQueue::Grant(AdmissionWaiter& waiter) {
  Unlink(waiter);
  waiter.state = AdmissionWaiter::State::kGranted;
}

void AdmissionQueue::NoteNoWait(SteadyTime now) {
  for (Codel& codel : codels_)
    codel.NoteNoWait(now);
}

Nanos AdmissionQueue::LongestWait(Criticality criticality) const {
  if (options_.max_wait > Nanos(0)) return options_.max_wait;
  if (latency_ <= Nanos(0)) return options_.codel.interval;
  const bool is_critical = criticality >= Criticality::kCritical;
  return std::max(kLearntWaitMin, is_critical ? latency_ : latency_ / kLatencyPart);
}

Nanos AdmissionQueue::WaitMax(Criticality criticality, SteadyTime now) const {
  const Codel& codel = codels_[static_cast<std::size_t>(criticality)];
  const Nanos longest = LongestWait(criticality);
  return codel.IsOverloaded(now) ? std::min(longest, codel.DelayMax()) : longest;
}

void AdmissionQueue::NoteLatency(Nanos latency) {
  latency_ = latency;
  TuneCodels();
}

// A target of its own is half of the longest wait, so that who has waited so long is who would be
// dropped: what a standing queue then changes is the order alone.
void AdmissionQueue::TuneCodels() {
  CodelOptions codel = options_.codel;
  if (codel.target_delay == Nanos(0)) {
    codel.target_delay = LongestWait(Criticality::kSheddable) / 2;
    codel.interval = std::max(codel.interval, codel.target_delay);
  }
  for (Codel& each : codels_)
    each.Reconfigure(codel);
}

void AdmissionQueue::Reconfigure(const AdmissionQueueOptions& options) {
  options_ = options;
  TuneCodels();
}

}  // namespace sluice::limit
