#include "sluice/gateway/admin/admin_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include "sluice/gateway/admin/event_stream.h"
#include "sluice/gateway/router.h"
#include "sluice/wire/authority.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/path.h"

namespace sluice::gateway::admin {
namespace {

constexpr Nanos kIdleMax = std::chrono::seconds(60);
constexpr Nanos kRequestMax = std::chrono::seconds(10);
constexpr Nanos kAdminSendMax = std::chrono::seconds(10);
constexpr Bytes kReceiveBytes = 16 * kKiB;
constexpr Bytes kLingerBytesMax = 64 * kKiB;
constexpr Nanos kLingerTimeMax = std::chrono::seconds(2);

// One admin connection between two requests: what has come, and what has been read of it.
struct Conversation {
  explicit Conversation(Stream& its_stream) : stream(its_stream) {}

  Stream& stream;
  wire::RequestHeadReader reader;
  std::string received;
  std::string output;
};

AdminResponse FromError(const Error& error) {
  return Refuse(wire::StatusOf(error.code), NameOf(error.code), error.detail);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

Result<AdminRequest> RequestOf(const wire::RequestHead& head) {
  AdminRequest request;
  std::string scratch;
  const Result<std::string_view> path = wire::NormalizePath(head.path, scratch);
  if (!path) return std::unexpected(path.error());
  request.path = *path;
  request.method = head.method_text;
  request.query = head.query;
  request.authority = head.authority;
  request.host = HostOf(head.authority);
  request.origin = head.headers.ValueOf(wire::HeaderId::kOrigin);
  const std::string_view type = head.headers.ValueOf(wire::HeaderId::kContentType);
  request.content_type = Lower(type.substr(0, type.find_first_of("; ")));
  request.authorization = head.headers.ValueOf(wire::HeaderId::kAuthorization);
  return request;
}

// True: a head is complete. False: the connection has ended.
Task<Result<bool>> ReadHead(Loop& loop, Conversation& talk) {
  SteadyTime deadline = loop.now() + kIdleMax;
  bool is_fresh = true;
  for (;;) {
    if (!talk.received.empty()) {
      const Result<wire::HeadProgress> progress = talk.reader.Feed(talk.received);
      if (!progress) co_return std::unexpected(progress.error());
      talk.received.erase(0, progress->consumed);
      if (progress->complete) co_return true;
      if (is_fresh) deadline = loop.now() + kRequestMax;
      is_fresh = false;
    }
    const Result<ByteView> got = co_await talk.stream.Receive(deadline, kReceiveBytes);
    if (!got || got->empty()) co_return false;
    talk.received.append(*got);
  }
}

Task<Result<std::string>> ReadBody(Loop& loop, Conversation& talk) {
  const wire::RequestHead& head = talk.reader.head();
  wire::BodyDecoder decoder;
  decoder.Start(head.framing, head.content_length, Side::kClient);
  std::string body;
  if (head.framing == wire::BodyFraming::kLength &&
      head.content_length > AdminServer::kBodyBytesMax) {
    co_return Fail(ErrorCode::kBodyTooLarge, "a body may have 4 MiB");
  }
  const SteadyTime deadline = loop.now() + kRequestMax;
  if (head.expects_continue && talk.received.empty() && !decoder.finished()) {
    const std::array<ByteView, 1> go_on = {wire::kContinueResponse};
    const Result<void> sent = co_await talk.stream.Send(go_on, deadline);
    if (!sent) co_return std::unexpected(sent.error());
  }
  while (!decoder.finished()) {
    if (talk.received.empty()) {
      const Result<ByteView> got = co_await talk.stream.Receive(deadline, kReceiveBytes);
      if (!got || got->empty()) {
        co_return Fail(ErrorCode::kRequestTimeout, "the body did not come to its end");
      }
      talk.received.assign(*got);
    }
    const Result<wire::BodyPiece> piece = decoder.Next(talk.received);
    if (!piece) co_return std::unexpected(piece.error());
    body += piece->data;
    talk.received.erase(0, piece->consumed);
    if (body.size() > AdminServer::kBodyBytesMax) {
      co_return Fail(ErrorCode::kBodyTooLarge, "a body may have 4 MiB");
    }
  }
  co_return body;
}

Task<bool> Reply(Loop& loop,
                 Conversation& talk,
                 const AdminResponse& response,
                 wire::Persistence persistence) {
  std::array<wire::ExtraHeader, 2> extra = {
      wire::ExtraHeader{.name = "cache-control", .value = "no-store"},
      wire::ExtraHeader{.name = "allow", .value = response.allow}};
  talk.output.clear();
  const Result<void> written =
      wire::AppendSimpleResponse({.status = response.status,
                                  .content_type = response.content_type,
                                  .body = response.body,
                                  .extra = std::span(extra.data(), response.allow.empty() ? 1 : 2),
                                  .request_method = talk.reader.head().method,
                                  .client_minor_version = talk.reader.head().minor_version,
                                  .persistence = persistence},
                                 talk.output);
  if (!written) co_return false;
  const std::array<ByteView, 1> segments = {talk.output};
  const Result<void> sent = co_await talk.stream.Send(segments, loop.now() + kAdminSendMax);
  co_return sent.has_value();
}

// An answer to a request that was not read whole must not be lost to a reset.
Task<void> Linger(Loop& loop, Stream& stream) {
  stream.ShutdownSend();
  const SteadyTime until = loop.now() + kLingerTimeMax;
  Bytes dropped = 0;
  while (dropped < kLingerBytesMax) {
    const Result<ByteView> got = co_await stream.Receive(until, kReceiveBytes);
    if (!got || got->empty()) co_return;
    dropped += got->size();
  }
}

// After which event a stream begins: `?after=N`, or what comes from now on.
std::uint64_t EventsAfter(const AdminRequest& request, const EventFeed& feed) {
  std::string scratch;
  const std::optional<std::string_view> after =
      wire::FindQueryParameter(request.query, "after", scratch);
  std::uint64_t number = feed.last();
  if (after) std::from_chars(after->data(), after->data() + after->size(), number);
  return number;
}

// Answers one request; false when the connection is to end.
Task<bool> ServeOne(Loop& loop,
                    Conversation& talk,
                    AdminApi& api,
                    const AccessPolicy& policy,
                    const bool& stopping) {
  const Result<bool> has_head = co_await ReadHead(loop, talk);
  if (!has_head) {
    const AdminResponse refusal = FromError(has_head.error());
    const bool sent = co_await Reply(loop, talk, refusal, wire::Persistence::kClose);
    static_cast<void>(sent);
    co_return false;
  }
  if (!*has_head) co_return false;
  Result<AdminRequest> request = RequestOf(talk.reader.head());
  std::optional<AdminResponse> refusal;
  if (!request) {
    refusal = FromError(request.error());
  } else {
    refusal = policy.Check(*request);
  }
  if (!refusal) {
    Result<std::string> body = co_await ReadBody(loop, talk);
    if (body) {
      request->body = std::move(*body);
    } else {
      refusal = FromError(body.error());
    }
  }
  if (!refusal && request->path == kEvents && request->method == "GET") {
    const std::uint64_t after = EventsAfter(*request, api.feed());
    co_await StreamEvents(loop, talk.stream, api.feed(), after, stopping);
    co_return false;
  }
  const bool keep_alive = !refusal && talk.reader.head().keep_alive;
  AdminResponse response;
  if (refusal) {
    response = std::move(*refusal);
  } else {
    response = co_await api.Answer(*request);
  }
  const wire::Persistence persistence =
      keep_alive ? wire::Persistence::kKeepAlive : wire::Persistence::kClose;
  const bool sent = co_await Reply(loop, talk, response, persistence);
  talk.reader.Reset();
  co_return sent&& keep_alive;
}

}  // namespace

AdminServer::AdminServer(Loop& control, AdminApi& api, AccessPolicy policy)
    : loop_(control), api_(api), policy_(std::move(policy)) {}

AdminServer::~AdminServer() = default;

void AdminServer::Start(std::unique_ptr<Listener> listener) {
  listener_ = std::move(listener);
  tasks_.Spawn(Accept());
}

Task<void> AdminServer::Accept() {
  for (;;) {
    Result<std::unique_ptr<Stream>> stream = co_await listener_->Accept();
    if (!stream) co_return;
    if (streams_.size() >= kConnectionsMax) continue;  // Closes it.
    tasks_.Spawn(Serve(std::move(*stream)));
  }
}

Task<void> AdminServer::Serve(std::unique_ptr<Stream> stream) {
  streams_.push_back(stream.get());
  Conversation talk(*stream);
  bool goes_on = true;
  while (goes_on && !stopping_) {
    goes_on = co_await ServeOne(loop_, talk, api_, policy_, stopping_);
  }
  if (!stopping_) {
    co_await Linger(loop_, *stream);
  }
  std::erase(streams_, stream.get());
}

void AdminServer::RequestStop() {
  stopping_ = true;
  if (listener_ != nullptr) listener_->Cancel();
  for (Stream* stream : streams_)
    stream->Cancel();
}

Task<void> AdminServer::Stopped() {
  co_await tasks_.Drained();
  listener_.reset();
}

}  // namespace sluice::gateway::admin
