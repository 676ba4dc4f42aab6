// Reactor: one epoll instance and what all sockets of one loop share. The inside of EpollLoop.
//
// Descriptors are registered once, edge-triggered, and never modified. An event carries the slot
// and the generation of its source, so an event of a source that went away earlier in the same
// batch, or whose descriptor a forked child still holds, is recognised and dropped.
//
// Not thread-safe: belongs to one loop.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <sys/epoll.h>

#include "sluice/contract/result.h"
#include "sluice/contract/run_queue.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/receive_buffers.h"
#include "sluice/platform/linux/spill_queue.h"
#include "sluice/platform/timer_wheel.h"

namespace sluice::platform {

// epoll_pwait2(2), where the kernel has it (5.11), or epoll_wait(2), which sleeps whole
// milliseconds.
enum class SleepPrecision : std::uint8_t { kNanoseconds, kMilliseconds };

class Reactor {
 public:
  // Fails with kOutOfDescriptors or kInputOutput.
  static Result<OwnedFd> CreateEpoll();

  Reactor(OwnedFd epoll, SleepPrecision precision, std::size_t spare_buffers_max);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  // Requires that no source is registered and no timer armed.
  ~Reactor();

  // Registers `source` for `events` of `fd`. Fails with kInputOutput (out of memory, or the limit
  // fs.epoll.max_user_watches).
  [[nodiscard]] Result<void> Register(int fd, std::uint32_t events, EventSource& source);
  // Changes what a registered descriptor waits for; sockets never need it, a resolver may.
  void Modify(int fd, std::uint32_t events, EventSource& source);
  // Forgets `source`, and its deferral. For descriptors that nobody else holds and that are closed
  // next, which takes them out of epoll without a system call. Idempotent.
  void Unregister(EventSource& source);
  // The same for a descriptor that stays open, here or in another process or loop: left in epoll it
  // would go on waking this loop for nothing.
  void UnregisterShared(int fd, EventSource& source);

  // Calls source.OnReady(0) in the next turn, which then does not sleep. Idempotent.
  void Defer(EventSource& source);
  void CancelDefer(EventSource& source);

  // Sleeps until something happens or `until`, then does all there is to do. Drains the run queue
  // after every event. The caller has bound `run_queue()`.
  void Turn(SteadyTime until);

  // Reads the clocks outside a turn.
  void ReadClocks();

  [[nodiscard]] SteadyTime now() const { return now_; }
  [[nodiscard]] WallTime wall_now() const { return wall_now_; }
  // The number of the turn; what a source did "this turn" it remembers by this.
  [[nodiscard]] std::uint32_t turn() const { return turn_; }
  [[nodiscard]] std::size_t registered() const { return registered_; }

  // Descriptors with this number and above are left to others: accepting pauses before it takes
  // one. Numbers are given out lowest first, so the number tells how many are in use. No bound at
  // first.
  void set_descriptor_bound(int bound) { descriptor_bound_ = bound; }
  [[nodiscard]] int descriptor_bound() const { return descriptor_bound_; }

  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] RunQueue& run_queue() { return run_queue_; }
  [[nodiscard]] ReceiveBuffers& buffers() { return buffers_; }
  [[nodiscard]] const ReceiveBuffers& buffers() const { return buffers_; }
  [[nodiscard]] SpillPool& spill_pool() { return spill_pool_; }

 private:
  static constexpr int kBatch = 256;

  struct Slot {
    EventSource* source = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t next_free = 0;
  };
  // A circular list of sources; empty when it points to itself.
  struct DeferredList : DeferredLink {
    DeferredList() { next = previous = this; }
    [[nodiscard]] bool empty() const { return next == this; }
  };

  static constexpr std::uint32_t kNoFree = UINT32_MAX;

  int Wait(SteadyTime until);
  [[nodiscard]] Nanos SleepLength(SteadyTime until) const;
  void Dispatch(const epoll_event& event);
  void RunDeferred();

  OwnedFd epoll_;
  SteadyTime now_{};
  WallTime wall_now_{};
  std::uint32_t turn_ = 0;
  SleepPrecision precision_;
  int descriptor_bound_ = std::numeric_limits<int>::max();
  std::size_t registered_ = 0;
  std::uint32_t first_free_ = kNoFree;
  std::vector<Slot> slots_;
  DeferredList deferred_;
  DeferredList running_;  // Those whose turn it is now.
  RunQueue run_queue_;
  TimerWheel timers_;
  ReceiveBuffers buffers_;
  SpillPool spill_pool_;
  std::array<epoll_event, kBatch> events_{};
};

}  // namespace sluice::platform
