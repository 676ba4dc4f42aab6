// Network: who listens where, and the connections between.
//
// Internal to the simulation: rooms see Loop, Stream and Listener; tests switch faults in Faults.
// Belongs to one world, and to its thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/platform/sim/connection.h"
#include "sluice/platform/sim/connector.h"
#include "sluice/platform/sim/faults.h"
#include "sluice/platform/sim/link.h"
#include "sluice/platform/sim/trace.h"

namespace sluice::sim {

class Listener;
class Loop;
class World;

// All that is known of a server's address, whether somebody listens there or not.
struct Site {
  Address address;
  LinkOptions link;
  bool refuses = false;
  bool denies_listening = false;
  Silence silence = Silence::kNone;
  std::vector<Listener*> listeners;  // More than one only where the port is shared.
  std::size_t next_listener = 0;     // Connections go round.
};

class Network {
 public:
  Network(World& world, const LinkOptions& link, std::uint64_t seed, bool recut);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  // The site of `address`, which is made when asked for the first time and stays for ever. A
  // wildcard stands for `loop`'s host.
  [[nodiscard]] Site& SiteOf(const Address& address, const Loop& loop);
  [[nodiscard]] Site& SiteOf(const Address& address);
  [[nodiscard]] const Site* FindSite(const Address& address) const;
  [[nodiscard]] const LinkOptions& default_link() const { return default_link_; }

  [[nodiscard]] Result<std::unique_ptr<sluice::Listener>> Listen(Loop& loop,
                                                                 const Address& address,
                                                                 const ListenOptions& options);
  void Forget(Listener& listener);
  // Where the next connection to `site` queues; nullptr when nobody listens.
  [[nodiscard]] Listener* NextListener(Site& site);

  [[nodiscard]] Connection& Make(Site& site, Connection::End client, Connection::End server);
  // nullptr when it is gone.
  [[nodiscard]] Connection* Find(std::uint64_t number);
  void Remove(std::uint64_t number) { connections_.erase(number); }
  void ResetConnections(const Site& site);
  [[nodiscard]] Address AllotClientAddress(const Loop& loop, const Site& site);

  // True when packets between the two are lost.
  [[nodiscard]] bool Silent(const Site& site, const Loop& client) const;
  // True when not even a connection can be made.
  [[nodiscard]] bool Unreachable(const Site& site, const Loop& client) const;
  void SetSilence(Site& site, Silence silence);
  void SetHostDropped(const Address& host, bool dropped);

  // A descriptor of `loop` came free, or its limit was raised.
  void OnDescriptorFree(Loop& loop);
  void LimitStreams(Loop& loop, std::size_t streams_max);

  void ScheduleArrival(SteadyTime at, Connection& connection, Role role);
  void ScheduleGrant(SteadyTime at, Connection& connection, Role role);
  void ScheduleAcceptable(SteadyTime at, Connection& connection, Listener& listener);
  // Lends a scratch list, empty.
  [[nodiscard]] std::vector<SteadyTime>& scratch();

  void Note(Step step, const Loop& loop, std::uint64_t subject, std::uint64_t detail);
  void NoteBytes(const Loop& loop, std::uint64_t subject, ByteView bytes);
  void NoteFault(std::string text);

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] SteadyTime now() const;
  [[nodiscard]] Connector& connector() { return connector_; }
  [[nodiscard]] std::size_t open_listeners() const { return listeners_.size(); }
  [[nodiscard]] std::size_t pending_operations() const;

 private:
  static void OnArrival(void* network, std::uint64_t detail);
  static void OnGrant(void* network, std::uint64_t detail);
  static void OnAcceptable(void* network, std::uint64_t listener);
  static void OnRoom(void* network, std::uint64_t listener);

  [[nodiscard]] Result<Address> AllotPort(const Address& address, const Loop& loop);
  void ResumeAll();

  World& world_;
  LinkOptions default_link_;
  Random recut_random_;
  bool recut_;
  std::map<Address, Site> sites_;
  std::set<Address> dropped_hosts_;  // Port 0.
  std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<std::uint64_t, Listener*> listeners_;
  Connector connector_;
  std::vector<SteadyTime> scratch_;
  std::uint64_t next_connection_ = 1;
  std::uint64_t next_listener_ = 1;
  std::uint16_t next_server_port_;
  std::uint16_t next_client_port_;
};

}  // namespace sluice::sim
