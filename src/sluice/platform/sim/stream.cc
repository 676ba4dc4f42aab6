#include "sluice/platform/sim/stream.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/network.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

std::unexpected<Error> Broken(ErrorCode code, std::string_view what, const Address& peer) {
  return Fail(code, fmt::format("{} {}", what, peer.ToString()));
}

}  // namespace

Stream::Stream(Connection& connection, Role role)
    : connection_(connection),
      role_(role),
      loop_(*connection.end(role).loop),
      receive_timer_(&OnReceiveDeadline, this),
      send_timer_(&OnSendDeadline, this) {
  connection_.end(role_).stream = this;
  ++loop_.open_streams_;
}

Stream::~Stream() {
  SLUICE_ASSERT(receive_ == nullptr);
  SLUICE_ASSERT(send_ == nullptr);
  Network& network = connection_.network();
  connection_.Close(role_, reset_on_close_);
  --loop_.open_streams_;
  network.OnDescriptorFree(loop_);
}

bool Stream::Begin(ReceiveOperation& operation) {
  SLUICE_ASSERT(receive_ == nullptr);
  SLUICE_ASSERT(operation.bytes_max >= 1);
  if (TryReceive(operation)) return true;
  receive_ = &operation;
  if (operation.deadline != kNever) loop_.Arm(receive_timer_, operation.deadline);
  return false;
}

bool Stream::TryReceive(ReceiveOperation& operation) {
  const Pipe& pipe = connection_.incoming(role_);
  if (cancelled_) {
    operation.result = Broken(ErrorCode::kCancelled, "receiving was cancelled from", peer());
    return true;
  }
  if (pipe.unread() > 0) {
    const std::span<char> room =
        loop_.NextReceiveBuffer(std::min(pipe.unread(), operation.bytes_max));
    const Bytes read = connection_.Read(role_, room);
    loop_.FilledReceiveBuffer(read);
    const ByteView view(room.data(), read);
    connection_.network().NoteBytes(loop_, connection_.number(), view);
    operation.result = view;
    return true;
  }
  if (pipe.end_arrived()) {
    operation.result = ByteView();
    return true;
  }
  if (pipe.reset_arrived()) {
    operation.result = Broken(ErrorCode::kConnectionReset, "receiving: reset by", peer());
    return true;
  }
  return false;
}

bool Stream::Begin(SendOperation& operation) {
  SLUICE_ASSERT(send_ == nullptr);
  if (cancelled_) {
    operation.result = Broken(ErrorCode::kCancelled, "sending was cancelled to", peer());
    return true;
  }
  if (connection_.incoming(role_).reset_arrived()) {
    operation.result = Broken(ErrorCode::kConnectionReset, "sending: reset by", peer());
    return true;
  }
  if (connection_.outgoing(role_).end_written()) {
    operation.result = Broken(ErrorCode::kConnectionReset, "sending after the end to", peer());
    return true;
  }
  connection_.Write(role_, operation.segments);
  if (connection_.Drained(role_)) {
    operation.result = {};
    return true;
  }
  send_ = &operation;
  if (operation.deadline != kNever) loop_.Arm(send_timer_, operation.deadline);
  return false;
}

void Stream::Cancel() {
  cancelled_ = true;
  if (receive_ != nullptr) {
    FinishReceive(Broken(ErrorCode::kCancelled, "receiving was cancelled from", peer()));
  }
  if (send_ != nullptr) {
    FinishSend(Broken(ErrorCode::kCancelled, "sending was cancelled to", peer()));
  }
}

void Stream::ShutdownSend() {
  if (!connection_.incoming(role_).reset_arrived()) connection_.EndWriting(role_);
}

void Stream::WatchHangup(HangupWatcher* watcher) {
  watcher_ = watcher;
  MaybeHangUp();
}

bool Stream::PeerGone() const {
  const Pipe& pipe = connection_.incoming(role_);
  return pipe.end_arrived() || pipe.reset_arrived();
}

bool Stream::MaybeReadable() const {
  return connection_.incoming(role_).unread() > 0 || PeerGone();
}

void Stream::MaybeHangUp() {
  if (watcher_ == nullptr || receive_ != nullptr || !PeerGone()) return;
  std::exchange(watcher_, nullptr)->OnHangup();  // May destroy this.
}

bool Stream::OnReadable() {
  if (receive_ == nullptr || !TryReceive(*receive_)) return false;
  ReceiveOperation& operation = *std::exchange(receive_, nullptr);
  loop_.Disarm(receive_timer_);
  const bool has_data = operation.result && !operation.result->empty();
  if (has_data) {
    operation.waiter.handle.resume();  // May destroy this.
    return false;
  }
  RunQueue::Current().Push(operation.waiter);
  return true;
}

void Stream::OnDrained() {
  if (send_ != nullptr) FinishSend({});
}

void Stream::OnReset() {
  if (send_ != nullptr) {
    FinishSend(Broken(ErrorCode::kConnectionReset, "sending: reset by", peer()));
  }
}

void Stream::FinishReceive(Result<ByteView> result) {
  ReceiveOperation& operation = *std::exchange(receive_, nullptr);
  loop_.Disarm(receive_timer_);
  operation.result = std::move(result);
  RunQueue::Current().Push(operation.waiter);
}

// A failed send leaves what the kernel has taken, and takes back the rest.
void Stream::FinishSend(Result<void> result) {
  SendOperation& operation = *std::exchange(send_, nullptr);
  loop_.Disarm(send_timer_);
  if (!result) connection_.DropOverflow(role_);
  operation.result = std::move(result);
  RunQueue::Current().Push(operation.waiter);
}

void Stream::OnReceiveDeadline(Timer& timer, SteadyTime /*now*/) {
  auto& self = *static_cast<Stream*>(timer.owner);
  self.FinishReceive(Broken(ErrorCode::kTimeout, "nothing received in time from", self.peer()));
}

void Stream::OnSendDeadline(Timer& timer, SteadyTime /*now*/) {
  auto& self = *static_cast<Stream*>(timer.owner);
  self.FinishSend(Broken(ErrorCode::kTimeout, "not sent in time to", self.peer()));
}

}  // namespace sluice::sim
