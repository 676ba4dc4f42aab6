#include "load/upstream.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "load/message_io.h"
#include "load/messages.h"
#include "load/sockets.h"
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sluice::load {

class UpstreamConnection final : public Handler {
 public:
  UpstreamConnection(Upstream& owner, FileDescriptor fd, std::uint64_t id)
      : owner_(owner), fd_(std::move(fd)), id_(id) {}

  void OnReady(std::uint32_t events) override {
    if (!Serve(events)) owner_.connections_.erase(id_);
  }

  // The work for the request that was read last is done.
  void OnServed() {
    in_service_ = false;
    // A peer that is gone is noticed by the event that says so: this connection may have one
    // pending, so it must not die here.
    static_cast<void>(Answer());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  // False when the connection is over.
  bool Serve(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !Flush()) return false;
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return true;
    const bool may_stop_early = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;
    for (;;) {
      const std::span<char> buffer = owner_.poller_.receive_buffer();
      const ReadResult read = ReadSome(fd_.get(), buffer);
      if (read.state == ReadState::kDrained) return true;
      if (read.state != ReadState::kData) {
        if (!head_.empty() || body_left_ > 0) ++owner_.counts_.cut_requests;
        return false;
      }
      if (!Consume(read.data)) return false;
      if (may_stop_early && read.data.size() < buffer.size()) return true;
    }
  }

  bool Consume(std::string_view data) {
    while (!data.empty()) {
      if (body_left_ > 0) {
        TakeBody(data);
      } else if (!TakeHead(data)) {
        return false;
      }
      if (complete_ && !Finish()) return false;
    }
    return true;
  }

  bool TakeHead(std::string_view& data) {
    const std::string_view seen = head_.With(data);
    const Head head = ScanHead(seen);
    if (head.scan == Scan::kIncomplete) {
      head_.Keep(seen);
      data = {};
      return true;
    }
    // Proxies never send the next request before the answer, so anything in the outbox is a fault.
    if (head.scan == Scan::kMalformed || head.chunked || !outbox_.empty() || in_service_) {
      ++owner_.counts_.bad_requests;
      return false;
    }
    const std::optional<Target> target = TargetOf(head.first_line);
    known_ = target.has_value();
    healthy_ = head.first_line.find(" /healthz ") != std::string_view::npos;
    target_ = target.value_or(Target{});
    body_left_ = static_cast<std::size_t>(head.content_length.value_or(0));
    body_at_ = 0;
    body_right_ = body_left_ <= kBodyBytesMax;
    complete_ = body_left_ == 0;
    data.remove_prefix(head_.TakeHead(head.bytes));
    return true;
  }

  void TakeBody(std::string_view& data) {
    const std::string_view part = data.substr(0, std::min(body_left_, data.size()));
    if (body_right_ && known_) {
      const std::string_view expected = BodyOf(target_.number, body_at_ + part.size());
      body_right_ = expected.substr(body_at_) == part;
    }
    body_at_ += part.size();
    body_left_ -= part.size();
    complete_ = body_left_ == 0;
    data.remove_prefix(part.size());
  }

  // The whole request is there.
  bool Finish() {
    complete_ = false;
    if (owner_.service_ == nullptr || !known_) return Answer();
    in_service_ = owner_.service_->Enter(id_);
    return in_service_;
  }

  bool Answer() {
    ++owner_.counts_.requests;
    if (!body_right_) {
      ++owner_.counts_.bad_requests;
      outbox_.Put("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", {});
    } else if (known_) {
      answer_head_.clear();
      AppendAnswerHead(target_, answer_head_);
      outbox_.Put(answer_head_, BodyOf(target_.number, target_.answer_bytes));
    } else if (healthy_) {
      outbox_.Put("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {});
    } else {
      outbox_.Put("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", {});
    }
    return Flush();
  }

  bool Flush() { return outbox_.Send(fd_.get()) != Outbox::Flush::kFailed; }

  Upstream& owner_;
  FileDescriptor fd_;
  const std::uint64_t id_;
  HeadText head_;
  Outbox outbox_;
  std::string answer_head_;
  Target target_;
  std::size_t body_left_ = 0;
  std::size_t body_at_ = 0;
  bool known_ = false;
  bool healthy_ = false;
  bool body_right_ = true;
  bool complete_ = false;
  bool in_service_ = false;
};

Upstream::Upstream(Poller& poller, FileDescriptor listener)
    : poller_(poller), listener_(std::move(listener)) {}

Upstream::~Upstream() = default;

Result<std::unique_ptr<Upstream>> Upstream::Create(Poller& poller,
                                                   FileDescriptor listener,
                                                   const ServiceOptions& service) {
  std::unique_ptr<Upstream> upstream(new Upstream(poller, std::move(listener)));
  const Result<void> added = poller.Add(upstream->listener_.get(), *upstream);
  if (!added) return std::unexpected(added.error());
  if (service.workers == 0) return upstream;
  Result<std::unique_ptr<ServiceLine>> line = ServiceLine::Create(poller, service, *upstream);
  if (!line) return std::unexpected(line.error());
  upstream->service_ = std::move(*line);
  return upstream;
}

Result<Address> Upstream::address() const {
  return LocalAddress(listener_.get());
}

void Upstream::OnReady(std::uint32_t /*events*/) {
  for (;;) {
    FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    DisableNagle(fd.get());
    // Never used twice: work for a connection that is gone must not answer another one.
    const auto id = static_cast<std::uint64_t>(++counts_.connections);
    auto connection = std::make_unique<UpstreamConnection>(*this, std::move(fd), id);
    UpstreamConnection& added = *connection;
    // A connection that cannot be watched is closed by leaving the scope.
    if (!poller_.Add(added.fd(), added)) continue;
    connections_.emplace(id, std::move(connection));
  }
}

void Upstream::OnServed(std::uint64_t ticket) {
  const auto found = connections_.find(ticket);
  if (found == connections_.end()) {
    ++counts_.wasted;
    return;
  }
  found->second->OnServed();
}

}  // namespace sluice::load
