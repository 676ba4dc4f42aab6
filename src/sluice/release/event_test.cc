#include "sluice/release/event_test.h"

#include <algorithm>
#include <cmath>

#include "sluice/contract/assert.h"

namespace sluice::release {
namespace {

// Of an event being the candidate's, when it has `ratio` times stable's rate.
double ChanceOf(double ratio, double share) {
  return ratio * share / (ratio * share + 1 - share);
}

}  // namespace

EventTest::EventTest(double tolerance, std::span<const double> ratios)
    : tolerance_(tolerance), ratios_(ratios) {
  SLUICE_ASSERT(tolerance > 0 && !ratios.empty() && ratios.size() <= kRatiosMax);
}

void EventTest::Add(double share, std::uint64_t candidate_events, std::uint64_t stable_events) {
  if (!(share > 0 && share < 1) || candidate_events + stable_events == 0) return;
  const double expected = ChanceOf(tolerance_, share);
  for (std::size_t i = 0; i < ratios_.size(); ++i) {
    const double chance = ChanceOf(tolerance_ * ratios_[i], share);
    log_sums_[i] += static_cast<double>(candidate_events) * std::log(chance / expected) +
                    static_cast<double>(stable_events) * std::log((1 - chance) / (1 - expected));
  }
}

double EventTest::log_e() const {
  return LogMeanExp(std::span(log_sums_.data(), ratios_.size()));
}

double LogMeanExp(std::span<const double> logs) {
  const double greatest = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double value : logs)
    sum += std::exp(value - greatest);
  return greatest + std::log(sum / static_cast<double>(logs.size()));
}

double SmallestDetectableRatio(const Exposure& exposure) {
  const double total = exposure.candidate_requests + exposure.stable_requests;
  if (exposure.candidate_requests <= 0 || exposure.stable_requests <= 0) return 0;
  const double share = exposure.candidate_requests / total;
  const double needed = exposure.log_threshold + std::log(static_cast<double>(kErrorRatios.size()));
  const double stable_events = exposure.stable_rate * exposure.stable_requests;
  const double expected = ChanceOf(exposure.tolerance, share);
  constexpr double kStep = 1.02;
  constexpr double kMost = 100;
  for (double ratio = exposure.tolerance * kStep; ratio <= kMost; ratio *= kStep) {
    const double chance = ChanceOf(ratio, share);
    const double events = ratio * exposure.stable_rate * exposure.candidate_requests;
    const double gain = events * std::log(chance / expected) +
                        stable_events * std::log((1 - chance) / (1 - expected));
    if (gain >= needed) return ratio;
  }
  return 0;
}

}  // namespace sluice::release
