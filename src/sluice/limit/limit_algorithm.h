// LimitAlgorithm: how a concurrency limit follows what it sees.
//
// Once per window it is told how the calls of the window went and answers with the limit for the
// next. Not thread-safe: ConcurrencyLimit calls one at a time.

#pragma once

#include <cstdint>

#include "sluice/contract/time.h"

namespace sluice::limit {

struct WindowSample {
  Nanos latency{0};               // A quantile of the calls that succeeded; 0: none did.
  std::int64_t inflight_max = 0;  // Most calls at once.
  std::uint64_t successes = 0;
  std::uint64_t drops = 0;  // Timeouts, and answers that say "overloaded".
  Nanos length{0};          // Of the window.
  bool was_full = false;    // A call met the limit.
};

struct LimitBounds {
  double initial = 20;
  double min = 4;
  double max = 1000;
};

// What a configuration says, as far as an algorithm has use for it.
struct LimitTuning {
  LimitBounds bounds;
  double smoothing = 0;          // Above 0 .. 1: this part of each change is made; 0: its own.
  double backoff_ratio = 0.9;    // 0.1 .. 0.99: what drops leave of the limit.
  double max_limit_factor = 5;   // Limit <= most calls at once x this.
  double baseline_windows = 10;  // 1 .. 1000: of the average that the baseline is.
};

class LimitAlgorithm {
 public:
  virtual ~LimitAlgorithm() = default;
  // Returns the new limit, within the bounds.
  virtual double Update(const WindowSample& sample) = 0;
  [[nodiscard]] virtual double limit() const = 0;
  // Goes on from what was learnt, which is brought within the new bounds; `initial` is not read.
  virtual void Tune(const LimitTuning& tuning) = 0;
  // The latency without queueing, as far as the algorithm knows; 0: unknown.
  [[nodiscard]] virtual Nanos baseline() const { return Nanos(0); }
};

}  // namespace sluice::limit
