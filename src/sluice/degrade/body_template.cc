#include "sluice/degrade/body_template.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace sluice::degrade {

namespace {

using Source = BodyTemplate::Source;

struct NamedSource {
  std::string_view word;
  Source source;
};
constexpr std::array<NamedSource, 6> kWhole = {{
    {"method", Source::kMethod},
    {"path", Source::kPath},
    {"host", Source::kHost},
    {"reason", Source::kReason},
    {"rule", Source::kRule},
    {"retry_after_seconds", Source::kRetryAfterSeconds},
}};
constexpr std::array<NamedSource, 3> kNamed = {{
    {"header.", Source::kHeader},
    {"query.", Source::kQuery},
    {"capture.", Source::kCapture},
}};

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& byte : lowered) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  }
  return lowered;
}

std::optional<BodyTemplate::Variable> ParseVariable(std::string_view text) {
  for (const NamedSource& whole : kWhole) {
    if (text == whole.word) return BodyTemplate::Variable{.source = whole.source, .name = {}};
  }
  for (const NamedSource& named : kNamed) {
    if (!text.starts_with(named.word) || text.size() == named.word.size()) continue;
    std::string name(text.substr(named.word.size()));
    if (named.source == Source::kHeader) name = Lowered(name);
    return BodyTemplate::Variable{.source = named.source, .name = std::move(name)};
  }
  return std::nullopt;
}

std::string_view WithoutSpaces(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
}

// The length of the UTF-8 sequence (RFC 3629) that `text` begins with; 0 when it begins with none.
std::size_t SequenceLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool is_beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return is_overlong || is_beyond ? 0 : length;
}

void AppendAscii(char byte, Escaping escaping, std::string& out) {
  const auto code = static_cast<unsigned char>(byte);
  if (code < 0x20 || code == 0x7f) {
    // RFC 8259 section 7; elsewhere a control character is dropped.
    if (escaping == Escaping::kJson) out += fmt::format("\\u{:04x}", code);
    return;
  }
  if (escaping == Escaping::kJson && (byte == '"' || byte == '\\')) out += '\\';
  if (escaping != Escaping::kMarkup) {
    out += byte;
    return;
  }
  switch (byte) {
    case '<':
      out += "&lt;";
      return;
    case '>':
      out += "&gt;";
      return;
    case '&':
      out += "&amp;";
      return;
    case '"':
      out += "&quot;";
      return;
    case '\'':
      out += "&#39;";
      return;
    default:
      out += byte;
  }
}

void AppendEscaped(std::string_view value, Escaping escaping, std::string& out) {
  value = value.substr(0, BodyTemplate::kValueBytesMax);
  while (!value.empty()) {
    const std::size_t length = SequenceLength(value);
    if (length == 1) {
      AppendAscii(value.front(), escaping, out);
    } else if (length == 0) {
      out += '?';  // Not UTF-8, as a field value may be.
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

}  // namespace

Escaping EscapingFor(std::string_view content_type) {
  const std::string lowered = Lowered(content_type);
  if (lowered.find("json") != std::string::npos) return Escaping::kJson;
  const bool is_markup =
      lowered.find("html") != std::string::npos || lowered.find("xml") != std::string::npos;
  return is_markup ? Escaping::kMarkup : Escaping::kPlain;
}

Result<BodyTemplate> BodyTemplate::Parse(std::string_view text) {
  BodyTemplate parsed;
  parsed.text_ = text;
  while (true) {
    const std::size_t open = text.find("{{");
    Part part{.literal = std::string(text.substr(0, open)), .variable = {}};
    if (open == std::string_view::npos) {
      parsed.parts_.push_back(std::move(part));
      return parsed;
    }
    text.remove_prefix(open + 2);
    const std::size_t close = text.find("}}");
    if (close == std::string_view::npos) {
      return Fail(ErrorCode::kInvalidOption, "has a `{{` without its `}}`");
    }
    const std::string_view name = WithoutSpaces(text.substr(0, close));
    std::optional<Variable> variable = ParseVariable(name);
    if (!variable) {
      return Fail(
          ErrorCode::kInvalidOption,
          fmt::format("has the unknown variable `{{{{{}}}}}`; known are method, path, host, "
                      "reason, rule, retry_after_seconds, header.NAME, query.NAME and "
                      "capture.NAME",
                      name.substr(0, 60)));
    }
    part.variable = std::move(*variable);
    part.has_variable = true;
    parsed.parts_.push_back(std::move(part));
    text.remove_prefix(close + 2);
  }
}

void BodyTemplate::Render(Values& values, Escaping escaping, std::string& out) const {
  for (const Part& part : parts_) {
    out += part.literal;
    if (part.has_variable) AppendEscaped(values.ValueOf(part.variable), escaping, out);
  }
}

std::vector<std::string> BodyTemplate::captures() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (part.has_variable && part.variable.source == Source::kCapture) {
      names.push_back(part.variable.name);
    }
  }
  return names;
}

}  // namespace sluice::degrade
