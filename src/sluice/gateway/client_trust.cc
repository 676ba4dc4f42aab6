#include "sluice/gateway/client_trust.h"

#include <algorithm>

#include "sluice/contract/result.h"
#include "sluice/wire/ascii.h"

namespace sluice::gateway {
namespace {

// An element may carry a port ("10.0.0.1:1234", "[::1]:80"), as some load balancers write it.
Result<Address> ReadElement(std::string_view element) {
  Result<Address> bare = Address::ParseIp(element);
  if (bare) return bare;
  if (element.starts_with("unix:")) return bare;
  return Address::Parse(element);
}

}  // namespace

bool IsTrusted(const Address& peer, std::span<const AddressBlock> trusted_proxies) {
  return std::ranges::any_of(trusted_proxies,
                             [&peer](const AddressBlock& block) { return block.Contains(peer); });
}

Address ClientAddress(const Address& peer,
                      std::string_view forwarded_for,
                      std::span<const AddressBlock> trusted_proxies) {
  Address client = peer;
  std::string_view rest = forwarded_for;
  while (!rest.empty() && IsTrusted(client, trusted_proxies)) {
    const std::size_t comma = rest.rfind(',');
    const std::string_view element =
        wire::TrimWhitespace(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    const Result<Address> address = ReadElement(element);
    if (!address) break;
    client = *address;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
  }
  return client;
}

}  // namespace sluice::gateway
