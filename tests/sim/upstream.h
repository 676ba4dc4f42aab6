// SimUpstream: the servers behind the gateway, played by the scenario.
//
// One listener an endpoint. Each answer bears `x-answered-by: NAME/ENDPOINT`, by which clients
// tell who answered. Counts requests and keeps the bytes of the last ones for checks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/message_reader.h"
#include "tests/sim/scenario.h"
#include "tests/sim/timeline.h"

#include "sluice/contract/result.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/world.h"

namespace sluice::scenario {

class SimUpstream {
 public:
  SimUpstream(sim::World& world, sim::Loop& loop, Timeline& timeline, const Upstream& upstream);
  SimUpstream(const SimUpstream&) = delete;
  SimUpstream& operator=(const SimUpstream&) = delete;

  [[nodiscard]] Result<void> Start();
  // `endpoint` from 1; 0: all of them.
  void Behave(std::size_t endpoint, const Behaviour& behaviour);
  void ResetConnections(std::size_t endpoint);
  void SetLatency(std::size_t endpoint, Nanos latency);
  // Ends all connections. The tasks end in the turns to come.
  void Stop();
  [[nodiscard]] bool stopped() const { return tasks_.running() == 0; }

  [[nodiscard]] std::uint64_t requests(std::size_t endpoint) const;
  [[nodiscard]] std::size_t connections(std::size_t endpoint) const;
  // True when a request, its head as it came or its body, had `text`.
  [[nodiscard]] bool Saw(std::size_t endpoint, const std::string& text) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  struct Endpoint {
    std::size_t number = 0;  // From 1.
    Address address;
    Behaviour behaviour;
    std::unique_ptr<Listener> listener;
    std::uint64_t requests = 0;
    std::vector<Stream*> streams;
    std::vector<SteadyTime> busy_until;  // With a capacity: of each place to work at.
    std::string bytes_seen;              // The last kBytesSeenMax.
  };

  static constexpr Bytes kBytesSeenMax = 1024 * kKiB;

  [[nodiscard]] Task<void> AcceptFrom(Endpoint& endpoint);
  [[nodiscard]] Task<void> Serve(Endpoint& endpoint, std::unique_ptr<Stream> stream);
  // False when the connection is over.
  [[nodiscard]] Task<bool> ServeOne(Endpoint& endpoint, Stream& stream, MessageReader& reader);
  [[nodiscard]] Task<bool> Answer(Endpoint& endpoint,
                                  Stream& stream,
                                  Behaviour behaviour,
                                  std::string method);
  [[nodiscard]] SteadyTime TakePlace(Endpoint& endpoint, const Behaviour& behaviour) const;
  [[nodiscard]] Task<bool> SendPaced(Stream& stream, std::string bytes, Behaviour behaviour);
  [[nodiscard]] Task<void> WaitForEnd(Stream& stream);
  [[nodiscard]] std::string Compose(const Endpoint& endpoint,
                                    const Behaviour& behaviour,
                                    const std::string& method) const;
  void Note(const Endpoint& endpoint, std::string text);
  template <typename Visit>
  void ForEach(std::size_t endpoint, const Visit& visit);

  sim::World& world_;
  sim::Loop& loop_;
  Timeline& timeline_;
  std::string name_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  TaskGroup tasks_;
};

}  // namespace sluice::scenario
