#include "sluice/gateway/config/text_rules.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <re2/re2.h>

#include "sluice/contract/address.h"
#include "sluice/gateway/config/endpoint.h"
#include "sluice/gateway/config/path_template.h"
#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/field_names.h"

namespace sluice::gateway::config {
namespace {

using Broken = std::optional<std::string>;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kRegexBytesMax = 1024;
constexpr std::size_t kTextShownMax = 60;

bool IsAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsAlphanumeric(char c) {
  return IsAlpha(c) || wire::IsDigit(c);
}
bool IsControl(char c) {
  return (static_cast<unsigned char>(c) < 0x20) || c == 0x7f;
}
bool IsNameChar(char c) {
  return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.';
}
bool IsTokenChar(char c) {
  return IsAlphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

Broken CheckName(std::string_view text) {
  if (!text.empty() && text.size() <= kNameBytesMax && IsAlphanumeric(text.front()) &&
      std::all_of(text.begin(), text.end(), IsNameChar)) {
    return std::nullopt;
  }
  return fmt::format("must be 1..{} letters, digits, `-`, `_` or `.`, the first a letter or digit",
                     kNameBytesMax);
}

Broken CheckPlain(std::string_view text) {
  if (std::none_of(text.begin(), text.end(), IsControl)) return std::nullopt;
  return "must not hold control characters";
}

Broken CheckBody(std::string_view /*text*/) {
  return std::nullopt;
}

Broken CheckJsonPath(std::string_view text) {
  const Result<wire::recording::FieldPath> path = wire::recording::ParseFieldPath(text);
  if (path) return std::nullopt;
  return "must be a path such as $.user.name";
}

Broken CheckFile(std::string_view text) {
  if (text.empty()) return "must not be empty";
  return CheckPlain(text);
}

Broken CheckListen(std::string_view text) {
  if (Address::Parse(text)) return std::nullopt;
  return R"(must be an address such as "127.0.0.1:8080", "[::1]:8080" or "unix:/path")";
}

Broken CheckListenOrOff(std::string_view text) {
  if (text == "off") return std::nullopt;
  return CheckListen(text);
}

Broken CheckAddressBlock(std::string_view text) {
  if (AddressBlock::Parse(text)) return std::nullopt;
  return R"(must be an address or a block such as "10.0.0.0/8")";
}

Broken CheckEndpoint(std::string_view text) {
  Result<Endpoint> endpoint = ParseEndpoint(text);
  if (endpoint) return std::nullopt;
  return std::move(endpoint.error().detail);
}

bool IsHostName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : text) {
    if (c == '.' ? label == 0 : !(IsAlphanumeric(c) || c == '-' || c == '_')) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

Broken CheckHost(std::string_view text) {
  std::string_view name = text;
  if (name.starts_with("*.")) name.remove_prefix(2);
  const bool is_ipv6 = text.size() > 2 && text.front() == '[' && text.back() == ']' &&
                       Address::ParseIp(text.substr(1, text.size() - 2)).has_value();
  if (IsHostName(name) || is_ipv6) return std::nullopt;
  return R"(must be a host without a port such as "shop.example.com" or "*.example.com")";
}

Broken CheckAuthority(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  const std::string_view host = has_port ? text.substr(0, colon) : text;
  const std::string_view port = has_port ? text.substr(colon + 1) : "0";
  const bool port_is_right =
      !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), wire::IsDigit);
  if (!CheckHost(host) && !host.starts_with('*') && port_is_right) return std::nullopt;
  return R"(must be a host, with a port or without, such as "shop.example.com:8080")";
}

// The escapes that the normal form keeps: no unreserved character, none that is refused.
bool IsNormalEscape(std::string_view digits) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (digits.size() < 2) return false;
  const std::size_t high = kHex.find(digits[0]);
  const std::size_t low = kHex.find(digits[1]);
  if (high == std::string_view::npos || low == std::string_view::npos) return false;
  const char c = static_cast<char>(high * 16 + low);
  const bool unreserved = IsAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
  return !unreserved && c != '/' && c != '\\' && c != '\0';
}

bool HasDotSegment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

Broken CheckPath(std::string_view text) {
  if (!text.starts_with('/')) return "must begin with `/`";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool forbidden = static_cast<unsigned char>(c) <= 0x20 ||
                           static_cast<unsigned char>(c) >= 0x7f || c == '?' || c == '#' ||
                           c == '\\';
    if (forbidden) {
      return R"(must be a path without spaces, `?`, `#`, `\` and non-ASCII (write "%20" for a )"
             "space)";
    }
    if (c == '%' && !IsNormalEscape(text.substr(i + 1))) {
      return "must be in normal form: two upper-case digits after `%`, and no escape where the "
             "character itself can stand";
    }
  }
  if (HasDotSegment(text)) return "must be in normal form: no `.` or `..` segment";
  return std::nullopt;
}

