// Signals as events of a loop.
//
// BlockSignals() at the start of main(), before any thread, so that every thread inherits the mask
// and signals reach the watcher alone.

#pragma once

#include <functional>
#include <memory>

#include "sluice/contract/result.h"
#include "sluice/platform/linux/event_source.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {

// Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR2 and SIGCHLD in this thread and those it will start, and
// ignores SIGPIPE in the process.
void BlockSignals();

class SignalWatcher final : private EventSource {
 public:
  // `on_signal(SIGTERM)`, … runs on the loop's thread, as an event; it may start tasks, but
  // must not destroy the watcher. Several equal signals may arrive as one (SIGCHLD: reap until none
  // is left). One watcher per process. Fails with kOutOfDescriptors or kInputOutput.
  using OnSignal = std::move_only_function<void(int)>;
  static Result<std::unique_ptr<SignalWatcher>> Create(EpollLoop& loop, OnSignal on_signal);
  ~SignalWatcher() override;

 private:
  SignalWatcher(Reactor& reactor, OwnedFd fd, OnSignal on_signal);
  void OnReady(std::uint32_t events) override;

  Reactor& reactor_;
  OwnedFd fd_;
  OnSignal on_signal_;
  bool running_ = false;
};

}  // namespace sluice::platform
