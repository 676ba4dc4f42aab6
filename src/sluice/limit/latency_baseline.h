// LatencyBaseline: how long a call takes while nothing queues before it, learnt from window to
// window.
//
// `recent` follows the windows: a median takes out single ones, a moving average smooths. The
// baseline follows `recent`, down at once with its age, up only by so much a window: a long
// overload must not become the measure of what is normal. Least of all by windows in which the
// limit was met, for their latency may be that of a queue. Not thread-safe.

#pragma once

#include <cstddef>

#include "sluice/contract/time.h"
#include "sluice/limit/rolling_statistics.h"

namespace sluice::limit {

struct LatencyBaselineOptions {
  double age = 10;                   // Windows of the average that the baseline is.
  std::size_t recent_windows = 5;    // Of the median and of the average of `recent`.
  std::size_t warm_up_windows = 10;  // So many first ones weigh alike.
};

// What a window may add to the baseline at most, as a factor.
enum class BaselineRise : std::uint8_t {
  kFree,  // 1.02: nothing queued, or the latency does not come from the calls in
          // flight.
  kHeld,  // 1.002: what is seen may be a queue.
};

class LatencyBaseline {
 public:
  explicit LatencyBaseline(const LatencyBaselineOptions& options);

  void Add(Nanos latency, BaselineRise rise);
  // From the next window on.
  void SetAge(double age) { baseline_.SetAge(age); }
  // Nanoseconds; 0 before the first window.
  [[nodiscard]] double recent() const { return recent_.value(); }
  [[nodiscard]] double value() const { return baseline_.value(); }
  [[nodiscard]] Nanos baseline() const { return Nanos(static_cast<Nanos::rep>(value())); }

 private:
  MovingMedian median_;
  MovingAverage recent_;
  MovingAverage baseline_;
};

}  // namespace sluice::limit
