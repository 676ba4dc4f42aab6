#include "sluice/platform/sim/network.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/listener.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/stream.h"
#include "sluice/platform/sim/world.h"

namespace sluice::sim {
namespace {

constexpr std::uint16_t kFirstServerPort = 20000;
constexpr std::uint16_t kFirstClientPort = 32768;  // Linux's range of ephemeral ports.
constexpr std::uint16_t kLastClientPort = 60999;

bool IsWildcard(const Address& address) {
  return address.family() != Address::Family::kUnix &&
         std::ranges::all_of(address.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

std::uint64_t Detail(const Connection& connection, Role role) {
  return (connection.number() << 1U) | static_cast<std::uint64_t>(role);
}

Role RoleOf(std::uint64_t detail) {
  return (detail & 1U) == 0 ? Role::kClient : Role::kServer;
}

}  // namespace

Network::Network(World& world, const LinkOptions& link, std::uint64_t seed, bool recut)
    : world_(world),
      default_link_(link),
      recut_random_(seed),
      recut_(recut),
      connector_(*this),
      next_server_port_(kFirstServerPort),
      next_client_port_(kFirstClientPort) {}

Network::~Network() = default;

SteadyTime Network::now() const {
  return world_.now();
}

Site& Network::SiteOf(const Address& address, const Loop& loop) {
  return SiteOf(IsWildcard(address) ? loop.host().WithPort(address.port()) : address);
}

Site& Network::SiteOf(const Address& address) {
  const auto [entry, is_new] = sites_.try_emplace(address);
  if (is_new) {
    entry->second.address = address;
    entry->second.link = default_link_;
  }
  return entry->second;
}

const Site* Network::FindSite(const Address& address) const {
  const auto found = sites_.find(address);
  return found == sites_.end() ? nullptr : &found->second;
}

Result<Address> Network::AllotPort(const Address& address, const Loop& loop) {
  if (address.family() == Address::Family::kUnix || address.port() != 0) return address;
  for (int tried = 0; tried < kFirstClientPort - kFirstServerPort; ++tried) {
    const std::uint16_t port = next_server_port_++;
    if (next_server_port_ == kFirstClientPort) next_server_port_ = kFirstServerPort;
    if (SiteOf(address.WithPort(port), loop).listeners.empty()) return address.WithPort(port);
  }
  return Fail(ErrorCode::kAddressInUse, "no port is free");
}

Result<std::unique_ptr<sluice::Listener>> Network::Listen(Loop& loop,
                                                          const Address& address,
                                                          const ListenOptions& options) {
  const bool is_unix = address.family() == Address::Family::kUnix;
  if (options.backlog < 1 || (is_unix && address.path().empty())) {
    return Fail(ErrorCode::kInvalidOption, fmt::format("listening on {} with a backlog of {}",
                                                       address.ToString(), options.backlog));
  }
  const Result<Address> asked = AllotPort(address, loop);
  if (!asked) return std::unexpected(asked.error());
  Site& site = SiteOf(*asked, loop);
  if (site.denies_listening) {
    return Fail(ErrorCode::kPermissionDenied, fmt::format("listening on {}", asked->ToString()));
  }
  const auto shares = [](const Listener* other) { return other->shares_port(); };
  const bool all_share = options.share_port && std::ranges::all_of(site.listeners, shares);
  if (!site.listeners.empty() && !all_share) {
    return Fail(ErrorCode::kAddressInUse, fmt::format("listening on {}", asked->ToString()));
  }
  Listener::Place place{.site = &site,
                        .asked = *asked,
                        .backlog_max = static_cast<std::size_t>(options.backlog),
                        .shares_port = options.share_port};
  auto listener = std::make_unique<Listener>(*this, loop, next_listener_++, std::move(place));
  site.listeners.push_back(listener.get());
  listeners_.emplace(listener->number(), listener.get());
  return listener;
}

void Network::Forget(Listener& listener) {
  std::erase(listener.site().listeners, &listener);
  listeners_.erase(listener.number());
}

Listener* Network::NextListener(Site& site) {
  if (site.listeners.empty()) return nullptr;
  return site.listeners[site.next_listener++ % site.listeners.size()];
}

Address Network::AllotClientAddress(const Loop& loop, const Site& site) {
  if (site.address.family() == Address::Family::kUnix) return Address::Unix("");
  const std::uint16_t port = next_client_port_;
  next_client_port_ = port == kLastClientPort ? kFirstClientPort : std::uint16_t(port + 1U);
  return loop.host().WithPort(port);
}

Connection& Network::Make(Site& site, Connection::End client, Connection::End server) {
  const std::uint64_t number = next_connection_++;
  auto made = std::make_unique<Connection>(*this, number, site, recut_ ? &recut_random_ : nullptr);
  made->end(Role::kClient) = std::move(client);
  made->end(Role::kServer) = std::move(server);
  return *connections_.emplace(number, std::move(made)).first->second;
}

Connection* Network::Find(std::uint64_t number) {
  const auto found = connections_.find(number);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Network::ResetConnections(const Site& site) {
  for (auto& [number, connection] : connections_) {
    if (&connection->site() == &site) connection->ResetBoth();
  }
}

bool Network::Silent(const Site& site, const Loop& client) const {
  return site.silence == Silence::kData || Unreachable(site, client);
}

bool Network::Unreachable(const Site& site, const Loop& client) const {
  if (site.silence == Silence::kAll) return true;
  return !dropped_hosts_.empty() && (dropped_hosts_.contains(site.address.WithPort(0)) ||
                                     dropped_hosts_.contains(client.host().WithPort(0)));
}

void Network::SetSilence(Site& site, Silence silence) {
  site.silence = silence;
  ResumeAll();
}

void Network::SetHostDropped(const Address& host, bool dropped) {
  if (dropped) {
    dropped_hosts_.insert(host.WithPort(0));
  } else {
    dropped_hosts_.erase(host.WithPort(0));
  }
  ResumeAll();
}

// Who is still silent finds out by himself.
void Network::ResumeAll() {
  for (auto& [number, connection] : connections_)
    connection->Resume();
}

void Network::LimitStreams(Loop& loop, std::size_t streams_max) {
  loop.streams_max_ = streams_max;
  OnDescriptorFree(loop);
}

void Network::OnDescriptorFree(Loop& loop) {
  if (!loop.HasDescriptor()) return;
  for (auto& [number, listener] : listeners_) {
    if (&listener->loop() != &loop || !listener->paused()) continue;
    world_.Schedule(now(), loop, &OnRoom, this, number);
  }
}

void Network::ScheduleArrival(SteadyTime at, Connection& connection, Role role) {
  world_.Schedule(at, *connection.end(role).loop, &OnArrival, this, Detail(connection, role));
}

void Network::ScheduleGrant(SteadyTime at, Connection& connection, Role role) {
  world_.Schedule(at, *connection.end(role).loop, &OnGrant, this, Detail(connection, role));
}

void Network::ScheduleAcceptable(SteadyTime at, Connection& connection, Listener& listener) {
  world_.Schedule(at, *connection.end(Role::kServer).loop, &OnAcceptable, this, listener.number());
}

void Network::OnArrival(void* network, std::uint64_t detail) {
  Connection* connection = static_cast<Network*>(network)->Find(detail >> 1U);
  if (connection != nullptr) connection->OnArrival(RoleOf(detail));
}

void Network::OnGrant(void* network, std::uint64_t detail) {
  Connection* connection = static_cast<Network*>(network)->Find(detail >> 1U);
  if (connection != nullptr) connection->OnGrant(RoleOf(detail));
}

void Network::OnAcceptable(void* network, std::uint64_t listener) {
  auto& self = *static_cast<Network*>(network);
  const auto found = self.listeners_.find(listener);
  if (found != self.listeners_.end()) found->second->OnAcceptable();
}

void Network::OnRoom(void* network, std::uint64_t listener) {
  auto& self = *static_cast<Network*>(network);
  const auto found = self.listeners_.find(listener);
  if (found != self.listeners_.end()) found->second->OnDescriptorFree();
}

std::vector<SteadyTime>& Network::scratch() {
  scratch_.clear();
  return scratch_;
}

void Network::Note(Step step, const Loop& loop, std::uint64_t subject, std::uint64_t detail) {
  world_.trace().Add({.at = now(),
                      .step = step,
                      .loop = loop.number(),
                      .subject = subject,
                      .detail = detail,
                      .text = {}});
}

void Network::NoteBytes(const Loop& loop, std::uint64_t subject, ByteView bytes) {
  Note(Step::kReceived, loop, subject, bytes.size());
  world_.trace().MixBytes(bytes);
}

void Network::NoteFault(std::string text) {
  world_.trace().Add({.at = now(), .step = Step::kFault, .text = std::move(text)});
}

std::size_t Network::pending_operations() const {
  std::size_t pending = connector_.under_way();
  for (const auto& [number, listener] : listeners_)
    pending += listener->pending_operations();
  for (const auto& [number, connection] : connections_) {
    for (const Role role : {Role::kClient, Role::kServer}) {
      const Stream* stream = connection->end(role).stream;
      if (stream != nullptr) pending += stream->pending_operations();
    }
  }
  return pending;
}

}  // namespace sluice::sim
