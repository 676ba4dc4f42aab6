#include "sluice/wire/recording/masker.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/percent.h"
#include "sluice/wire/recording/card_number.h"
#include "sluice/wire/recording/field_names.h"
#include "sluice/wire/recording/json_masking.h"
#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

constexpr std::string_view kFieldEnd = "\r\n";

// Header fields whose whole value is a credential.
constexpr std::array<std::string_view, 11> kSecretHeaders{"x-api-key",
                                                          "api-key",
                                                          "x-auth-token",
                                                          "x-access-token",
                                                          "x-csrf-token",
                                                          "x-xsrf-token",
                                                          "x-amz-security-token",
                                                          "x-goog-api-key",
                                                          "x-forwarded-client-cert",
                                                          "authentication-info",
                                                          "x-session-token"};

// Schemes that may stand in front of credentials (IANA's registry, and two that are common).
constexpr std::array<std::string_view, 11> kSchemes{
    "basic", "bearer", "digest", "negotiate",        "ntlm", "dpop",
    "hoba",  "mutual", "oauth",  "aws4-hmac-sha256", "token"};

// Fields that hold an address with a query or a fragment.
constexpr std::array<std::string_view, 8> kLinkHeaders{
    "referer",        "location",       "content-location", "refresh",
    "x-original-url", "x-original-uri", "x-forwarded-uri",  "x-rewrite-url"};

bool IsOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::any_of(
      names, [name](std::string_view one) { return EqualsIgnoringCase(one, name); });
}

bool IsForm(std::string_view head) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  return EqualsIgnoringCase(FieldOf(head, "content-type").substr(0, kForm.size()), kForm);
}

// By its type; a body of another one may be JSON all the same.
bool IsJson(std::string_view head) {
  std::string type(FieldOf(head, "content-type"));
  for (char& c : type)
    c = ToLower(c);
  return type.contains("json") || type.starts_with("text/event-stream");
}

}  // namespace

std::string_view NameOf(MaskKind kind) {
  switch (kind) {
    case MaskKind::kHeader:
      return "header";
    case MaskKind::kField:
      return "field";
    case MaskKind::kCardNumber:
      return "card_number";
    case MaskKind::kOpaqueBody:
      return "opaque_body";
    case MaskKind::kShape:
      return "shape";
  }
  return "unknown";
}

// One message on its way through.
class Masker::Pass {
 public:
  Pass(const Masker& masker, std::string_view side, std::vector<MaskFinding>* findings)
      : masker_(masker), side_(side), findings_(findings) {}

  std::uint32_t total() const { return total_; }

