#include "sluice/gateway/egress_hosts.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/resolver.h"

namespace sluice::gateway {
namespace {

// Of one host's answer.
constexpr std::size_t kAddressesMax = 16;

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

// The metadata services of clouds that are not link-local: Alibaba's, and Azure's wire server.
constexpr std::array<Ipv4, 2> kMetadataIpv4 = {{{100, 100, 100, 200}, {168, 63, 129, 16}}};
// AWS: fd00:ec2::254.
constexpr Ipv6 kMetadataIpv6 = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
// Addresses that stand for an IPv4 address: NAT64 (RFC 6052) with the address at the end, and 6to4
// (RFC 3056) with the address behind the prefix.
constexpr std::array<std::uint8_t, 12> kNat64 = {0x00, 0x64, 0xff, 0x9b};
constexpr std::array<std::uint8_t, 2> k6To4 = {0x20, 0x02};

bool IsLocalIpv4(std::span<const std::uint8_t> bytes) {
  const bool is_multicast_or_reserved = bytes[0] >= 224;
  const bool is_link_local = bytes[0] == 169 && bytes[1] == 254;
  const bool is_metadata = std::ranges::any_of(
      kMetadataIpv4, [bytes](const Ipv4& known) { return std::ranges::equal(known, bytes); });
  return bytes[0] == 0 || bytes[0] == 127 || is_link_local || is_multicast_or_reserved ||
         is_metadata;
}

std::unexpected<Error> Refuse(const config::ListenerConfig& listener, std::string detail) {
  return std::unexpected(Error{.code = ErrorCode::kPermissionDenied,
                               .side = Side::kSelf,
                               .guard = "egress",
                               .rule = listener.name,
                               .detail = std::move(detail)});
}

traffic::UpstreamOptions OptionsFor(const config::ListenerConfig& listener,
                                    const std::vector<Address>& addresses) {
  traffic::UpstreamOptions options;
  options.name = listener.name;
  options.panic_threshold_percent = 0;
  for (const Address& address : addresses) {
    traffic::EndpointSpec spec;
    spec.address = address;
    options.endpoints.push_back(std::move(spec));
  }
  return options;
}

}  // namespace

bool IsLocalAddress(const Address& address) {
  const std::array<std::uint8_t, 16>& bytes = address.bytes();
  switch (address.family()) {
    case Address::Family::kUnix:
      return true;
    case Address::Family::kIpv4:
      return IsLocalIpv4(std::span(bytes).first(4));
    case Address::Family::kIpv6:
      break;
  }
  const bool starts_with_zeros =
      std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  if (starts_with_zeros) {
    // ::ffff:a.b.c.d is a.b.c.d; all others of these are unspecified, loopback or of no use.
    const bool is_mapped = bytes[10] == 0xff && bytes[11] == 0xff;
    return !is_mapped || IsLocalIpv4(std::span(bytes).last(4));
  }
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) {
    return IsLocalIpv4(std::span(bytes).last(4));
  }
  if (std::equal(k6To4.begin(), k6To4.end(), bytes.begin())) {
    return IsLocalIpv4(std::span(bytes).subspan(2, 4));
  }
  if (bytes == kMetadataIpv6) return true;
  const bool is_link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80U;
  const bool is_multicast = bytes[0] == 0xff;
  return is_link_local || is_multicast;
}

EgressHosts::EgressHosts(Loop& loop, std::size_t worker, StatsBook& stats)
    : loop_(loop), worker_(worker), stats_(stats) {}

EgressHosts::~EgressHosts() = default;

EgressHosts::Host* EgressHosts::Look(std::string_view name) {
  const auto found = std::ranges::find_if(
      hosts_, [name](const std::unique_ptr<Host>& host) { return host->name == name; });
  return found == hosts_.end() ? nullptr : found->get();
}

