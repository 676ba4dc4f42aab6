#include "sluice/gateway/config/endpoint.h"

#include <algorithm>
#include <utility>

#include "sluice/gateway/config/quantity.h"
#include "sluice/gateway/config/text_rules.h"

namespace sluice::gateway::config {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kExpected =
    R"(must be an endpoint such as "127.0.0.1:9001", "booking.local:9001", "[::1]:9001" or )"
    R"("unix:/path")";

std::unexpected<Error> Refuse(std::string_view detail) {
  return Fail(ErrorCode::kInvalidOption, std::string(detail));
}

std::optional<std::uint16_t> ReadPort(std::string_view text) {
  const std::optional<std::int64_t> port = ReadCount(text);
  if (!port || *port < 1 || *port > 65535 || text.size() > 5) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace

Result<Endpoint> ParseEndpoint(std::string_view text) {
  if (text.starts_with("https://")) return Refuse("https endpoints are not available yet");
  if (text.starts_with("unix:")) {
    Result<Address> address = Address::Parse(text);
    if (!address) return Refuse(kExpected);
    return Endpoint{
        .address = std::move(*address), .host = {}, .port = 0, .authority = "localhost"};
  }
  const bool is_url = text.starts_with(kHttp);
  std::string_view rest = is_url ? text.substr(kHttp.size()) : text;
  if (is_url && rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('/') != std::string_view::npos) {
    return Refuse("must be an endpoint without a path (a route's prefix_rewrite changes paths)");
  }
  const std::size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && !rest.ends_with(']');
  if (!has_port && !is_url) return Refuse(R"(must have a port, as in "booking.local:9001")");
  const std::optional<std::uint16_t> port =
      has_port ? ReadPort(rest.substr(colon + 1)) : std::optional<std::uint16_t>(80);
  if (!port) return Refuse("must have a port of 1..65535");
  std::string_view host = has_port ? rest.substr(0, colon) : rest;

  Endpoint endpoint{.address = {}, .host = {}, .port = *port, .authority = std::string(rest)};
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    const Result<Address> ip = Address::ParseIp(host);
    if (!ip || ip->family() != Address::Family::kIpv6) return Refuse(kExpected);
    endpoint.address = ip->WithPort(*port);
  } else if (const Result<Address> ip = Address::ParseIp(host);
             ip && ip->family() == Address::Family::kIpv4) {
    endpoint.address = ip->WithPort(*port);
  } else if (kHostRule.check(host) || host.starts_with('*') || host.starts_with('[')) {
    return Refuse(kExpected);
  } else if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
    return Refuse(kExpected);  // "300.0.0.1" is a broken address, not a name.
  }
  endpoint.host = Lowered(host);
  return endpoint;
}

}  // namespace sluice::gateway::config
