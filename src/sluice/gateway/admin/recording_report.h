// What the admin API and the metrics say of recordings.

#pragma once

#include <cstdint>
#include <string>

#include "sluice/gateway/gateway.h"

namespace sluice::gateway::admin {

// Sums over all workers, and what the sink has written.
struct RecordingTotals {
  std::uint64_t written = 0;
  std::uint64_t queue_full = 0;    // Dropped: no room for a copy.
  std::uint64_t write_failed = 0;  // Dropped: the file could not be written.
  std::uint64_t not_sampled = 0;   // Outside the share and the reservoir.
  std::uint64_t rate_capped = 0;
  std::int64_t queue_bytes = 0;
  std::uint64_t write_failures = 0;  // Transactions.
  std::uint64_t masked_values = 0;
  std::uint64_t evicted = 0;
  std::uint64_t stored = 0;  // Exchanges in the file.
  std::uint64_t file_bytes = 0;
};

// Of the sink in force; without one what the workers had counted before.
[[nodiscard]] RecordingTotals RecordingTotalsOf(Gateway& gateway);

// GET /api/v1/recordings.
[[nodiscard]] std::string RecordingsJson(Gateway& gateway);

}  // namespace sluice::gateway::admin
