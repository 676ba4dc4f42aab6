#include "sluice/platform/linux/socket_listener.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/socket_address.h"
#include "sluice/platform/linux/socket_stream.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

void SetOption(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof(on));
}

int IntegerOption(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

ErrorCode ListenCode(int error_number) {
  switch (error_number) {
    case EADDRNOTAVAIL:  // Not an address of this machine.
    case EAFNOSUPPORT:
    case EINVAL:
    case ENOENT:  // The folder of a Unix socket.
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return ErrorCode::kInvalidOption;
    default:
      return CodeOf(error_number);
  }
}

std::unexpected<Error> FailListen(int error_number, const Address& address) {
  return Fail(ListenCode(error_number), DescribeErrno(error_number, "listen", address.ToString()));
}

// True when the file at `path` is a socket that nobody listens on: its process died without
// unlinking it.
bool IsStaleSocketFile(const std::string& path, const SocketAddress& address) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return false;
  return ::connect(probe.get(), address.get(), address.length) != 0 && errno == ECONNREFUSED;
}

// Two processes that start at the same moment on one stale file may both remove it; the second
// then takes the first one's place. One configuration, one process: not worth a lock file.
int Bind(int fd, const Address& address, const SocketAddress& target) {
  if (::bind(fd, target.get(), target.length) == 0) return 0;
  if (errno != EADDRINUSE || address.family() != Address::Family::kUnix) return errno;
  if (!IsStaleSocketFile(address.path(), target)) return EADDRINUSE;
  ::unlink(address.path().c_str());
  return ::bind(fd, target.get(), target.length) == 0 ? 0 : errno;
}

}  // namespace

