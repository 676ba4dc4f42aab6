// The part of Config that composes calls into one answer: see config.h for the rules, and
// docs/systems/flows.md for what it means.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/retry_config.h"
#include "sluice/gateway/config/upstream_config.h"
#include "sluice/gateway/flows/value_tree.h"

namespace sluice::gateway::config {

enum class ItemFailure : std::uint8_t { kFailFast, kCollect };

struct FlowForEachConfig {
  std::string items;              // A reference to an array. Required.
  std::int64_t max_parallel = 8;  // 1 .. 1'000 calls at once.
  std::int64_t max_items = 100;   // 1 .. 10'000; more elements fail the node.
  ItemFailure on_failure = ItemFailure::kFailFast;
};

struct FlowFallbackConfig {
  flows::ValueTree body;  // No templates. Required.
};

struct FlowNodeConfig {
  std::string name;      // Required, unique in its flow; see flows::IsNodeName().
  std::string upstream;  // A name from `upstreams[]`. Required.
  std::string method = "GET";
  std::string path;                            // A template that begins with '/'. Required.
  std::map<std::string, std::string> query;    // Templates by parameter.
  std::map<std::string, std::string> headers;  // Templates by field, lower-cased by LoadConfig.
  std::optional<flows::ValueTree> body;        // Its texts are templates.
  std::vector<std::string> after;              // Names of nodes.
  std::optional<flows::ValueTree> when;        // A condition.
  std::optional<FlowForEachConfig> for_each;
  Nanos timeout{0};                  // 1 ms .. 24 h; 0: only the run's deadline.
  std::optional<RetryConfig> retry;  // Absent: one attempt.
  std::optional<bool> idempotent;    // Absent: by the method.
  Nanos hedge_after{0};              // 0 .. 1 h; 0: never.
  bool optional = false;
  std::optional<FlowFallbackConfig> fallback;
  std::vector<StatusRange> accept;    // Within 400 .. 599: answers that are no failures.
  Bytes max_answer_bytes = 1 * kMiB;  // 1 KiB .. 64 MiB.
  bool effect = false;                // Called though the response does not need it.
};

struct FlowResponseConfig {
  std::string status = "200";                  // A template; 200 .. 599.
  std::map<std::string, std::string> headers;  // Templates by field, lower-cased by LoadConfig.
  std::optional<flows::ValueTree> body;        // Its texts are templates. Absent: no body.
};

struct FlowTraceConfig {
  Nanos slower_than = std::chrono::milliseconds(500);  // 0 .. 1 h; failed runs are kept anyway.
  std::int64_t keep = 16;                              // 0 .. 256 runs.
};

struct FlowConfig {
  std::string name;                   // Required, unique.
  std::int64_t max_in_flight = 1000;  // 1 .. 1'000'000 runs at once, shared out to the workers.
  std::int64_t queue = 0;             // 0 .. 1'000'000 runs that wait for a place, likewise.
  FlowTraceConfig trace;
  std::vector<FlowNodeConfig> nodes;  // 1 .. 200.
  FlowResponseConfig response;
};

}  // namespace sluice::gateway::config
