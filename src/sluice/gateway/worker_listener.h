// One listener as one worker serves it.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "sluice/contract/stream.h"
#include "sluice/gateway/upstream_client.h"

namespace sluice::gateway {

// What the workers share of a listener: how many connections it has.
struct ListenerShare {
  std::atomic<std::int64_t> connections{0};
};

struct WorkerListener {
  std::string identity;              // IdentityOf() its plan.
  std::unique_ptr<Listener> socket;  // Null once it no longer accepts.
  std::shared_ptr<ListenerShare> share;
  SnapshotUse snapshot;  // The last that named it; `plan` points into it.
  const ListenerPlan* plan = nullptr;
  std::size_t sessions = 0;  // Of this worker.
  bool is_removed = false;   // Its connections end with their next response.
};

}  // namespace sluice::gateway
