#include "sluice/gateway/flows/json_text.h"

#include <charconv>
#include <cstddef>

#include <nlohmann/json.hpp>

#include "sluice/wire/json_escape.h"
#include "sluice/wire/percent.h"

namespace sluice::gateway::flows {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD.

std::string_view Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Behind the string that begins at `at`.
std::size_t SkipString(std::string_view json, std::size_t at) {
  ++at;
  while (at < json.size() && json[at] != '"')
    at += json[at] == '\\' ? 2 : 1;
  return at + 1;
}

std::size_t SkipSpace(std::string_view json, std::size_t at) {
  at = json.find_first_not_of(kSpace, at);
  return at == std::string_view::npos ? json.size() : at;
}

// Behind the value that begins at `at`; counts brackets, so that depth costs no stack.
std::size_t SkipValue(std::string_view json, std::size_t at) {
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = SkipString(json, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
      continue;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
      ++at;
    } else if (depth > 0 && (c == ',' || c == ':' || kSpace.find(c) != std::string_view::npos)) {
      ++at;
      continue;
    } else {
      at = json.find_first_of(",]} \t\r\n", at);
      if (at == std::string_view::npos) at = json.size();
    }
    if (depth == 0) return at;
  }
  return at;
}

bool IsNamed(std::string_view quoted, std::string_view name) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside == name;
  std::string decoded;
  AppendJsonContent(quoted, decoded);
  return decoded == name;
}

// Calls `visit(key, value)` for each member; key is empty in an array.
template <typename Visit>
void ForEachInside(std::string_view json, bool is_object, Visit visit) {
  std::size_t at = SkipSpace(json, 1);
  while (at < json.size() && json[at] != ']' && json[at] != '}') {
    std::string_view key;
    if (is_object) {
      const std::size_t end = SkipString(json, at);
      key = json.substr(at, end - at);
      at = SkipSpace(json, SkipSpace(json, end) + 1);  // Over the colon.
    }
    const std::size_t end = SkipValue(json, at);
    visit(key, json.substr(at, end - at));
    at = SkipSpace(json, end);
    if (at < json.size() && json[at] == ',') at = SkipSpace(json, at + 1);
  }
}

std::optional<std::string_view> Member(std::string_view json, std::string_view name) {
  std::optional<std::string_view> found;
  ForEachInside(json, /*is_object=*/true, [&](std::string_view key, std::string_view value) {
    if (IsNamed(key, name)) found = value;
  });
  return found;
}

std::optional<std::string_view> Element(std::string_view json, std::string_view token) {
  std::size_t wanted = 0;
  const char* const end = token.data() + token.size();
  const auto [stop, error] = std::from_chars(token.data(), end, wanted);
  const bool has_zeros = token.size() > 1 && token.front() == '0';
  if (error != std::errc() || stop != end || has_zeros) return std::nullopt;
  std::optional<std::string_view> found;
  std::size_t index = 0;
  ForEachInside(json, /*is_object=*/false, [&](std::string_view /*key*/, std::string_view value) {
    if (index++ == wanted) found = value;
  });
  return found;
}

void AppendUtf8(std::uint32_t code, std::string& out) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

// The four digits behind "\u"; 0 where there are none.
std::uint32_t HexAt(std::string_view text, std::size_t at) {
  std::uint32_t code = 0;
  if (at + 4 <= text.size()) {
    std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
  }
  return code;
}

// Appends the escape of `text` that begins at `at` ("\u0041") and returns what is behind it.
std::size_t AppendUnicode(std::string_view text, std::size_t at, std::string& out) {
  const std::uint32_t code = HexAt(text, at + 2);
  if (code < 0xD800 || code > 0xDFFF) {
    AppendUtf8(code, out);
    return at + 6;
  }
  const bool is_high = code < 0xDC00;
  if (is_high && text.substr(at + 6, 2) == "\\u") {
    const std::uint32_t low = HexAt(text, at + 8);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      AppendUtf8(0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00), out);
      return at + 12;
    }
  }
  out += kReplacement;
  return at + 6;
}

char EscapedChar(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// A token of a pointer: "%20", then "~1" and "~0".
std::expected<std::string, std::string> DecodeToken(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int byte = wire::DecodeEscape(text.substr(i));
    if (byte < 0) return std::unexpected("has % without two hexadecimal digits; write % as %25");
    decoded += static_cast<char>(byte);
    i += 2;
  }
  std::string token;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    if (decoded[i] != '~') {
      token += decoded[i];
      continue;
    }
    const char next = i + 1 < decoded.size() ? decoded[i + 1] : '\0';
    if (next != '0' && next != '1') {
      return std::unexpected("has ~ without 0 or 1 behind it; write ~ as ~0");
    }
    token += next == '0' ? '~' : '/';
    ++i;
  }
  return token;
}

}  // namespace

// The parser takes a NUL for the end of its input, and skips a byte order mark. Neither may be in a
// text that is put into another one as it stands.
bool IsJson(std::string_view text) {
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) return false;
  return nlohmann::json::accept(text.begin(), text.end());
}

JsonKind JsonKindOf(std::string_view json) {
  const std::string_view text = Trimmed(json);
  switch (text.empty() ? 'n' : text.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::expected<JsonPointer, std::string> JsonPointer::Parse(std::string_view text) {
  JsonPointer pointer;
  while (!text.empty()) {
    if (text.front() != '/') return std::unexpected("must begin with /");
    text.remove_prefix(1);
    const std::size_t end = std::min(text.find('/'), text.size());
    std::expected<std::string, std::string> token = DecodeToken(text.substr(0, end));
    if (!token) return std::unexpected(token.error());
    pointer.tokens_.push_back(std::move(*token));
    text.remove_prefix(end);
  }
  return pointer;
}

std::optional<std::string_view> FindJson(std::string_view json, const JsonPointer& pointer) {
  std::optional<std::string_view> at = Trimmed(json);
  for (const std::string& token : pointer.tokens()) {
    const JsonKind kind = JsonKindOf(*at);
    if (kind == JsonKind::kObject) {
      at = Member(*at, token);
    } else if (kind == JsonKind::kArray) {
      at = Element(*at, token);
    } else {
      return std::nullopt;
    }
    if (!at) return std::nullopt;
  }
  return at;
}

std::vector<std::string_view> JsonElements(std::string_view json) {
  std::vector<std::string_view> elements;
  ForEachInside(
      Trimmed(json), /*is_object=*/false,
      [&elements](std::string_view /*key*/, std::string_view value) { elements.push_back(value); });
  return elements;
}

void AppendJsonContent(std::string_view json, std::string& out) {
  const std::string_view text = Trimmed(json);
  const std::string_view inside = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < inside.size();) {
    if (inside[i] != '\\') {
      const std::size_t end = std::min(inside.find('\\', i), inside.size());
      out += inside.substr(i, end - i);
      i = end;
    } else if (i + 1 < inside.size() && inside[i + 1] == 'u') {
      i = AppendUnicode(inside, i, out);
    } else {
      if (i + 1 < inside.size()) out += EscapedChar(inside[i + 1]);
      i += 2;
    }
  }
}

std::string JsonOfWord(std::string_view word) {
  const bool is_quoted = !word.empty() && word.front() == '"';
  if (!is_quoted && word == Trimmed(word) && IsJson(word) && JsonKindOf(word) < JsonKind::kString) {
    return std::string(word);
  }
  std::string text;
  wire::AppendJsonString(word, text);
  return text;
}

}  // namespace sluice::gateway::flows
