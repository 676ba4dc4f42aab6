#include "sluice/gateway/router.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway {
namespace {

bool MatchesValue(const config::HeaderMatch& match,
                  const re2::RE2* expression,
                  std::string_view value) {
  if (match.exact) return value == *match.exact;
  if (match.prefix) return value.starts_with(*match.prefix);
  if (expression == nullptr) return true;
  return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *expression);
}

// A field may be sent several times, and nobody knows which one the upstream reads: any that fits
// is a match, so that a rule cannot be walked past by sending another value first.
bool MatchesAnyField(const config::HeaderMatch& match,
                     const re2::RE2* expression,
                     const wire::HeaderTable& headers) {
  if (match.present) return (headers.Find(match.name) != nullptr) == *match.present;
  return std::ranges::any_of(headers, [&](const wire::HeaderField& field) {
    return wire::EqualsIgnoringCase(field.name, match.name) &&
           MatchesValue(match, expression, field.value);
  });
}

}  // namespace

std::string_view PathCaptures::Find(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (captures_[i].name == name) return captures_[i].value;
  }
  return {};
}

std::string_view HostOf(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) {
    return authority;
  }
  return authority.substr(0, colon);
}

RouteMatcher::RouteMatcher() = default;
RouteMatcher::RouteMatcher(RouteMatcher&&) noexcept = default;
RouteMatcher& RouteMatcher::operator=(RouteMatcher&&) noexcept = default;
RouteMatcher::~RouteMatcher() = default;

Result<RouteMatcher> RouteMatcher::Create(const config::MatchConfig& match) {
  RouteMatcher matcher;
  matcher.match_ = match;
  std::string_view rest = match.path_template;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // The slash before each segment.
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    const bool is_capture = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    matcher.segments_.push_back(
        {.text = std::string(is_capture ? segment.substr(1, segment.size() - 2) : segment),
         .is_capture = is_capture});
  }
  for (const config::HeaderMatch& header : match.headers) {
    std::unique_ptr<re2::RE2> expression;
    if (header.regex) {
      expression = std::make_unique<re2::RE2>(*header.regex, re2::RE2::Quiet);
      if (!expression->ok()) {
        return Fail(ErrorCode::kInvalidConfig,
                    fmt::format("header {}: {}", header.name, expression->error()));
      }
    }
    matcher.expressions_.push_back(std::move(expression));
  }
  return matcher;
}

bool RouteMatcher::Matches(const RouteQuery& query, PathCaptures& captures) const {
  return MatchesMethod(*query.head) && MatchesButMethod(query, captures);
}

bool RouteMatcher::MatchesButMethod(const RouteQuery& query, PathCaptures& captures) const {
  // A CONNECT has no path: it is for a whole host, as a route of all paths is.
  const bool is_connect = query.head->method == wire::Method::kConnect;
  const std::string_view path = is_connect ? std::string_view("/") : query.path;
  return MatchesPath(path, captures) && MatchesHost(query.head->authority) &&
         MatchesHeaders(*query.head) && MatchesQuery(query);
}

bool RouteMatcher::MatchesHost(std::string_view authority) const {
  if (match_.host.empty()) return true;
  const std::string_view host = HostOf(authority);
  if (!match_.host.starts_with("*.")) return host == match_.host;
  const std::string_view suffix = std::string_view(match_.host).substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

bool RouteMatcher::MatchesPath(std::string_view path, PathCaptures& captures) const {
  if (!match_.path_exact.empty()) return path == match_.path_exact;
  if (!match_.path_prefix.empty()) {
    const std::string_view prefix = match_.path_prefix;
    if (!path.starts_with(prefix)) return false;
    return path.size() == prefix.size() || prefix.back() == '/' || path[prefix.size()] == '/';
  }
  if (!segments_.empty()) return MatchesTemplate(path, captures);
  return true;
}

bool RouteMatcher::MatchesTemplate(std::string_view path, PathCaptures& captures) const {
  captures.Clear();
  for (const Segment& segment : segments_) {
    if (path.empty() || path.front() != '/') return false;
    path.remove_prefix(1);
    const std::string_view got = path.substr(0, path.find('/'));
    if (segment.is_capture) {
      if (got.empty()) return false;
      captures.Add({.name = segment.text, .value = got});
    } else if (got != segment.text) {
      return false;
    }
    path.remove_prefix(got.size());
  }
  return path.empty();
}

bool RouteMatcher::MatchesMethod(const wire::RequestHead& head) const {
  return match_.methods.empty() ||
         std::ranges::find(match_.methods, head.method_text) != match_.methods.end();
}

bool RouteMatcher::MatchesHeaders(const wire::RequestHead& head) const {
  for (std::size_t i = 0; i < match_.headers.size(); ++i) {
    const config::HeaderMatch& match = match_.headers[i];
    if (!MatchesAnyField(match, expressions_[i].get(), head.headers)) return false;
  }
  return true;
}

bool RouteMatcher::MatchesQuery(const RouteQuery& query) const {
  return std::ranges::all_of(match_.query, [&query](const config::QueryMatch& match) {
    const std::optional<std::string_view> value =
        wire::FindQueryParameter(query.head->query, match.name, *query.scratch);
    if (match.present) return value.has_value() == *match.present;
    if (!value) return false;
    return !match.exact || *value == *match.exact;
  });
}

}  // namespace sluice::gateway
