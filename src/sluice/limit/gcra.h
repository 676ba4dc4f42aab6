// GCRA: the arithmetic of a rate limit whose whole state is one time (ITU-T I.371).
//
// The state is the theoretical arrival time (TAT): when the bucket will be full again. Each token
// moves it one emission interval (period / limit) ahead; a request fits while the TAT stays within
// burst intervals of now. There is no refill timer, nothing to go stale, and a TAT in the past
// equals a fresh bucket. In any span D at most burst + floor(D / interval) tokens are admitted.
//
// Pure values and functions; SharedGcra and KeyedLimiter put them on atomics and tables.

#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/limit/admission.h"

namespace sluice::limit {

inline constexpr std::int64_t kLimitMax = 1'000'000'000;
inline constexpr std::int64_t kBurstMax = 1'000'000'000;
inline constexpr Nanos kPeriodMax = std::chrono::days(32);
// The time in which a drained bucket fills.
inline constexpr Nanos kFillTimeMax = std::chrono::days(100);

struct GcraOptions {
  std::int64_t limit = 0;                  // Tokens a period, 1 .. 1e9. Required.
  Nanos period = std::chrono::seconds(1);  // 1 ms .. 32 days; limit / period <= 1e9 a second.
  std::int64_t burst = 0;                  // Tokens at once, 1 .. 1e9; 0: as many as come a second.
  double init_fill_ratio = 1.0;            // How full a new bucket is, 0 .. 1.
  OnReject on_reject = OnReject::kKeep;
};

// The burst in force: as configured, or limit per second, at least 1.
[[nodiscard]] std::int64_t EffectiveBurst(const GcraOptions& options);

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const GcraOptions& options, std::string_view path, ConfigProblems& problems);

// The options in ticks. The interval is rounded down to a tick: the real rate is the asked one or
// at most 1/60 ns an interval above (0.002 % at a million a second).
struct GcraPace {
  Ticks interval = 0;
  Ticks tolerance = 0;  // burst * interval.

  // Requires options that Validate() finds nothing wrong with.
  static GcraPace Of(const GcraOptions& options);

  [[nodiscard]] Level LevelOf(Ticks debt) const { return {interval, tolerance, debt}; }

  // The ticks of many tokens; more than any tolerance when that would not fit.
  [[nodiscard]] Ticks CostOf(std::uint32_t tokens) const {
    constexpr Ticks kMost = std::numeric_limits<Ticks>::max() / 2;
    // No product of these two can be too large, so the division is rare.
    const bool is_small = interval < (Ticks{1} << 38U) && tokens < (1U << 24U);
    if (!is_small && interval > kMost / (std::int64_t{tokens} + 1)) return kMost;
    return interval * std::int64_t{tokens};
  }
};

// One step of the algorithm: the admission of `tokens` at `now`, and the next TAT. `next_tat`
// equals `tat` when nothing is to be stored. 0 tokens only look and are always admitted.
//
// `now` may repeat or step back: what was paid out is never paid twice, so a clock fault can refuse
// requests but cannot admit extra ones.
// Four words that an inlined Step() keeps in registers; an Admission is made of them at the end.
struct GcraStep {
  bool admitted = false;
  Nanos retry_after{0};
  Ticks debt = 0;
  Ticks next_tat = 0;

  [[nodiscard]] Admission AdmissionBy(const GcraPace& pace) const {
    return {.admitted = admitted, .retry_after = retry_after, .level = pace.LevelOf(debt)};
  }
};
[[nodiscard]] inline GcraStep Step(const GcraPace& pace,
                                   Ticks tat,
                                   Ticks now,
                                   std::uint32_t tokens);

// What follows the refusal of `tokens` under OnReject::kDrain: an empty bucket.
[[nodiscard]] GcraStep Drained(const GcraPace& pace, Ticks tat, Ticks now, std::uint32_t tokens);

// The TAT once `tokens` are given back; never better than a full bucket at `now`.
[[nodiscard]] Ticks Refunded(const GcraPace& pace, Ticks tat, Ticks now, std::uint32_t tokens);

// Here and not in gcra.cc: inlined, its results stay in registers.
inline GcraStep Step(const GcraPace& pace, Ticks tat, Ticks now, std::uint32_t tokens) {
  const Ticks base = std::max(tat, now);
  if (tokens == 0) return {.admitted = true, .debt = base - now, .next_tat = tat};
  const Ticks cost = pace.CostOf(tokens);
  if (cost > pace.tolerance) [[unlikely]] {
    return {.retry_after = kNeverAdmitted, .debt = base - now, .next_tat = tat};
  }
  const Ticks next = base + cost;
  const Ticks shortage = next - pace.tolerance - now;
  if (shortage > 0) {
    return {.retry_after = NanosCeil(shortage), .debt = base - now, .next_tat = tat};
  }
  return {.admitted = true, .debt = next - now, .next_tat = next};
}

}  // namespace sluice::limit
