// What a node may be given besides its function: time, second chances, guards. Values only.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/dag/node_state.h"

namespace sluice::dag {

// Trying again after a failure; for idempotent nodes only.
struct RetryPolicy {
  int max_attempts = 1;         // 1..100, the first one counted; 1: no retry.
  Nanos backoff{0};             // Between the end of the first attempt and the second.
  double backoff_factor = 2.0;  // 1..10: each later pause is this much longer.
  Nanos backoff_max = std::chrono::seconds(10);
  // 0..1: so much of each pause is left to chance. Full pauses of many clients would meet again.
  double jitter = 0.0;
  // The budget of a node on one loop: a bucket that starts full; a retry takes a whole token and
  // a first attempt brings this part of one. What it refuses fails with the error of the attempt.
  double budget_ratio = 0.2;    // 0..1.
  double budget_burst = 10.0;   // Tokens in a full bucket, 1..10'000.
  bool retry_rejected = false;  // Refusals of guards too.
  // Asked for every failure; empty: all are worth another attempt. Called on the run's loop.
  std::function<bool(const NodeError&)> retry_if = {};
};

enum class CancelMode : std::uint8_t {
  kCooperative,       // Asked to stop when nobody needs it any more.
  kNeverOnceStarted,  // A charge of money: runs to its end, and its value is kept.
};

struct Policy {
  Nanos timeout = Nanos::max();  // From its start, over all attempts, pauses and queues.
  Nanos attempt_timeout = Nanos::max();
  Nanos min_budget{0};  // With less left than this the node is not started but times out.
  RetryPolicy retry = {};
  Nanos hedge_after = Nanos::max();  // Starts a second attempt beside one this slow.
  bool idempotent = false;           // Retries and hedges need it.
  CancelMode cancel = CancelMode::kCooperative;
  // Asked in order before every attempt; all must outlive the plan and every run of it.
  std::vector<Guard*> guards = {};
  std::uint64_t guard_key_hash = 0;  // For keyed guards.
};

enum class OnFailure : std::uint8_t {
  kCancelAll,             // A run that has failed stops everything.
  kCancelDependentsOnly,  // Effects that do not depend on the failure, and their inputs, go on.
};

enum class Fusion : std::uint8_t {
  kFuse,  // Plain functions between two suspensions are swept in order, without counters.
  kNone,  // Every node is counted and queued: for measuring and testing the engine.
};

struct PlanOptions {
  OnFailure on_failure = OnFailure::kCancelAll;
  Fusion fusion = Fusion::kFuse;
};

enum class QueueOrder : std::uint8_t { kFifo, kLifo };

// Who calls a compute node, by what it has taken so far on this loop. One that is not known yet, or
// that has guards, attempts or a hedge, is a job of the pool.
struct ComputeOptions {
  Nanos inline_below{250};   // Handing it over costs more: called at once.
  Nanos pool_above{20'000};  // A job of the pool, always: the loop has others to serve.
  // Between the two the loop calls it, and threads of the pool help when what waits takes longer.
  Nanos wake_above{5'000};
  Nanos slice{200'000};  // What the loop spends on them before the next turn's events.
};

// Bounds the runs of one Runner.
struct RunnerOptions {
  std::size_t in_flight_max = SIZE_MAX;  // Runs with a node still running, abandoned ones too.
  std::size_t queue_max = 0;             // Runs waiting for a place; more are rejected at once.
  QueueOrder queue_order = QueueOrder::kFifo;
  Nanos drop_if_remaining_below{0};  // A waiting run with less time left is rejected at its turn.
  std::size_t pooled_max = 1024;     // Free run blocks kept for the next runs.
  ComputeOptions compute = {};
};

}  // namespace sluice::dag
