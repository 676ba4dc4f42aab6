#include "sluice/limit/vegas.h"

#include <algorithm>
#include <cmath>

namespace sluice::limit {
namespace {

// Thresholds of failsafe-go's adaptive limiter.
constexpr double kFlatCorrelation = 0.3;
constexpr double kFlatVariation = 0.2;
constexpr double kStrongCorrelation = 0.5;

// Below this part of the best of late, throughput has fallen.
constexpr double kHasFallen = 0.95;
// Parts of a move: of what queues too much, and of the limit where nothing does.
constexpr double kDownPart = 0.5;
constexpr double kUpPart = 0.05;
// The calls in flight vary enough to tell whether the latency follows them.
constexpr double kTellingVariation = 0.1;

double Alpha(double limit) {
  return 3 * VegasStep(limit);
}

double Beta(double limit) {
  return 6 * VegasStep(limit);
}

}  // namespace

double VegasStep(double limit) {
  return std::max(1.0, std::floor(std::log10(std::max(1.0, limit))));
}

double VegasQueue(const VegasSignals& signals) {
  if (signals.recent <= 0) return 0;
  return std::ceil(signals.limit * (1 - signals.baseline / signals.recent));
}

VegasVerdict Judge(const VegasSignals& signals) {
  const double queue = VegasQueue(signals);
  if (queue > Beta(signals.limit)) return VegasVerdict::kDecrease;
  const bool is_below_the_knee = signals.throughput_ratio < kHasFallen;
  if (signals.was_full && signals.has_correlations && !is_below_the_knee) {
    const bool waits_longer = signals.latency_correlation > kStrongCorrelation;
    if (signals.throughput_correlation < 0) return VegasVerdict::kDecrease;
    if (signals.throughput_correlation < kFlatCorrelation && waits_longer) {
      return VegasVerdict::kDecrease;
    }
    const bool is_flat = signals.throughput_variation < kFlatVariation &&
                         signals.throughput_variation < kFlatVariation * signals.inflight_variation;
    if (is_flat && waits_longer) {
      return VegasVerdict::kDecrease;
    }
  }
  return queue < Alpha(signals.limit) ? VegasVerdict::kIncrease : VegasVerdict::kHold;
}

Vegas::Vegas(const VegasOptions& options)
    : options_(options),
      limit_(std::clamp(options.bounds.initial, options.bounds.min, options.bounds.max)),
      baseline_({.age = options.baseline_age,
                 .recent_windows = options.recent_windows,
                 .warm_up_windows = options.warm_up_windows}),
      throughput_max_(options.correlated_windows),
      throughput_(options.correlated_windows),
      latency_(options.correlated_windows) {}

void Vegas::MoveTo(double wanted) {
  const double moved = limit_ + options_.smoothing * (wanted - limit_);
  limit_ = std::clamp(moved, options_.bounds.min, options_.bounds.max);
}

VegasSignals Vegas::Learn(const WindowSample& sample) {
  const auto inflight = static_cast<double>(sample.inflight_max);
  const double seconds = static_cast<double>(std::max<Nanos::rep>(1, sample.length.count())) / 1e9;
  const double served = static_cast<double>(sample.successes) / seconds;
  const double served_max = throughput_max_.Add(served);
  const auto throughput = throughput_.Add(inflight, served);
  const auto latency = latency_.Add(inflight, static_cast<double>(sample.latency.count()));
  // A callee that has become slower shows itself by a latency that stays as the limit falls.
  const bool has_told = throughput.variation_of_x > kTellingVariation && latency.correlation <= 0;
  baseline_.Add(sample.latency,
                sample.was_full && !has_told ? BaselineRise::kHeld : BaselineRise::kFree);
  return {.limit = limit_,
          .baseline = baseline_.value(),
          .recent = baseline_.recent(),
          .was_full = sample.was_full,
          .has_correlations = throughput_.count() >= options_.warm_up_windows,
          .throughput_correlation = throughput.correlation,
          .throughput_variation = throughput.variation_of_y,
          .inflight_variation = throughput.variation_of_x,
          .throughput_ratio = served_max > 0 ? served / served_max : 1,
          .latency_correlation = latency.correlation};
}

double Vegas::Wanted(const VegasSignals& signals, std::int64_t inflight_max) const {
  const double step = VegasStep(limit_);
  const double queue = VegasQueue(signals);
  switch (Judge(signals)) {
    case VegasVerdict::kDecrease:
      return limit_ - std::max(step, std::ceil(kDownPart * (queue - Beta(limit_))));
    case VegasVerdict::kIncrease:
      // A quarter of it unused: room enough, and nobody knows what more would do to the callee.
      if (4 * static_cast<double>(inflight_max) < 3 * limit_) return limit_;
      if (!signals.was_full || queue > step) return limit_ + step;
      return limit_ + std::max(step, std::floor(kUpPart * limit_));
    case VegasVerdict::kHold:
      return limit_;
  }
  return limit_;
}

double Vegas::Update(const WindowSample& sample) {
  if (sample.drops > 0) {
    MoveTo(limit_ * options_.backoff_ratio);
    return limit_;
  }
  if (sample.latency <= Nanos(0)) return limit_;
  double wanted = Wanted(Learn(sample), sample.inflight_max);
  // Nor does a limit stay that is long out of use; but it goes step by step, for a quiet second is
  // not to cost what was learnt.
  const double used = static_cast<double>(sample.inflight_max) * options_.max_limit_factor;
  if (wanted > used) wanted = std::min(wanted, std::max(used, limit_ - VegasStep(limit_)));
  MoveTo(wanted);
  return limit_;
}

void Vegas::Tune(const LimitTuning& tuning) {
  options_.bounds = tuning.bounds;
  options_.smoothing = tuning.smoothing > 0 ? tuning.smoothing : VegasOptions::kSmoothing;
  options_.backoff_ratio = tuning.backoff_ratio;
  options_.max_limit_factor = tuning.max_limit_factor;
  baseline_.SetAge(tuning.baseline_windows);
  limit_ = std::clamp(limit_, tuning.bounds.min, tuning.bounds.max);
}

}  // namespace sluice::limit
