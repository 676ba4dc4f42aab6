#include "sluice/wire/recording/field_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

constexpr std::size_t kStepsMax = 32;
constexpr std::size_t kNameSizeMax = 63;

// Of a name without its separators: these make it one of a secret anywhere, …
constexpr std::array<std::string_view, 7> kAnywhere{
    "password", "passwd", "passphrase", "passcode", "apikey", "privatekey", "cardnumber"};
// … these at its end, …
constexpr std::array<std::string_view, 4> kAtTheEnd{"secret", "token", "secretkey", "accesskey"};
// … and these only as its last word: they are the end of many words that are none.
constexpr std::array<std::string_view, 8> kLastWord{"pin", "otp",  "cvv", "cvv2",
                                                    "cvc", "cvc2", "csc", "pwd"};
constexpr std::string_view kBetweenParts = "[].";

bool IsLetter(char c) {
  return ToLower(c) >= 'a' && ToLower(c) <= 'z';
}

bool IsUpper(char c) {
  return c != ToLower(c);
}

// What follows the last separator, or the last capital letter behind a small one.
std::string_view LastWordOf(std::string_view name) {
  while (!name.empty() && !IsLetter(name.back()) && !IsDigit(name.back()))
    name.remove_suffix(1);
  std::size_t start = name.size();
  while (start > 0) {
    const char c = name[start - 1];
    if (!IsLetter(c) && !IsDigit(c)) break;
    const bool is_border =
        start < name.size() && !IsUpper(c) && IsLetter(c) && IsUpper(name[start]);
    if (is_border) break;
    --start;
  }
  return name.substr(start);
}

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
                                      const std::vector<std::string>& paths,
                                      Compounds compounds) {
  FieldNames fields;
  fields.compounds_ = compounds;
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

bool IsSecretCompound(std::string_view name) {
  std::string squashed;
  for (const char c : name) {
    if (IsLetter(c) || IsDigit(c)) squashed += ToLower(c);
  }
  const std::string_view last_word = LastWordOf(name);
  return std::ranges::any_of(
             kAnywhere, [&squashed](std::string_view word) { return squashed.contains(word); }) ||
         std::ranges::any_of(
             kAtTheEnd, [&squashed](std::string_view word) { return squashed.ends_with(word); }) ||
         std::ranges::any_of(kLastWord, [last_word](std::string_view word) {
           return EqualsIgnoringCase(word, last_word);
         });
}

bool FieldNames::HasName(std::string_view name) const {
  if (IsListed(name)) return true;
  if (compounds_ == Compounds::kCounted && IsSecretCompound(name)) return true;
  if (name.find_first_of(kBetweenParts) == std::string_view::npos) return false;
  std::string_view rest = name;
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of(kBetweenParts);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (part.empty()) continue;
    if (IsListed(part)) return true;
    if (compounds_ == Compounds::kCounted && IsSecretCompound(part)) return true;
  }
  return false;
}

bool FieldNames::IsListed(std::string_view name) const {
  if ((sizes_ >> std::min(name.size(), kNameSizeMax) & 1U) == 0) return false;
  return std::ranges::any_of(
      names_, [name](const std::string& candidate) { return EqualsIgnoringCase(candidate, name); });
}

}  // namespace sluice::wire::recording
