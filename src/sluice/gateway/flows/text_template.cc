#include "sluice/gateway/flows/text_template.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/json_escape.h"
#include "sluice/wire/percent.h"

namespace sluice::gateway::flows {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kDefault = "??";

std::string_view WithoutSpaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Where the placeholder that begins at the start of `text` ends: a default may be a JSON string
// with "}}" in it.
std::size_t FindClose(std::string_view text) {
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string && text.substr(i).starts_with(kClose)) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::expected<Placeholder, std::string> ParsePlaceholder(std::string_view inside) {
  const std::size_t mark = inside.find(kDefault);
  std::expected<Reference, std::string> reference =
      Reference::Parse(WithoutSpaces(inside.substr(0, mark)));
  if (!reference) return std::unexpected(reference.error());
  Placeholder placeholder{.reference = std::move(*reference), .fallback = std::nullopt};
  if (mark == std::string_view::npos) return placeholder;
  const std::string_view fallback = WithoutSpaces(inside.substr(mark + kDefault.size()));
  if (!IsJson(fallback)) {
    return std::unexpected(fmt::format("the default {} must be JSON; write a text in double quotes",
                                       WithoutSpaces(fallback)));
  }
  placeholder.fallback = fallback;
  return placeholder;
}

void AppendEscape(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xFU];
}

void AppendPercentEncoded(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (wire::IsUnreserved(c)) {
      out += c;
    } else {
      AppendEscape(c, out);
    }
  }
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

// The placeholder's value as text in `scratch`.
Result<void> ReadScalar(const Placeholder& placeholder, Scope& scope, std::string& scratch) {
  scratch.clear();
  const Value value = placeholder.ValueIn(scope);
  if (AppendScalar(value, scratch)) return {};
  return std::unexpected(CannotStand(placeholder.reference,
                                     value.is_nothing() ? "is missing" : "is no text or number"));
}

// How literals and values are written in one kind of place.
struct Writer {
  static Result<void> Literal(std::string_view literal, std::string& out) {
    out += literal;
    return {};
  }
  static Result<void> Finish(const std::string& /*out*/) { return {}; }
};

// Renders with every value passed through `writer`.
template <typename AnyWriter>
Result<void> RenderParts(const TextTemplate& text,
                         Scope& scope,
                         std::string& out,
                         AnyWriter writer) {
  std::string scratch;
  for (const TextTemplate::Part& part : text.parts()) {
    const Result<void> literal = writer.Literal(part.literal, out);
    if (!literal) return literal;
    if (!part.placeholder) continue;
    const Result<void> read = ReadScalar(*part.placeholder, scope, scratch);
    if (!read) return read;
    const Result<void> written = writer.Value(scratch, part.placeholder->reference, out);
    if (!written) return written;
  }
  return writer.Finish(out);
}

class PathWriter {
 public:
  explicit PathWriter(const std::string& out) : segment_(out.size()) {}

  Result<void> Literal(std::string_view literal, std::string& out) {
    for (const char c : literal) {
      if (!is_query_ && (c == '/' || c == '?')) {
        const Result<void> ended = Finish(out);
        if (!ended) return ended;
        segment_ = out.size() + 1;
        last_ = nullptr;
        is_query_ = c == '?';
      }
      out += c;
    }
    return {};
  }
  Result<void> Value(std::string_view value, const Reference& reference, std::string& out) {
    if (is_query_) {
      AppendFormEncoded(value, out);
      return {};
    }
    // Servers disagree about these, escaped or not; the gateway refuses them from clients, too.
    if (value.find_first_of(std::string_view("/\\\0", 3)) != std::string_view::npos) {
      return std::unexpected(
          CannotStand(reference, "has a character that no path segment may have"));
    }
    AppendPercentEncoded(value, out);
    last_ = &reference;
    return {};
  }
  // A segment must not become one that leads elsewhere.
  [[nodiscard]] Result<void> Finish(const std::string& out) const {
    if (last_ == nullptr || is_query_) return {};
    const std::string_view segment = std::string_view(out).substr(segment_);
    if (!segment.empty() && segment != "." && segment != "..") return {};
    return std::unexpected(CannotStand(*last_, "makes a path segment empty, \".\" or \"..\""));
  }

 private:
  std::size_t segment_;
  const Reference* last_ = nullptr;  // Of the values in this segment.
  bool is_query_ = false;
};

