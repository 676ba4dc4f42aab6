// EpollLoop: the event loop of one thread on Linux.
//
// A turn: sleep in epoll until something happens or a timer is due; read the clocks once; handle
// each event and then what became ready by it; fire timers; run posted work. Sockets are registered
// once and edge-triggered, and a receive is tried only where something may be waiting, so a request
// through a proxy costs about four system calls.
//
// Fair: in one turn a stream completes a bounded number of operations and bytes within the call
// (socket_stream.h), a listener a bounded number of accepts; then the others go first.
//
// Thread rule: everything on the thread that runs the loop, but Post() and Stop(). Streams,
// listeners and timers must be gone before the loop is destroyed, and no call of another thread
// may be under way.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/random.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/platform/linux/owned_fd.h"
#include "sluice/platform/linux/post_queue.h"
#include "sluice/platform/linux/reactor.h"
#include "sluice/platform/linux/resolver.h"
#include "sluice/platform/linux/socket_listener.h"

namespace sluice::platform {

struct EpollLoopOptions {
  std::size_t spare_buffers_max = 8;  // Free receive buffers of 128 KiB that are not given back.
  SleepPrecision sleep = SleepPrecision::kNanoseconds;  // Falls back by itself on old kernels.
  // Public loops leave the descriptors from this number on to the others (the admin API). 0: none.
  int descriptor_bound = 0;
  ResolverOptions resolver;
};

class EpollLoop final : public Loop {
 public:
  // Fails with kOutOfDescriptors, kInvalidOption (resolver options) or kInputOutput.
  static Result<std::unique_ptr<EpollLoop>> Create(const EpollLoopOptions& options = {});
  ~EpollLoop() override;

  // Turns until Stop(). Work posted before Stop() by the same thread has run when it returns; work
  // posted later is destroyed unrun.
  void Run();

  // Ends Run() after the turn under way. From any thread; idempotent; final.
  void Stop();

  // One turn that sleeps at most `sleep_max`; for tests and for shutting down, also after Run().
  void RunOnce(Nanos sleep_max);

  // Runs `work` now, on this thread, as if within a turn: with the run queue bound, and drained
  // afterwards. For starting tasks before Run(), or ending them after it; not from within a turn.
  void Enter(const std::function<void()>& work);

  [[nodiscard]] SteadyTime now() const override { return reactor_.now(); }
  [[nodiscard]] WallTime wall_now() const override { return reactor_.wall_now(); }
  void Arm(Timer& timer, SteadyTime due) override { reactor_.timers().Arm(timer, due); }
  void Disarm(Timer& timer) override { reactor_.timers().Disarm(timer); }
  // The call must begin before the end of the loop does, which waits for those that have begun.
  void Post(std::move_only_function<void()> work) override;
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] Resolver& resolver() override { return *resolver_; }
  [[nodiscard]] Result<std::unique_ptr<Listener>> Listen(const Address& address,
                                                         const ListenOptions& options) override;
  [[nodiscard]] ReceiveBuffer KeepReceiveBuffer() override { return reactor_.buffers().Keep(); }
  [[nodiscard]] std::size_t kept_buffers() const override;

  // As Listen(), with the platform's own type (its descriptor can be handed over).
  [[nodiscard]] Result<std::unique_ptr<SocketListener>> ListenSocket(const Address& address,
                                                                     const ListenOptions& options);

  // Makes a listener of a socket that listens already: inherited (handover.h), or a duplicate of
  // another loop's. Fails with kInvalidOption when `fd` is no listening stream socket.
  [[nodiscard]] Result<std::unique_ptr<SocketListener>> Adopt(OwnedFd fd,
                                                              SocketFile file = SocketFile::kOurs);

  // What the sockets of this folder work with.
  [[nodiscard]] Reactor& reactor() { return reactor_; }

 protected:
  [[nodiscard]] bool Begin(ConnectOperation& operation) override;

 private:
  class Wakeup;

  EpollLoop(OwnedFd epoll, const EpollLoopOptions& options);
  void TurnOnce(SteadyTime until);
  void RunPosted();

  Reactor reactor_;
  Random random_;
  PostQueue posted_;
  std::vector<PostQueue::Work> batch_;
  bool stopped_ = false;
  std::unique_ptr<Wakeup> wakeup_;
  std::unique_ptr<AresResolver> resolver_;
};

}  // namespace sluice::platform
