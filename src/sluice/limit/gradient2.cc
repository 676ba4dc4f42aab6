#include "sluice/limit/gradient2.h"

#include <algorithm>

namespace sluice::limit {
namespace {

// From Gradient2Limit: never less than half at once, and a long-term latency of more than twice the
// recent one is brought down faster than by averaging.
constexpr double kGradientMin = 0.5;
constexpr double kRecoveryRatio = 2;
constexpr double kRecoveryFactor = 0.95;

}  // namespace

Gradient2::Gradient2(const Gradient2Options& options)
    : options_(options),
      limit_(std::clamp(options.bounds.initial, options.bounds.min, options.bounds.max)),
      long_term_(options.long_window, options.warm_up) {}

double Gradient2::Update(const WindowSample& sample) {
  const LimitBounds& bounds = options_.bounds;
  if (sample.drops > 0) {
    limit_ = std::clamp(limit_ * options_.backoff_ratio, bounds.min, bounds.max);
    return limit_;
  }
  if (sample.latency <= Nanos(0)) return limit_;
  const auto recent = static_cast<double>(sample.latency.count());
  const double long_term = long_term_.Add(recent);
  if (long_term / recent > kRecoveryRatio) long_term_.Set(long_term * kRecoveryFactor);
  // Nothing was tried: no growth.
  if (static_cast<double>(sample.inflight_max) < limit_ / 2) return limit_;
  const double gradient = std::clamp(options_.tolerance * long_term / recent, kGradientMin, 1.0);
  const double wanted = limit_ * gradient + options_.queue_size;
  const double next = limit_ + options_.smoothing * (wanted - limit_);
  limit_ = std::clamp(next, bounds.min, bounds.max);
  return limit_;
}

void Gradient2::Tune(const LimitTuning& tuning) {
  options_.bounds = tuning.bounds;
  options_.smoothing = tuning.smoothing > 0 ? tuning.smoothing : Gradient2Options::kSmoothing;
  options_.backoff_ratio = tuning.backoff_ratio;
  limit_ = std::clamp(limit_, tuning.bounds.min, tuning.bounds.max);
}

}  // namespace sluice::limit
