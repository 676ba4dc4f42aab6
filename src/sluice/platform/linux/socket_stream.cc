#include "sluice/platform/linux/socket_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/linux/socket_address.h"
#include "sluice/platform/linux/system_error.h"

namespace sluice::platform {
namespace {

constexpr std::uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kGoneEvents = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::size_t kPartsMax = 16;  // Of one sendmsg; a response has two or three.

Error ConnectError(int error_number, const Address& address) {
  const bool ours = CodeOf(error_number) == ErrorCode::kOutOfDescriptors;
  return {.code = ours ? ErrorCode::kOutOfDescriptors : ErrorCode::kConnectFailed,
          .side = ours ? Side::kSelf : Side::kUpstream,
          .retry = RetryAdvice::kSafe,
          .detail = DescribeErrno(error_number, "connect", address.ToString())};
}

std::unexpected<Error> FailReset(int error_number, std::string_view doing) {
  return Fail(ErrorCode::kConnectionReset, DescribeErrno(error_number, doing));
}

// Bytes taken by the kernel, or -errno.
ssize_t SendParts(int fd, std::span<iovec> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent = 0;
  do {
    sent = parts.size() == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                             : ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

Bytes TotalOf(std::span<const iovec> parts) {
  Bytes total = 0;
  for (const iovec& part : parts) {
    total += part.iov_len;
  }
  return total;
}

// Fills `parts` from `segments` and removes from it what was taken; skips empty ones.
std::size_t TakeParts(std::span<const ByteView>& segments, std::span<iovec> parts) {
  std::size_t count = 0;
  while (!segments.empty() && count < parts.size()) {
    const ByteView segment = segments.front();
    segments = segments.subspan(1);
    if (segment.empty()) continue;
    // The kernel only reads; iovec has no const.
    parts[count++] = {.iov_base = const_cast<char*>(segment.data()), .iov_len = segment.size()};
  }
  return count;
}

}  // namespace

SocketStream::SocketStream(Reactor& reactor, OwnedFd fd, Address peer)
    : reactor_(reactor),
      fd_(std::move(fd)),
      receive_timer_(&OnReceiveTimer, this),
      send_timer_(&OnSendTimer, this),
      peer_(std::move(peer)) {}

SocketStream::~SocketStream() {
  SLUICE_ASSERT(receive_ == nullptr);
  SLUICE_ASSERT(send_ == nullptr);
  SLUICE_ASSERT(connect_ == nullptr);
  reactor_.Unregister(*this);
  reactor_.timers().Disarm(receive_timer_);
  reactor_.timers().Disarm(send_timer_);
  spill_.Clear(reactor_.spill_pool());
}

Result<std::unique_ptr<SocketStream>> SocketStream::Adopt(Reactor& reactor,
                                                          OwnedFd fd,
                                                          Address peer) {
  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, std::move(fd), std::move(peer)));
  Result<void> registered = reactor.Register(stream->fd_.get(), kStreamEvents, *stream);
  if (!registered) return std::unexpected(std::move(registered.error()));
  stream->readable_ = true;  // A client speaks first, and mostly has done so by now.
  return stream;
}

bool SocketStream::Connect(Reactor& reactor, ConnectOperation& operation) {
  const auto fail = [&operation](Error error) {
    operation.result = std::unexpected(std::move(error));
    return true;
  };
  const Result<SocketAddress> target = ToSocketAddress(operation.address);
  if (!target) {
    return fail({.code = ErrorCode::kConnectFailed,
                 .side = Side::kUpstream,
                 .retry = RetryAdvice::kSafe,
                 .detail = target.error().detail});
  }
  OwnedFd fd(::socket(target->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(ConnectError(errno, operation.address));
  // What is left belongs to the others (the admin API).
  if (fd.get() >= reactor.descriptor_bound()) return fail(ConnectError(EMFILE, operation.address));
  if (operation.address.family() != Address::Family::kUnix) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const bool connected = ::connect(fd.get(), target->get(), target->length) == 0;
  if (!connected && errno != EINPROGRESS) return fail(ConnectError(errno, operation.address));

  std::unique_ptr<SocketStream> stream(new SocketStream(reactor, std::move(fd), operation.address));
  if (!reactor.Register(stream->fd_.get(), kStreamEvents, *stream)) {
    return fail(ConnectError(ENOMEM, operation.address));
  }
  if (!connected) {
    stream->connect_ = &operation;
    stream->ArmNoLaterThan(stream->send_timer_, operation.deadline);
  }
  operation.result = std::move(stream);
  return connected;
}

void SocketStream::FinishConnect() {
  int error_number = 0;
  socklen_t length = sizeof(error_number);
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_number, &length) != 0) {
    error_number = errno;
  }
  // A port of our own that nobody listens on may be given to the very socket that connects to it:
  // TCP's simultaneous open then connects it to itself.
  if (error_number == 0 && local() == peer_) error_number = ECONNREFUSED;
  if (error_number != 0) {
    FailConnect(ConnectError(error_number, peer_));
    return;
  }
  reactor_.run_queue().Push(std::exchange(connect_, nullptr)->waiter);
}

void SocketStream::FailConnect(Error error) {
  ConnectOperation& operation = *std::exchange(connect_, nullptr);
  const std::unique_ptr<Stream> self = std::move(*operation.result);  // Ends at our return.
  operation.result = std::unexpected(std::move(error));
  reactor_.run_queue().Push(operation.waiter);
}

const Address& SocketStream::local() const {
  if (!local_known_) {
    local_ = LocalAddressOf(fd_.get());
    local_known_ = true;
  }
  return local_;
}

void SocketStream::OnReady(std::uint32_t events) {
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & kGoneEvents) != 0) gone_ = true;
  if (connect_ != nullptr) {
    if (events != 0) FinishConnect();  // May have destroyed this stream.
    return;
  }
  if (send_ != nullptr) {
    if (send_done_ && events == 0) {
      send_done_ = false;
      CompleteSend({});
    } else if (!send_done_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
      FlushSpill();
    }
  }
  // Last: either may destroy this stream.
  if (receive_ != nullptr) {
    if (MaybeReadable()) ReceiveNow();
  } else if (gone_) {
    TellHangup();
  }
}

