#include "sluice/wire/authority.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "sluice/wire/ascii.h"
#include "sluice/wire/percent.h"

namespace sluice::wire {
namespace {

constexpr std::size_t kHostMax = 255;

bool IsNameByte(char c) {
  return IsDigit(c) || (ToLower(c) >= 'a' && ToLower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > kHostMax) return false;
  if (host.front() == '[') {
    // Hex digits, colons and the dots of an embedded IPv4 address; whoever connects reads it fully.
    const std::string_view inside = host.substr(1, host.size() - 2);
    bool has_colon = false;
    for (const char c : inside) {
      if (HexValue(c) < 0 && c != ':' && c != '.') return false;
      has_colon |= c == ':';
    }
    return has_colon;
  }
  for (const char c : host) {
    if (!IsNameByte(c)) return false;
  }
  return true;
}

// The length of the host part of "host:port", "[v6]:port" and their portless forms.
std::size_t HostLength(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    return bracket == std::string_view::npos ? 0 : bracket + 1;
  }
  return std::min(authority.find(':'), authority.size());
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5 || !IsDigit(text.front())) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<std::uint16_t> DefaultPort(std::string_view scheme) {
  if (scheme == "http") return std::uint16_t{80};
  if (scheme == "https") return std::uint16_t{443};
  return std::nullopt;
}

std::optional<std::uint16_t> EffectivePort(const HostPort& authority, std::string_view scheme) {
  return authority.port ? authority.port : DefaultPort(scheme);
}

}  // namespace

Result<HostPort> SplitAuthority(std::string_view authority) {
  const std::size_t host_length = HostLength(authority);
  HostPort split{.host = authority.substr(0, host_length), .port = std::nullopt};
  if (!IsHost(split.host)) return Fail(ErrorCode::kBadRequest, "the host is empty or malformed");
  const std::string_view rest = authority.substr(host_length);
  if (rest.empty()) return split;
  split.port = ParsePort(rest.substr(1));
  if (rest.front() != ':' || !split.port) {
    return Fail(ErrorCode::kBadRequest, "the port is not a number in 0..65535");
  }
  return split;
}

void AppendCanonicalAuthority(const HostPort& authority,
                              std::string_view scheme,
                              std::string& out) {
  for (const char c : authority.host)
    out.push_back(ToLower(c));
  if (!authority.port || authority.port == DefaultPort(scheme)) return;
  char digits[5];
  const auto written = std::to_chars(digits, digits + sizeof(digits), *authority.port);
  out.push_back(':');
  out.append(digits, written.ptr);
}

bool SameAuthority(const HostPort& a, const HostPort& b, std::string_view scheme) {
  return EqualsIgnoringCase(a.host, b.host) && EffectivePort(a, scheme) == EffectivePort(b, scheme);
}

std::optional<std::string_view> FindQueryParameter(std::string_view query,
                                                   std::string_view name,
                                                   std::string& scratch) {
  for (std::string_view rest = query; !rest.empty();) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view pair = rest.substr(0, ampersand);
    rest = ampersand == std::string_view::npos ? std::string_view{} : rest.substr(ampersand + 1);

    const std::size_t equals = pair.find('=');
    if (DecodeQueryPart(pair.substr(0, equals), scratch) != name) continue;
    if (equals == std::string_view::npos) return std::string_view{};
    return DecodeQueryPart(pair.substr(equals + 1), scratch);
  }
  return std::nullopt;
}

}  // namespace sluice::wire
