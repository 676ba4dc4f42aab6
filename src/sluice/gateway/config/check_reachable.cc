#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sluice/gateway/config/check.h"
#include "sluice/gateway/config/path_template.h"

namespace sluice::gateway::config {
namespace {

bool HostCovers(std::string_view wide, std::string_view narrow) {
  if (wide.empty() || wide == narrow) return true;
  // "*.example.com" covers "a.example.com" and "*.a.example.com", but not "example.com".
  return wide.starts_with("*.") && narrow.size() > wide.size() - 1 &&
         narrow.ends_with(wide.substr(1)) && narrow != wide;
}

bool PrefixCovers(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

// A route's listeners and match, and its template without the names of its variables: two templates
// are equal whatever those are called.
struct Pattern {
  const MatchConfig* match = nullptr;
  const std::vector<std::string>* listeners = nullptr;
  std::string shape;
};

Pattern PatternOf(const RouteConfig& route) {
  const MatchConfig& match = route.match;
  Pattern pattern{.match = &match, .listeners = &route.listeners, .shape = {}};
  const Result<PathTemplate> parsed = PathTemplate::Parse(match.path_template);
  if (!parsed) return pattern;
  for (const PathTemplate::Segment& segment : parsed->segments())
    pattern.shape += segment.is_variable ? "/{}" : "/" + segment.text;
  return pattern;
}

bool PathCovers(const Pattern& wide_pattern, const Pattern& narrow_pattern) {
  const MatchConfig& wide = *wide_pattern.match;
  const MatchConfig& narrow = *narrow_pattern.match;
  if (!wide.path_exact.empty()) return wide.path_exact == narrow.path_exact;
  if (!wide_pattern.shape.empty()) return wide_pattern.shape == narrow_pattern.shape;
  if (wide.path_prefix.empty()) return true;
  if (!narrow.path_exact.empty()) return PrefixCovers(wide.path_prefix, narrow.path_exact);
  if (!narrow.path_prefix.empty()) return PrefixCovers(wide.path_prefix, narrow.path_prefix);
  // Only the part before the first variable is certain.
  const std::string_view pattern = narrow.path_template;
  return PrefixCovers(wide.path_prefix, pattern.substr(0, pattern.find('{')));
}

bool MethodsCover(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  if (wide.empty()) return true;
  return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const std::string& m) {
    return std::find(wide.begin(), wide.end(), m) != wide.end();
  });
}

bool SameHeader(const HeaderMatch& a, const HeaderMatch& b) {
  return a.name == b.name && a.exact == b.exact && a.prefix == b.prefix && a.regex == b.regex &&
         a.present == b.present;
}

bool SameParameter(const QueryMatch& a, const QueryMatch& b) {
  return a.name == b.name && a.exact == b.exact && a.present == b.present;
}

// Each condition of `wide` stands in `narrow`, too.
template <typename T>
bool ConditionsCover(const std::vector<T>& wide,
                     const std::vector<T>& narrow,
                     bool (*same)(const T&, const T&)) {
  return std::all_of(wide.begin(), wide.end(), [&](const T& condition) {
    return std::any_of(narrow.begin(), narrow.end(),
                       [&](const T& other) { return same(condition, other); });
  });
}

// Certainly every request that matches `narrow` matches `wide`. Errs to false.
bool Covers(const Pattern& wide, const Pattern& narrow) {
  return *wide.listeners == *narrow.listeners && PathCovers(wide, narrow) &&
         HostCovers(wide.match->host, narrow.match->host) &&
         MethodsCover(wide.match->methods, narrow.match->methods) &&
         ConditionsCover(wide.match->headers, narrow.match->headers, SameHeader) &&
         ConditionsCover(wide.match->query, narrow.match->query, SameParameter);
}

}  // namespace

void CheckReachable(const Config& config, Findings& findings) {
  std::vector<Pattern> before;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const Pattern pattern = PatternOf(config.routes[i]);
    const auto wide = std::find_if(before.begin(), before.end(),
                                   [&](const Pattern& other) { return Covers(other, pattern); });
    if (wide != before.end()) {
      const auto j = static_cast<std::size_t>(wide - before.begin());
      findings.Warn(Child("routes", i),
                    fmt::format("is never reached, because route \"{}\" before it takes all its "
                                "requests; put it first or remove it",
                                config.routes[j].name));
    }
    before.push_back(pattern);
  }
}

}  // namespace sluice::gateway::config
