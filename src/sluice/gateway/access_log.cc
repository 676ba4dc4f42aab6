#include "sluice/gateway/access_log.h"

#include <chrono>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include "sluice/gateway/exchange.h"
#include "sluice/wire/json_escape.h"

namespace sluice::gateway {
namespace {

// Client-made text is cut, so that a line has a bound.
constexpr std::size_t kPathCharsMax = 1024;
constexpr std::size_t kHostCharsMax = 256;
constexpr std::size_t kTraceIdStart = 3;
constexpr std::size_t kTraceIdChars = 32;

void AppendText(std::string_view name, std::string_view value, std::string& out) {
  out += ",\"";
  out += name;
  out += "\":\"";
  wire::AppendJsonEscaped(value, out);
  out += '"';
}

void AppendNumber(std::string_view name, std::uint64_t value, std::string& out) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(",\"{}\":{}"), name, value);
}

// Milliseconds with three decimals, without the cost of formatting a floating-point number.
void AppendMillis(std::string_view name, Nanos duration, std::string& out) {
  const auto micros =
      static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(",\"{}\":{}.{:03}"), name, micros / 1000,
                 micros % 1000);
}

}  // namespace

AccessLog::AccessLog(Loop& loop, Counter& dropped)
    : loop_(loop), dropped_(dropped), flush_timer_(&FireFlush, this) {}

AccessLog::~AccessLog() {
  Flush();
  if (flush_timer_.armed()) loop_.Disarm(flush_timer_);
}

void AccessLog::SetSink(std::shared_ptr<ByteSink> sink) {
  Flush();
  sink_ = std::move(sink);
}

void AccessLog::FireFlush(Timer& timer, SteadyTime /*now*/) {
  static_cast<AccessLog*>(timer.owner)->Flush();
}

void AccessLog::Flush() {
  if (buffer_.empty()) return;
  if (sink_ == nullptr || !sink_->Append(buffer_)) {
    dropped_.Add(lines_);
    buffer_.clear();
  }
  lines_ = 0;
}

void AccessLog::AppendTimestamp(WallTime at) {
  const auto since = at.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  if (second.count() != stamp_second_) {
    stamp_second_ = second.count();
    stamp_ =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(stamp_second_)));
  }
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(since - second).count();
  fmt::format_to(std::back_inserter(buffer_), FMT_COMPILE("{{\"ts\":\"{}.{:03}Z\""), stamp_,
                 millis);
}

void AccessLog::Write(const Exchange& exchange, Nanos duration) {
  if (sink_ == nullptr) return;
  if (buffer_.capacity() < kBufferBytes) buffer_.reserve(kBufferBytes + 4 * kKiB);
  AppendTimestamp(exchange.started_wall);
  const wire::RequestHead& head = exchange.request();
  if (exchange.trace_parent.size() >= kTraceIdStart + kTraceIdChars) {
    const std::string_view trace = exchange.trace_parent;
    AppendText("trace", trace.substr(kTraceIdStart, kTraceIdChars), buffer_);
  }
  AppendText("client", exchange.client_text, buffer_);
  AppendText("method", head.method_text, buffer_);
  AppendText("host", head.authority.substr(0, kHostCharsMax), buffer_);
  const std::string_view path = exchange.path.empty() ? head.path : exchange.path;
  AppendText("path", path.substr(0, kPathCharsMax), buffer_);
  AppendText("proto", head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1", buffer_);
  if (exchange.route != nullptr) AppendText("route", exchange.route->config->name, buffer_);
  AppendNumber("status", static_cast<std::uint64_t>(exchange.status), buffer_);
  AppendText("reason", CodeOf(exchange.reason), buffer_);
  if (!exchange.refusal_rule.empty()) AppendText("rule", exchange.refusal_reason, buffer_);
  if (!exchange.degraded_source.empty()) {
    AppendText("degraded", exchange.degraded_source, buffer_);
  }
  AppendNumber("bytes_in", exchange.bytes_in, buffer_);
  AppendNumber("bytes_out", exchange.bytes_out, buffer_);
  AppendMillis("dur_ms", duration, buffer_);
  if (exchange.attempts > 0) {
    AppendMillis("up_ms", exchange.upstream_duration, buffer_);
    AppendText("up_addr", exchange.upstream_label, buffer_);
    AppendNumber("retries", exchange.attempts - 1, buffer_);
  }
  buffer_ += "}\n";
  ++lines_;
  if (buffer_.size() >= kBufferBytes) {
    Flush();
  } else if (!flush_timer_.armed()) {
    loop_.Arm(flush_timer_, loop_.now() + kFlushInterval);
  }
}

}  // namespace sluice::gateway
