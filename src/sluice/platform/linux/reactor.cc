#include "sluice/platform/linux/reactor.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr Nanos kSleepMax = std::chrono::hours(24);  // The kernel wants less than 2^31 ms.

void LinkLast(DeferredLink& list, DeferredLink& entry) {
  entry.next = &list;
  entry.previous = list.previous;
  list.previous->next = &entry;
  list.previous = &entry;
}

void Unlink(DeferredLink& entry) {
  entry.previous->next = entry.next;
  entry.next->previous = entry.previous;
  entry.next = entry.previous = nullptr;
}

}  // namespace

Result<OwnedFd> Reactor::CreateEpoll() {
  OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return FailErrno(errno, "epoll_create1");
  return epoll;
}

Reactor::Reactor(OwnedFd epoll, SleepPrecision precision, std::size_t spare_buffers_max)
    : epoll_(std::move(epoll)),
      precision_(precision),
      timers_(ReadSteadyClock()),
      buffers_(spare_buffers_max) {
  ReadClocks();
}

Reactor::~Reactor() {
  SLUICE_ASSERT(registered_ == 0);
}

Result<void> Reactor::Register(int fd, std::uint32_t events, EventSource& source) {
  SLUICE_ASSERT(source.slot_ == EventSource::kNoSlot);
  std::uint32_t index = first_free_;
  if (index == kNoFree) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({.next_free = kNoFree});
  }
  Slot& slot = slots_[index];
  epoll_event event{};
  event.events = events;
  event.data.u64 = (std::uint64_t{slot.generation} << 32U) | index;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error_number = errno;
    if (first_free_ != index) slots_.pop_back();
    return FailErrno(error_number, "epoll_ctl");
  }
  if (first_free_ == index) first_free_ = slot.next_free;
  slot.source = &source;
  source.slot_ = index;
  ++registered_;
  return {};
}

void Reactor::Modify(int fd, std::uint32_t events, EventSource& source) {
  SLUICE_ASSERT(source.slot_ != EventSource::kNoSlot);
  epoll_event event{};
  event.events = events;
  event.data.u64 = (std::uint64_t{slots_[source.slot_].generation} << 32U) | source.slot_;
  SLUICE_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Reactor::Unregister(EventSource& source) {
  CancelDefer(source);
  if (source.slot_ == EventSource::kNoSlot) return;
  const std::uint32_t index = std::exchange(source.slot_, EventSource::kNoSlot);
  Slot& slot = slots_[index];
  slot.source = nullptr;
  ++slot.generation;  // Events that are still under way find nobody.
  slot.next_free = std::exchange(first_free_, index);
  --registered_;
}

void Reactor::UnregisterShared(int fd, EventSource& source) {
  if (source.slot_ != EventSource::kNoSlot) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
  Unregister(source);
}

void Reactor::Defer(EventSource& source) {
  if (source.next == nullptr) LinkLast(deferred_, source);
}

void Reactor::CancelDefer(EventSource& source) {
  if (source.next != nullptr) Unlink(source);
}

void Reactor::ReadClocks() {
  now_ = ReadSteadyClock();
  wall_now_ = ReadWallClock();
}

void Reactor::Turn(SteadyTime until) {
  const int count = Wait(until);
  ReadClocks();
  ++turn_;
  run_queue_.Drain();
  // Those deferred up to here get their turn after the events; who is deferred now waits for the
  // next one.
  SLUICE_ASSERT(running_.empty());
  while (!deferred_.empty()) {
    DeferredLink& link = *deferred_.next;
    Unlink(link);
    LinkLast(running_, link);
  }
  for (int i = 0; i < count; ++i) {
    Dispatch(events_[static_cast<std::size_t>(i)]);
  }
  RunDeferred();
  timers_.Advance(now_);
  run_queue_.Drain();
}

void Reactor::Dispatch(const epoll_event& event) {
  const std::uint64_t tag = event.data.u64;
  const auto index = static_cast<std::uint32_t>(tag);
  const Slot& slot = slots_[index];
  if (slot.source == nullptr || slot.generation != static_cast<std::uint32_t>(tag >> 32U)) return;
  slot.source->OnReady(event.events);
  run_queue_.Drain();
}

void Reactor::RunDeferred() {
  while (!running_.empty()) {
    DeferredLink& link = *running_.next;
    Unlink(link);
    static_cast<EventSource&>(link).OnReady(0);
    run_queue_.Drain();
  }
}

Nanos Reactor::SleepLength(SteadyTime until) const {
  if (!deferred_.empty() || !run_queue_.empty()) return Nanos(0);
  const SteadyTime wake = std::min(until, timers_.NextDue());
  if (wake <= now_) return Nanos(0);
  return std::min<Nanos>(wake - now_, kSleepMax);
}

int Reactor::Wait(SteadyTime until) {
  const Nanos sleep = SleepLength(until);
  int count = 0;
  if (precision_ == SleepPrecision::kNanoseconds) {
    timespec timeout{};
    timeout.tv_sec = sleep.count() / 1'000'000'000;
    timeout.tv_nsec = sleep.count() % 1'000'000'000;
    count = ::epoll_pwait2(epoll_.get(), events_.data(), kBatch, &timeout, nullptr);
    if (count >= 0 || errno == EINTR) return std::max(count, 0);
    const bool refused = errno == ENOSYS || errno == EPERM;  // Old kernel, or seccomp filter.
    SLUICE_ASSERT(refused);
    precision_ = SleepPrecision::kMilliseconds;
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(sleep).count();
  count = ::epoll_wait(epoll_.get(), events_.data(), kBatch, static_cast<int>(milliseconds));
  if (count < 0) SLUICE_ASSERT(errno == EINTR);
  return std::max(count, 0);
}

}  // namespace sluice::platform
