#include "sluice/wire/recording/field_names.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

constexpr std::size_t kStepsMax = 32;
constexpr std::size_t kNameSizeMax = 63;

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered)
    c = ToLower(c);
  return lowered;
}

std::unexpected<Error> BadPath(std::string_view text, std::string_view rule) {
  return Fail(ErrorCode::kInvalidOption, fmt::format("`{}` {}", text, rule));
}

// What stands between brackets.
Result<PathStep> ReadBracket(std::string_view inside, std::string_view path) {
  PathStep step;
  if (inside == "*") {
    step.kind = PathStep::Kind::kAny;
    return step;
  }
  const bool is_quoted = inside.size() >= 3 && (inside.front() == '\'' || inside.front() == '"') &&
                         inside.back() == inside.front();
  if (is_quoted) {
    step.name = Lowered(inside.substr(1, inside.size() - 2));
    return step;
  }
  step.kind = PathStep::Kind::kIndex;
  const auto read = std::from_chars(inside.data(), inside.data() + inside.size(), step.index);
  if (inside.empty() || read.ec != std::errc() || read.ptr != inside.data() + inside.size())
    return BadPath(path, "has brackets around neither *, a number nor a quoted name");
  return step;
}

}  // namespace

const std::vector<std::string>& WellKnownSecretNames() {
  static const std::vector<std::string> kNames = {"password",
                                                  "passwd",
                                                  "passphrase",
                                                  "new_password",
                                                  "old_password",
                                                  "secret",
                                                  "client_secret",
                                                  "token",
                                                  "access_token",
                                                  "refresh_token",
                                                  "id_token",
                                                  "accesstoken",
                                                  "refreshtoken",
                                                  "auth_token",
                                                  "session_token",
                                                  "api_key",
                                                  "apikey",
                                                  "private_key",
                                                  "cvv",
                                                  "cvv2",
                                                  "cvc",
                                                  "cvc2",
                                                  "csc",
                                                  "card_number",
                                                  "cardnumber",
                                                  "pin",
                                                  "otp",
                                                  "track_data",
                                                  "x-amz-signature"};
  return kNames;
}

Result<FieldPath> ParseFieldPath(std::string_view text) {
  if (!text.starts_with('$')) return BadPath(text, "must begin with $");
  FieldPath path;
  std::string_view rest = text.substr(1);
  while (!rest.empty()) {
    if (path.size() == kStepsMax) return BadPath(text, "has too many steps");
    bool is_deep = false;
    if (rest.front() == '[') {
      const std::size_t end = rest.find(']');
      if (end == std::string_view::npos) return BadPath(text, "has a [ without ]");
      Result<PathStep> step = ReadBracket(rest.substr(1, end - 1), text);
      if (!step) return std::unexpected(step.error());
      path.push_back(std::move(*step));
      rest.remove_prefix(end + 1);
      continue;
    }
    if (rest.front() != '.') return BadPath(text, "must go on with . or [");
    rest.remove_prefix(1);
    if (rest.starts_with('.')) {
      is_deep = true;
      rest.remove_prefix(1);
    }
    const std::string_view name = rest.substr(0, rest.find_first_of(".["));
    if (name.empty()) return BadPath(text, "has an empty name");
    PathStep step{.is_deep = is_deep, .name = Lowered(name)};
    if (name == "*") step.kind = PathStep::Kind::kAny;
    path.push_back(std::move(step));
    rest.remove_prefix(name.size());
  }
  if (path.empty()) return BadPath(text, "names nothing");
  return path;
}

Result<FieldNames> FieldNames::Create(const std::vector<std::string>& names,
                                      const std::vector<std::string>& paths) {
  FieldNames fields;
  if (paths.size() > kPathsMax)
    return Fail(ErrorCode::kInvalidOption, fmt::format("at most {} paths", kPathsMax));
  for (const std::string& name : names) {
    fields.names_.push_back(Lowered(name));
    fields.sizes_ |= std::uint64_t{1} << std::min(name.size(), kNameSizeMax);
  }
  for (const std::string& text : paths) {
    Result<FieldPath> path = ParseFieldPath(text);
    if (!path) return std::unexpected(path.error());
    fields.paths_.push_back(std::move(*path));
  }
  return fields;
}

bool FieldNames::HasName(std::string_view name) const {
  if ((sizes_ >> std::min(name.size(), kNameSizeMax) & 1U) == 0) return false;
  return std::ranges::any_of(
      names_, [name](const std::string& candidate) { return EqualsIgnoringCase(candidate, name); });
}

}  // namespace sluice::wire::recording
