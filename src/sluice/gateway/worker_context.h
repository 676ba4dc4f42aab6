// What every part of a request path may use of its worker. Set up by worker.cc; belongs to one
// loop.

#pragma once

#include <cstddef>
#include <string>

#include "sluice/contract/loop.h"
#include "sluice/gateway/stats.h"
#include "sluice/limit/key_hash.h"

namespace sluice::traffic::tap {
class TapQueue;
}

namespace sluice::gateway {

class AccessLog;
class EgressHosts;

struct WorkerContext {
  Loop& loop;
  std::size_t index = 0;
  WorkerStats& stats;
  AccessLog& access_log;
  const limit::KeyHasher& key_hasher;
  EgressHosts* egress = nullptr;          // Of calls to hosts that no route knows.
  bool is_draining = false;               // Responses say `Connection: close`.
  traffic::tap::TapQueue* tap = nullptr;  // Null: nothing is recorded.
  std::string tap_text;                   // Of recording_tap.cc.
};

}  // namespace sluice::gateway
