// Faults: what goes wrong in a simulated world, and when.
//
// Two kinds. Named points: code under simulation asks `Strikes("archive.write")` where the outside
// world could fail it, and a test arms the points it wants to see strike. Network faults: switches
// on addresses, hosts and loops, which work at once, on existing connections too.
// Belongs to one world, and to its thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "sluice/contract/address.h"
#include "sluice/contract/random.h"
#include "sluice/platform/sim/link.h"

namespace sluice::sim {

class Loop;
class Network;
class Trace;

struct FaultPointOptions {
  double probability = 1;                                           // Of each asking; 0..1.
  std::uint64_t after = 0;                                          // Lets so many askings pass.
  std::uint64_t times = std::numeric_limits<std::uint64_t>::max();  // Then strikes so often.
};

enum class Silence : std::uint8_t {
  kNone,
  kData,  // Connects succeed, but then nothing flows, in either direction.
  kAll,   // Connects do not complete either.
};

class Faults {
 public:
  Faults(Network& network, std::uint64_t seed) : network_(network), random_(seed) {}
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  // True when the point `name` is armed and strikes now. Points never armed never strike.
  [[nodiscard]] bool Strikes(std::string_view name);
  // Arms `name` anew: counts of an earlier arming are forgotten.
  void Arm(std::string_view name, const FaultPointOptions& options);
  void Disarm(std::string_view name);
  // How often `name` was asked, armed or not, and how often it struck.
  [[nodiscard]] std::uint64_t asked(std::string_view name) const;
  [[nodiscard]] std::uint64_t struck(std::string_view name) const;

  // Connects to `server` are refused, though somebody listens; existing connections live on.
  void RefuseConnects(const Address& server);
  // Packets to and from `server` vanish; no one is told. What was sent meanwhile arrives when the
  // silence ends, as TCP's retransmissions would have it.
  void SetSilence(const Address& server, Silence silence);
  // Ends RefuseConnects and SetSilence.
  void Restore(const Address& server);
  // Both ends of every connection to `server` find it reset, now.
  void ResetConnections(const Address& server);

  // What is sent from now on travels by `link`, also on existing connections.
  void SetLink(const Address& server, const LinkOptions& link);
  [[nodiscard]] LinkOptions link(const Address& server) const;

  // Every address of `host` (an address whose port is ignored) is silent, and so is every
  // connection that a loop of this host has made.
  void DropHost(const Address& host);
  void RestoreHost(const Address& host);

  // `loop` may have at most `streams_max` streams open: beyond, accepting pauses and connects fail
  // with kOutOfDescriptors. Streams already open stay.
  void LimitStreams(Loop& loop, std::size_t streams_max);

  // Listening on `address` fails with kPermissionDenied.
  void DenyListen(const Address& address);

 private:
  struct Point {
    FaultPointOptions options;
    bool armed = false;
    std::uint64_t asked_since_armed = 0;
    std::uint64_t struck_since_armed = 0;
    std::uint64_t asked = 0;
    std::uint64_t struck = 0;
  };

  Network& network_;
  Random random_;
  std::map<std::string, Point, std::less<>> points_;
};

}  // namespace sluice::sim
