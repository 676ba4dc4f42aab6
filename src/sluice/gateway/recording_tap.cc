#include "sluice/gateway/recording_tap.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/exchange.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/traffic/hash_ring.h"
#include "sluice/wire/traceparent.h"

namespace sluice::gateway {
namespace {

using traffic::tap::TapQueue;
using wire::recording::Message;
using wire::recording::RecordedExchange;

constexpr std::size_t kCopiedTraceStart = 3;
constexpr std::size_t kCopiedTraceChars = 32;
constexpr std::size_t kCopiedSpanStart = 36;
constexpr std::size_t kCopiedSpanChars = 16;

const config::RecordConfig* ConfigOf(const Exchange& exchange) {
  const std::optional<config::RecordConfig>& record = exchange.snapshot->snapshot->config.record;
  return record ? &*record : nullptr;
}

// Requests that were made to try something out are no traffic of users.
bool IsMadeUp(const wire::RequestHead& head) {
  return head.headers.Has(wire::HeaderId::kXSluice) &&
         head.headers.Find("x-sluice-purpose") != nullptr;
}

// A tunnel has no content that we know; a request without a path has not been understood.
bool IsRecordable(const Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  return head.method != wire::Method::kConnect && !exchange.path.empty() && !IsMadeUp(head);
}

template <typename Texts>
bool IsAmong(const Texts& texts, std::string_view one) {
  return texts.empty() || std::ranges::find(texts, one) != texts.end();
}

bool Matches(const config::RecordMatch& match, const Exchange& exchange) {
  const std::string_view route =
      exchange.route == nullptr ? std::string_view() : exchange.route->config->name;
  return IsAmong(match.routes, route) &&
         IsAmong(match.listeners, exchange.listener->config->name) &&
         IsAmong(match.methods, exchange.request().method_text) &&
         exchange.path.starts_with(match.path_prefix);
}

bool IsInShare(const Exchange& exchange, const config::RecordConfig& record) {
  double percent = record.sample_percent;
  for (const config::RecordRule& rule : record.rules) {
    if (!Matches(rule.match, exchange)) continue;
    percent = rule.sample_percent;
    break;
  }
  if (percent >= 100 || percent <= 0) return percent > 0;
  if (!record.sample_by) {
    const std::string_view trace = exchange.trace_parent;
    return traffic::tap::IsInShare(
        traffic::HashKey(
            trace.substr(std::min(kCopiedTraceStart, trace.size()), kCopiedTraceChars)),
        percent);
  }
  const KeySource source{exchange.request(), exchange.client_address, exchange.captures,
                         exchange.path};
  return traffic::tap::IsInShare(BalanceHash(*record.sample_by, source), percent);
}

traffic::tap::ExchangeClass ClassOf(const Exchange& exchange, int status) {
  return {.route = exchange.route == nullptr ? std::string_view() : exchange.route->config->name,
          .method = exchange.request().method_text,
          .status = status};
}

void GiveUpCopy(Exchange& exchange) {
  ExchangeCopy& recording = exchange.recording;
  recording.queue->Drop(std::move(recording.copy));
  recording.is_lost = true;
  if (recording.is_classified)
    recording.queue->sampler().Uncount(ClassOf(exchange, exchange.status));
}

// Adds `text`; false where there was no room, and then the copy is given up.
bool Add(Exchange& exchange, std::string& to, std::string_view text) {
  if (!exchange.recording.queue->Grow(text.size())) {
    GiveUpCopy(exchange);
    return false;
  }
  to += text;
  return true;
}

void AddBody(Exchange& exchange, Message& message, ByteView content) {
  const config::RecordConfig* const record = ConfigOf(exchange);
  const Bytes bytes_max = record == nullptr ? 0 : record->max_body_bytes;
  message.body_bytes += content.size();
  const Bytes room = bytes_max - std::min(bytes_max, message.body.size());
  if (content.size() > room) message.is_truncated = true;
  const ByteView kept = content.substr(0, room);
  if (!kept.empty()) Add(exchange, message.body, kept);
}

void AddFields(const wire::HeaderTable& fields, std::string& head) {
  for (const wire::HeaderField& field : fields) {
    head += field.name;
    head += ": ";
    head += field.value;
    head += "\r\n";
  }
}

// What came with the head of the body, without its chunk lines.
void AddBodyPrefix(Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  ByteView rest = ByteView(exchange.received).substr(0, exchange.body.prefix_bytes);
  wire::BodyDecoder decoder;
  decoder.Start(head.framing, head.content_length, Side::kClient);
  while (exchange.recording.copy != nullptr && !rest.empty() && !decoder.finished()) {
    const Result<wire::BodyPiece> piece = decoder.Next(rest);
    if (!piece) return;  // It was read once already.
    rest.remove_prefix(piece->consumed);
    AddBody(exchange, exchange.recording.copy->request, piece->data);
  }
}

// Takes a copy and puts the request into it. False where there is none to take.
bool BeginCopy(Exchange& exchange) {
  ExchangeCopy& recording = exchange.recording;
  recording.queue = exchange.worker.tap;
  recording.copy = recording.queue->Take();
  if (recording.copy == nullptr) {
    recording.is_lost = true;
    return false;
  }
  const wire::RequestHead& head = exchange.request();
  std::string& text = exchange.worker.tap_text;
  text.assign(head.method_text);
  text += ' ';
  text += head.path;
  if (head.has_query) {
    text += '?';
    text += head.query;
  }
  text += head.minor_version == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
  AddFields(head.headers, text);
  if (!Add(exchange, recording.copy->request.head, text)) return false;
  recording.copy->host = head.authority;
  return true;
}

// The status is known: is this exchange recorded? Begins its copy if it has none yet.
bool IsWanted(Exchange& exchange, int status) {
  ExchangeCopy& recording = exchange.recording;
  const config::RecordConfig* const record = ConfigOf(exchange);
  if (record == nullptr || recording.is_lost || recording.is_classified || !IsRecordable(exchange))
    return recording.copy != nullptr;
  TapQueue& tap = *exchange.worker.tap;
  const SteadyTime now = exchange.worker.loop.now();
  const bool has_copy = recording.copy != nullptr;
  const bool is_in_share = has_copy || IsInShare(exchange, *record);
  const auto its_class = ClassOf(exchange, status);
  const bool is_kept = tap.sampler().Classify(its_class, is_in_share, now);
  recording.is_classified = true;
  if (!is_kept) {
    tap.counts().skipped.Add();
    return false;
  }
  if (has_copy) return true;
  if (!tap.sampler().TakeUnderCap(now)) {
    tap.counts().capped.Add();
    tap.sampler().Uncount(its_class);
    return false;
  }
  if (!BeginCopy(exchange)) {
    if (recording.copy == nullptr) tap.sampler().Uncount(its_class);
    return false;
  }
  if (exchange.body.place == RequestBodyState::Place::kWhole) AddBodyPrefix(exchange);
  return recording.copy != nullptr;
}

// An answer that takes the place of another.
void ForgetResponse(Exchange& exchange) {
  Message& response = exchange.recording.copy->response;
  exchange.recording.queue->Shrink(response.head.size() + response.body.size());
  response.head.clear();
  response.body.clear();
  response.body_bytes = 0;
  response.is_truncated = false;
}

}  // namespace

void ExchangeCopy::Reset() {
  if (copy != nullptr) queue->Drop(std::move(copy));
  queue = nullptr;
  is_lost = false;
  is_classified = false;
}

void CopyStreamedRequest(Exchange& exchange) {
  if (exchange.recording.copy != nullptr) return;
  const config::RecordConfig* const record = ConfigOf(exchange);
  if (record == nullptr || !IsRecordable(exchange) || !IsInShare(exchange, *record)) return;
  TapQueue& tap = *exchange.worker.tap;
  if (!tap.sampler().TakeUnderCap(exchange.worker.loop.now())) {
    tap.counts().capped.Add();
    exchange.recording.is_lost = true;
    return;
  }
  if (BeginCopy(exchange)) AddBodyPrefix(exchange);
}

void CopyRequestPiece(Exchange& exchange, ByteView content) {
  AddBody(exchange, exchange.recording.copy->request, content);
}

void CopyResponseHead(Exchange& exchange,
                      const wire::ResponseHead& head,
                      std::string_view version) {
  if (!IsWanted(exchange, head.status)) return;
  exchange.recording.copy->version = version;
  std::string& text = exchange.worker.tap_text;
  text.clear();
  fmt::format_to(std::back_inserter(text), "HTTP/1.{} {} {}\r\n", head.minor_version, head.status,
                 head.reason);
  AddFields(head.headers, text);
  Add(exchange, exchange.recording.copy->response.head, text);
}

void CopyResponsePiece(Exchange& exchange, ByteView content) {
  AddBody(exchange, exchange.recording.copy->response, content);
}

void CopyLocalResponse(Exchange& exchange, ByteView message, ByteView body) {
  if (!IsWanted(exchange, exchange.status)) return;
  ForgetResponse(exchange);
  const std::size_t head_end = message.find("\r\n\r\n");
  const std::string_view head = message.substr(0, head_end == ByteView::npos ? 0 : head_end + 2);
  if (!Add(exchange, exchange.recording.copy->response.head, head)) return;
  if (exchange.request().method == wire::Method::kHead) return;
  AddBody(exchange, exchange.recording.copy->response, body);
}

void FinishCopy(Exchange& exchange, Nanos duration) {
  ExchangeCopy& recording = exchange.recording;
  RecordedExchange& copy = *recording.copy;
  copy.direction = exchange.listener->is_egress() ? wire::recording::Direction::kEgress
                                                  : wire::recording::Direction::kIngress;
  copy.protocol = exchange.request().minor_version == 0 ? "http/1.0" : "http/1.1";
  copy.started = exchange.started_wall;
  copy.duration = duration;
  copy.upstream_duration = exchange.upstream_duration;
  copy.status = exchange.status;
  copy.listener = exchange.listener->config->name;
  if (exchange.route != nullptr) copy.route = exchange.route->config->name;
  if (exchange.attempts > 0 && exchange.asked.plan != nullptr)
    copy.upstream = exchange.asked.plan->config->name;
  copy.endpoint = exchange.upstream_label;
  if (copy.version.empty() && exchange.attempts > 0 && exchange.release.plan != nullptr)
    copy.version = NameOf(exchange.release.decision.arm);
  copy.reason = NameOf(exchange.reason);
  copy.attempts = exchange.attempts;
  copy.sequence = exchange.sequence;
  copy.connection = exchange.connection;
  const std::string_view trace = exchange.trace_parent;
  if (trace.size() >= kCopiedSpanStart + kCopiedSpanChars) {
    copy.trace_id = trace.substr(kCopiedTraceStart, kCopiedTraceChars);
    copy.span_id = trace.substr(kCopiedSpanStart, kCopiedSpanChars);
    const std::string_view asked = exchange.request().headers.ValueOf(wire::HeaderId::kTraceparent);
    // The trace is passed on as it came: who asked and who is asked see the same span.
    if (asked == trace) copy.parent_id = copy.span_id;
  }
  copy.request.body_bytes = std::max(copy.request.body_bytes, exchange.body.bytes);
  if (copy.request.body_bytes > copy.request.body.size()) copy.request.is_truncated = true;
  recording.queue->Put(std::move(recording.copy));
}

}  // namespace sluice::gateway