Broken CheckTarget(std::string_view text) {
  const std::size_t mark = text.find('?');
  if (Broken broken = CheckPath(text.substr(0, mark))) return broken;
  const std::string_view query = mark == std::string_view::npos ? "" : text.substr(mark + 1);
  const auto fits = [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f && c != '#';
  };
  if (std::all_of(query.begin(), query.end(), fits)) return std::nullopt;
  return "must have a query without spaces, `#` and non-ASCII";
}

Broken CheckTemplate(std::string_view text) {
  Result<PathTemplate> parsed = PathTemplate::Parse(text);
  if (!parsed) return std::move(parsed.error().detail);
  for (const PathTemplate::Segment& segment : parsed->segments()) {
    if (segment.is_variable) continue;
    if (Broken broken = CheckPath("/" + segment.text)) return broken;
  }
  return std::nullopt;
}

Broken CheckToken(std::string_view text) {
  if (IsToken(text)) return std::nullopt;
  return "must be a token: letters, digits and !#$%&'*+-.^_`|~";
}

Broken CheckMethod(std::string_view text) {
  const auto is_upper = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
  if (IsToken(text) && std::all_of(text.begin(), text.end(), is_upper)) return std::nullopt;
  return "must be a method in upper case such as GET";
}

Broken CheckFieldValue(std::string_view text) {
  const auto fits = [](char c) { return c == '\t' || !IsControl(c); };
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!std::all_of(text.begin(), text.end(), fits)) return "must not hold control characters";
  if (!text.empty() && (is_blank(text.front()) || is_blank(text.back()))) {
    return "must not begin or end with a space";
  }
  return std::nullopt;
}

Broken CheckRegex(std::string_view text) {
  if (text.size() > kRegexBytesMax) {
    return fmt::format("must have at most {} characters", kRegexBytesMax);
  }
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex(re2::StringPiece(text.data(), text.size()), options);
  if (regex.ok()) return std::nullopt;
  return fmt::format("must be a regular expression of RE2 ({})", Shown(regex.error()));
}

// The same variables as degrade::BodyTemplate; a test of the gateway compares them.
Broken CheckBodyTemplate(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWhole{"method", "path", "host",
                                                   "reason", "rule", "retry_after_seconds"};
  constexpr std::array<std::string_view, 3> kNamed{"header.", "query.", "capture."};
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    text.remove_prefix(open + 2);
    const std::size_t close = text.find("}}");
    if (close == std::string_view::npos) return "must close each `{{` with `}}`";
    std::string_view name = text.substr(0, close);
    while (name.starts_with(' '))
      name.remove_prefix(1);
    while (name.ends_with(' '))
      name.remove_suffix(1);
    const bool is_known = std::ranges::find(kWhole, name) != kWhole.end() ||
                          std::ranges::any_of(kNamed, [name](std::string_view prefix) {
                            return name.starts_with(prefix) && name.size() > prefix.size();
                          });
    if (!is_known) {
      return "must have only the variables method, path, host, reason, rule, "
             "retry_after_seconds, header.NAME, query.NAME and capture.NAME";
    }
    text.remove_prefix(close + 2);
  }
  return std::nullopt;
}

}  // namespace

constexpr std::string_view kAny = "";
const TextRule kNameRule{"name", "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", CheckName};
const TextRule kPlainRule{"text", kAny, CheckPlain};
const TextRule kBodyRule{"text", kAny, CheckBody};
const TextRule kBodyTemplateRule{"text with {{variables}}", kAny, CheckBodyTemplate};
const TextRule kFileRule{"file", kAny, CheckFile};
const TextRule kListenRule{"address", kAny, CheckListen};
const TextRule kListenOrOffRule{"address or `off`", kAny, CheckListenOrOff};
const TextRule kAddressBlockRule{"address block", kAny, CheckAddressBlock};
const TextRule kEndpointRule{"endpoint", kAny, CheckEndpoint};
const TextRule kHostRule{"host", kAny, CheckHost};
const TextRule kAuthorityRule{"host[:port]", kAny, CheckAuthority};
const TextRule kPathRule{"path", "^/", CheckPath};
const TextRule kTargetRule{"path", "^/", CheckTarget};
const TextRule kTemplateRule{"template", "^/", CheckTemplate};
const TextRule kJsonPathRule{"JSON path", kAny, CheckJsonPath};
const TextRule kTokenRule{"token", kAny, CheckToken};
const TextRule kMethodRule{"method", kAny, CheckMethod};
const TextRule kFieldValueRule{"text", kAny, CheckFieldValue};
const TextRule kRegexRule{"RE2", kAny, CheckRegex};

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kTextShownMax)) {
    if (IsControl(c)) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      shown += c;
    }
  }
  // Never half a character: a cut may not make invalid UTF-8.
  const auto is_continuation = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
  };
  if (text.size() > kTextShownMax) {
    if (is_continuation(text[kTextShownMax])) {
      while (!shown.empty() && is_continuation(shown.back()))
        shown.pop_back();
      if (!shown.empty()) shown.pop_back();
    }
    shown += "…";
  }
  return shown;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

}  // namespace sluice::gateway::config