void SocketStream::RefreshBudgets() {
  if (budget_turn_ == reactor_.turn()) return;
  budget_turn_ = reactor_.turn();
  receives_in_turn_ = sends_in_turn_ = 0;
  bytes_received_in_turn_ = bytes_sent_in_turn_ = 0;
}

bool SocketStream::MayReceiveInTurn() {
  RefreshBudgets();
  return receives_in_turn_ < kOperationsPerTurn && bytes_received_in_turn_ < kBytesPerTurn;
}

bool SocketStream::MaySendInTurn() {
  RefreshBudgets();
  return sends_in_turn_ < kOperationsPerTurn && bytes_sent_in_turn_ < kBytesPerTurn;
}

bool SocketStream::Begin(ReceiveOperation& operation) {
  SLUICE_ASSERT(receive_ == nullptr);
  SLUICE_ASSERT(operation.bytes_max > 0);
  if (cancelled_) {
    operation.result = Fail(ErrorCode::kCancelled, {});
    return true;
  }
  if (MaybeReadable()) {
    if (!MayReceiveInTurn()) {
      reactor_.Defer(*this);
    } else if (TryReceive(operation) == Progress::kDone) {
      return true;
    }
  }
  receive_ = &operation;
  ArmNoLaterThan(receive_timer_, operation.deadline);
  return false;
}

void SocketStream::ReceiveNow() {
  if (!MayReceiveInTurn()) {
    reactor_.Defer(*this);
    return;
  }
  if (TryReceive(*receive_) == Progress::kBlocked) return;
  ReceiveOperation& operation = *std::exchange(receive_, nullptr);
  // If whoever receives does not go on doing so, the watcher hears in the next turn.
  if (gone_ && watcher_ != nullptr) reactor_.Defer(*this);
  if (operation.result.has_value() && !operation.result->empty()) {
    operation.waiter.handle.resume();  // The view is in the hot buffer. May destroy this stream.
  } else {
    reactor_.run_queue().Push(operation.waiter);
  }
}

// A short read empties the socket: what comes later is a new event, so nothing is asked a second
// time. (Except across TCP urgent data, which no protocol of ours has: its sender waits for the
// next bytes or the deadline.)
SocketStream::Progress SocketStream::TryReceive(ReceiveOperation& operation) {
  if (ended_) {
    operation.result = broken_ ? FailReset(ECONNRESET, "receive") : Result<ByteView>();
    return Progress::kDone;
  }
  const Bytes asked = std::min(operation.bytes_max, kHotBufferBytes);
  char* const buffer = reactor_.buffers().hot();
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), buffer, asked, 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    const auto bytes = static_cast<Bytes>(got);
    ++receives_in_turn_;
    bytes_received_in_turn_ += static_cast<std::uint32_t>(bytes);
    readable_ = bytes == asked;
    operation.result = ByteView(buffer, bytes);
    return Progress::kDone;
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    readable_ = false;
    return Progress::kBlocked;
  }
  const int error_number = got == 0 ? ECONNRESET : errno;
  ended_ = gone_ = true;
  broken_ = broken_ || got < 0;
  operation.result = broken_ ? FailReset(error_number, "receive") : Result<ByteView>();
  return Progress::kDone;
}

bool SocketStream::Begin(SendOperation& operation) {
  SLUICE_ASSERT(send_ == nullptr);
  if (cancelled_) {
    operation.result = Fail(ErrorCode::kCancelled, {});
    return true;
  }
  const bool may_complete = MaySendInTurn();
  if (TrySend(operation) == Progress::kDone) {
    if (may_complete || !operation.result) return true;
    // The kernel has it all; only the sender waits, so that the others get their turn.
    send_done_ = true;
    send_ = &operation;
    reactor_.Defer(*this);
    return false;
  }
  send_ = &operation;
  ArmNoLaterThan(send_timer_, operation.deadline);
  return false;
}

