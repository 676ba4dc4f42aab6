#include "sluice/limit/warm_up.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sluice::limit {

namespace {

constexpr double kTicksPerSecond = 1e9 * static_cast<double>(kTicksPerNano);
constexpr double kColdFactorMax = 100;

}  // namespace

void Validate(const WarmUpOptions& options, std::string_view path, ConfigProblems& problems) {
  if (options.period < std::chrono::milliseconds(100) || options.period > std::chrono::hours(1)) {
    problems.push_back({fmt::format("{}.period", path),
                        fmt::format("must be 100ms..1h, got {} ns", options.period.count())});
  }
  if (!(options.cold_factor > 1 && options.cold_factor <= kColdFactorMax)) {
    problems.push_back({fmt::format("{}.cold_factor", path),
                        fmt::format("must be above 1 and at most 100, got {}; 3 starts at a third "
                                    "of the rate",
                                    options.cold_factor)});
  }
}

WarmUpCurve::WarmUpCurve(const GcraOptions& rate, const WarmUpOptions& options)
    : interval_(static_cast<double>(GcraPace::Of(rate).interval)) {
  const double period = static_cast<double>(options.period.count()) * kTicksPerNano;
  const double tokens_in_period = period / interval_;
  // The trapezoid above `warning` is `period` wide in time: (cold + 1) / 2 intervals a token.
  warning_ = tokens_in_period / (options.cold_factor - 1);
  stored_max_ = warning_ + 2 * tokens_in_period / (1 + options.cold_factor);
  slope_ = (options.cold_factor - 1) * interval_ / (stored_max_ - warning_);
  stored_per_tick_ = stored_max_ / period;
}

double WarmUpCurve::slope_seconds() const {
  return slope_ / kTicksPerSecond;
}

double WarmUpCurve::IntervalAt(double stored) const {
  return interval_ + slope_ * std::max(0.0, stored - warning_);
}

double WarmUpCurve::StoredWhere(double interval) const {
  return std::clamp(warning_ + (interval - interval_) / slope_, warning_, stored_max_);
}

double WarmUpCurve::CostOf(std::uint32_t tokens, double stored) const {
  const double count = tokens;
  const double above = std::max(0.0, stored - warning_);
  const double on_slope = std::min(count, above);
  return interval_ * count + slope_ * on_slope * (above - on_slope / 2);
}

double WarmUpCurve::Cooled(double stored, Ticks idle) const {
  return std::min(stored_max_, stored + static_cast<double>(idle) * stored_per_tick_);
}

WarmUpLimit::WarmUpLimit(const GcraOptions& rate, const WarmUpOptions& options, SteadyTime now)
    : origin_(now),
      pace_(GcraPace::Of(rate)),
      on_reject_(rate.on_reject),
      curve_(rate, options),
      state_{.tat = 0, .stored = curve_.stored_max()} {}

WarmUpLimit::State WarmUpLimit::StateAt(Ticks at) const {
  if (at <= state_.tat) return state_;
  return {.tat = at, .stored = curve_.Cooled(state_.stored, at - state_.tat)};
}

Level WarmUpLimit::LevelOf(const State& state, Ticks at) const {
  const auto per_token = static_cast<Ticks>(curve_.IntervalAt(state.stored));
  return {per_token, pace_.tolerance - pace_.interval + per_token, state.tat - at};
}

Admission WarmUpLimit::TryTake(std::uint32_t tokens, SteadyTime now) {
  const Ticks at = TicksSince(origin_, now);
  const SpinlockHolder holder(lock_);
  State state = StateAt(at);
  if (tokens == 0) return {.admitted = true, .level = LevelOf(state, at)};
  const std::int64_t burst = pace_.tolerance / pace_.interval;
  const bool can_fit = std::int64_t{tokens} <= burst;
  const Ticks may_owe = can_fit ? (burst - std::int64_t{tokens}) * pace_.interval : 0;
  if (!can_fit || state.tat - at > may_owe) {
    if (on_reject_ == OnReject::kDrain) {
      state.tat = std::max(state.tat, at + pace_.tolerance);
      state_ = state;
    }
    const Ticks wait = std::max<Ticks>(1, state.tat - at - may_owe);
    return {.retry_after = can_fit ? NanosCeil(wait) : kNeverAdmitted, .level = LevelOf(state, at)};
  }
  state.tat += std::llround(curve_.CostOf(tokens, state.stored));
  state.stored = std::max(0.0, state.stored - tokens);
  state_ = state;
  return {.admitted = true, .level = LevelOf(state, at)};
}

void WarmUpLimit::Refund(std::uint32_t tokens, SteadyTime now) {
  const Ticks at = TicksSince(origin_, now);
  const SpinlockHolder holder(lock_);
  // A time at or before now: nothing is left of what was taken.
  if (state_.tat <= at) return;
  state_.stored = std::min(curve_.stored_max(), state_.stored + tokens);
  const Ticks cost = std::llround(curve_.CostOf(tokens, state_.stored));
  state_.tat = std::max(at, state_.tat - cost);
}

void WarmUpLimit::Rewarm(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  state_ = StateAt(TicksSince(origin_, now));
  state_.stored = curve_.stored_max();
}

void WarmUpLimit::Reconfigure(const GcraOptions& rate, const WarmUpOptions& options) {
  const GcraPace pace = GcraPace::Of(rate);
  const WarmUpCurve curve(rate, options);
  const SpinlockHolder holder(lock_);
  const double interval = curve_.IntervalAt(state_.stored);
  const bool is_raised = pace.interval < pace_.interval;
  // Where the new curve has the old interval: the rate goes on from where it was.
  const double same_rate = curve.StoredWhere(interval);
  const double same_part = state_.stored / curve_.stored_max() * curve.stored_max();
  state_.stored = is_raised ? same_rate : same_part;
  pace_ = pace;
  curve_ = curve;
  on_reject_ = rate.on_reject;
}

double WarmUpLimit::Stored(SteadyTime now) const {
  const SpinlockHolder holder(lock_);
  return StateAt(TicksSince(origin_, now)).stored;
}

}  // namespace sluice::limit
