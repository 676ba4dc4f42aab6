// Gradient2: the limit times (long-term latency / recent latency), plus room for a queue.
//
// Netflix's Gradient2Limit, for those who come from there. With a flat latency it climbs until
// something gives; prefer Vegas (vegas.h). Unlike the original it does not ignore drops.
// Not thread-safe.

#pragma once

#include <cstddef>

#include "sluice/limit/limit_algorithm.h"
#include "sluice/limit/rolling_statistics.h"

namespace sluice::limit {

struct Gradient2Options {
  static constexpr double kSmoothing = 0.2;

  LimitBounds bounds;
  double queue_size = 4;
  double smoothing = kSmoothing;  // Above 0 .. 1.
  double tolerance = 1.5;         // 1 .. 10: latency may be so much longer than in the long run.
  double long_window = 600;       // Windows.
  std::size_t warm_up = 10;       // Windows.
  double backoff_ratio = 0.9;     // What is left after a window with drops.
};

class Gradient2 final : public LimitAlgorithm {
 public:
  explicit Gradient2(const Gradient2Options& options);

  double Update(const WindowSample& sample) override;
  [[nodiscard]] double limit() const override { return limit_; }
  void Tune(const LimitTuning& tuning) override;
  [[nodiscard]] Nanos baseline() const override {
    return Nanos(static_cast<Nanos::rep>(long_term_.value()));
  }

 private:
  Gradient2Options options_;
  double limit_;
  MovingAverage long_term_;
};

}  // namespace sluice::limit
