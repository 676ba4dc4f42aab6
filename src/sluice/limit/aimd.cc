#include "sluice/limit/aimd.h"

#include <algorithm>

namespace sluice::limit {

Aimd::Aimd(const AimdOptions& options)
    : options_(options),
      limit_(std::clamp(options.bounds.initial, options.bounds.min, options.bounds.max)) {}

double Aimd::Update(const WindowSample& sample) {
  const bool is_congested = sample.drops > 0 || sample.latency > options_.timeout;
  double next = limit_;
  if (is_congested) {
    next = limit_ * options_.backoff_ratio;
  } else if (static_cast<double>(sample.inflight_max) * 2 >= limit_) {
    next = limit_ + 1;  // Only where the limit is in use: else nothing was tried.
  }
  limit_ = std::clamp(next, options_.bounds.min, options_.bounds.max);
  return limit_;
}

void Aimd::Tune(const LimitTuning& tuning) {
  options_.bounds = tuning.bounds;
  options_.backoff_ratio = tuning.backoff_ratio;
  limit_ = std::clamp(limit_, tuning.bounds.min, tuning.bounds.max);
}

}  // namespace sluice::limit
