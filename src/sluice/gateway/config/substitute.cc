#include "sluice/gateway/config/substitute.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

bool IsEnvironmentName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

// What stands between the braces of one reference.
std::expected<std::string, std::string> Lookup(std::string_view reference,
                                               const Environment& environment) {
  const std::size_t separator = reference.find(":-");
  const std::string name(reference.substr(0, separator));
  if (!IsEnvironmentName(name)) {
    return std::unexpected(
        fmt::format("must name a variable as in ${{NAME}} or ${{NAME:-default}}; write $${{ for "
                    "the characters themselves"));
  }
  const std::optional<std::string> value = environment ? environment(name) : std::nullopt;
  const bool has_default = separator != std::string_view::npos;
  if (value && !(has_default && value->empty())) return *value;
  if (has_default) return std::string(reference.substr(separator + 2));
  return std::unexpected(fmt::format(
      "needs the environment variable {0}, which is not set; set it or write ${{{0}:-default}}",
      Shown(name)));
}

}  // namespace

std::expected<std::string, std::string> Substitute(std::string_view text,
                                                   const Environment& environment) {
  std::string result;
  while (true) {
    const std::size_t begin = text.find("${");
    if (begin == std::string_view::npos) return result + std::string(text);
    result += text.substr(0, begin);
    if (begin > 0 && text[begin - 1] == '$') {
      result.pop_back();
      result += "${";
      text.remove_prefix(begin + 2);
      continue;
    }
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      return std::unexpected(
          std::string("must close ${ with }; write $${ for the characters "
                      "themselves"));
    }
    const auto value = Lookup(text.substr(begin + 2, end - begin - 2), environment);
    if (!value) return value;
    result += *value;
    text.remove_prefix(end + 1);
  }
}

std::string EscapeReferences(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") escaped += '$';
    escaped += text[i];
  }
  return escaped;
}

}  // namespace sluice::gateway::config