void StopHandshakes(int fd) {
  if (IntegerOption(fd, SO_DOMAIN) == AF_UNIX) return;
  // A classic BPF program that passes no byte of any packet on. Where it cannot be attached the
  // window stays, which is some microseconds.
  sock_filter drop{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
  const sock_fprog program{.len = 1, .filter = &drop};
  ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

Result<std::unique_ptr<SocketListener>> SocketListener::Listen(Reactor& reactor,
                                                               const Address& address,
                                                               const ListenOptions& options) {
  const Result<SocketAddress> target = ToSocketAddress(address);
  if (!target) return std::unexpected(target.error());
  OwnedFd fd(::socket(target->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return FailListen(errno, address);
  if (address.family() != Address::Family::kUnix) {
    SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (options.share_port) SetOption(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  }
  if (const int error_number = Bind(fd.get(), address, *target); error_number != 0) {
    return FailListen(error_number, address);
  }
  if (::listen(fd.get(), options.backlog) != 0) return FailListen(errno, address);
  return Start(reactor, std::move(fd), SocketFile::kOurs);
}

Result<std::unique_ptr<SocketListener>> SocketListener::Adopt(Reactor& reactor,
                                                              OwnedFd fd,
                                                              SocketFile file) {
  if (IntegerOption(fd.get(), SO_ACCEPTCONN) != 1 ||
      IntegerOption(fd.get(), SO_TYPE) != SOCK_STREAM) {
    return Fail(ErrorCode::kInvalidOption, "not a listening stream socket");
  }
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return Start(reactor, std::move(fd), file);
}

Result<std::unique_ptr<SocketListener>> SocketListener::Start(Reactor& reactor,
                                                              OwnedFd fd,
                                                              SocketFile file) {
  Address local = LocalAddressOf(fd.get());
  // Accepted sockets inherit it, which saves each a system call.
  if (local.family() != Address::Family::kUnix) SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  std::unique_ptr<SocketListener> listener(
      new SocketListener(reactor, std::move(fd), std::move(local)));
  listener->NoteFile(file);
  // Not EPOLLEXCLUSIVE: where several loops or processes share a socket (a Unix socket, a
  // hand-over) a wake-up given to one that has just stopped accepting would be lost to the others.
  Result<void> registered = reactor.Register(listener->fd_.get(), EPOLLIN | EPOLLET, *listener);
  if (!registered) return std::unexpected(std::move(registered.error()));
  return listener;
}

SocketListener::SocketListener(Reactor& reactor, OwnedFd fd, Address local)
    : reactor_(reactor),
      fd_(std::move(fd)),
      local_(std::move(local)),
      pause_timer_(&OnPauseTimer, this) {}

SocketListener::~SocketListener() {
  SLUICE_ASSERT(accept_ == nullptr);
  reactor_.UnregisterShared(fd_.get(), *this);
  reactor_.timers().Disarm(pause_timer_);
  if (file_ == SocketFile::kTheirs) return;
  struct stat file{};
  if (::lstat(local_.path().c_str(), &file) != 0) return;
  if (file.st_dev == file_device_ && file.st_ino == file_inode_) ::unlink(local_.path().c_str());
}

// Remembers which file is ours: another process may have replaced it when we close.
void SocketListener::NoteFile(SocketFile file) {
  struct stat status{};
  if (file == SocketFile::kTheirs || local_.family() != Address::Family::kUnix) return;
  if (::lstat(local_.path().c_str(), &status) != 0) return;
  file_ = SocketFile::kOurs;
  file_device_ = status.st_dev;
  file_inode_ = status.st_ino;
}

Result<OwnedFd> SocketListener::Duplicate() const {
  OwnedFd duplicate(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!duplicate) return FailErrno(errno, "duplicate a listening socket");
  return duplicate;
}

void SocketListener::Cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  reactor_.UnregisterShared(fd_.get(), *this);
  reactor_.timers().Disarm(pause_timer_);
  // Connections that the kernel has made already would be reset by closing: they are taken first.
  ready_ = true;
  if (accept_ == nullptr) return;
  if (!TryAccept(*accept_)) accept_->result = Fail(ErrorCode::kCancelled, {});
  reactor_.timers().Disarm(pause_timer_);
  Complete();
}

void SocketListener::Complete() {
  reactor_.run_queue().Push(std::exchange(accept_, nullptr)->waiter);
}

bool SocketListener::Begin(AcceptOperation& operation) {
  SLUICE_ASSERT(accept_ == nullptr);
  if (TryAccept(operation)) return true;
  if (cancelled_) {
    reactor_.timers().Disarm(pause_timer_);
    operation.result = Fail(ErrorCode::kCancelled, {});
    return true;
  }
  accept_ = &operation;
  return false;
}

void SocketListener::OnReady(std::uint32_t events) {
  if (events != 0) ready_ = true;
  Continue();
}

void SocketListener::OnPauseTimer(Timer& timer, SteadyTime /*now*/) {
  auto* listener = static_cast<SocketListener*>(timer.owner);
  if (listener->IsDescriptorFree()) {
    listener->Continue();
  } else {
    listener->Pause();
  }
}

// Asks for the lowest free number and gives it back.
bool SocketListener::IsDescriptorFree() const {
  const OwnedFd lowest(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  return lowest && lowest.get() < reactor_.descriptor_bound();
}

void SocketListener::Continue() {
  if (accept_ != nullptr && TryAccept(*accept_)) Complete();
}

bool SocketListener::TakeBudget() {
  if (budget_turn_ != reactor_.turn()) {
    budget_turn_ = reactor_.turn();
    accepts_in_turn_ = 0;
  }
  return accepts_in_turn_++ < kAcceptsPerTurn;
}

bool SocketListener::TryAccept(AcceptOperation& operation) {
  if (!ready_ || pause_timer_.armed()) return false;
  if (!cancelled_ && !TakeBudget()) {
    reactor_.Defer(*this);
    return false;
  }
  Address peer;
  OwnedFd fd = AcceptSocket(peer);
  if (!fd) return false;
  // This one is served still; the next has to wait until some descriptor is free again.
  if (fd.get() >= reactor_.descriptor_bound()) Pause();
  Result<std::unique_ptr<SocketStream>> stream =
      SocketStream::Adopt(reactor_, std::move(fd), std::move(peer));
  if (!stream) {  // Out of epoll watches: as bad as out of descriptors. This client is lost.
    Pause();
    return false;
  }
  operation.result = std::move(*stream);
  return true;
}

// Empty when there is none now; then `ready_` is false or the listener pauses.
OwnedFd SocketListener::AcceptSocket(Address& peer) {
  while (true) {
    SocketAddress from;
    OwnedFd fd(::accept4(fd_.get(), from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      peer = FromSocketAddress(from);
      return fd;
    }
    switch (errno) {
      case EAGAIN:
        ready_ = false;
        return {};
      case EINTR:
      case ECONNABORTED:  // These are errors of the connection that was to be accepted: accept(2).
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
        continue;
      default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM; whatever else it is, never spin on it.
        Pause();
        return {};
    }
  }
}

void SocketListener::Pause() {
  ++pauses_total_;
  reactor_.timers().Arm(pause_timer_, reactor_.now() + kPause);
}

}  // namespace sluice::platform
