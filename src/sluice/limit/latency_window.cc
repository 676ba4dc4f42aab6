#include "sluice/limit/latency_window.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sluice/limit/thread_number.h"

namespace sluice::limit {
namespace {

constexpr std::uint64_t kFirstNanos = 1000;  // The first step begins here.

}  // namespace

// Step i of octave o covers [2^o, 2^(o+1)) x kFirstNanos, cut into equal parts.
std::size_t LatencyWindow::StepOf(std::uint64_t nanos) {
  const std::uint64_t scaled =
      std::max<std::uint64_t>(nanos, kFirstNanos) * kStepsPerOctave / kFirstNanos;
  const auto octave = static_cast<std::size_t>(std::bit_width(scaled) - 1 - 4);
  if (octave >= kOctaves) return kSteps - 1;
  return octave * kStepsPerOctave + static_cast<std::size_t>((scaled >> octave) - kStepsPerOctave);
}

double LatencyWindow::LowerNanos(std::size_t step) {
  const auto octave = static_cast<int>(step / kStepsPerOctave);
  const double part = static_cast<double>(step % kStepsPerOctave) / kStepsPerOctave;
  return std::ldexp((1 + part) * static_cast<double>(kFirstNanos), octave);
}

void LatencyWindow::Record(Nanos latency) {
  const auto nanos = static_cast<std::uint64_t>(std::max<Nanos::rep>(latency.count(), 0));
  // 292 years in sixteenths would not fit.
  const std::size_t step = StepOf(std::min<std::uint64_t>(nanos, std::uint64_t{1} << 59U));
  Stripe& stripe = stripes_[ThreadNumber() % kStripes];
  stripe.counts[step].fetch_add(1, std::memory_order_relaxed);
}

LatencyWindow::Summary LatencyWindow::Drain(double quantile) {
  std::array<std::uint64_t, kSteps> counts{};
  Summary summary;
  for (Stripe& stripe : stripes_) {
    for (std::size_t step = 0; step < kSteps; ++step) {
      if (stripe.counts[step].load(std::memory_order_relaxed) == 0) continue;
      const std::uint32_t count = stripe.counts[step].exchange(0, std::memory_order_relaxed);
      counts[step] += count;
      summary.samples += count;
    }
  }
  if (summary.samples == 0) return summary;
  const double rank = quantile * static_cast<double>(summary.samples);
  double below = 0;
  bool has_min = false;
  for (std::size_t step = 0; step < kSteps; ++step) {
    if (counts[step] == 0) continue;
    const double lower = LowerNanos(step);
    if (!has_min) summary.min = Nanos(static_cast<Nanos::rep>(lower));
    has_min = true;
    const auto here = static_cast<double>(counts[step]);
    if (below + here >= rank) {
      const double upper = LowerNanos(step + 1);
      const double part = std::clamp((rank - below) / here, 0.0, 1.0);
      summary.quantile = Nanos(static_cast<Nanos::rep>(lower + part * (upper - lower)));
      return summary;
    }
    below += here;
  }
  return summary;
}

}  // namespace sluice::limit
