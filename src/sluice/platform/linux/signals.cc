#include "sluice/platform/linux/signals.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/signalfd.h>
#include <unistd.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD}) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = WatchedSignals();
  SLUICE_ASSERT(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  SLUICE_ASSERT(::sigaction(SIGPIPE, &ignore, nullptr) == 0);
}

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::Create(EpollLoop& loop, OnSignal on_signal) {
  const sigset_t set = WatchedSignals();
  OwnedFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return FailErrno(errno, "signalfd");
  std::unique_ptr<SignalWatcher> watcher(
      new SignalWatcher(loop.reactor(), std::move(fd), std::move(on_signal)));
  Result<void> registered =
      loop.reactor().Register(watcher->fd_.get(), EPOLLIN | EPOLLET, *watcher);
  if (!registered) return std::unexpected(std::move(registered.error()));
  return watcher;
}

SignalWatcher::SignalWatcher(Reactor& reactor, OwnedFd fd, OnSignal on_signal)
    : reactor_(reactor), fd_(std::move(fd)), on_signal_(std::move(on_signal)) {}

SignalWatcher::~SignalWatcher() {
  SLUICE_ASSERT(!running_);
  reactor_.Unregister(*this);
}

void SignalWatcher::OnReady(std::uint32_t /*events*/) {
  running_ = true;
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
  running_ = false;
}

}  // namespace sluice::platform
