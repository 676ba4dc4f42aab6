#include "sluice/limit/vegas.h"

#include <algorithm>
#include <cmath>

namespace sluice::limit {
namespace {

// Thresholds of failsafe-go's adaptive limiter.
constexpr double kFlatCorrelation = 0.3;
constexpr double kFlatVariation = 0.2;
constexpr double kStrongCorrelation = 0.5;

double Magnitude(double limit) {
  return std::max(1.0, std::floor(std::log10(std::max(1.0, limit))));
}

}  // namespace

double VegasStep(double limit) {
  return Magnitude(limit);
}

VegasVerdict Judge(const VegasSignals& signals) {
  const double alpha = 3 * Magnitude(signals.limit);
  const double beta = 6 * Magnitude(signals.limit);
  const double queue =
      signals.recent > 0 ? std::ceil(signals.limit * (1 - signals.baseline / signals.recent)) : 0;
  if (queue > beta) return VegasVerdict::kDecrease;
  if (signals.was_full && signals.has_correlations) {
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
  return queue < alpha ? VegasVerdict::kIncrease : VegasVerdict::kHold;
}

Vegas::Vegas(const VegasOptions& options)
    : options_(options),
      limit_(std::clamp(options.bounds.initial, options.bounds.min, options.bounds.max)),
      median_(options.recent_windows),
      recent_(static_cast<double>(options.recent_windows), options.recent_windows),
      baseline_(options.baseline_age, options.warm_up_windows),
      throughput_(options.correlated_windows),
      latency_(options.correlated_windows) {}

void Vegas::MoveTo(double wanted) {
  const double moved = limit_ + options_.smoothing * (wanted - limit_);
  limit_ = std::clamp(moved, options_.bounds.min, options_.bounds.max);
}

VegasSignals Vegas::Learn(const WindowSample& sample) {
  const double before = baseline_.value();
  const bool is_first = baseline_.count() == 0;
  const double recent = recent_.Add(median_.Add(static_cast<double>(sample.latency.count())));
  const double baseline = baseline_.Add(recent);
  // A long overload must not become the measure of what is normal.
  if (!is_first) baseline_.Set(std::min(baseline, before * options_.baseline_rise));

  const auto inflight = static_cast<double>(sample.inflight_max);
  const double seconds = static_cast<double>(std::max<Nanos::rep>(1, sample.length.count())) / 1e9;
  const auto throughput =
      throughput_.Add(inflight, static_cast<double>(sample.successes) / seconds);
  const auto latency = latency_.Add(inflight, static_cast<double>(sample.latency.count()));
  return {.limit = limit_,
          .baseline = baseline_.value(),
          .recent = recent,
          .was_full = sample.was_full,
          .has_correlations = throughput_.count() >= options_.warm_up_windows,
          .throughput_correlation = throughput.correlation,
          .throughput_variation = throughput.variation_of_y,
          .inflight_variation = throughput.variation_of_x,
          .latency_correlation = latency.correlation};
}

double Vegas::Update(const WindowSample& sample) {
  if (sample.drops > 0) {
    MoveTo(limit_ * options_.backoff_ratio);
    return limit_;
  }
  if (sample.latency <= Nanos(0)) return limit_;
  const double step = VegasStep(limit_);
  const VegasVerdict verdict = Judge(Learn(sample));
  double wanted = limit_;
  if (verdict == VegasVerdict::kDecrease) wanted = limit_ - step;
  if (verdict == VegasVerdict::kIncrease) wanted = limit_ + step;
  // No growth that nobody has used: the callee was never asked so much. Nor does a limit stay that
  // is long out of use; but it goes step by step, for a quiet second is not to cost what was
  // learnt.
  const double used = static_cast<double>(sample.inflight_max) * options_.max_limit_factor;
  if (wanted > used) wanted = std::min(wanted, std::max(used, limit_ - step));
  MoveTo(wanted);
  return limit_;
}

void Vegas::SetBounds(const LimitBounds& bounds) {
  options_.bounds = bounds;
  limit_ = std::clamp(limit_, bounds.min, bounds.max);
}

}  // namespace sluice::limit
