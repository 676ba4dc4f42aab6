#include "sluice/gateway/delivery.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "sluice/gateway/forwarder.h"
#include "sluice/gateway/judged_body.h"
#include "sluice/gateway/piece_gather.h"
#include "sluice/gateway/priority.h"
#include "sluice/gateway/recording_tap.h"
#include "sluice/gateway/request_body.h"
#include "sluice/gateway/response_headers.h"
#include "sluice/gateway/stale_keeping.h"
#include "sluice/gateway/tunnel.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/gateway/worker_listener.h"
#include "sluice/wire/http1_write.h"

namespace sluice::gateway {
namespace {

// A body that takes longer than this is judged by its head.
constexpr Nanos kSettleAfter = std::chrono::seconds(1);

// Asked when the head is written: a drain may have begun, or the listener have gone, meanwhile. And
// where a response comes before the request is whole, nobody is sure where the next one begins.
wire::Persistence PersistenceOf(Exchange& exchange) {
  const bool ends =
      exchange.worker.is_draining || exchange.accepted_by->is_removed || !exchange.body.is_complete;
  if (ends) exchange.keep_alive = false;
  return exchange.keep_alive ? wire::Persistence::kKeepAlive : wire::Persistence::kClose;
}

Task<Result<void>> SendToClient(Exchange& exchange, std::span<const ByteView> segments) {
  Bytes size = 0;
  for (const ByteView segment : segments)
    size += segment.size();
  const SteadyTime deadline = exchange.worker.loop.now() + kClientSendMax;
  Result<void> sent = co_await exchange.client->Send(segments, deadline);
  if (sent) {
    exchange.bytes_out += size;
  } else {
    exchange.client_is_gone = true;
    exchange.keep_alive = false;
  }
  co_return sent;
}

Task<Delivery> SendLocal(Exchange& exchange, const Response& response) {
  const LocalResponse& local = response.local;
  exchange.output.clear();
  CollectHeaders(exchange, response);
  const Result<void> written =
      wire::AppendSimpleResponse({.status = local.status,
                                  .content_type = local.content_type,
                                  .body = local.body,
                                  .extra = exchange.extra_headers,
                                  .request_method = exchange.request().method,
                                  .client_minor_version = exchange.request().minor_version,
                                  .persistence = PersistenceOf(exchange)},
                                 exchange.output);
  if (!written) {
    SLUICE_BUG("delivery: a configured answer cannot be written");
    exchange.keep_alive = false;
    co_return Delivery::kClientFailed;
  }
  const std::array<ByteView, 1> segments = {exchange.output};
  exchange.head_sent = true;
  exchange.status = local.status;
  if (exchange.worker.tap != nullptr) {
    CopyLocalResponse(exchange, exchange.output, local.body);
  }
  const Result<void> sent = co_await SendToClient(exchange, segments);
  co_return sent ? Delivery::kDelivered : Delivery::kClientFailed;
}

// Writes the head of the upstream's response for this client.
Result<wire::ResponseFraming> WriteHead(Exchange& exchange, const Response& response) {
  const wire::ResponseHead& head = response.upstream.lease->head();
  exchange.output.clear();
  CollectHeaders(exchange, response);
  // How busy the upstream is concerns who was told so by us, if anybody.
  static constexpr std::array<std::string_view, 1> kOurs{kAdmitLevelName};
  const std::size_t dropped = TellsLevel(exchange) ? kOurs.size() : 0;
  Result<wire::ResponseFraming> framing =
      wire::AppendResponseHead(head,
                               {.request_method = exchange.request().method,
                                .client_minor_version = exchange.request().minor_version,
                                .persistence = PersistenceOf(exchange),
                                .extra = exchange.extra_headers,
                                .drop_names = std::span(kOurs).first(dropped),
                                .pass_upgrade = head.is_upgrade},
                               exchange.output);
  if (framing && framing->persistence == wire::Persistence::kClose) exchange.keep_alive = false;
  return framing;
}

// One send: the head if it is still due, the content in the client's framing, the end of the body.
class Assembly {
 public:
  Assembly(Exchange& exchange, wire::BodyFraming framing, ByteView head)
      : exchange_(exchange), is_chunked_(framing == wire::BodyFraming::kChunked) {
    Add(head);
  }

