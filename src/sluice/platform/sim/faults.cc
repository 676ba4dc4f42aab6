#include "sluice/platform/sim/faults.h"

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/network.h"

namespace sluice::sim {

bool Faults::Strikes(std::string_view name) {
  auto found = points_.find(name);
  if (found == points_.end()) found = points_.emplace(name, Point{}).first;
  Point& point = found->second;
  ++point.asked;
  if (!point.armed) return false;
  const FaultPointOptions& options = point.options;
  ++point.asked_since_armed;
  if (point.asked_since_armed <= options.after) return false;
  if (point.struck_since_armed >= options.times) return false;
  if (!random_.Strikes(options.probability)) return false;
  ++point.struck_since_armed;
  ++point.struck;
  network_.NoteFault(std::string(name));
  return true;
}

void Faults::Arm(std::string_view name, const FaultPointOptions& options) {
  SLUICE_ASSERT(options.probability >= 0 && options.probability <= 1);
  Point& point = points_[std::string(name)];
  point.options = options;
  point.armed = true;
  point.asked_since_armed = 0;
  point.struck_since_armed = 0;
}

void Faults::Disarm(std::string_view name) {
  points_[std::string(name)].armed = false;
}

std::uint64_t Faults::asked(std::string_view name) const {
  const auto found = points_.find(name);
  return found == points_.end() ? 0 : found->second.asked;
}

std::uint64_t Faults::struck(std::string_view name) const {
  const auto found = points_.find(name);
  return found == points_.end() ? 0 : found->second.struck;
}

void Faults::RefuseConnects(const Address& server) {
  network_.NoteFault(fmt::format("{} refuses connects", server.ToString()));
  network_.SiteOf(server).refuses = true;
}

void Faults::SetSilence(const Address& server, Silence silence) {
  network_.NoteFault(
      fmt::format("{} silence {}", server.ToString(), static_cast<unsigned>(silence)));
  network_.SetSilence(network_.SiteOf(server), silence);
}

void Faults::Restore(const Address& server) {
  network_.NoteFault(fmt::format("{} is restored", server.ToString()));
  Site& site = network_.SiteOf(server);
  site.refuses = false;
  network_.SetSilence(site, Silence::kNone);
}

void Faults::ResetConnections(const Address& server) {
  network_.NoteFault(fmt::format("connections to {} are reset", server.ToString()));
  network_.ResetConnections(network_.SiteOf(server));
}

void Faults::SetLink(const Address& server, const LinkOptions& link) {
  SLUICE_ASSERT(link.latency >= Nanos(0));
  SLUICE_ASSERT(link.send_buffer_bytes >= 1 && link.receive_buffer_bytes >= 1);
  SLUICE_ASSERT(link.segment_bytes_max >= 1);
  network_.NoteFault(fmt::format("{} has a new link", server.ToString()));
  network_.SiteOf(server).link = link;
}

LinkOptions Faults::link(const Address& server) const {
  const Site* site = network_.FindSite(server);
  return site == nullptr ? network_.default_link() : site->link;
}

void Faults::DropHost(const Address& host) {
  network_.NoteFault(fmt::format("host of {} is dropped", host.ToString()));
  network_.SetHostDropped(host, /*dropped=*/true);
}

void Faults::RestoreHost(const Address& host) {
  network_.NoteFault(fmt::format("host of {} is back", host.ToString()));
  network_.SetHostDropped(host, /*dropped=*/false);
}

void Faults::LimitStreams(Loop& loop, std::size_t streams_max) {
  network_.NoteFault(fmt::format("{} has room for {} streams", loop.name(), streams_max));
  network_.LimitStreams(loop, streams_max);
}

void Faults::DenyListen(const Address& address) {
  network_.SiteOf(address).denies_listening = true;
}

}  // namespace sluice::sim
