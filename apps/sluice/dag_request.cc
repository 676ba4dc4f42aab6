#include "dag_request.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/gateway/flows/text_template.h"

namespace sluice::app {
namespace {

using OrderedJson = nlohmann::ordered_json;

// The value of a member as it was written, so that 1.10 stays that; see JsonPointer::Parse().
std::string Written(std::string_view json, std::initializer_list<std::string_view> members) {
  std::string pointer;
  for (const std::string_view member : members) {
    pointer += '/';
    for (const char c : member) {
      if (c == '~' || c == '/') {
        pointer += c == '~' ? "~0" : "~1";
      } else {
        fmt::format_to(std::back_inserter(pointer), "%{:02X}", static_cast<unsigned char>(c));
      }
    }
  }
  const auto parsed = gateway::flows::JsonPointer::Parse(pointer);
  if (!parsed) return {};
  return std::string(gateway::flows::FindJson(json, *parsed).value_or(""));
}

// What a parameter or field has: a text without its quotes, anything else as it was written.
std::string TextOf(std::string_view json,
                   std::string_view map,
                   std::string_view key,
                   const OrderedJson& value) {
  return value.is_string() ? value.get<std::string>() : Written(json, {map, key});
}

Result<void> CheckShape(const OrderedJson& request) {
  constexpr std::array<std::string_view, 6> kKnown{"method", "path",    "path_template",
                                                   "query",  "headers", "body"};
  if (!request.is_object()) {
    return Fail(ErrorCode::kInvalidOption, "must be one JSON object such as {\"path\": \"/\"}");
  }
  for (const auto& entry : request.items()) {
    if (std::find(kKnown.begin(), kKnown.end(), entry.key()) == kKnown.end()) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("has an unknown key \"{}\"; known are method, path, path_template, "
                              "query, headers, body",
                              entry.key()));
    }
    const bool is_text = entry.key() == "method" || entry.key().starts_with("path");
    const bool is_map = entry.key() == "query" || entry.key() == "headers";
    if ((is_text && !entry.value().is_string()) || (is_map && !entry.value().is_object())) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("\"{}\" must be {}", entry.key(), is_text ? "a text" : "an object"));
    }
  }
  return {};
}

wire::Method MethodOf(std::string_view name) {
  for (const wire::Method method :
       {wire::Method::kGet, wire::Method::kHead, wire::Method::kPost, wire::Method::kPut,
        wire::Method::kDelete, wire::Method::kPatch, wire::Method::kOptions}) {
    if (wire::NameOf(method) == name) return method;
  }
  return wire::Method::kOther;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Result<DagRequest> ReadDagRequest(std::string_view json) {
  const OrderedJson request = OrderedJson::parse(json, nullptr, /*allow_exceptions=*/false);
  const Result<void> shape = CheckShape(request);
  if (!shape) return std::unexpected(shape.error());
  const bool has_body = request.contains("body");
  DagRequest read;
  const std::string method = request.value("method", has_body ? "POST" : "GET");
  read.method = MethodOf(method);
  read.path_template = request.value("path_template", "");
  std::string target = request.value("path", "/");
  const OrderedJson query = request.value("query", OrderedJson::object());
  for (const auto& entry : query.items()) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    gateway::flows::AppendFormEncoded(entry.key(), target);
    target += '=';
    gateway::flows::AppendFormEncoded(TextOf(json, "query", entry.key(), entry.value()), target);
  }
  read.bytes =
      fmt::format("{} {} HTTP/1.1\r\nhost: sluice-dag\r\nconnection: close\r\n", method, target);
  const OrderedJson headers = request.value("headers", OrderedJson::object());
  for (const auto& entry : headers.items()) {
    const std::string field =
        fmt::format("{}: {}", entry.key(), TextOf(json, "headers", entry.key(), entry.value()));
    if (HasControl(field)) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("header \"{}\" has a control character", entry.key()));
    }
    read.bytes += field + "\r\n";
  }
  const std::string body = has_body ? Written(json, {"body"}) : std::string();
  if (has_body) {
    read.bytes +=
        fmt::format("content-type: application/json\r\ncontent-length: {}\r\n", body.size());
  }
  read.bytes += "\r\n" + body;
  if (HasControl(method) || HasControl(target)) {
    return Fail(ErrorCode::kInvalidOption, "method or path has a control character");
  }
  return read;
}

}  // namespace sluice::app
