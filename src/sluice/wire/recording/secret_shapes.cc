#include "sluice/wire/recording/secret_shapes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/masked_text.h"

namespace sluice::wire::recording {
namespace {

struct SecretWord {
  std::string_view text;
  bool may_go_on = false;  // As in password_confirmation.
};
constexpr std::array<SecretWord, 9> kSecretWords{{{.text = "password", .may_go_on = true},
                                                  {.text = "passwd", .may_go_on = true},
                                                  {.text = "passphrase", .may_go_on = true},
                                                  {.text = "secret"},
                                                  {.text = "access_token"},
                                                  {.text = "refresh_token"},
                                                  {.text = "id_token"},
                                                  {.text = "api_key"},
                                                  {.text = "apikey"}}};

// A header of a token is JSON: `{"` in base64url.
constexpr std::string_view kTokenBegin = "eyJ";
constexpr std::size_t kTokenPartMin = 10;
constexpr std::size_t kLeadingMax = 8;  // Quotes in front of a value, escaped more than once.

bool IsBase64Url(char c) {
  return IsDigit(c) || (ToLower(c) >= 'a' && ToLower(c) <= 'z') || c == '-' || c == '_';
}

std::size_t SizeOfBase64Url(std::string_view text) {
  const auto* const end = std::ranges::find_if_not(text, IsBase64Url);
  return static_cast<std::size_t>(end - text.begin());
}

// At the begin of `text`: header "." claims "." …. The size of it, or 0.
std::size_t SizeOfToken(std::string_view text) {
  const std::size_t header = SizeOfBase64Url(text);
  if (header < kTokenPartMin || !text.substr(header).starts_with('.')) return 0;
  const std::string_view rest = text.substr(header + 1);
  const std::size_t claims = SizeOfBase64Url(rest);
  if (claims < kTokenPartMin || !rest.starts_with(kTokenBegin)) return 0;
  return rest.substr(claims).starts_with('.') ? header + 1 + claims + 1 : 0;
}

std::string_view Without(std::string_view text, std::string_view leading) {
  text.remove_prefix(std::min(text.find_first_not_of(leading), text.size()));
  return text;
}

// What is behind a `:` or `=`: empty, masked, a word of JSON or a container is no secret.
bool IsSecretValue(std::string_view text, std::string_view leading) {
  const std::string_view value = Without(text, leading);
  if (value.empty() || text.size() - value.size() > kLeadingMax) return false;
  if (std::string_view("\"'\\&;,{}[]<>\r\n ").contains(value.front())) return false;
  return !value.starts_with(kMaskedPrefix) && !value.starts_with("null") &&
         !value.starts_with("true") && !value.starts_with("false");
}

// Whether a name that goes on with `rest` has a value that is a secret. `is_line` where the name
// begins its line.
bool HasSecretValue(std::string_view rest, bool is_line) {
  std::string_view behind = Without(rest, "\"'\\]");
  if (behind.starts_with("%5D") || behind.starts_with("%5d")) behind.remove_prefix(3);
  const bool is_quoted = rest.starts_with('"') || rest.starts_with('\'') || rest.starts_with('\\');
  if (behind.starts_with('=')) return IsSecretValue(behind.substr(1), "\"'");
  behind = Without(behind, " \t\r\n");
  // Prose has colons, too.
  if (!behind.starts_with(':') || !(is_quoted || is_line)) return false;
  behind = Without(behind.substr(1), " \t\r\n");
  return IsSecretValue(behind, "\"'\\");
}

std::size_t SecretAt(std::string_view text, std::size_t at) {
  for (const SecretWord& word : kSecretWords) {
    if (!EqualsIgnoringCase(text.substr(at, word.text.size()), word.text)) continue;
    std::string_view rest = text.substr(at + word.text.size());
    if (word.may_go_on) rest.remove_prefix(SizeOfBase64Url(rest));
    const bool is_line = at == 0 || text[at - 1] == '\n';
    if (HasSecretValue(rest, is_line)) return word.text.size();
  }
  return 0;
}

}  // namespace

std::size_t CountSecretShapes(std::string_view text) {
  std::size_t count = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    const bool is_new_token = c == 'e' && text.substr(at).starts_with(kTokenBegin) &&
                              (at == 0 || !IsBase64Url(text[at - 1]));
    std::size_t size = is_new_token ? SizeOfToken(text.substr(at)) : 0;
    if (size == 0 && std::string_view("psariPSARI").contains(c)) size = SecretAt(text, at);
    if (size > 0) ++count;
    at += std::max<std::size_t>(size, 1);
  }
  return count;
}

void FindSecretShapes(const RecordedExchange& exchange, std::vector<MaskFinding>& findings) {
  for (const bool is_request : {true, false}) {
    const Message& message = is_request ? exchange.request : exchange.response;
    for (const bool is_head : {true, false}) {
      const std::size_t count = CountSecretShapes(is_head ? message.head : message.body);
      if (count == 0) continue;
      findings.push_back({.kind = MaskKind::kShape,
                          .place = fmt::format("{} {}", is_request ? "request" : "response",
                                               is_head ? "head" : "body"),
                          .count = static_cast<std::uint32_t>(count)});
    }
  }
}

}  // namespace sluice::wire::recording
