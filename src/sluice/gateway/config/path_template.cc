#include "sluice/gateway/config/path_template.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::gateway::config {
namespace {

constexpr std::size_t kVariablesMax = 8;  // What the router has room for.

bool IsVariableName(std::string_view name) {
  const auto is_first = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_next = [&](char c) { return is_first(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 64 && is_first(name.front()) &&
         std::all_of(name.begin(), name.end(), is_next);
}

}  // namespace

Result<PathTemplate> PathTemplate::Parse(std::string_view text) {
  const auto fail = [](std::string_view detail) {
    return Fail(ErrorCode::kInvalidOption, std::string(detail));
  };
  if (!text.starts_with('/')) return fail("must begin with `/`");
  PathTemplate result;
  std::size_t variables = 0;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find('/'));
    text.remove_prefix(part.size());
    if (part.find_first_of("{}") == std::string_view::npos) {
      result.segments_.push_back({.is_variable = false, .text = std::string(part)});
      continue;
    }
    const bool is_whole = part.size() > 2 && part.front() == '{' && part.back() == '}';
    const std::string_view name = is_whole ? part.substr(1, part.size() - 2) : "";
    if (!IsVariableName(name)) {
      return fail("must name whole segments, as in \"/users/{id}/orders\"");
    }
    if (result.HasVariable(name)) {
      return fail(fmt::format("must use each name once, and `{{{}}}` stands twice", name));
    }
    result.segments_.push_back({.is_variable = true, .text = std::string(name)});
    ++variables;
  }
  if (variables == 0) return fail("must name a segment such as {id} (without one use path_exact)");
  if (variables > kVariablesMax) {
    return fail(fmt::format("must name at most {} segments", kVariablesMax));
  }
  return result;
}

bool PathTemplate::HasVariable(std::string_view name) const {
  return std::any_of(segments_.begin(), segments_.end(), [&](const Segment& segment) {
    return segment.is_variable && segment.text == name;
  });
}

}  // namespace sluice::gateway::config
