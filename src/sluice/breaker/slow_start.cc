#include "sluice/breaker/slow_start.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

constexpr std::int64_t kNotRamping = std::numeric_limits<std::int64_t>::min();
constexpr Nanos kElapsedMin = std::chrono::seconds(1);

}  // namespace

double SlowStartWeight(const SlowStartOptions& options, Nanos elapsed) {
  if (elapsed >= options.window) return 1;
  const double passed = static_cast<double>(std::max(elapsed, kElapsedMin).count()) /
                        static_cast<double>(options.window.count());
  const double part =
      options.aggression == 1.0 ? passed : std::pow(passed, 1.0 / options.aggression);
  return std::clamp(part, options.min_weight_percent / 100, 1.0);
}

SlowStart::SlowStart(const SlowStartOptions& options, std::size_t slots)
    : window_nanos_(options.window.count()),
      aggression_(options.aggression),
      min_weight_percent_(options.min_weight_percent),
      began_nanos_(slots) {
  for (std::atomic<std::int64_t>& began : began_nanos_)
    began.store(kNotRamping, std::memory_order_relaxed);
}

void SlowStart::Begin(std::size_t slot, SteadyTime at) {
  SLUICE_ASSERT(slot < began_nanos_.size());
  began_nanos_[slot].store(at.time_since_epoch().count(), std::memory_order_relaxed);
}

void SlowStart::Skip(std::size_t slot) {
  SLUICE_ASSERT(slot < began_nanos_.size());
  began_nanos_[slot].store(kNotRamping, std::memory_order_relaxed);
}

void SlowStart::Reconfigure(const SlowStartOptions& options) {
  window_nanos_.store(options.window.count(), std::memory_order_relaxed);
  aggression_.store(options.aggression, std::memory_order_relaxed);
  min_weight_percent_.store(options.min_weight_percent, std::memory_order_relaxed);
}

double SlowStart::Weight(std::size_t endpoint, SteadyTime now) const {
  const std::int64_t began = began_nanos_[endpoint].load(std::memory_order_relaxed);
  if (began == kNotRamping) return 1;
  const SlowStartOptions options{
      .window = Nanos(window_nanos_.load(std::memory_order_relaxed)),
      .aggression = aggression_.load(std::memory_order_relaxed),
      .min_weight_percent = min_weight_percent_.load(std::memory_order_relaxed)};
  return SlowStartWeight(options, now - SteadyTime(Nanos(began)));
}

}  // namespace sluice::breaker