struct QueryWriter : Writer {
  static Result<void> Literal(std::string_view literal, std::string& out) {
    AppendFormEncoded(literal, out);
    return {};
  }
  static Result<void> Value(std::string_view value,
                            const Reference& /*reference*/,
                            std::string& out) {
    AppendFormEncoded(value, out);
    return {};
  }
};

struct HeaderWriter : Writer {
  static Result<void> Value(std::string_view value, const Reference& reference, std::string& out) {
    if (std::ranges::any_of(value, IsControl)) {
      return std::unexpected(CannotStand(reference, "has a control character"));
    }
    out += value;
    return {};
  }
};

struct StringWriter : Writer {
  static Result<void> Literal(std::string_view literal, std::string& out) {
    wire::AppendJsonEscaped(literal, out);
    return {};
  }
  static Result<void> Value(std::string_view value,
                            const Reference& /*reference*/,
                            std::string& out) {
    wire::AppendJsonEscaped(value, out);
    return {};
  }
};

// A lone placeholder without a value leaves its entry out.
bool IsAbsent(const TextTemplate& text, Scope& scope) {
  const Placeholder* const lone = text.lone();
  return lone != nullptr && lone->ValueIn(scope).is_nothing();
}

}  // namespace

Value Placeholder::ValueIn(Scope& scope) const {
  const Value value = scope.ValueOf(reference);
  if (!fallback || !value.is_nothing()) return value;
  return {.kind = Value::Kind::kJson, .text = *fallback};
}

std::expected<TextTemplate, std::string> TextTemplate::Parse(std::string_view text) {
  TextTemplate parsed;
  while (!text.empty()) {
    Part part;
    const std::size_t open = text.find(kOpen);
    part.literal = text.substr(0, open);
    if (open == std::string_view::npos) {
      parsed.parts_.push_back(std::move(part));
      break;
    }
    text.remove_prefix(open + kOpen.size());
    const std::size_t close = FindClose(text);
    if (close == std::string_view::npos) return std::unexpected("has \"{{\" without \"}}\"");
    std::expected<Placeholder, std::string> placeholder = ParsePlaceholder(text.substr(0, close));
    if (!placeholder) return std::unexpected(placeholder.error());
    part.placeholder = std::move(*placeholder);
    parsed.parts_.push_back(std::move(part));
    text.remove_prefix(close + kClose.size());
  }
  return parsed;
}

const Placeholder* TextTemplate::lone() const {
  const bool is_lone = parts_.size() == 1 && parts_.front().literal.empty();
  return is_lone && parts_.front().placeholder ? &*parts_.front().placeholder : nullptr;
}

bool TextTemplate::has_placeholders() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.placeholder.has_value(); });
}

Result<void> RenderPath(const TextTemplate& text, Scope& scope, std::string& out) {
  return RenderParts(text, scope, out, PathWriter(out));
}

Result<bool> RenderQueryValue(const TextTemplate& text, Scope& scope, std::string& out) {
  if (IsAbsent(text, scope)) return false;
  const Result<void> rendered = RenderParts(text, scope, out, QueryWriter());
  if (!rendered) return std::unexpected(rendered.error());
  return true;
}

Result<bool> RenderHeader(const TextTemplate& text, Scope& scope, std::string& out) {
  if (IsAbsent(text, scope)) return false;
  const Result<void> rendered = RenderParts(text, scope, out, HeaderWriter());
  if (!rendered) return std::unexpected(rendered.error());
  return true;
}

Result<void> RenderInString(const TextTemplate& text, Scope& scope, std::string& out) {
  return RenderParts(text, scope, out, StringWriter());
}

void AppendFormEncoded(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == ' ') {
      out += '+';
    } else if (wire::IsUnreserved(c) && c != '~') {
      out += c;
    } else {
      AppendEscape(c, out);
    }
  }
}

Error CannotStand(const Reference& reference, std::string_view why) {
  const bool is_clients = reference.is_of_request();
  return {.code = is_clients ? ErrorCode::kBadRequest : ErrorCode::kBadResponse,
          .side = is_clients ? Side::kClient : Side::kUpstream,
          .detail = fmt::format("{} {}", reference.text, why)};
}

}  // namespace sluice::gateway::flows
