// Aimd: one more call a window while all is well, and a part less after drops.
//
// Additive increase, multiplicative decrease (Chiu and Jain, 1989), as in Netflix's
// concurrency-limits. Knows only drops and a latency that is too long, so it needs a callee that
// refuses, or a timeout. Not thread-safe.

#pragma once

#include <chrono>

#include "sluice/limit/limit_algorithm.h"

namespace sluice::limit {

struct AimdOptions {
  LimitBounds bounds;
  double backoff_ratio = 0.9;               // 0.5 .. 0.99: what is left after a window with drops.
  Nanos timeout = std::chrono::seconds(5);  // A longer latency counts as a drop.
};

class Aimd final : public LimitAlgorithm {
 public:
  explicit Aimd(const AimdOptions& options);

  double Update(const WindowSample& sample) override;
  [[nodiscard]] double limit() const override { return limit_; }
  void Tune(const LimitTuning& tuning) override;

 private:
  AimdOptions options_;
  double limit_;
};

}  // namespace sluice::limit
