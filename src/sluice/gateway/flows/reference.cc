#include "sluice/gateway/flows/reference.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

namespace sluice::gateway::flows {
namespace {

using Source = Reference::Source;

constexpr std::array<std::string_view, 5> kReserved{"request", "response", "input", "item",
                                                    "index"};
constexpr std::string_view kForms =
    "request.method, request.path, request.header.NAME, request.query.NAME, "
    "request.capture.NAME, request.body/POINTER, NODE.status, NODE.header.NAME, "
    "NODE.body/POINTER, item/POINTER or index";

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// What may stand in names of header fields and parameters here; tchar of RFC 9110 is wider, and
// nobody needs the rest.
bool IsNameChar(char c) {
  return IsWordChar(c) || c == '.' || c == '[' || c == ']' || c == '$' || c == '~' || c == ':';
}

std::unexpected<std::string> NoReference(std::string_view text) {
  return std::unexpected(fmt::format("\"{}\" is no reference; write {}", text, kForms));
}

std::expected<Reference, std::string> Named(Reference reference,
                                            Source source,
                                            std::string_view name) {
  if (name.empty() || !std::ranges::all_of(name, IsNameChar)) {
    return std::unexpected(fmt::format("\"{}\" needs a name behind the last dot", reference.text));
  }
  reference.source = source;
  reference.name = name;
  const bool is_header = source == Source::kRequestHeader || source == Source::kHeader;
  if (is_header) {
    for (char& c : reference.name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return reference;
}

std::expected<Reference, std::string> Pointed(Reference reference,
                                              Source source,
                                              std::string_view pointer) {
  std::expected<JsonPointer, std::string> parsed = JsonPointer::Parse(pointer);
  if (!parsed) {
    return std::unexpected(fmt::format("\"{}\": the pointer {}", reference.text, parsed.error()));
  }
  reference.source = source;
  reference.pointer = std::move(*parsed);
  return reference;
}

// The rest of `text` behind `prefix`; nullopt where it does not begin so.
std::optional<std::string_view> Behind(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

bool IsPointer(std::string_view rest) {
  return rest.empty() || rest.front() == '/';
}

std::expected<Reference, std::string> OfRequest(Reference reference, std::string_view part) {
  if (part == "method" || part == "path") {
    reference.source = part == "method" ? Source::kMethod : Source::kPath;
    return reference;
  }
  if (const auto name = Behind(part, "header.")) {
    return Named(std::move(reference), Source::kRequestHeader, *name);
  }
  if (const auto name = Behind(part, "query.")) {
    return Named(std::move(reference), Source::kQuery, *name);
  }
  if (const auto name = Behind(part, "capture.")) {
    return Named(std::move(reference), Source::kCapture, *name);
  }
  const auto pointer = Behind(part, "body");
  if (pointer && IsPointer(*pointer)) {
    return Pointed(std::move(reference), Source::kRequestBody, *pointer);
  }
  return NoReference(reference.text);
}

}  // namespace

bool IsNodeName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, IsWordChar) &&
         std::ranges::find(kReserved, name) == kReserved.end();
}

std::expected<Reference, std::string> Reference::Parse(std::string_view text) {
  Reference reference;
  reference.text = text;
  if (text == "index") {
    reference.source = Source::kIndex;
    return reference;
  }
  const auto item = Behind(text, "item");
  if (item && IsPointer(*item)) return Pointed(std::move(reference), Source::kItem, *item);
  if (const auto part = Behind(text, "request.")) return OfRequest(std::move(reference), *part);

  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !IsNodeName(text.substr(0, dot))) return NoReference(text);
  reference.node = text.substr(0, dot);
  const std::string_view part = text.substr(dot + 1);
  if (part == "status") {
    reference.source = Source::kStatus;
    return reference;
  }
  if (const auto name = Behind(part, "header.")) {
    return Named(std::move(reference), Source::kHeader, *name);
  }
  const auto pointer = Behind(part, "body");
  if (pointer && IsPointer(*pointer)) return Pointed(std::move(reference), Source::kBody, *pointer);
  return NoReference(text);
}

}  // namespace sluice::gateway::flows
