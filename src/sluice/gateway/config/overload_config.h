// The part of Config that says how much at once is enough, and who goes first when it is.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/upstream_config.h"

namespace sluice::gateway::config {

enum class ConcurrencyAlgorithm : std::uint8_t { kVegas, kGradient2, kAimd, kFixed };

struct LimitWindowConfig {
  Nanos min = std::chrono::seconds(1);   // 10 ms .. 10 min, at most max.
  Nanos max = std::chrono::seconds(30);  // 10 ms .. 10 min.
  std::int64_t min_samples = 50;         // 1 .. 1'000'000.
};

struct CodelConfig {
  Nanos target_delay{0};                            // 0 .. 10 s; 0: half of the longest wait.
  Nanos interval = std::chrono::milliseconds(100);  // target_delay .. 1 min.
};

enum class QueueOrder : std::uint8_t { kFifo, kLifoWhenOverloaded };

struct AdmissionQueueConfig {
  double initial_rejection_factor = 2;  // 0 .. 100 of the limit: up to here all may wait.
  double max_rejection_factor = 3;      // initial .. 100: from here on none may.
  QueueOrder order = QueueOrder::kLifoWhenOverloaded;
  Nanos max_wait{0};  // 0 .. 1 min; 0: what the latency without a queue says.
  CodelConfig codel;
};

struct ConcurrencyLimitConfig {
  std::string name;  // Required, unique.
  ConcurrencyAlgorithm algorithm = ConcurrencyAlgorithm::kVegas;
  std::int64_t limit = 0;           // fixed: 1 .. 1'000'000, required. Not read otherwise.
  std::int64_t initial_limit = 20;  // 1 .. 1'000'000.
  std::int64_t min_limit = 0;       // 1 .. 1'000'000; 0 ("auto"): 4, or the workers if more.
  std::int64_t max_limit = 1000;    // 1 .. 1'000'000.
  LimitWindowConfig window;
  double quantile = 0.9;                      // 0.01 .. 0.999: the latency of a window.
  double baseline_window = 10;                // 1 .. 1000 windows; vegas.
  double max_limit_factor = 5;                // 1 .. 100; vegas.
  double smoothing = 0;                       // 0 .. 1; 0 is the algorithm's own.
  double backoff_ratio = 0.9;                 // 0.1 .. 0.99.
  std::optional<AdmissionQueueConfig> queue;  // Absent: who finds no slot is refused.
  // Above 0 .. 1 of the limit by the partition's name; together at most 1.
  std::map<std::string, double> partitions;
  std::optional<HashOn> partition_by;  // Absent: the route's name.
  std::int64_t status = 503;           // 400 .. 599.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100 of the refusals that refuse; the rest only count.
};

enum class CriticalityClass : std::uint8_t {
  kSheddable,
  kSheddablePlus,
  kCritical,
  kCriticalPlus,
};

struct PriorityConfig {
  CriticalityClass fallback = CriticalityClass::kSheddablePlus;  // `default:`
  HashOn user_key;                                               // Who has a level of its own.
};

enum class OverloadSignal : std::uint8_t { kQueueDelay, kConcurrency, kCpu };

struct ControllerConfig {
  Nanos interval = std::chrono::milliseconds(100);  // 10 ms .. 10 s.
  std::vector<OverloadSignal> signal = {OverloadSignal::kQueueDelay, OverloadSignal::kConcurrency,
                                        OverloadSignal::kCpu};
  bool propagate = true;  // Tells upstreams the class and level.
};

struct CpuRuleConfig {
  double threshold = 80;  // 0 .. 100 percent of what the process may use; 0: not watched.
  bool bbr = true;        // Refuses only what is beyond the capacity that was seen.
};

struct SystemConfig {
  CpuRuleConfig cpu;
  double load1 = 0;                  // 0 .. 100'000; 0: not watched.
  std::int64_t max_concurrency = 0;  // 0 .. 1'000'000 requests at once; 0: no bound.
  double max_qps = 0;                // 0 .. 1'000'000'000 a second; 0: no bound.
  Nanos avg_rt{0};                   // 0 .. 1 h; 0: not watched.
};

enum class ResourceMonitor : std::uint8_t {
  kCgroupMemory,
  kOpenFiles,
  kConnections,
  kPsiCpu,
  kPsiMemory,
  kPsiIo,
};

enum class ResourceAction : std::uint8_t {
  kStopAcceptingRequests,
  kDisableKeepalive,
  kReduceTimeouts,
  kStopAcceptingConnections,
  kResetLargestStreams,
};

struct ScaledTriggerConfig {
  double scaling_threshold = 0.85;     // 0 .. 1.
  double saturation_threshold = 0.95;  // scaling .. 1.
};

// Exactly one of threshold and scaled.
struct ResourceTriggerConfig {
  ResourceMonitor monitor = ResourceMonitor::kCgroupMemory;
  std::optional<double> threshold;  // 0 .. 1: from here on, at once.
  std::optional<ScaledTriggerConfig> scaled;
  ResourceAction action = ResourceAction::kStopAcceptingRequests;
  Nanos min_timeout = std::chrono::seconds(2);  // reduce_timeouts: 1 ms .. 1 h, never below.
};

struct ResourcesConfig {
  Nanos refresh_interval = std::chrono::milliseconds(250);  // 10 ms .. 1 min.
  std::vector<ResourceTriggerConfig> triggers;
};

struct OverloadConfig {
  PriorityConfig priority;
  ControllerConfig controller;
  SystemConfig system;
  ResourcesConfig resources;
  std::int64_t status = 503;  // 400 .. 599.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100 of the refusals that refuse; the rest only count.
};

}  // namespace sluice::gateway::config
