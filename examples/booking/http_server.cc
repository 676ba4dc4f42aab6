#include "booking/http_server.h"

#include <array>
#include <chrono>
#include <tuple>
#include <utility>

#include "sluice/contract/bytes.h"
#include "sluice/contract/result.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"

namespace booking {

using namespace std::chrono_literals;
using sluice::Bytes;
using sluice::ByteView;
using sluice::ErrorCode;
using sluice::Result;
using sluice::SteadyTime;
using sluice::Task;
namespace wire = sluice::wire;

namespace {

constexpr std::size_t kConnectionsMax = 10'000;
constexpr Bytes kReceiveMax = 16 * sluice::kKiB;
constexpr Bytes kBodyMax = 64 * sluice::kKiB;
constexpr auto kIdleMax = 120s;  // Longer than a gateway's pool keeps a connection.
constexpr auto kTransferMax = 30s;

}  // namespace

// One connection. Lives in the frame of HttpServer::Serve().
class Session {
 public:
  Session(sluice::Loop& loop,
          std::unique_ptr<sluice::Stream> stream,
          std::string_view instance,
          Handler& handler)
      : loop_(loop), stream_(std::move(stream)), instance_(instance), handler_(handler) {}

  // Answers requests until the client leaves, errs or is told to go.
  Task<void> Run() {
    while (!last_) {
      idle_ = true;
      Result<void> done = co_await ReceiveHead();
      idle_ = false;
      if (done) done = co_await ReceiveBody();
      if (done) done = co_await Answer();
      if (!done) {
        co_await Refuse(done.error());
        co_return;
      }
    }
  }

  // The request in flight is the last one; an idle connection ends now.
  void Stop() {
    last_ = true;
    if (idle_) stream_->Cancel();
  }

 private:
  // Appends to input_; fails with kConnectionClosed at the end of the stream.
  Task<Result<void>> ReceiveMore(SteadyTime deadline) {
    const Result<ByteView> received = co_await stream_->Receive(deadline, kReceiveMax);
    if (!received) co_return std::unexpected(received.error());
    if (received->empty()) co_return sluice::Fail(ErrorCode::kConnectionClosed, "");
    input_ += *received;  // The view is dead after the next co_await.
    co_return Result<void>();
  }

  Task<Result<void>> ReceiveHead() {
    head_.Reset();
    const SteadyTime deadline = loop_.now() + kIdleMax;
    while (true) {
      const Result<wire::HeadProgress> progress = head_.Feed(input_);
      if (!progress) co_return std::unexpected(progress.error());
      input_.erase(0, progress->consumed);
      if (progress->complete) co_return Result<void>();
      const Result<void> more = co_await ReceiveMore(deadline);
      if (!more) co_return more;
    }
  }

  Task<Result<void>> ReceiveBody() {
    const wire::RequestHead& head = head_.head();
    body_.clear();
    decoder_.Start(head.framing, head.content_length, sluice::Side::kClient);
    const SteadyTime deadline = loop_.now() + kTransferMax;
    if (head.expects_continue) {
      const Result<void> sent = co_await Send(wire::kContinueResponse);
      if (!sent) co_return sent;
    }
    while (!decoder_.finished()) {
      if (input_.empty()) {
        const Result<void> more = co_await ReceiveMore(deadline);
        if (!more) co_return more;
      }
      const Result<wire::BodyPiece> piece = decoder_.Next(input_);
      if (!piece) co_return std::unexpected(piece.error());
      body_ += piece->data;
      input_.erase(0, piece->consumed);
      if (body_.size() > kBodyMax) co_return sluice::Fail(ErrorCode::kBodyTooLarge, "64 KiB");
    }
    co_return Result<void>();
  }

  Task<Result<void>> Answer() {
    const wire::RequestHead& head = head_.head();
    const Reply reply = co_await handler_.Answer(head, body_);
    if (!head.keep_alive) last_ = true;
    if (reply.chunks > 0) co_return co_await SendChunks(reply);
    if (reply.delay > 0ns) co_await loop_.SleepUntil(loop_.now() + reply.delay);
    co_return co_await SendWhole(reply);
  }

  // What every answer says, and what this one says beside it. The views are those of `reply`.
  void ListHeaders(const Reply& reply) {
    headers_.clear();
    headers_.push_back({"x-instance", instance_});
    for (const Header& header : reply.headers)
      headers_.push_back({header.name, header.value});
  }

