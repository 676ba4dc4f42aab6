#include "load/message_io.h"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

#include "sluice/contract/assert.h"

namespace sluice::load {

ReadResult ReadSome(int fd, std::span<char> buffer) {
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      return {.state = ReadState::kData, .data = {buffer.data(), static_cast<std::size_t>(got)}};
    }
    if (got == 0) return {.state = ReadState::kEnded, .data = {}};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {.state = ReadState::kDrained, .data = {}};
    if (errno != EINTR) return {.state = ReadState::kReset, .data = {}};
  }
}

void Outbox::Put(std::string_view head, std::string_view body) {
  head_.assign(head);
  body_ = body;
  sent_ = 0;
}

void Outbox::Clear() {
  Put({}, {});
}

Outbox::Flush Outbox::Send(int fd) {
  while (!empty()) {
    const std::size_t head_sent = sent_ < head_.size() ? sent_ : head_.size();
    const std::size_t body_sent = sent_ - head_sent;
    std::array<iovec, 2> parts{};
    parts[0] = {head_.data() + head_sent, head_.size() - head_sent};
    parts[1] = {const_cast<char*>(body_.data()) + body_sent, body_.size() - body_sent};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = body_.empty() ? 1 : 2;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      const bool full = errno == EAGAIN || errno == EWOULDBLOCK;
      return full ? Flush::kBlocked : Flush::kFailed;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  return Flush::kDone;
}

std::string_view HeadText::With(std::string_view data) {
  kept_before_ = kept_.size();
  if (kept_.empty()) return data;
  kept_.append(data);
  return kept_;
}

void HeadText::Keep(std::string_view seen) {
  if (kept_.empty()) kept_.assign(seen);
}

std::size_t HeadText::TakeHead(std::size_t head_bytes) {
  // A head that was complete before would not have been kept.
  SLUICE_ASSERT(head_bytes > kept_before_);
  const std::size_t from_data = head_bytes - kept_before_;
  Clear();
  return from_data;
}

void HeadText::Clear() {
  kept_.clear();
  kept_before_ = 0;
}

}  // namespace sluice::load
