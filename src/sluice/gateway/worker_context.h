// What every part of a request path may use of its worker. Set up by worker.cc; belongs to one
// loop.

#pragma once

#include <cstddef>

#include "sluice/contract/loop.h"
#include "sluice/gateway/stats.h"
#include "sluice/limit/key_hash.h"

namespace sluice::gateway {

class AccessLog;
class EgressHosts;

struct WorkerContext {
  Loop& loop;
  std::size_t index = 0;
  WorkerStats& stats;
  AccessLog& access_log;
  const limit::KeyHasher& key_hasher;
  EgressHosts* egress = nullptr;  // Of calls to hosts that no route knows.
  bool is_draining = false;       // Responses say `Connection: close`.
};

}  // namespace sluice::gateway
