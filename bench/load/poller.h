// Poller: one thread's epoll, its clock and its one receive buffer.
//
// Edge-triggered: a handler reads until a short read and writes until the kernel refuses. Client
// and upstream of a run share one Poller, so that a single pinned core plays both.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "load/file_descriptor.h"

#include "sluice/contract/result.h"
#include "sluice/contract/time.h"

namespace sluice::load {

// Monotonic clock of the kernel.
[[nodiscard]] SteadyTime Now();

class Handler {
 public:
  virtual ~Handler() = default;

  // `events` are EPOLLIN, EPOLLOUT, EPOLLRDHUP, … A handler may destroy itself here.
  virtual void OnReady(std::uint32_t events) = 0;
};

class Poller {
 public:
  // Fails with kInputOutput.
  [[nodiscard]] static Result<Poller> Create();

  // Reports `fd` to `handler` until the descriptor is closed. The handler outlives the descriptor.
  [[nodiscard]] Result<void> Add(int fd, Handler& handler);

  // Waits at most `timeout` (0: only looks) and calls the handlers that have something to do.
  void Wait(Nanos timeout);

  // Scratch memory for one recv(); its content is dead at the next one.
  [[nodiscard]] std::span<char> receive_buffer() { return buffer_; }

 private:
  explicit Poller(FileDescriptor epoll);

  FileDescriptor epoll_;
  std::vector<char> buffer_;
};

}  // namespace sluice::load
