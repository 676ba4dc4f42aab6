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
                               .side = Side::kClient,
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
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

void EgressHosts::Forget(std::string_view name) {
  const auto found = by_name_.find(name);
  const Hosts::iterator host = found->second;
  by_name_.erase(found);
  hosts_.erase(host);
}

// `listener` belongs to the snapshot that the caller's exchange holds.
Task<Result<std::shared_ptr<UpstreamClient>>> EgressHosts::Find(
    std::string host,
    std::uint16_t port,
    const config::ListenerConfig& listener,
    EgressCaller caller,
    SteadyTime deadline) {
  std::string name = fmt::format("{} {}:{}", listener.name, host, port);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    Host& known = *found->second;
    std::shared_ptr<UpstreamClient> client = known.client;
    hosts_.splice(hosts_.begin(), hosts_, found->second);
    const bool is_due = loop_.now() >= known.good_until && !known.is_refreshing;
    if (is_due) {
      known.is_refreshing = true;
      background_.Spawn(Refresh(std::move(name), std::move(host), port, listener));
    }
    co_return client;
  }
  std::shared_ptr<Question> question;
  if (const auto asked = questions_.find(name); asked != questions_.end()) {
    question = asked->second;
  } else if (questions_.size() >= static_cast<std::size_t>(listener.egress.max_hosts)) {
    co_return std::unexpected(Error{.code = ErrorCode::kOverloaded,
                                    .side = Side::kSelf,
                                    .guard = "egress",
                                    .rule = listener.name,
                                    .detail = "as many hosts are being looked up as may be"});
  } else {
    question = std::make_shared<Question>();
    questions_.emplace(name, question);
    background_.Spawn(Ask(std::move(name), std::move(host), port, listener, deadline));
  }
  question->askers.push_back(&caller.wake);
  while (!question->answer && !caller.is_gone && loop_.now() < deadline) {
    co_await caller.wake.Wait(deadline);
  }
  std::erase(question->askers, &caller.wake);
  if (question->answer) {
    Result<std::shared_ptr<UpstreamClient>> answer = *question->answer;
    // The question had a listener of its own, which is gone: the name is the caller's.
    if (!answer && !answer.error().rule.empty()) answer.error().rule = listener.name;
    co_return answer;
  }
  if (caller.is_gone) {
    Error gone{.code = ErrorCode::kCancelled,
               .side = Side::kClient,
               .detail = "the client went away while its host was looked up"};
    co_return std::unexpected(std::move(gone));
  }
  Error late{.code = ErrorCode::kTimeout,
             .side = Side::kUpstream,
             .retry = RetryAdvice::kSafe,
             .detail = "no answer for the host in time"};
  co_return std::unexpected(std::move(late));
}

// Asks for a host that is new, and tells all who wait for it.
Task<void> EgressHosts::Ask(std::string name,
                            std::string host,
                            std::uint16_t port,
                            config::ListenerConfig listener,
                            SteadyTime deadline) {
  Nanos time_to_live = kTimeToLiveMax;
  const Result<std::vector<Address>> addresses =
      co_await AddressesOf(std::move(host), port, deadline, time_to_live);
  const std::shared_ptr<Question> question = std::move(questions_.extract(name).mapped());
  if (addresses) {
    question->answer = Keep(std::move(name), *addresses, listener, time_to_live);
  } else {
    question->answer = std::unexpected(addresses.error());
  }
  for (Event* const asker : question->askers)
    asker->Set();
}

Task<Result<std::unique_ptr<Stream>>> EgressHosts::Dial(Address address,
                                                        EgressCaller caller,
                                                        SteadyTime deadline) {
  auto dialled = std::make_shared<Dialled>();
  dialled->asker = &caller.wake;
  background_.Spawn(Connect(loop_, std::move(address), deadline, dialled));
  while (!dialled->stream && !caller.is_gone) {
    co_await caller.wake.Wait(kNever);  // The connect itself has the deadline.
  }
  dialled->asker = nullptr;
  if (!caller.is_gone) co_return std::move(*dialled->stream);
  Error gone{.code = ErrorCode::kCancelled,
             .side = Side::kClient,
             .detail = "the client went away while its tunnel was made"};
  co_return std::unexpected(std::move(gone));
}

Task<void> EgressHosts::Connect(Loop& loop,
                                Address address,
                                SteadyTime deadline,
                                std::shared_ptr<Dialled> dialled) {
  dialled->stream = co_await loop.Connect(std::move(address), deadline);
  if (dialled->asker != nullptr) {
    dialled->asker->Set();
  } else {
    dialled->stream.reset();  // Closes it.
  }
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
  const Result<std::shared_ptr<UpstreamClient>> kept =
      Keep(name, *addresses, listener, time_to_live);
  if (!kept) Forget(name);
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
    return host->client;
  }
  Result<std::shared_ptr<traffic::Upstream>> made =
      traffic::Upstream::Create(options, stats_.worker_count());
  if (!made) return std::unexpected(made.error());
  if (host == nullptr) {
    MakeRoom(static_cast<std::size_t>(listener.egress.max_hosts));
    hosts_.push_front({.name = std::move(name), .client = nullptr});
    host = &hosts_.front();
    by_name_.emplace(host->name, hosts_.begin());
  }
  host->client = std::make_shared<UpstreamClient>(loop_, std::move(*made), worker_, stats_);
  host->good_until = now + time_to_live;
  return host->client;
}

// Who is in use goes on until its last user has done with it.
void EgressHosts::MakeRoom(std::size_t hosts_max) {
  while (hosts_.size() >= hosts_max)
    Forget(hosts_.back().name);
}

}  // namespace sluice::gateway
