#include "sluice/traffic/connection.h"

#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::traffic {

namespace {

constexpr int kContinue = 100;

}  // namespace

Connection::Connection(Loop& loop, std::unique_ptr<Stream> stream, const ConnectionLimits& limits)
    : loop_(loop), stream_(std::move(stream)), limits_(limits), reader_(limits.head) {
  SLUICE_ASSERT(stream_ != nullptr);
}

void Connection::Begin() {
  ReleaseLeftover();
  output_.clear();
  ++exchanges_;
  head_bytes_ = 0;
  informational_ = 0;
  phase_ = Phase::kBegun;
  request_sent_ = false;
  response_begun_ = false;
  continued_ = false;
  surplus_ = false;
  forbidden_ = false;
}

Task<Result<void>> Connection::ReceiveHead(wire::Method method, SteadyTime deadline) {
  SLUICE_ASSERT(phase_ == Phase::kBegun);
  reader_.Reset(method);
  for (;;) {
    const Result<ByteView> received = co_await stream_->Receive(deadline);
    if (!received || received->empty()) co_return FailReceive(received);
    const Result<bool> final_head = TakeHead(*received, method);
    if (!final_head) {
      phase_ = Phase::kFailed;
      co_return std::unexpected(final_head.error());
    }
    if (*final_head) co_return Result<void>{};
  }
}

// True when the final head is complete. `received` dies with the caller's next suspension.
Result<bool> Connection::TakeHead(ByteView received, wire::Method method) {
  response_begun_ = true;
  while (!received.empty()) {
    Result<wire::HeadProgress> progress = reader_.Feed(received);
    if (!progress) return std::unexpected(std::move(progress.error()));
    head_bytes_ += progress->consumed;
    received.remove_prefix(progress->consumed);
    if (!progress->complete) return false;

    const wire::ResponseHead& head = reader_.head();
    if (!head.is_interim()) {
      decoder_.Start(head.framing, head.content_length, Side::kUpstream);
      KeepLeftover(received);
      phase_ = Phase::kHeadReceived;
      return true;
    }
    // RFC 9110 section 15.2: any number of them may come, asked for or not. Ours has a bound.
    if (++informational_ > limits_.informational_max) {
      return std::unexpected(Error{.code = ErrorCode::kBadResponse,
                                   .side = Side::kUpstream,
                                   .detail = "too many informational responses"});
    }
    continued_ = continued_ || head.status == kContinue;
    reader_.Reset(method);
  }
  return false;
}

std::unexpected<Error> Connection::FailReceive(const Result<ByteView>& received) {
  phase_ = Phase::kFailed;
  Error error;
  if (received) {
    error.code = ErrorCode::kConnectionClosed;
  } else {
    error = received.error();
    if (error.code == ErrorCode::kCancelled) return std::unexpected(std::move(error));
  }
  error.side = Side::kUpstream;
  if (error.code == ErrorCode::kTimeout) {
    error.code = ErrorCode::kUpstreamTimeout;
    error.retry = RetryAdvice::kIfIdempotent;
  } else {
    error.retry = response_begun_ ? RetryAdvice::kUnsafe : RetryAdvice::kIfIdempotent;
  }
  return std::unexpected(std::move(error));
}

void Connection::KeepLeftover(ByteView rest) {
  if (rest.empty()) return;
  // Behind a response without a body nothing may follow, but for a tunnel's first bytes.
  const bool is_raw = reader_.head().is_upgrade || reader_.head().is_tunnel;
  if (decoder_.finished() && !is_raw) surplus_ = true;
  if (rest.size() <= kLeftoverCopyMax) {
    copied_.assign(rest);
    leftover_ = copied_;
    return;
  }
  kept_ = loop_.KeepReceiveBuffer();
  leftover_ = rest;
}

void Connection::ReleaseLeftover() {
  leftover_ = {};
  kept_.Release();
}

Result<wire::BodyPiece> Connection::Decode(ByteView& input) {
  Result<wire::BodyPiece> piece = decoder_.Next(input);
  if (!piece) {
    phase_ = Phase::kFailed;
    return piece;
  }
  input.remove_prefix(piece->consumed);
  if (decoder_.finished() && !input.empty()) surplus_ = true;
  return piece;
}

bool Connection::reusable() const {
  if (forbidden_ || surplus_) return false;
  if (phase_ == Phase::kIdle) return true;
  if (phase_ != Phase::kHeadReceived || !request_sent_ || !decoder_.finished()) return false;
  const wire::ResponseHead& head = reader_.head();
  return head.keep_alive && !head.is_upgrade && !head.is_tunnel &&
         head.framing != wire::BodyFraming::kUntilClose;
}

}  // namespace sluice::traffic
