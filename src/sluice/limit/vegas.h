// Vegas: a limit that looks for the knee, where more calls at once only wait longer.
//
// TCP Vegas (Brakmo and Peterson, 1995) as Netflix applied it to calls: the part of the limit that
// must be queueing is limit x (1 - baseline / recent). A small queue is what is wanted; beyond it
// the limit gives way by half of what is too much a window, and where nothing queues though
// the limit was met it grows by a twentieth. The guards are those of Uber's Cinnamon and
// failsafe-go: where latency rises with the calls in flight and throughput does not, the limit
// falls even if the baseline has been spoilt by long overload; but not when throughput has fallen
// with it, for then it is below the knee already. Failures by timeout count as drops, which lower
// the limit whatever the latencies say: a callee that times everything out has a steady one. Not
// thread-safe.

#pragma once

#include <cstddef>

#include "sluice/limit/latency_baseline.h"
#include "sluice/limit/limit_algorithm.h"
#include "sluice/limit/rolling_statistics.h"

namespace sluice::limit {

struct VegasOptions {
  static constexpr double kSmoothing = 1.0;

  LimitBounds bounds;
  double smoothing = kSmoothing;  // Above 0 .. 1: this part of each change is made.
  double backoff_ratio = 0.9;     // 0.1 .. 0.99: what drops leave of the limit.
  double max_limit_factor = 5;    // Limit <= most calls at once x this.
  double baseline_age = 10;       // Windows.
  std::size_t recent_windows = 3;
  std::size_t correlated_windows = 20;
  std::size_t warm_up_windows = 10;  // Before these the guards have no opinion.
};

// What the decision is made of; times in nanoseconds.
struct VegasSignals {
  double limit = 0;
  double baseline = 0;
  double recent = 0;
  bool was_full = false;
  bool has_correlations = false;
  double throughput_correlation = 0;  // Of calls in flight and throughput.
  double throughput_variation = 0;    // Standard deviation by mean; and so of the calls in flight.
  double inflight_variation = 0;
  double throughput_ratio = 1;     // Of this window, by the most of the correlated ones.
  double latency_correlation = 0;  // Of calls in flight and latency.
};

enum class VegasVerdict : std::uint8_t { kHold, kIncrease, kDecrease };

[[nodiscard]] VegasVerdict Judge(const VegasSignals& signals);
// The calls that queue, as the latencies show them.
[[nodiscard]] double VegasQueue(const VegasSignals& signals);
// By how much a limit moves at least: log10 of it, at least 1.
[[nodiscard]] double VegasStep(double limit);

class Vegas final : public LimitAlgorithm {
 public:
  explicit Vegas(const VegasOptions& options);

  double Update(const WindowSample& sample) override;
  [[nodiscard]] double limit() const override { return limit_; }
  void Tune(const LimitTuning& tuning) override;
  [[nodiscard]] Nanos baseline() const override { return baseline_.baseline(); }

 private:
  void MoveTo(double wanted);
  [[nodiscard]] VegasSignals Learn(const WindowSample& sample);
  [[nodiscard]] double Wanted(const VegasSignals& signals, std::int64_t inflight_max) const;

  VegasOptions options_;
  double limit_;
  LatencyBaseline baseline_;
  MovingMaximum throughput_max_;
  MovingCorrelation throughput_;
  MovingCorrelation latency_;
};

}  // namespace sluice::limit
