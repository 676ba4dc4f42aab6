// Warm-up: a rate limit that starts cold and rises to its full rate, for what stands behind it to
// fill its caches; and cools down again when it idles.
//
// The geometry of Guava's SmoothWarmingUp (and of Sentinel): an idle limit stores tokens, and the
// more of them are stored, the longer the interval that one costs, from `cold_factor` intervals
// down to one. Taking n tokens costs the integral of the interval over them, so the curve is
// continuous: no ticks of a second, and any cost is right. From cold, a caller that takes all it
// can get reaches the full rate after exactly `period`. Stored tokens come back while idle, all of
// them in one `period`.
//
// The rest is GCRA: a request of n tokens is admitted while the debt is at most `burst - n`
// intervals of the full rate. So a cold limit also admits less at once: of its burst about one
// part in `cold_factor`.
//
// WarmUpLimit is thread-safe, behind one spinlock: two words change together.

#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/admission.h"
#include "sluice/limit/gcra.h"

namespace sluice::limit {

struct WarmUpOptions {
  Nanos period = std::chrono::seconds(10);  // 100 ms .. 1 h.
  double cold_factor = 3;                   // Above 1, up to 100: how much slower a cold limit is.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const WarmUpOptions& options, std::string_view path, ConfigProblems& problems);

// What a token costs, by how many are stored. Immutable.
class WarmUpCurve {
 public:
  WarmUpCurve() = default;
  // Requires valid options of both.
  WarmUpCurve(const GcraOptions& rate, const WarmUpOptions& options);

  // Tokens stored at most: as cold as it gets.
  [[nodiscard]] double stored_max() const { return stored_max_; }
  // Below so many stored tokens the limit is warm.
  [[nodiscard]] double warning() const { return warning_; }
  // By how many seconds a token's interval rises with each token stored above `warning`.
  [[nodiscard]] double slope_seconds() const;

  // Ticks that a token costs with `stored` tokens; and the other way round, 0 .. stored_max.
  [[nodiscard]] double IntervalAt(double stored) const;
  [[nodiscard]] double StoredWhere(double interval) const;
  // Ticks that the next `tokens` cost from `stored` on: the integral of the interval.
  [[nodiscard]] double CostOf(std::uint32_t tokens, double stored) const;
  // Tokens stored after an idle time.
  [[nodiscard]] double Cooled(double stored, Ticks idle) const;

 private:
  double interval_ = 1;  // Ticks a token at the full rate.
  double warning_ = 0;
  double stored_max_ = 0;
  double slope_ = 0;            // Ticks a token and token.
  double stored_per_tick_ = 0;  // While idle.
};

class WarmUpLimit {
 public:
  // Starts cold. Requires options that Validate() finds nothing wrong with; init_fill_ratio is not
  // used.
  WarmUpLimit(const GcraOptions& rate, const WarmUpOptions& options, SteadyTime now);
  WarmUpLimit(const WarmUpLimit&) = delete;
  WarmUpLimit& operator=(const WarmUpLimit&) = delete;

  // Takes all `tokens` or none. 0 looks without taking; more than the burst is never admitted.
  [[nodiscard]] Admission TryTake(std::uint32_t tokens, SteadyTime now);

  // Gives back what an admitted request took.
  void Refund(std::uint32_t tokens, SteadyTime now);

  // Starts again from cold: what stands behind is new. Debt stays.
  void Rewarm(SteadyTime now);

  // Debt is kept. A raised rate warms up from the rate that there was; a lowered one holds at once.
  void Reconfigure(const GcraOptions& rate, const WarmUpOptions& options);

  // Tokens stored: 0 .. stored_max, the colder the more.
  [[nodiscard]] double Stored(SteadyTime now) const;

 private:
  struct State {
    Ticks tat = 0;
    double stored = 0;  // As of `tat`.
  };
  [[nodiscard]] State StateAt(Ticks at) const;
  [[nodiscard]] Level LevelOf(const State& state, Ticks at) const;

  const SteadyTime origin_;
  mutable Spinlock lock_;
  GcraPace pace_;
  OnReject on_reject_ = OnReject::kKeep;
  WarmUpCurve curve_;
  State state_;
};

}  // namespace sluice::limit