  void Head(Message& message) {
    std::string out;
    out.reserve(message.head.size() + kMaskedSize);
    std::string_view rest = message.head;
    bool is_start = true;
    while (!rest.empty()) {
      const std::size_t end = rest.find(kFieldEnd);
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kFieldEnd.size());
      if (is_start) {
        StartLine(line, out);
      } else {
        Field(line, out);
      }
      if (end != std::string_view::npos) out += kFieldEnd;
      is_start = false;
    }
    message.head = std::move(out);
  }

  void Body(Message& message) {
    if (message.body.empty()) return;
    const std::string_view encoding = FieldOf(message.head, "content-encoding");
    const bool is_encoded = !encoding.empty() && !EqualsIgnoringCase(encoding, "identity");
    if (is_encoded && masker_.opaque_bodies_ == OpaqueBodies::kDrop) {
      message.body.clear();
      message.is_opaque = true;
      Note(MaskKind::kOpaqueBody, "body", 1);
      return;
    }
    // Whatever its type: `curl -d '{…}'` calls it a form.
    if (LooksLikeJson(message.body) || IsJson(message.head)) {
      Note(MaskKind::kField, "body", MaskJson(message.body, masker_.fields_, masker_.hash_));
    } else if (IsForm(message.head)) {
      std::string masked;
      Note(MaskKind::kField, "body", Parameters(message.body, masked));
      message.body = std::move(masked);
    }
    if (!masker_.card_numbers_) return;
    const TextEnd end = message.is_truncated ? TextEnd::kCut : TextEnd::kWhole;
    Note(MaskKind::kCardNumber, "body", MaskCardNumbers(message.body, end, masker_.hash_));
  }

 private:
  void Note(MaskKind kind, std::string_view where, std::size_t count) {
    if (count == 0) return;
    total_ += static_cast<std::uint32_t>(count);
    if (findings_ == nullptr) return;
    findings_->push_back({.kind = kind,
                          .place = fmt::format("{} {}", side_, where),
                          .count = static_cast<std::uint32_t>(count)});
  }

  // "GET /path?query HTTP/1.1", or a status line.
  void StartLine(std::string_view line, std::string& out) {
    const std::size_t mark = line.find_first_of("?#");
    std::string masked;
    if (mark == std::string_view::npos) {
      masked = line;
    } else {
      const std::size_t space = line.find(' ', mark);
      Link(line.substr(0, space), "query", masked);
      if (space != std::string_view::npos) masked += line.substr(space);
    }
    CardNumbers("target", masked);
    out += masked;
  }

  void Field(std::string_view line, std::string& out) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      std::string masked(line);
      CardNumbers("header", masked);
      out += masked;
      return;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = TrimWhitespace(line.substr(colon + 1));
    out += name;
    out += ": ";
    if (Credential(name, value, out)) return;
    std::string masked;
    if (IsOneOf(kLinkHeaders, name)) {
      Link(value, "link", masked);
    } else {
      masked = value;
    }
    CardNumbers(name, masked);
    out += masked;
  }

  // True when the field holds credentials; then its masked value is appended.
  bool Credential(std::string_view name, std::string_view value, std::string& out) {
    std::size_t count = 0;
    if (EqualsIgnoringCase(name, "authorization") ||
        EqualsIgnoringCase(name, "proxy-authorization")) {
      const std::size_t space = value.find(' ');
      const bool has_scheme =
          space != std::string_view::npos && IsOneOf(kSchemes, value.substr(0, space));
      if (has_scheme) out += value.substr(0, space + 1);
      count = AppendMasked(has_scheme ? value.substr(space + 1) : value, masker_.hash_, out);
    } else if (EqualsIgnoringCase(name, "cookie")) {
      count = Cookies(value, out);
    } else if (EqualsIgnoringCase(name, "set-cookie")) {
      const std::size_t end = value.find(';');
      count = Cookies(value.substr(0, end), out);
      if (end != std::string_view::npos) out += value.substr(end);
    } else if (IsOneOf(kSecretHeaders, name) || IsConfigured(name) || IsSecretCompound(name)) {
      count = AppendMasked(value, masker_.hash_, out);
    } else {
      return false;
    }
    Note(MaskKind::kHeader, fmt::format("header {}", name), count);
    return true;
  }

  [[nodiscard]] bool IsConfigured(std::string_view name) const {
    return std::ranges::any_of(
        masker_.headers_, [name](const std::string& one) { return EqualsIgnoringCase(one, name); });
  }

  // "a=1; b=2": names stay. A cookie without a name is all value.
  std::size_t Cookies(std::string_view value, std::string& out) {
    std::size_t count = 0;
    while (!value.empty()) {
      const std::size_t end = value.find(';');
      std::string_view cookie = value.substr(0, end);
      value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
      while (cookie.starts_with(' ')) {
        out += ' ';
        cookie.remove_prefix(1);
      }
      const std::size_t equals = cookie.find('=');
      if (equals != std::string_view::npos) out += cookie.substr(0, equals + 1);
      count += AppendMasked(cookie.substr(equals == std::string_view::npos ? 0 : equals + 1),
                            masker_.hash_, out)
                   ? 1
                   : 0;
      if (end != std::string_view::npos) out += ';';
    }
    return count;
  }

  // "a=1&b=2", of a query or a form.
  std::size_t Parameters(std::string_view rest, std::string& out) {
    std::size_t count = 0;
    std::string scratch;
    while (!rest.empty()) {
      const std::size_t end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      const std::size_t equals = pair.find('=');
      const std::string_view name = DecodeQueryPart(pair.substr(0, equals), scratch);
      if (equals != std::string_view::npos && masker_.fields_.HasName(name)) {
        out += pair.substr(0, equals + 1);
        count += AppendMasked(pair.substr(equals + 1), masker_.hash_, out) ? 1 : 0;
      } else {
        out += pair;
      }
      if (end != std::string_view::npos) out += '&';
    }
    return count;
  }

  // Query and fragment alike: OAuth hands tokens over in fragments (RFC 6749 §4.2.2), and pages
  // have queries in theirs.
  void Link(std::string_view url, std::string_view where, std::string& out) {
    std::size_t mark = url.find_first_of("?#");
    out += url.substr(0, mark);
    std::size_t count = 0;
    while (mark != std::string_view::npos) {
      out += url[mark];
      url.remove_prefix(mark + 1);
      mark = url.find_first_of("?#");
      count += Parameters(url.substr(0, mark), out);
    }
    Note(MaskKind::kField, where, count);
  }

  void CardNumbers(std::string_view where, std::string& text) {
    if (!masker_.card_numbers_) return;
    Note(MaskKind::kCardNumber, where, MaskCardNumbers(text, TextEnd::kWhole, masker_.hash_));
  }

  const Masker& masker_;
  std::string_view side_;
  std::vector<MaskFinding>* findings_;
  std::uint32_t total_ = 0;
};

Masker::Masker(const MaskOptions& options, const KeyedHash::Key& key, FieldNames fields)
    : is_on_(options.is_on),
      card_numbers_(options.card_numbers),
      opaque_bodies_(options.opaque_bodies),
      headers_(options.headers),
      fields_(std::move(fields)),
      hash_(key) {}

Result<Masker> Masker::Create(const MaskOptions& options, const KeyedHash::Key& key) {
  std::vector<std::string> names = WellKnownSecretNames();
  names.insert(names.end(), options.fields.begin(), options.fields.end());
  Result<FieldNames> fields = FieldNames::Create(names, options.json_paths, Compounds::kCounted);
  if (!fields) return std::unexpected(fields.error());
  return Masker(options, key, std::move(*fields));
}

void Masker::Mask(RecordedExchange& exchange, std::vector<MaskFinding>* findings) const {
  if (is_on_) {
    for (const bool is_request : {true, false}) {
      Message& message = is_request ? exchange.request : exchange.response;
      Pass pass(*this, is_request ? "request" : "response", findings);
      pass.Head(message);
      pass.Body(message);
      exchange.masked += pass.total();
    }
  }
  FillFromHeads(exchange);
}

}  // namespace sluice::wire::recording
