#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/wire/ascii.h"
#include "sluice/wire/json_escape.h"
#include "sluice/wire/percent.h"
#include "sluice/wire/recording/base64.h"
#include "sluice/wire/recording/date_time.h"
#include "sluice/wire/recording/har.h"

namespace sluice::wire::recording {
namespace {

using Json = nlohmann::ordered_json;

double Millis(Nanos duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

// UTF-8 as RFC 3629 has it; a NUL would be text, too, but no tool shows it.
bool IsText(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    if (lead == 0) return false;
    std::size_t size = 1;
    if (lead >= 0xf0) {
      size = 4;
    } else if (lead >= 0xe0) {
      size = 3;
    } else if (lead >= 0x80) {
      size = 2;
    }
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || at + size > bytes.size()) return false;
    for (std::size_t i = 1; i < size; ++i) {
      if ((static_cast<unsigned char>(bytes[at + i]) & 0xc0U) != 0x80U) return false;
    }
    const auto second = size > 1 ? static_cast<unsigned char>(bytes[at + 1]) : 0;
    const bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool is_beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    if (is_overlong || is_beyond) return false;
    at += size;
  }
  return true;
}

Json Headers(std::string_view head) {
  Json headers = Json::array();
  for (const HeaderLine& field : FieldsOf(head))
    headers.push_back({{"name", std::string(field.name)}, {"value", std::string(field.value)}});
  return headers;
}

Json QueryString(std::string_view target) {
  Json parameters = Json::array();
  const std::size_t question = target.find('?');
  std::string_view rest =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  std::string scratch;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equals = pair.find('=');
    const std::string name(DecodeQueryPart(pair.substr(0, equals), scratch));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    parameters.push_back({{"name", name}, {"value", std::string(DecodeQueryPart(value, scratch))}});
  }
  return parameters;
}

std::string UrlOf(const RecordedExchange& exchange) {
  if (exchange.target.find("://") != std::string::npos) return exchange.target;
  return fmt::format("http://{}{}", exchange.host, exchange.target);
}

// What stands behind the last `skip` words of the start line: a reason phrase may have several.
std::string_view Word(std::string_view line, std::size_t skip) {
  for (std::size_t i = 0; i < skip; ++i) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return line;
}

Json RequestOf(const RecordedExchange& exchange) {
  const Message& message = exchange.request;
  const std::string_view start = StartLineOf(message.head);
  Json request;
  request["method"] = exchange.method;
  request["url"] = UrlOf(exchange);
  request["httpVersion"] = std::string(Word(start, 2));
  request["cookies"] = Json::array();
  request["headers"] = Headers(message.head);
  request["queryString"] = QueryString(exchange.target);
  if (!message.body.empty()) {
    Json data;
    data["mimeType"] = std::string(FieldOf(message.head, "content-type"));
    data["params"] = Json::array();
    if (IsText(message.body)) {
      data["text"] = message.body;
    } else {
      std::string encoded;
      AppendBase64(message.body, encoded);
      data["text"] = encoded;
      data["_encoding"] = "base64";
    }
    request["postData"] = std::move(data);
  }
  request["headersSize"] = message.head.size() + 2;
  request["bodySize"] = message.body_bytes;
  return request;
}

Json ResponseOf(const RecordedExchange& exchange) {
  const Message& message = exchange.response;
  const std::string_view start = StartLineOf(message.head);
  Json response;
  response["status"] = exchange.status;
  response["statusText"] = std::string(Word(start, 2));
  response["httpVersion"] = std::string(start.substr(0, start.find(' ')));
  response["cookies"] = Json::array();
  response["headers"] = Headers(message.head);
  Json content;
  content["size"] = message.body_bytes;
  content["mimeType"] = std::string(FieldOf(message.head, "content-type"));
  if (IsText(message.body)) {
    content["text"] = message.body;
  } else {
    std::string encoded;
    AppendBase64(message.body, encoded);
    content["text"] = encoded;
    content["encoding"] = "base64";
  }
  response["content"] = std::move(content);
  response["redirectURL"] = std::string(FieldOf(message.head, "location"));
  response["headersSize"] = message.head.empty() ? -1 : static_cast<int>(message.head.size() + 2);
  response["bodySize"] = message.body_bytes;
  return response;
}

Json OwnMembers(const RecordedExchange& exchange) {
  Json own;
  own["direction"] = std::string(NameOf(exchange.direction));
  own["protocol"] = exchange.protocol;
  own["host"] = exchange.host;
  own["target"] = exchange.target;
  own["started_ns"] = exchange.started.time_since_epoch().count();
  own["duration_ns"] = exchange.duration.count();
  own["upstream_ns"] = exchange.upstream_duration.count();
  own["listener"] = exchange.listener;
  own["route"] = exchange.route;
  own["upstream"] = exchange.upstream;
  own["endpoint"] = exchange.endpoint;
  own["version"] = exchange.version;
  own["reason"] = exchange.reason;
  own["trace_id"] = exchange.trace_id;
  own["span_id"] = exchange.span_id;
  own["parent_id"] = exchange.parent_id;
  own["sequence"] = exchange.sequence;
  own["connection"] = exchange.connection;
  own["attempts"] = exchange.attempts;
  own["masked"] = exchange.masked;
  own["request_truncated"] = exchange.request.is_truncated;
  own["response_truncated"] = exchange.response.is_truncated;
  own["request_opaque"] = exchange.request.is_opaque;
  own["response_opaque"] = exchange.response.is_opaque;
  return own;
}

}  // namespace

void AppendHarBegin(std::string_view creator_version, std::string& out) {
  out += "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"sluice\",\"version\":";
  AppendJsonString(creator_version, out);
  out += "},\"entries\":[\n";
}

void AppendHarEntry(const RecordedExchange& exchange, HarPlace place, std::string& out) {
  Json entry;
  entry["startedDateTime"] = FormatDateTime(exchange.started);
  entry["time"] = Millis(exchange.duration);
  entry["request"] = RequestOf(exchange);
  entry["response"] = ResponseOf(exchange);
  entry["cache"] = Json::object();
  entry["timings"] = {
      {"send", 0},
      {"wait", Millis(exchange.upstream_duration)},
      {"receive", std::max(0.0, Millis(exchange.duration - exchange.upstream_duration))}};
  if (exchange.connection != 0) entry["connection"] = std::to_string(exchange.connection);
  entry["_sluice"] = OwnMembers(exchange);
  if (place == HarPlace::kFurther) out += ",\n";
  out += entry.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AppendHarEnd(std::string& out) {
  out += "\n]}}\n";
}

}  // namespace sluice::wire::recording
