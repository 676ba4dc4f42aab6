// FlowRun: what one run knows of its request, and what its calls need of the gateway.
//
// Kept by the run's block, and so for as long as any of its calls is under way, which may be longer
// than the client's exchange. Belongs to one loop.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/gateway/upstream_client.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/wire/traceparent.h"

namespace sluice::gateway::flows {

class FlowPlan;
class FlowRunner;

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

struct FlowRun {
  FlowRunner* runner = nullptr;
  const FlowPlan* plan = nullptr;
  SnapshotUse snapshot;  // Keeps plan, runner, route and listener.
  const RoutePlan* route = nullptr;
  const ListenerPlan* listener = nullptr;

  // The request, as far as the flow asks for it.
  std::string method;
  std::string path;
  std::string query;
  std::string authority;
  NamedTexts headers;
  NamedTexts captures;
  std::string body;  // JSON; empty: none.

  // Who asks, for the calls' own heads and guards.
  Address client_address;
  std::string client_text;
  std::string forwarded_for;
  std::optional<std::uint32_t> level;
  std::optional<wire::TraceParent> trace;
  WallTime started_wall{};
  std::uint32_t hops = 0;  // That the request has behind it.

  bool was_sent = false;                          // Some upstream may have got a call.
  std::vector<std::optional<Error>> last_errors;  // Of each node's last attempt.
  std::vector<traffic::TriedEndpoints> tried;     // By each node's attempts.
};

}  // namespace sluice::gateway::flows
