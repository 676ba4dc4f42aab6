#include "sluice/gateway/request_body.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/gateway/identify.h"
#include "sluice/gateway/piece_gather.h"
#include "sluice/gateway/recording_tap.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/wire/http1_write.h"

namespace sluice::gateway {
namespace {

constexpr Nanos kRateWindow = std::chrono::seconds(10);
constexpr Nanos kUpstreamSendMax = std::chrono::seconds(60);
constexpr Bytes kDropBytesMax = 64 * kKiB;
constexpr Nanos kDropTimeMax = std::chrono::seconds(2);
constexpr Bytes kCopyMax = 4 * kKiB;

Error TooLarge(const Exchange& exchange) {
  return {.code = ErrorCode::kBodyTooLarge,
          .side = Side::kClient,
          .detail = fmt::format("the body may have {} bytes", BodyBytesMax(exchange))};
}

Error ClientError(ErrorCode code, std::string detail) {
  return {.code = code, .side = Side::kClient, .detail = std::move(detail)};
}

// What a client may still send when nobody wants it any more.
struct DropBudget {
  SteadyTime until = kNever;
  Bytes bytes = 0;
};

// Watches that a client keeps to the least rate, over windows that begin with the first byte due.
class RateWatch {
 public:
  RateWatch(Bytes bytes_per_second, SteadyTime now)
      : due_(bytes_per_second * static_cast<Bytes>(kRateWindow / std::chrono::seconds(1))),
        window_start_(now) {}

  // When this window ends.
  [[nodiscard]] SteadyTime WindowEnd() const { return window_start_ + kRateWindow; }

  void Restart(SteadyTime now) {
    window_start_ = now;
    got_ = 0;
  }
  void Took(Bytes bytes) { got_ += bytes; }

  // False when a window has ended with too little. A rate of 0 still asks for a byte in a window.
  [[nodiscard]] bool KeepsUp(SteadyTime now) {
    if (now < WindowEnd()) return true;
    const bool enough = got_ > 0 && got_ >= due_;
    window_start_ = now;
    got_ = 0;
    return enough;
  }

