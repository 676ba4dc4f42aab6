#include "sluice/gateway/access_log.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/chrono.h>

#include "sluice/gateway/exchange.h"
#include "sluice/wire/json_escape.h"
#include "sluice/wire/pen.h"

namespace sluice::gateway {
namespace {

// Client-made text is cut, so that a line has a bound.
constexpr std::size_t kPathCharsMax = 1024;
constexpr std::size_t kHostCharsMax = 256;
constexpr std::size_t kTraceIdStart = 3;
constexpr std::size_t kTraceIdChars = 32;

// Writes the members of one line. Constants of ours and what configuration names are as plain as
// they look most of the time; whatever is not is escaped.
class LineWriter {
 public:
  // `room`: of all pieces, before escaping.
  LineWriter(std::string& out, std::size_t room) : pen_(out, room) {}

  void Start(std::string_view stamp, std::uint64_t millis) {
    pen_ << "{\"ts\":\"" << stamp << '.';
    pen_.ThreeDigits(millis);
    pen_ << "Z\"";
  }
  void Text(std::string_view key, std::string_view value) {
    pen_ << key << '"';
    if (wire::IsPlainJson(value)) {
      pen_ << value;
    } else {
      std::string escaped;  // Rare, and then one allocation is no matter.
      wire::AppendJsonEscaped(value, escaped);
      pen_ << escaped;
    }
    pen_ << '"';
  }
  void Number(std::string_view key, std::uint64_t value) { pen_ << key << value; }
  // "candidate:H"
  void Release(const release::Decision& decision) {
    const char letter = release::LetterOf(decision.cause);
    pen_ << ",\"release\":\"" << release::NameOf(decision.arm) << ':'
         << std::string_view(&letter, 1) << '"';
  }
  // Milliseconds with three decimals.
  void Millis(std::string_view key, Nanos duration) {
    const auto micros =
        static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
    pen_ << key << micros / 1000 << '.';
    pen_.ThreeDigits(micros % 1000);
  }
  void End() { pen_ << "}\n"; }

 private:
  wire::Pen pen_;
};

std::string_view TraceIdOf(const Exchange& exchange) {
  const std::string_view trace = exchange.trace_parent;
  if (trace.size() < kTraceIdStart + kTraceIdChars) return {};
  return trace.substr(kTraceIdStart, kTraceIdChars);
}

// Keys, numbers, quotes and the names of reasons.
constexpr std::size_t kFixedRoom = 768;

std::size_t RoomFor(const Exchange& exchange, std::string_view host, std::string_view path) {
  const std::size_t texts = exchange.client_text.size() + exchange.request().method_text.size() +
                            host.size() + path.size() + exchange.refusal_reason.size() +
                            exchange.degraded_source.size() + exchange.upstream_label.size() +
                            (exchange.route == nullptr ? 0 : exchange.route->config->name.size());
  return kFixedRoom + texts * wire::kJsonBytesPerByteMax;
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

void AccessLog::Stamp(std::int64_t second) {
  if (second == stamp_second_) return;
  stamp_second_ = second;
  stamp_ = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(second)));
}

void AccessLog::Append(const Exchange& exchange, Nanos duration) {
  const auto since = exchange.started_wall.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(since - second).count();
  Stamp(second.count());

  const wire::RequestHead& head = exchange.request();
  const std::string_view host = head.authority.substr(0, kHostCharsMax);
  const std::string_view path =
      (exchange.path.empty() ? head.path : exchange.path).substr(0, kPathCharsMax);
  LineWriter line(buffer_, RoomFor(exchange, host, path));
  line.Start(stamp_, static_cast<std::uint64_t>(millis));
  const std::string_view trace = TraceIdOf(exchange);
  if (!trace.empty()) line.Text(",\"trace\":", trace);
  line.Text(",\"client\":", exchange.client_text);
  line.Text(",\"method\":", head.method_text);
  line.Text(",\"host\":", host);
  line.Text(",\"path\":", path);
  line.Text(",\"proto\":", head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
  if (exchange.route != nullptr) line.Text(",\"route\":", exchange.route->config->name);
  line.Number(",\"status\":", static_cast<std::uint64_t>(exchange.status));
  line.Text(",\"reason\":", CodeOf(exchange.reason));
  if (!exchange.refusal_rule.empty()) line.Text(",\"rule\":", exchange.refusal_reason);
  if (!exchange.shed_cause.empty()) line.Text(",\"cause\":", exchange.shed_cause);
  if (exchange.release.is_live) line.Release(exchange.release.decision);
  if (!exchange.degraded_source.empty()) line.Text(",\"degraded\":", exchange.degraded_source);
  line.Number(",\"bytes_in\":", exchange.bytes_in);
  line.Number(",\"bytes_out\":", exchange.bytes_out);
  line.Millis(",\"dur_ms\":", duration);
  if (!exchange.upstream_label.empty()) {
    line.Millis(",\"up_ms\":", exchange.upstream_duration);
    line.Text(",\"up_addr\":", exchange.upstream_label);
    line.Number(",\"retries\":", exchange.attempts - 1);
  }
  line.End();
}

void AccessLog::Write(const Exchange& exchange, Nanos duration) {
  if (sink_ == nullptr) return;
  if (buffer_.capacity() < kBufferBytes) buffer_.reserve(kBufferBytes + 4 * kKiB);
  Append(exchange, duration);
  ++lines_;
  if (buffer_.size() >= kBufferBytes) {
    Flush();
  } else if (!flush_timer_.armed()) {
    loop_.Arm(flush_timer_, loop_.now() + kFlushInterval);
  }
}

}  // namespace sluice::gateway
