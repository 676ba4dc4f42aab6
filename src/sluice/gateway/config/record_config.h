// The part of Config that says what is recorded of the traffic, and what is taken out of it first.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/upstream_config.h"

namespace sluice::gateway::config {

// All parts must hold.
struct RecordMatch {
  std::vector<std::string> routes;     // Names from `routes[]`; empty: any.
  std::vector<std::string> listeners;  // Names from `listeners[]`; empty: any.
  std::vector<std::string> methods;    // Upper case; empty: any.
  std::string path_prefix;             // Of the normal form; empty: any.
};

struct RecordRule {
  RecordMatch match;
  double sample_percent = 100;  // 0 .. 100 of the keys.
};

struct RecordReservoir {
  std::int64_t per_class = 10;             // 0 .. 1'000'000 in a window; 0: none.
  Nanos window = std::chrono::minutes(1);  // 1 s .. 24 h.
};

enum class OpaqueBodies : std::uint8_t { kDrop, kKeep };

struct MaskingConfig {
  bool enabled = true;
  std::vector<std::string> headers;     // Beside the well-known ones; lower-cased by LoadConfig.
  std::vector<std::string> fields;      // Names in JSON, forms and queries, beside the well-known.
  std::vector<std::string> json_paths;  // "$.user.name", see docs/systems/record.md.
  bool card_numbers = true;
  OpaqueBodies opaque_bodies = OpaqueBodies::kDrop;
  std::string key_file;  // Empty: `masking.key` in data_dir, made if need be.
};

struct RecordConfig {
  std::string path = "recording.db";  // Relative to data_dir.
  std::vector<RecordRule> rules;      // The first that matches says the share.
  double sample_percent = 100;        // Where none matches.
  std::optional<HashOn> sample_by;    // Absent: the trace.
  RecordReservoir reservoir;
  std::int64_t max_per_second = 0;                 // 1 .. 10'000'000 exchanges; 0 ("unlimited").
  Bytes max_body_bytes = 64 * kKiB;                // 0 .. 8 MiB kept of each body.
  Bytes max_bytes = 1024 * kMiB;                   // 1 MiB .. 1 TiB; beyond it the oldest go.
  Nanos max_age = std::chrono::hours(168);         // 1 min .. 8760 h; what is older goes.
  Bytes max_queue_bytes = 32 * kMiB;               // 1 MiB .. 16 GiB of copies not yet written.
  Nanos flush_interval = std::chrono::seconds(1);  // 10 ms .. 1 min.
  MaskingConfig masking;
};

}  // namespace sluice::gateway::config
