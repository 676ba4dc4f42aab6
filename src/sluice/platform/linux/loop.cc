#include "sluice/platform/linux/loop.h"

#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/process.h"
#include "sluice/platform/linux/socket_stream.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {

// The eventfd that ends the sleep of the loop. Edge-triggered: each write is an event by itself, so
// it is never read.
class EpollLoop::Wakeup final : private EventSource {
 public:
  static Result<std::unique_ptr<Wakeup>> Create(Reactor& reactor) {
    OwnedFd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd) return FailErrno(errno, "eventfd");
    std::unique_ptr<Wakeup> wakeup(new Wakeup(reactor, std::move(fd)));
    const Result<void> registered = reactor.Register(wakeup->fd_.get(), EPOLLIN | EPOLLET, *wakeup);
    if (!registered) return std::unexpected(registered.error());
    return wakeup;
  }
  ~Wakeup() override { reactor_.Unregister(*this); }

  // Any thread.
  void Signal() const {
    const std::uint64_t one = 1;
    while (::write(fd_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
  }

 private:
  Wakeup(Reactor& reactor, OwnedFd fd) : reactor_(reactor), fd_(std::move(fd)) {}
  void OnReady(std::uint32_t /*events*/) override {}

  Reactor& reactor_;
  OwnedFd fd_;
};

EpollLoop::EpollLoop(OwnedFd epoll, const EpollLoopOptions& options)
    : reactor_(std::move(epoll), options.sleep, options.spare_buffers_max), random_(RandomSeed()) {
  if (options.descriptor_bound > 0) reactor_.set_descriptor_bound(options.descriptor_bound);
}

EpollLoop::~EpollLoop() {
  const RunQueue::Binding binding(reactor_.run_queue());
  posted_.Close();
  posted_.AwaitPosters();
}

Result<std::unique_ptr<EpollLoop>> EpollLoop::Create(const EpollLoopOptions& options) {
  Result<OwnedFd> epoll = Reactor::CreateEpoll();
  if (!epoll) return std::unexpected(std::move(epoll.error()));
  std::unique_ptr<EpollLoop> loop(new EpollLoop(std::move(*epoll), options));

  Result<std::unique_ptr<Wakeup>> wakeup = Wakeup::Create(loop->reactor_);
  if (!wakeup) return std::unexpected(std::move(wakeup.error()));
  loop->wakeup_ = std::move(*wakeup);

  Result<std::unique_ptr<AresResolver>> resolver =
      AresResolver::Create(loop->reactor_, options.resolver);
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  loop->resolver_ = std::move(*resolver);
  return loop;
}

void EpollLoop::Run() {
  // The kernel may end a sleep this much late; its default of 50 µs is most of a tick.
  constexpr unsigned long kTimerSlackNanos = 1'000;  // NOLINT(google-runtime-int): prctl's own.
  ::prctl(PR_SET_TIMERSLACK, kTimerSlackNanos);
  while (!stopped_) {
    TurnOnce(kNever);
  }
  const RunQueue::Binding binding(reactor_.run_queue());
  posted_.Close();
}

void EpollLoop::Stop() {
  const PostQueue::Poster poster(posted_);
  if (posted_.RequestStop()) wakeup_->Signal();
}

void EpollLoop::RunOnce(Nanos sleep_max) {
  reactor_.ReadClocks();
  TurnOnce(SaturatingAdd(now(), sleep_max));
}

void EpollLoop::Enter(const std::function<void()>& work) {
  const RunQueue::Binding binding(reactor_.run_queue());
  reactor_.ReadClocks();
  work();
  reactor_.run_queue().Drain();
}

void EpollLoop::TurnOnce(SteadyTime until) {
  const RunQueue::Binding binding(reactor_.run_queue());
  const bool may_sleep = posted_.PrepareToSleep();
  reactor_.Turn(may_sleep ? until : now());
  posted_.Awake();
  RunPosted();
}

void EpollLoop::RunPosted() {
  if (posted_.Take(batch_) == PostQueue::Taken::kStop) stopped_ = true;
  for (PostQueue::Work& entry : batch_) {
    PostQueue::Work work = std::move(entry);  // Destroyed as soon as it has run.
    work();
    reactor_.run_queue().Drain();
  }
  batch_.clear();
}

void EpollLoop::Post(std::move_only_function<void()> work) {
  const PostQueue::Poster poster(posted_);
  if (posted_.Post(std::move(work))) wakeup_->Signal();
}

std::size_t EpollLoop::kept_buffers() const {
  return reactor_.buffers().kept();
}

Result<std::unique_ptr<SocketListener>> EpollLoop::ListenSocket(const Address& address,
                                                                const ListenOptions& options) {
  return SocketListener::Listen(reactor_, address, options);
}

Result<std::unique_ptr<Listener>> EpollLoop::Listen(const Address& address,
                                                    const ListenOptions& options) {
  Result<std::unique_ptr<SocketListener>> listener = ListenSocket(address, options);
  if (!listener) return std::unexpected(std::move(listener.error()));
  return std::move(*listener);
}

Result<std::unique_ptr<SocketListener>> EpollLoop::Adopt(OwnedFd fd, SocketFile file) {
  return SocketListener::Adopt(reactor_, std::move(fd), file);
}

bool EpollLoop::Begin(ConnectOperation& operation) {
  return SocketStream::Connect(reactor_, operation);
}

}  // namespace sluice::platform
