#include "sluice/warmup/replay_safety.h"

#include <algorithm>
#include <span>

#include "sluice/wire/ascii.h"
#include "sluice/wire/http_head.h"
#include "sluice/wire/recording/masked_text.h"
#include "sluice/wire/recording/sendable.h"

namespace sluice::warmup {
namespace {

using wire::EqualsIgnoringCase;
using wire::recording::FieldOf;
using wire::recording::RecordedExchange;

// Words that tell, as a segment of a path or the name of a parameter, that a GET does something.
constexpr std::array<std::string_view, 7> kActingWords{
    "delete", "unsubscribe", "logout", "signout", "confirm", "token", "revoke"};
constexpr std::array<std::string_view, 3> kLeavingWords{"logout", "signout", "signed-out"};
constexpr std::array<std::string_view, 4> kApiKeyHeaders{"x-api-key", "api-key", "apikey",
                                                         "x-auth-token"};

bool IsOneOf(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::any_of(words,
                             [&](std::string_view one) { return EqualsIgnoringCase(word, one); });
}

std::string_view PathOf(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// Calls `visit(piece)` for the pieces of `text` between `separator`s until it returns true.
template <typename Visit>
bool AnyPiece(std::string_view text, char separator, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (visit(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

bool HasSegment(std::string_view path, std::span<const std::string_view> words) {
  return AnyPiece(path, '/', [&](std::string_view segment) { return IsOneOf(segment, words); });
}

bool HasParameter(std::string_view target, std::span<const std::string_view> words) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return false;
  return AnyPiece(target.substr(mark + 1), '&', [&](std::string_view pair) {
    return IsOneOf(pair.substr(0, pair.find('=')), words);
  });
}

bool LooksUnsafe(const RecordedExchange& exchange) {
  if (HasSegment(PathOf(exchange.target), kActingWords)) return true;
  if (HasParameter(exchange.target, kActingWords)) return true;
  if (!FieldOf(exchange.response.head, "set-cookie").empty()) return true;
  return exchange.status >= 300 && exchange.status < 400 &&
         HasSegment(PathOf(FieldOf(exchange.response.head, "location")), kLeavingWords);
}

// Whether one of `places` names the exchange's route or begins its path.
bool IsAt(const RecordedExchange& exchange, const std::vector<std::string>& places) {
  const std::string_view path = PathOf(exchange.target);
  return std::ranges::any_of(places, [&](std::string_view place) {
    if (!place.starts_with('/')) return exchange.route == place;
    if (!path.starts_with(place)) return false;
    return place.ends_with('/') || path.size() == place.size() || path[place.size()] == '/';
  });
}

bool IsAllowedMethod(const RecordedExchange& exchange, const SafetyOptions& options) {
  if (wire::recording::OverridesMethod(exchange)) return false;
  if (!wire::IsSafe(wire::IdentifyMethod(exchange.method)))
    return IsAt(exchange, options.safe_posts);
  return std::ranges::find(options.methods, exchange.method) != options.methods.end();
}

}  // namespace

std::string_view NameOf(Skip skip) {
  switch (skip) {
    case Skip::kNone:
      return "none";
    case Skip::kWrite:
      return "write";
    case Skip::kUnsafeGet:
      return "unsafe_get";
    case Skip::kAuth:
      return "auth";
    case Skip::kTruncated:
      return "truncated";
    case Skip::kMalformed:
      return "malformed";
    case Skip::kNotAnswered:
      return "not_answered";
    case Skip::kNoRoom:
      return "no_room";
  }
  return "unknown";
}

std::string_view NameOf(AuthKind kind) {
  switch (kind) {
    case AuthKind::kNone:
      return "none";
    case AuthKind::kBearer:
      return "bearer";
    case AuthKind::kBasic:
      return "basic";
    case AuthKind::kOther:
      return "other";
    case AuthKind::kApiKey:
      return "api_key";
    case AuthKind::kCookie:
      return "cookie";
  }
  return "unknown";
}

AuthKind AuthKindOf(std::string_view request_head) {
  const std::string_view authorization = FieldOf(request_head, "authorization");
  if (!authorization.empty()) {
    const std::string_view scheme = authorization.substr(0, authorization.find(' '));
    if (EqualsIgnoringCase(scheme, "bearer")) return AuthKind::kBearer;
    return EqualsIgnoringCase(scheme, "basic") ? AuthKind::kBasic : AuthKind::kOther;
  }
  for (const std::string_view name : kApiKeyHeaders) {
    if (!FieldOf(request_head, name).empty()) return AuthKind::kApiKey;
  }
  for (const wire::recording::HeaderLine& field : wire::recording::FieldsOf(request_head)) {
    const bool is_masked =
        field.value.find(wire::recording::kMaskedPrefix) != std::string_view::npos;
    if (is_masked && !EqualsIgnoringCase(field.name, "cookie")) return AuthKind::kOther;
  }
  return FieldOf(request_head, "cookie").empty() ? AuthKind::kNone : AuthKind::kCookie;
}

Skip SkipOf(const RecordedExchange& exchange, const SafetyOptions& options) {
  // What the instance never answered, or answered with a failure, is nothing to warm it with.
  if (exchange.status < 200 || exchange.status >= 500) return Skip::kNotAnswered;
  if (exchange.reason != "ok") return Skip::kNotAnswered;
  if (!IsAllowedMethod(exchange, options)) return Skip::kWrite;
  if (wire::IsSafe(wire::IdentifyMethod(exchange.method)) && LooksUnsafe(exchange) &&
      !IsAt(exchange, options.safe_gets))
    return Skip::kUnsafeGet;
  // Cookies are always removed: what still answers without them is found when it is touched.
  const AuthKind auth = AuthKindOf(exchange.request.head);
  const bool needs_credentials = auth != AuthKind::kNone && auth != AuthKind::kCookie;
  const bool is_masked = exchange.target.find(wire::recording::kMaskedPrefix) != std::string::npos;
  if ((needs_credentials && !options.has_credentials) || is_masked) return Skip::kAuth;
  if (exchange.request.is_truncated || exchange.request.is_opaque) return Skip::kTruncated;
  return wire::recording::IsSendable(exchange) ? Skip::kNone : Skip::kMalformed;
}

}  // namespace sluice::warmup
