#include "load/client.h"

#include <algorithm>
#include <span>
#include <utility>

#include "load/sockets.h"
#include <sys/epoll.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/result.h"

namespace sluice::load {

Client::Client(Poller& poller, const ClientOptions& options, ClientOwner& owner)
    : poller_(poller), options_(options), owner_(owner), request_(options.request) {}

void Client::Connect() {
  SLUICE_ASSERT(down());
  state_ = State::kConnecting;
  since_ = Now();
  Result<FileDescriptor> fd = StartConnect(options_.target);
  if (!fd) return Fail(Failure::kConnect);
  fd_ = std::move(*fd);
  if (!poller_.Add(fd_.get(), *this)) Fail(Failure::kConnect);
}

void Client::Send(std::uint64_t number, SteadyTime due) {
  SLUICE_ASSERT(idle());
  state_ = State::kWaiting;
  since_ = Now();
  due_ = due;
  number_ = number;
  head_done_ = false;
  outbox_.Put(request_.HeadOf(number), BodyOf(number, options_.request.body_bytes));
  Flush();
}

void Client::Abort(Failure failure) {
  SLUICE_ASSERT(waiting() || connecting());
  Fail(connecting() ? Failure::kConnect : failure);
}

void Client::OnReady(std::uint32_t events) {
  if (connecting()) return FinishConnect();
  if (waiting() && !outbox_.empty() && (events & EPOLLOUT) != 0) Flush();
  if (!down() && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) Receive(events);
}

void Client::FinishConnect() {
  if (PendingError(fd_.get()) != 0) return Fail(Failure::kConnect);
  state_ = State::kIdle;
  owner_.OnIdle(*this);
}

void Client::Receive(std::uint32_t events) {
  const bool may_stop_early = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;
  for (;;) {
    const std::span<char> buffer = poller_.receive_buffer();
    const ReadResult read = ReadSome(fd_.get(), buffer);
    if (read.state == ReadState::kDrained) return;
    if (read.state != ReadState::kData) return OnPeerGone(read.state);
    if (!Consume(read.data)) return;
    if (may_stop_early && read.data.size() < buffer.size()) return;
  }
}

bool Client::Consume(std::string_view data) {
  while (!data.empty()) {
    if (!waiting()) {
      Fail(Failure::kMalformed);
      return false;
    }
    const bool right = head_done_ ? TakeBody(data) : TakeHead(data);
    if (!right) return false;
    if (!head_done_ || body_left_ > 0) continue;
    if (!data.empty()) {
      Fail(Failure::kMalformed);
      return false;
    }
    Finish();
    // Only a connection that is still the same one may be read further.
    return idle() || waiting();
  }
  return true;
}

bool Client::TakeHead(std::string_view& data) {
  const std::string_view seen = head_.With(data);
  const Head head = ScanHead(seen);
  if (head.scan == Scan::kIncomplete) {
    head_.Keep(seen);
    data = {};
    return true;
  }
  status_ = StatusOf(head.first_line);
  const bool bodiless = status_ == 204 || status_ == 304;
  const bool framed = head.content_length.has_value() || bodiless;
  if (head.scan == Scan::kMalformed || head.chunked || !framed || status_ < 200) {
    Fail(Failure::kMalformed);
    return false;
  }
  body_left_ = bodiless ? 0 : static_cast<std::size_t>(*head.content_length);
  body_at_ = 0;
  closes_ = head.closes;
  head_done_ = true;
  const bool checked = options_.check == Check::kFull && status_ == 200;
  if (checked && (head.number != number_ || body_left_ != options_.request.answer_bytes)) {
    Fail(Failure::kWrongBytes);
    return false;
  }
  data.remove_prefix(head_.TakeHead(head.bytes));
  return true;
}

bool Client::TakeBody(std::string_view& data) {
  const std::string_view part = data.substr(0, std::min(body_left_, data.size()));
  if (options_.check == Check::kFull && status_ == 200) {
    const std::string_view expected = BodyOf(number_, body_at_ + part.size());
    if (expected.substr(body_at_) != part) {
      Fail(Failure::kWrongBytes);
      return false;
    }
  }
  body_at_ += part.size();
  body_left_ -= part.size();
  data.remove_prefix(part.size());
  return true;
}

void Client::Finish() {
  // An answer that overtook the request's own body (a refusal) leaves the connection unusable.
  const bool reusable = !closes_ && outbox_.empty();
  state_ = State::kIdle;
  owner_.OnAnswer(*this, status_, Now() - due_);
  if (!reusable) return GoDown(Closing::kAnnounced);
  owner_.OnIdle(*this);
}

void Client::Fail(Failure failure) {
  owner_.OnFailure(*this, failure);
  GoDown(Closing::kFailure);
}

void Client::OnPeerGone(ReadState how) {
  if (!waiting()) return GoDown(Closing::kIdle);
  const bool begun = head_done_ || !head_.empty();
  if (begun) return Fail(Failure::kTruncated);
  Fail(how == ReadState::kReset ? Failure::kReset : Failure::kClosedEarly);
}

void Client::Flush() {
  // A broken pipe is not the end yet: the answer (a 413, say) may lie in the receive buffer. The
  // event that comes with the break reads it.
  if (outbox_.Send(fd_.get()) == Outbox::Flush::kFailed) Receive(EPOLLHUP);
}

void Client::GoDown(Closing why) {
  fd_.Close();
  outbox_.Clear();
  head_.Clear();
  state_ = State::kDown;
  owner_.OnDown(*this, why);
}

}  // namespace sluice::load
