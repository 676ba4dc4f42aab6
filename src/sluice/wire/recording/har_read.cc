#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/wire/ascii.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/recording/base64.h"
#include "sluice/wire/recording/date_time.h"
#include "sluice/wire/recording/har.h"

namespace sluice::wire::recording {
namespace {

using Json = nlohmann::ordered_json;

// Text of an entry is read by the parser's recursion only so deep.
constexpr std::size_t kDepthMax = 64;

const Json& Member(const Json& object, const char* name) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string Text(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::int64_t Number(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return 0;
  const double number = value.get<double>();
  constexpr double kMax = 9e18;
  return number >= -kMax && number <= kMax ? static_cast<std::int64_t>(number) : 0;
}

bool Flag(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  return value.is_boolean() && value.get<bool>();
}

// Milliseconds with a fraction.
Nanos Millis(const Json& value) {
  if (!value.is_number()) return Nanos(0);
  const double millis = value.get<double>();
  constexpr double kMax = 1e12;
  return millis > 0 && millis < kMax ? Nanos(static_cast<Nanos::rep>(millis * 1e6)) : Nanos(0);
}

// No byte that could end a line of a head, or look like its end.
bool IsSafe(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool AppendFields(const Json& headers, bool is_decoded, std::string& head) {
  if (!headers.is_array()) return true;
  for (const Json& header : headers) {
    const std::string name = Text(header, "name");
    const std::string value = Text(header, "value");
    // HTTP/2 writes what our start line says as fields.
    if (name.empty() || name.front() == ':') continue;
    if (!IsSafe(name) || !IsSafe(value) || name.find(':') != std::string::npos) return false;
    // The text of a HAR is what these have encoded.
    const bool is_gone = is_decoded && (EqualsIgnoringCase(name, "content-encoding") ||
                                        EqualsIgnoringCase(name, "transfer-encoding"));
    if (!is_gone) head += fmt::format("{}: {}\r\n", name, value);
  }
  return true;
}

bool TakeBody(const Json& data, const char* encoding, Message& message) {
  std::string text = Text(data, "text");
  if (Text(data, encoding) == "base64") {
    std::optional<std::string> bytes = DecodeBase64(text);
    if (!bytes) return false;
    text = std::move(*bytes);
  }
  message.body = std::move(text);
  return true;
}

void TakeOwnMembers(const Json& own, RecordedExchange& exchange) {
  exchange.direction =
      Text(own, "direction") == "egress" ? Direction::kEgress : Direction::kIngress;
  if (own.contains("protocol")) exchange.protocol = Text(own, "protocol");
  exchange.started = WallTime(Nanos(Number(own, "started_ns")));
  exchange.duration = Nanos(Number(own, "duration_ns"));
  exchange.upstream_duration = Nanos(Number(own, "upstream_ns"));
  exchange.listener = Text(own, "listener");
  exchange.route = Text(own, "route");
  exchange.upstream = Text(own, "upstream");
  exchange.endpoint = Text(own, "endpoint");
  exchange.version = Text(own, "version");
  exchange.reason = Text(own, "reason");
  exchange.trace_id = Text(own, "trace_id");
  exchange.span_id = Text(own, "span_id");
  exchange.parent_id = Text(own, "parent_id");
  exchange.sequence = static_cast<std::uint64_t>(Number(own, "sequence"));
  exchange.connection = static_cast<std::uint64_t>(Number(own, "connection"));
  exchange.attempts = static_cast<std::uint32_t>(Number(own, "attempts"));
  exchange.masked = static_cast<std::uint32_t>(Number(own, "masked"));
  exchange.request.is_truncated = Flag(own, "request_truncated");
  exchange.response.is_truncated = Flag(own, "response_truncated");
  exchange.request.is_opaque = Flag(own, "request_opaque");
  exchange.response.is_opaque = Flag(own, "response_opaque");
}

struct SplitUrl {
  std::string_view host;
  std::string_view target;
};

SplitUrl Split(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {.host = {}, .target = url};
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t path = rest.find_first_of("/?");
  if (path == std::string_view::npos) return {.host = rest, .target = "/"};
  std::string_view target = rest.substr(path);
  return {.host = rest.substr(0, path), .target = target.substr(0, target.find('#'))};
}

bool TakeRequest(const Json& request, bool is_own, RecordedExchange& exchange) {
  const std::string method = Text(request, "method");
  const std::string url = Text(request, "url");
  SplitUrl split = Split(url);
  const bool is_word = !method.empty() && method.find(' ') == std::string::npos && IsSafe(method);
  if (!is_word || split.target.empty() || !IsSafe(url)) return false;
  std::string target(split.target);
  if (is_own && !exchange.target.empty() && IsSafe(exchange.target)) target = exchange.target;
  if (target.find(' ') != std::string::npos) return false;
  if (!target.starts_with('/') && !is_own) target.insert(target.begin(), '/');
  exchange.request.head = fmt::format("{} {} HTTP/1.1\r\n", method, target);
  std::string fields;
  if (!AppendFields(Member(request, "headers"), !is_own, fields)) return false;
  exchange.request.head += fields;
  if (FieldOf(exchange.request.head, "host").empty() && !split.host.empty())
    exchange.request.head += fmt::format("Host: {}\r\n", split.host);
  if (exchange.host.empty()) exchange.host = split.host;
  if (!TakeBody(Member(request, "postData"), "_encoding", exchange.request)) return false;
  const std::int64_t size = is_own ? Number(request, "bodySize") : 0;
  exchange.request.body_bytes =
      size > 0 ? static_cast<std::uint64_t>(size) : exchange.request.body.size();
  return true;
}

bool TakeResponse(const Json& response, bool is_own, RecordedExchange& exchange) {
  const std::int64_t status = Number(response, "status");
  if (status < 100 || status > 999) return true;  // A request that nobody answered.
  std::string reason = Text(response, "statusText");
  if (!IsSafe(reason)) return false;
  if (reason.empty() && !is_own) reason = ReasonPhrase(static_cast<int>(status));
  exchange.response.head = fmt::format("HTTP/1.1 {} {}\r\n", status, reason);
  if (!AppendFields(Member(response, "headers"), !is_own, exchange.response.head)) return false;
  const Json& content = Member(response, "content");
  if (!TakeBody(content, "encoding", exchange.response)) return false;
  const std::int64_t size = is_own ? Number(content, "size") : 0;
  exchange.response.body_bytes =
      size > 0 ? static_cast<std::uint64_t>(size) : exchange.response.body.size();
  return true;
}

std::optional<RecordedExchange> ReadEntry(std::string_view text) {
  const Json entry = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!entry.is_object()) return std::nullopt;
  RecordedExchange exchange;
  const std::optional<WallTime> started = ParseDateTime(Text(entry, "startedDateTime"));
  if (!started) return std::nullopt;
  exchange.started = *started;
  exchange.duration = Millis(Member(entry, "time"));
  exchange.upstream_duration = Millis(Member(Member(entry, "timings"), "wait"));
  const std::string connection = Text(entry, "connection");
  std::from_chars(connection.data(), connection.data() + connection.size(), exchange.connection);
  const Json& own = Member(entry, "_sluice");
  const bool is_own = own.is_object();
  if (is_own) {
    TakeOwnMembers(own, exchange);
    exchange.host = Text(own, "host");
    exchange.target = Text(own, "target");
  }
  if (!TakeRequest(Member(entry, "request"), is_own, exchange) ||
      !TakeResponse(Member(entry, "response"), is_own, exchange))
    return std::nullopt;
  FillFromHeads(exchange);
  return exchange;
}

// Where the object that begins `text` ends; nothing where the text does first, or it is too deep.
std::optional<std::size_t> ObjectSize(std::string_view text) {
  std::size_t depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_string) {
      if (c == '\\') ++i;
      if (c == '"') is_string = false;
    } else if (c == '"') {
      is_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDepthMax) return std::nullopt;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace

Imported ReadHar(std::string_view file) {
  Imported outcome;
  const std::size_t key = file.find("\"entries\"");
  const std::size_t begin = key == std::string_view::npos ? key : file.find('[', key);
  if (begin == std::string_view::npos) {
    outcome.Complain("no entries: this is no HAR");
    return outcome;
  }
  std::string_view rest = file.substr(begin + 1);
  std::uint64_t number = 0;
  for (;;) {
    const std::size_t next = rest.find_first_of("{]");
    if (next == std::string_view::npos) {
      outcome.Complain(fmt::format("the file is cut off behind entry {}", number));
      break;
    }
    if (rest[next] == ']') break;
    rest.remove_prefix(next);
    ++number;
    const std::optional<std::size_t> size = ObjectSize(rest);
    if (!size) {
      outcome.Complain(fmt::format("entry {}: cut off", number));
      break;
    }
    std::optional<RecordedExchange> exchange = ReadEntry(rest.substr(0, *size));
    rest.remove_prefix(*size);
    if (!exchange) {
      outcome.Complain(fmt::format("entry {}: no HTTP exchange", number));
      continue;
    }
    if (exchange->sequence == 0) exchange->sequence = number;
    outcome.exchanges.push_back(std::move(*exchange));
  }
  SortByBeginning(outcome.exchanges);
  return outcome;
}

}  // namespace sluice::wire::recording