 private:
  Bytes due_;
  SteadyTime window_start_;
  Bytes got_ = 0;
};

// Sends content on in the framing of the request.
Task<Result<void>> SendContent(Exchange& exchange, ByteView data, bool is_last) {
  std::string& lines = exchange.pump_output;
  lines.clear();
  const bool is_chunked = exchange.request().framing == wire::BodyFraming::kChunked;
  if (is_chunked && !data.empty()) wire::AppendChunkHeader(data.size(), lines);
  const Bytes head_size = lines.size();
  if (is_chunked && is_last) wire::AppendLastChunk(exchange.body_decoder.trailers(), lines);

  std::array<ByteView, 4> segments;
  std::size_t count = 0;
  if (head_size > 0) segments[count++] = ByteView(lines).substr(0, head_size);
  if (!data.empty()) segments[count++] = data;
  if (head_size > 0) segments[count++] = wire::kChunkEnd;
  if (lines.size() > head_size) segments[count++] = ByteView(lines).substr(head_size);
  if (count == 0) co_return Result<void>();

  const std::span<const ByteView> list(segments.data(), count);
  const SteadyTime deadline = exchange.worker.loop.now() + kUpstreamSendMax;
  exchange.body.is_sending = true;
  Result<void> sent = co_await exchange.body.target->stream().Send(list, deadline);
  exchange.body.is_sending = false;
  exchange.pump_changed.Set();
  co_return sent;
}

void FailClient(Exchange& exchange, Error error) {
  exchange.body.client_error = std::move(error);
  // Whoever waits for the upstream's answer learns that the request will never be whole.
  if (exchange.body.target != nullptr) exchange.body.target->stream().Cancel();
}

// Takes the content out of what was received and sends it on; true when the pump goes on.
Task<bool> TakeContent(Exchange& exchange, ByteView view) {
  const Result<Gathered> content = Gather(exchange.body_decoder, view, exchange.pump_content);
  if (!content) {
    FailClient(exchange, content.error());
    co_return false;
  }
  exchange.body.bytes += content->data.size();
  if (exchange.body.bytes > BodyBytesMax(exchange)) {
    FailClient(exchange, TooLarge(exchange));
    co_return false;
  }
  if (exchange.recording.copy != nullptr) CopyRequestPiece(exchange, content->data);
  if (content->finished) exchange.received.append(view.substr(content->consumed));
  if (exchange.body.collected != nullptr) exchange.body.collected->append(content->data);
  if (exchange.body.target == nullptr) co_return true;
  const Result<void> sent = co_await SendContent(exchange, content->data, content->finished);
  if (!sent) exchange.body.target = nullptr;  // The upstream hung up: drop what still comes.
  co_return true;
}

// Nobody takes what still comes.
bool IsUnwanted(const Exchange& exchange) {
  return exchange.body.target == nullptr && exchange.body.collected == nullptr;
}

// Receives once; false when the body's rest will never come, or is not worth waiting for.
Task<bool> PumpOnce(Exchange& exchange, RateWatch& rate, DropBudget& drop) {
  Loop& loop = exchange.worker.loop;
  const bool is_dropping = IsUnwanted(exchange);
  if (is_dropping) drop.until = std::min(drop.until, loop.now() + kDropTimeMax);
  const SteadyTime deadline = std::min(rate.WindowEnd(), drop.until);
  const Result<ByteView> got = co_await exchange.client->Receive(deadline);
  const bool timed_out = !got && got.error().code == ErrorCode::kTimeout;
  if (timed_out && loop.now() >= drop.until) co_return false;
  if (!timed_out && (!got || got->empty())) {
    exchange.client_is_gone = true;
    FailClient(exchange, ClientError(ErrorCode::kConnectionClosed, "the request body broke off"));
    co_return false;
  }
  if (!timed_out) rate.Took(got->size());
  if (!rate.KeepsUp(loop.now())) {
    FailClient(exchange, ClientError(ErrorCode::kRequestTimeout, "the request body is too slow"));
    co_return false;
  }
  if (timed_out) co_return true;
  if (IsUnwanted(exchange)) {
    drop.bytes += got->size();
    if (drop.bytes > kDropBytesMax) co_return false;
  }
  const SteadyTime before = loop.now();
  const bool goes_on = co_await TakeContent(exchange, *got);
  // A slow upstream made us wait: that is not the client's slowness.
  if (loop.now() != before) rate.Restart(loop.now());
  co_return goes_on;
}

Task<void> Pump(Exchange& exchange) {
  RateWatch rate(exchange.listener->config->limits.body_min_rate, exchange.worker.loop.now());
  DropBudget drop;
  bool goes_on = true;
  while (goes_on && !exchange.body_decoder.finished()) {
    goes_on = co_await PumpOnce(exchange, rate, drop);
  }
  if (exchange.body_decoder.finished()) {
    exchange.body.is_complete = true;
    exchange.body.completed_at = exchange.worker.loop.now();
    if (exchange.body.target != nullptr) exchange.body.target->MarkRequestSent();
  }
  exchange.body.target = nullptr;
  exchange.body.is_pumping = false;
  // An alternative is bound by its step's timeout already.
  if (exchange.awaits_head && exchange.asked.deadline == kNever) {
    const Nanos timeout = exchange.route->config->timeout;
    exchange.worker.loop.Arm(exchange.head_timer,
                             SaturatingAdd(exchange.worker.loop.now(), timeout));
  }
  exchange.pump_changed.Set();
}

}  // namespace

Result<void> BeginRequestBody(Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  exchange.body = {};
  exchange.body_decoder.Start(head.framing, head.content_length, Side::kClient);
  ByteView rest = exchange.received;
  while (!exchange.body_decoder.finished() && !rest.empty()) {
    const Result<wire::BodyPiece> piece = exchange.body_decoder.Next(rest);
    if (!piece) return std::unexpected(piece.error());
    rest.remove_prefix(piece->consumed);
    exchange.body.bytes += piece->data.size();
  }
  exchange.body.prefix_bytes = exchange.received.size() - rest.size();
  exchange.body.is_complete = exchange.body_decoder.finished();
  exchange.body.completed_at = exchange.worker.loop.now();
  exchange.body.place = exchange.body.is_complete ? RequestBodyState::Place::kWhole
                                                  : RequestBodyState::Place::kStreaming;
  return {};
}

Result<ByteView> AppendBodyPrefix(Exchange& exchange, std::string& out) {
  const ByteView prefix = ByteView(exchange.received).substr(0, exchange.body.prefix_bytes);
  if (exchange.request().framing != wire::BodyFraming::kChunked) {
    if (prefix.size() > kCopyMax) return prefix;
    out += prefix;
    return ByteView();
  }
  // Chunks are written anew. The decoder that goes on with the stream has seen these bytes already,
  // so another one reads them here.
  wire::BodyDecoder decoder;
  decoder.Start(wire::BodyFraming::kChunked, 0, Side::kClient);
  ByteView rest = prefix;
  while (!decoder.finished() && !rest.empty()) {
    const Result<wire::BodyPiece> piece = decoder.Next(rest);
    if (!piece) return std::unexpected(piece.error());
    rest.remove_prefix(piece->consumed);
    if (!piece->data.empty()) {
      wire::AppendChunkHeader(piece->data.size(), out);
      out += piece->data;
      out += wire::kChunkEnd;
    }
  }
  if (decoder.finished()) wire::AppendLastChunk(decoder.trailers(), out);
  return ByteView();
}

void StartPump(Exchange& exchange, traffic::Connection& target) {
  SLUICE_ASSERT(!exchange.body.is_pumping);
  exchange.body.target = &target;
  exchange.body.is_pumping = true;
  if (exchange.worker.tap != nullptr) CopyStreamedRequest(exchange);
  exchange.received.clear();  // All of it was the body's beginning, and has been sent.
  exchange.pumps.Spawn(Pump(exchange));
}

Task<Result<std::string>> CollectRequestBody(Exchange& exchange) {
  std::string body;
  const wire::RequestHead& head = exchange.request();
  wire::BodyDecoder decoder;
  decoder.Start(head.framing, head.content_length, Side::kClient);
  ByteView rest = ByteView(exchange.received).substr(0, exchange.body.prefix_bytes);
  while (!decoder.finished() && !rest.empty()) {
    const Result<wire::BodyPiece> piece = decoder.Next(rest);
    if (!piece) co_return std::unexpected(piece.error());
    rest.remove_prefix(piece->consumed);
    body += piece->data;
  }
  if (exchange.body.is_complete) co_return body;

  if (head.expects_continue && exchange.body.prefix_bytes == 0) {
    const std::array<ByteView, 1> go_on = {wire::kContinueResponse};
    const SteadyTime deadline = exchange.worker.loop.now() + kUpstreamSendMax;
    const Result<void> told = co_await exchange.client->Send(go_on, deadline);
    if (!told) exchange.client_is_gone = true;
  }
  exchange.body.collected = &body;
  exchange.body.is_pumping = true;
  exchange.received.clear();
  exchange.was_sent = true;  // Nobody else can have it from here on.
  exchange.pumps.Spawn(Pump(exchange));
  while (exchange.body.is_pumping) {
    const bool changed = co_await exchange.pump_changed.Wait(kNever);
    static_cast<void>(changed);
  }
  exchange.body.collected = nullptr;
  if (exchange.body.client_error) co_return std::unexpected(*exchange.body.client_error);
  co_return body;
}

void DropRequestBody(Exchange& exchange) {
  if (exchange.body.is_complete) return;
  exchange.was_sent = true;
  // Who waits to be asked for it has not sent it, and need not.
  if (exchange.request().expects_continue && exchange.body.prefix_bytes == 0) return;
  exchange.body.is_pumping = true;
  exchange.received.clear();
  exchange.pumps.Spawn(Pump(exchange));
}

Task<void> DetachPump(Exchange& exchange) {
  if (exchange.body.target == nullptr) co_return;
  traffic::Connection& connection = *exchange.body.target;
  exchange.body.target = nullptr;
  if (!exchange.body.is_sending) co_return;
  connection.stream().Cancel();
  while (exchange.body.is_sending) {
    const bool changed = co_await exchange.pump_changed.Wait(kNever);
    static_cast<void>(changed);
  }
}

Task<void> FinishPump(Exchange& exchange) {
  co_await exchange.pumps.Drained();
}

}  // namespace sluice::gateway
