// Stage: all that a running scenario consists of, but its script: the world, the upstreams, the
// clients and the system under test.

#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/scenario.h"
#include "tests/sim/system_under_test.h"
#include "tests/sim/timeline.h"
#include "tests/sim/upstream.h"

#include "sluice/contract/task_group.h"
#include "sluice/platform/sim/world.h"

namespace sluice::scenario {

// One statement's requests, until the last one has its answer.
struct Batch {
  const Step* step = nullptr;
  const SendRequests* send = nullptr;
  std::vector<Answer> answers;
  std::vector<std::unique_ptr<ClientConnection>> connections;  // Of clients without a name.
  std::size_t outstanding = 0;
};

class Stage {
 public:
  Stage(const Scenario& scenario, std::uint64_t seed, const MakeSystem& make);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Raises the curtain: upstreams listen, the system serves. Empty on success, else the problem.
  [[nodiscard]] std::string Start();
  // Ends everything; appends to `failures` what is left open.
  void Stop(std::vector<std::string>& failures);

  // The request number `index` of `batch` begins. False when its named client is busy.
  [[nodiscard]] bool Send(Batch& batch, std::size_t index);
  // False when the client is unknown.
  [[nodiscard]] bool Act(const ClientAct& act);
  // Sends `call` to the admin listener and waits for its answer.
  [[nodiscard]] Answer Call(const AdminCall& call);

  void SetName(const scenario::SetName& set);
  void SetFaultPoint(const scenario::SetFaultPoint& set);
  void SetGatewayLatency(Nanos latency);

  [[nodiscard]] sim::World& world() { return *world_; }
  [[nodiscard]] SystemUnderTest& system() { return *system_; }
  [[nodiscard]] Timeline& timeline() { return timeline_; }
  [[nodiscard]] SimUpstream& upstream(const std::string& name);
  [[nodiscard]] std::size_t clients_running() const { return clients_.running(); }
  void Note(std::string text) { timeline_.Add(world_->now(), std::move(text)); }

 private:
  [[nodiscard]] sim::Loop& ClientLoop(const Address& host);
  [[nodiscard]] Task<void> RunClient(ClientConnection& connection,
                                     ExchangePlan plan,
                                     Batch& batch,
                                     std::size_t index);

  const Scenario& scenario_;
  std::unique_ptr<sim::World> world_;
  Timeline timeline_;
  std::map<Address, sim::Loop*> client_loops_;
  std::vector<std::unique_ptr<SimUpstream>> upstreams_;
  std::unique_ptr<SystemUnderTest> system_;
  std::map<std::string, std::unique_ptr<ClientConnection>> named_clients_;
  TaskGroup clients_;
};

}  // namespace sluice::scenario