  void AddContent(ByteView data) {
    if (data.empty()) return;
    if (is_chunked_) {
      exchange_.chunk_head.clear();
      wire::AppendChunkHeader(data.size(), exchange_.chunk_head);
      Add(exchange_.chunk_head);
    }
    Add(data);
    if (is_chunked_) Add(wire::kChunkEnd);
  }

  void AddEnd(const wire::HeaderTable& trailers) {
    if (!is_chunked_) return;
    exchange_.chunk_tail.clear();
    wire::AppendLastChunk(trailers, exchange_.chunk_tail);
    Add(exchange_.chunk_tail);
  }

  [[nodiscard]] std::span<const ByteView> segments() const { return {segments_.data(), count_}; }

 private:
  void Add(ByteView segment) {
    if (!segment.empty()) segments_[count_++] = segment;
  }

  Exchange& exchange_;
  bool is_chunked_;
  std::array<ByteView, 5> segments_;
  std::size_t count_ = 0;
};

struct BodyPump {
  traffic::Connection& connection;
  wire::BodyFraming framing;
  ByteView head;  // Not yet sent.
};

// Sends what of `input` belongs to the body. `input` may die when this suspends in its send.
Task<Delivery> SendPart(Exchange& exchange, BodyPump& pump, ByteView input) {
  wire::BodyDecoder& decoder = pump.connection.decoder();
  const Result<Gathered> content = Gather(decoder, input, exchange.response_content);
  if (!content) co_return Delivery::kUpstreamFailed;  // With the head unsent it can still be a 502.
  KeepPiece(exchange, content->data);
  if (exchange.recording.copy != nullptr) CopyResponsePiece(exchange, content->data);
  JudgePiece(exchange, content->data);
  // Bytes behind the response: whoever read them next could take them for an answer.
  if (content->finished && content->consumed < input.size()) pump.connection.ForbidReuse();
  Assembly assembly(exchange, pump.framing, pump.head);
  assembly.AddContent(content->data);
  if (content->finished) assembly.AddEnd(decoder.trailers());
  pump.head = {};
  if (assembly.segments().empty()) co_return Delivery::kDelivered;
  exchange.head_sent = true;
  const Result<void> sent = co_await SendToClient(exchange, assembly.segments());
  co_return sent ? Delivery::kDelivered : Delivery::kClientFailed;
}

// The upstream ended its stream: well only where that is how the body ends.
Task<Delivery> SendEnd(Exchange& exchange, BodyPump& pump) {
  const Result<void> finished = pump.connection.decoder().FinishAtClose();
  if (!finished) co_return Delivery::kUpstreamFailed;
  Assembly assembly(exchange, pump.framing, {});
  assembly.AddEnd(pump.connection.decoder().trailers());
  if (assembly.segments().empty()) co_return Delivery::kDelivered;
  const Result<void> sent = co_await SendToClient(exchange, assembly.segments());
  co_return sent ? Delivery::kDelivered : Delivery::kClientFailed;
}

Task<Delivery> SendBody(Exchange& exchange, BodyPump& pump) {
  const SteadyTime settle_at = exchange.worker.loop.now() + kSettleAfter;
  Delivery delivery = co_await SendPart(exchange, pump, pump.connection.leftover());
  pump.connection.ReleaseLeftover();
  while (delivery == Delivery::kDelivered && !pump.connection.decoder().finished()) {
    const SteadyTime now = exchange.worker.loop.now();
    // A stream may go on for hours; a probe of a half-open breaker must not wait for its end.
    if (now >= settle_at) SettleAtHead(exchange, pump.connection.head());
    const SteadyTime deadline = SaturatingAdd(now, exchange.route->config->stream_idle_timeout);
    const Result<ByteView> got = co_await pump.connection.stream().Receive(deadline);
    if (!got) co_return Delivery::kUpstreamFailed;
    if (got->empty()) {
      delivery = co_await SendEnd(exchange, pump);
      co_return delivery;
    }
    delivery = co_await SendPart(exchange, pump, *got);
  }
  co_return delivery;
}

Task<Delivery> SendUpstream(Exchange& exchange, Response& response) {
  traffic::Connection& connection = *response.upstream.lease;
  // A protocol nobody asked for: the bytes behind it would be read as something they are not.
  if (connection.head().is_upgrade && !exchange.asked_upgrade) {
    connection.ForbidReuse();
    co_return Delivery::kUpstreamFailed;
  }
  const Result<wire::ResponseFraming> framing = WriteHead(exchange, response);
  if (!framing) co_return Delivery::kUpstreamFailed;
  exchange.status = connection.head().status;
  if (connection.head().is_upgrade) {
    exchange.keep_alive = false;
    connection.ForbidReuse();
    SettleAtHead(exchange, connection.head());
    const Delivery tunnelled = co_await Tunnel(exchange, connection);
    co_return tunnelled;
  }
  BeginKeeping(exchange, connection.head());
  if (exchange.worker.tap != nullptr)
    CopyResponseHead(exchange, connection.head(), response.upstream.selection->version());
  BeginJudging(exchange, connection.head());
  BodyPump pump{.connection = connection, .framing = framing->framing, .head = exchange.output};
  const Delivery delivery = co_await SendBody(exchange, pump);
  if (connection.decoder().finished()) {
    FinishKeeping(exchange);
    FinishJudging(exchange);
  }
  exchange.keeping.reset();
  // Where the body ends with the connection, an orderly end would look like the body's.
  const bool is_cut = delivery == Delivery::kUpstreamFailed && exchange.head_sent;
  if (is_cut && pump.framing == wire::BodyFraming::kUntilClose) exchange.client->ResetOnClose();
  co_return delivery;
}

// RFC 9110 section 9.3.6.
Task<Delivery> SendTunnel(Exchange& exchange, traffic::Connection& connection) {
  exchange.output = "HTTP/1.1 200 Connection Established\r\n\r\n";
  exchange.status = 200;
  exchange.keep_alive = false;
  SettleTunnel(exchange);
  const Delivery delivery = co_await Tunnel(exchange, connection);
  exchange.upstream_stream = nullptr;
  co_return delivery;
}

}  // namespace

Task<Delivery> Send(Exchange& exchange, Response& response) {
  if (exchange.client_is_gone) {
    exchange.keep_alive = false;
    co_return Delivery::kClientFailed;
  }
  if (response.is_local()) {
    const Delivery delivery = co_await SendLocal(exchange, response);
    co_return delivery;
  }
  if (response.upstream.tunnel != nullptr) {
    const Delivery tunnelled = co_await SendTunnel(exchange, *response.upstream.tunnel);
    co_return tunnelled;
  }
  Delivery delivery = co_await SendUpstream(exchange, response);
  // Where the client broke off we have cancelled the upstream ourselves: it has done nothing wrong.
  const bool client_failed = exchange.client_is_gone || exchange.body.client_error.has_value();
  if (delivery == Delivery::kUpstreamFailed && client_failed) delivery = Delivery::kClientFailed;
  // The client must see that the body is not whole: its connection ends before the body does.
  if (delivery == Delivery::kUpstreamFailed && exchange.head_sent) exchange.keep_alive = false;
  exchange.upstream_stream = nullptr;
  co_await DetachPump(exchange);
  co_return delivery;
}

}  // namespace sluice::gateway