// `listener` belongs to the snapshot that the caller's exchange holds.
Task<Result<std::shared_ptr<UpstreamClient>>> EgressHosts::Find(
    std::string host,
    std::uint16_t port,
    const config::ListenerConfig& listener,
    SteadyTime deadline) {
  std::string name = fmt::format("{} {}:{}", listener.name, host, port);
  if (Host* const known = Look(name); known != nullptr) {
    std::shared_ptr<UpstreamClient> client = known->client;
    known->called_at = loop_.now();
    const bool is_due = loop_.now() >= known->good_until && !known->is_refreshing;
    if (is_due) {
      known->is_refreshing = true;
      refreshes_.Spawn(Refresh(std::move(name), std::move(host), port, listener));
    }
    co_return client;
  }
  Nanos time_to_live = kTimeToLiveMax;
  const Result<std::vector<Address>> addresses =
      co_await AddressesOf(std::move(host), port, deadline, time_to_live);
  if (!addresses) co_return std::unexpected(addresses.error());
  Result<std::shared_ptr<UpstreamClient>> kept =
      Keep(std::move(name), *addresses, listener, time_to_live);
  co_return kept;
}

// Asks again for a host that is known. An answer that may not be called ends what is known of it.
Task<void> EgressHosts::Refresh(std::string name,
                                std::string host,
                                std::uint16_t port,
                                config::ListenerConfig listener) {
  Nanos time_to_live = kTimeToLiveMax;
  const SteadyTime deadline = loop_.now() + kRefreshTimeMax;
  const Result<std::vector<Address>> addresses =
      co_await AddressesOf(std::move(host), port, deadline, time_to_live);
  Host* const known = Look(name);
  if (known == nullptr) co_return;  // It had to make room meanwhile.
  known->is_refreshing = false;
  if (!addresses) {
    known->good_until = loop_.now() + kRefreshPause;
    co_return;
  }
  const SteadyTime called_at = known->called_at;
  const Result<std::shared_ptr<UpstreamClient>> kept =
      Keep(name, *addresses, listener, time_to_live);
  if (kept) {
    known->called_at = called_at;  // Nobody has called just now.
  } else {
    std::erase_if(hosts_, [&name](const std::unique_ptr<Host>& one) { return one->name == name; });
  }
}

Task<Result<std::vector<Address>>> EgressHosts::AddressesOf(std::string host,
                                                            std::uint16_t port,
                                                            SteadyTime deadline,
                                                            Nanos& time_to_live) {
  const Result<Address> literal = Address::Parse(fmt::format("{}:{}", host, port));
  if (literal) co_return std::vector<Address>{*literal};
  Result<Resolution> answer = co_await loop_.resolver().Resolve(std::move(host), port, deadline);
  if (!answer) {
    Error error = std::move(answer.error());
    error.side = Side::kUpstream;
    error.retry = RetryAdvice::kSafe;
    co_return std::unexpected(std::move(error));
  }
  std::ranges::sort(answer->addresses);
  time_to_live = std::min(answer->time_to_live, kTimeToLiveMax);
  co_return std::move(answer->addresses);
}

Result<std::shared_ptr<UpstreamClient>> EgressHosts::Keep(std::string name,
                                                          std::vector<Address> addresses,
                                                          const config::ListenerConfig& listener,
                                                          Nanos time_to_live) {
  if (!listener.egress.local_addresses) std::erase_if(addresses, &IsLocalAddress);
  if (addresses.empty()) return Refuse(listener, "every address is local");
  if (addresses.size() > kAddressesMax) addresses.resize(kAddressesMax);
  const SteadyTime now = loop_.now();
  Host* host = Look(name);
  const traffic::UpstreamOptions options = OptionsFor(listener, addresses);
  if (host != nullptr && host->client->upstream->options() == options) {
    host->good_until = now + time_to_live;
    host->called_at = now;
    return host->client;
  }
  Result<std::shared_ptr<traffic::Upstream>> made =
      traffic::Upstream::Create(options, stats_.worker_count());
  if (!made) return std::unexpected(made.error());
  if (host == nullptr) {
    MakeRoom(static_cast<std::size_t>(listener.egress.max_hosts));
    hosts_.push_back(std::make_unique<Host>());
    host = hosts_.back().get();
    host->name = std::move(name);
  }
  host->client = std::make_shared<UpstreamClient>(loop_, std::move(*made), worker_, stats_);
  host->good_until = now + time_to_live;
  host->called_at = now;
  return host->client;
}

// Who is in use goes on until its last user has done with it.
void EgressHosts::MakeRoom(std::size_t hosts_max) {
  while (hosts_.size() >= hosts_max) {
    hosts_.erase(std::ranges::min_element(
        hosts_, {}, [](const std::unique_ptr<Host>& host) { return host->called_at; }));
  }
}

}  // namespace sluice::gateway