SocketStream::Progress SocketStream::TrySend(SendOperation& operation) {
  std::span<const ByteView> segments = operation.segments;
  std::array<iovec, kPartsMax> storage{};
  ++sends_in_turn_;
  while (true) {
    const std::span<iovec> parts(storage.data(), TakeParts(segments, storage));
    if (parts.empty()) {
      operation.result = {};
      return Progress::kDone;
    }
    const ssize_t sent = SendParts(fd_.get(), parts);
    if (sent < 0 && sent != -EAGAIN) {
      broken_ = gone_ = true;
      operation.result = FailReset(static_cast<int>(-sent), "send");
      return Progress::kDone;
    }
    auto taken = static_cast<Bytes>(std::max<ssize_t>(sent, 0));
    bytes_sent_in_turn_ += static_cast<std::uint32_t>(taken);
    if (taken == TotalOf(parts)) continue;
    Spill(parts, segments, taken);
    return Progress::kBlocked;
  }
}

// Copies what the kernel did not take: `parts` but for their first `taken` bytes, then `segments`.
void SocketStream::Spill(std::span<const iovec> parts,
                         std::span<const ByteView> segments,
                         Bytes taken) {
  for (const iovec& part : parts) {
    ByteView bytes(static_cast<const char*>(part.iov_base), part.iov_len);
    const Bytes skipped = std::min(taken, bytes.size());
    bytes.remove_prefix(skipped);
    taken -= skipped;
    spill_.Append(reactor_.spill_pool(), bytes);
  }
  for (const ByteView segment : segments) {
    spill_.Append(reactor_.spill_pool(), segment);
  }
}

void SocketStream::FlushSpill() {
  std::array<iovec, kPartsMax> storage{};
  while (!spill_.empty()) {
    const std::span<iovec> parts(storage.data(), spill_.Peek(storage));
    const ssize_t sent = SendParts(fd_.get(), parts);
    if (sent == -EAGAIN) return;
    if (sent < 0) {
      broken_ = gone_ = true;
      CompleteSend(FailReset(static_cast<int>(-sent), "send"));
      return;
    }
    const Bytes asked = TotalOf(parts);
    spill_.Consume(reactor_.spill_pool(), static_cast<Bytes>(sent));
    if (static_cast<Bytes>(sent) < asked) return;
  }
  CompleteSend({});
}

void SocketStream::CompleteSend(Result<void> result) {
  SendOperation& operation = *std::exchange(send_, nullptr);
  operation.result = std::move(result);
  spill_.Clear(reactor_.spill_pool());  // Of a failed send.
  if (std::exchange(finish_sending_, false)) ::shutdown(fd_.get(), SHUT_WR);
  reactor_.run_queue().Push(operation.waiter);
}

void SocketStream::Cancel() {
  cancelled_ = true;
  send_done_ = false;
  if (send_ != nullptr) CompleteSend(Fail(ErrorCode::kCancelled, {}));
  FailReceive(ErrorCode::kCancelled);
}

void SocketStream::FailReceive(ErrorCode code) {
  if (receive_ == nullptr) return;
  ReceiveOperation& operation = *std::exchange(receive_, nullptr);
  operation.result = Fail(code, {});
  reactor_.run_queue().Push(operation.waiter);
}

void SocketStream::ShutdownSend() {
  if (spill_.empty()) {
    ::shutdown(fd_.get(), SHUT_WR);
  } else {
    finish_sending_ = true;
  }
}

void SocketStream::ResetOnClose() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void SocketStream::WatchHangup(HangupWatcher* watcher) {
  watcher_ = watcher;
  if (gone_ && receive_ == nullptr) TellHangup();
}

void SocketStream::TellHangup() {
  if (watcher_ != nullptr) std::exchange(watcher_, nullptr)->OnHangup();
}

void SocketStream::ArmNoLaterThan(Timer& timer, SteadyTime deadline) {
  if (deadline == kNever || (timer.armed() && timer.due <= deadline)) return;
  reactor_.timers().Arm(timer, deadline);
}

// The timer was armed for some earlier operation, or for the one that is pending now.
void SocketStream::OnReceiveTimer(Timer& timer, SteadyTime now) {
  auto& stream = *static_cast<SocketStream*>(timer.owner);
  if (stream.receive_ == nullptr) return;
  if (stream.receive_->deadline > now) {
    stream.ArmNoLaterThan(timer, stream.receive_->deadline);
    return;
  }
  stream.FailReceive(ErrorCode::kTimeout);
}

void SocketStream::OnSendTimer(Timer& timer, SteadyTime now) {
  auto& stream = *static_cast<SocketStream*>(timer.owner);
  if (stream.connect_ != nullptr) {
    stream.FailConnect({.code = ErrorCode::kTimeout,
                        .side = Side::kUpstream,
                        .retry = RetryAdvice::kSafe,
                        .detail = "connect " + stream.peer_.ToString() + ": no answer in time"});
    return;
  }
  if (stream.send_ == nullptr || stream.send_done_) return;
  if (stream.send_->deadline > now) {
    stream.ArmNoLaterThan(timer, stream.send_->deadline);
    return;
  }
  stream.CompleteSend(Fail(ErrorCode::kTimeout, {}));
}

}  // namespace sluice::platform
