#include "sluice/limit/latency_baseline.h"

#include <algorithm>

namespace sluice::limit {
namespace {

constexpr double kFreeRise = 1.02;
constexpr double kHeldRise = 1.002;

}  // namespace

LatencyBaseline::LatencyBaseline(const LatencyBaselineOptions& options)
    : median_(options.recent_windows),
      recent_(static_cast<double>(options.recent_windows), options.recent_windows),
      baseline_(options.age, options.warm_up_windows) {}

void LatencyBaseline::Add(Nanos latency, BaselineRise rise) {
  const double before = baseline_.value();
  const bool is_first = baseline_.count() == 0;
  const double recent = recent_.Add(median_.Add(static_cast<double>(latency.count())));
  const double baseline = baseline_.Add(recent);
  if (is_first) return;
  const double most = before * (rise == BaselineRise::kFree ? kFreeRise : kHeldRise);
  baseline_.Set(std::min(baseline, most));
}

}  // namespace sluice::limit
