#include "sluice/gateway/jwt_claim.h"

#include <cstdint>

#include "sluice/gateway/flows/json_text.h"
#include "sluice/wire/ascii.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::size_t kTokenCharsMax = 16'384;

int Base64UrlDigit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

// RFC 4648 section 5, without padding. False for anything else.
bool DecodeBase64Url(std::string_view text, std::string& out) {
  out.clear();
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = Base64UrlDigit(c);
    if (digit < 0) return false;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
  }
  return count < 6;
}

}  // namespace

std::optional<std::string_view> JwtClaim(std::string_view authorization,
                                         std::string_view claim,
                                         std::string& scratch) {
  if (authorization.size() <= kBearer.size() || authorization.size() > kTokenCharsMax) {
    return std::nullopt;
  }
  if (!wire::EqualsIgnoringCase(authorization.substr(0, kBearer.size()), kBearer)) {
    return std::nullopt;
  }
  std::string_view token = authorization.substr(kBearer.size());
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  token.remove_prefix(first + 1);
  const std::size_t second = token.find('.');
  if (second == std::string_view::npos) return std::nullopt;
  std::string payload;
  if (!DecodeBase64Url(token.substr(0, second), payload)) return std::nullopt;
  if (!flows::IsJson(payload) || flows::JsonKindOf(payload) != flows::JsonKind::kObject) {
    return std::nullopt;
  }
  const auto pointer = flows::JsonPointer::Parse(std::string("/").append(claim));
  if (!pointer) return std::nullopt;
  const std::optional<std::string_view> value = flows::FindJson(payload, *pointer);
  if (!value) return std::nullopt;
  scratch.clear();
  const flows::JsonKind kind = flows::JsonKindOf(*value);
  if (kind == flows::JsonKind::kString) {
    flows::AppendJsonContent(*value, scratch);
  } else if (kind == flows::JsonKind::kNumber) {
    scratch = *value;
  }
  if (scratch.empty()) return std::nullopt;
  return scratch;
}

}  // namespace sluice::gateway