  Task<Result<void>> SendWhole(const Reply& reply) {
    ListHeaders(reply);
    output_.clear();
    const Result<void> written =
        wire::AppendSimpleResponse({.status = reply.status,
                                    .content_type = reply.content_type,
                                    .body = reply.body,
                                    .extra = headers_,
                                    .request_method = head_.head().method,
                                    .client_minor_version = head_.head().minor_version,
                                    .persistence = persistence()},
                                   output_);
    if (!written) co_return written;
    co_return co_await Send(output_);
  }

  // A client of HTTP/1.0 knows no chunks: it gets the pieces bare, up to the end of the stream.
  Task<Result<void>> SendChunks(const Reply& reply) {
    wire::ResponseHead head;
    head.status = reply.status;
    head.reason = wire::ReasonPhrase(reply.status);
    head.framing = wire::BodyFraming::kChunked;
    head.headers.Add("content-type", reply.content_type);
    ListHeaders(reply);
    output_.clear();
    const Result<wire::ResponseFraming> framing =
        wire::AppendResponseHead(head,
                                 {.request_method = head_.head().method,
                                  .client_minor_version = head_.head().minor_version,
                                  .persistence = persistence(),
                                  .extra = headers_},
                                 output_);
    if (!framing) co_return std::unexpected(framing.error());
    last_ = framing->persistence == wire::Persistence::kClose;
    const bool chunked = framing->framing == wire::BodyFraming::kChunked;
    const int chunks = framing->framing == wire::BodyFraming::kNone ? 0 : reply.chunks;
    for (int i = 0; i < chunks; ++i) {
      if (chunked) wire::AppendChunkHeader(reply.body.size(), output_);
      output_ += reply.body;
      if (chunked) output_ += wire::kChunkEnd;
      const Result<void> sent = co_await Send(output_);
      if (!sent) co_return sent;
      output_.clear();
      if (reply.delay > 0ns) co_await loop_.SleepUntil(loop_.now() + reply.delay);
    }
    if (chunked) wire::AppendLastChunk(output_);
    co_return co_await Send(output_);
  }

  // The client erred: it learns how, and the connection ends. When it only left, nothing is said.
  Task<void> Refuse(const sluice::Error& error) {
    const int status = wire::StatusOf(error.code);
    if (status >= 500 && error.code != ErrorCode::kVersionNotSupported) co_return;
    last_ = true;
    const Reply reply{.status = status, .content_type = "text/plain", .body = error.detail};
    std::ignore = co_await SendWhole(reply);
  }

  // `bytes` must live until the send is complete.
  Task<Result<void>> Send(ByteView bytes) {
    const std::array<ByteView, 1> segments{bytes};
    co_return co_await stream_->Send(segments, loop_.now() + kTransferMax);
  }

  [[nodiscard]] wire::Persistence persistence() const {
    return last_ ? wire::Persistence::kClose : wire::Persistence::kKeepAlive;
  }

  sluice::Loop& loop_;
  std::unique_ptr<sluice::Stream> stream_;
  std::string_view instance_;
  Handler& handler_;
  wire::RequestHeadReader head_;
  wire::BodyDecoder decoder_;
  std::string input_;  // Received and not yet understood.
  std::string body_;
  std::string output_;
  std::vector<wire::ExtraHeader> headers_;
  bool idle_ = false;
  bool last_ = false;  // No request after this one.
};

HttpServer::HttpServer(sluice::Loop& loop, std::string instance, Handler& handler)
    : loop_(loop), instance_(std::move(instance)), handler_(handler) {}

HttpServer::~HttpServer() = default;

Task<void> HttpServer::Run(sluice::Listener& listener) {
  listener_ = &listener;
  while (!stopping_) {
    Result<std::unique_ptr<sluice::Stream>> stream = co_await listener.Accept();
    if (!stream) break;
    // One too many is closed unserved.
    if (sessions_.size() < kConnectionsMax) tasks_.Spawn(Serve(std::move(*stream)));
  }
  listener_ = nullptr;
  co_await tasks_.Drained();
}

Task<void> HttpServer::Serve(std::unique_ptr<sluice::Stream> stream) {
  Session session(loop_, std::move(stream), instance_, handler_);
  sessions_.insert(&session);
  co_await session.Run();
  sessions_.erase(&session);
}

void HttpServer::Stop() {
  stopping_ = true;
  if (listener_ != nullptr) listener_->Cancel();
  for (Session* session : sessions_)
    session->Stop();
}

}  // namespace booking
