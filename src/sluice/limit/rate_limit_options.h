// What one entry of `rate_limits[]` says, and which of it does not go together.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/limit/calendar.h"
#include "sluice/limit/gcra.h"
#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/pacing.h"
#include "sluice/limit/warm_up.h"
#include "sluice/limit/window_options.h"

namespace sluice::limit {

enum class Keying : std::uint8_t { kUnkeyed, kKeyed };

enum class Algorithm : std::uint8_t { kGcra, kSlidingWindow, kFixedWindow, kSlidingLog, kPacing };

// "gcra", "sliding_window", …
[[nodiscard]] std::string_view NameOf(Algorithm algorithm);

struct RateLimitOverride {
  std::uint64_t key_hash = 0;  // KeyHasher over the key's parts.
  std::int64_t limit = 0;      // 1 .. 1e9 a period (sliding_log: 64). Required.
  std::int64_t burst = 0;      // gcra alone; 0: as many as come a second.
};

struct RateLimitOptions {
  std::string name;  // Required.
  Algorithm algorithm = Algorithm::kGcra;
  std::int64_t limit = 0;                  // Tokens a period, 1 .. 1e9 (sliding_log: 64). Required.
  Nanos period = std::chrono::seconds(1);  // 1 ms .. 32 days.
  Calendar calendar = Calendar::kNone;     // fixed_window alone: instead of `period`.
  std::int64_t burst = 0;        // gcra alone: 1 .. 1e9; 0: as many as come a second, at least 1.
  double init_fill_ratio = 1.0;  // gcra without key alone: 0 .. 1.
  bool drain_on_reject = false;  // Not with pacing.
  Nanos max_queueing_time = std::chrono::milliseconds(500);  // pacing alone: 0 .. 1 min.
  std::optional<WarmUpOptions> warm_up;                      // gcra without key alone.
  std::uint32_t cost = 1;  // Tokens of a request, times its own cost; 1 .. 1e6.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
  Keying keying = Keying::kUnkeyed;
  std::size_t max_keys = 100'000;  // 1 .. 16 million; sliding_log: 1 million.
  OnTableFull on_table_full = OnTableFull::kSharedBucket;
  std::vector<RateLimitOverride> overrides;  // Keyed only.
  double near_limit_ratio = 0.8;             // 0 .. 1: from this part of the limit on it is near.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const RateLimitOptions& options, std::string_view path, ConfigProblems& problems);

// The most tokens that one request can take: the burst, the limit of a window, or the slots of an
// empty queue.
[[nodiscard]] std::int64_t CapacityOf(const RateLimitOptions& options);

// The options of one limit; of an override where `own` is not null.
[[nodiscard]] GcraOptions GcraOf(const RateLimitOptions& options, const RateLimitOverride* own);
[[nodiscard]] WindowOptions WindowOf(const RateLimitOptions& options, const RateLimitOverride* own);
[[nodiscard]] PacingOptions PacingOf(const RateLimitOptions& options, const RateLimitOverride* own);

}  // namespace sluice::limit
