#include "sluice/breaker/options.h"

#include <algorithm>

#include "sluice/breaker/option_checker.h"

namespace sluice::breaker {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

void CheckWindow(const SlidingWindowOptions& window, OptionChecker& checker) {
  if (window.type == WindowType::kCount) {
    checker.Range("sliding_window.size", window.calls, 1, 100'000);
    return;
  }
  checker.Duration("sliding_window.size", window.length, milliseconds(100), hours(1));
  checker.Range("sliding_window.buckets", window.buckets, 1, 120);
}

void CheckHalfOpen(const BreakerOptions& options, OptionChecker& checker) {
  checker.Range("permitted_number_of_calls_in_half_open_state",
                options.permitted_number_of_calls_in_half_open_state, 1, 1'000);
  checker.Duration("max_wait_duration_in_half_open_state",
                   options.max_wait_duration_in_half_open_state, milliseconds(1), hours(1));
  checker.Duration("probe_timeout", options.probe_timeout, milliseconds(1), hours(1));
}

}  // namespace

void Validate(const BreakerOptions& options, std::string_view path, ConfigProblems& problems) {
  OptionChecker checker(path, problems);
  if (options.name.empty()) {
    checker.Complain("name", "is required; refusals are reported under it");
  }
  checker.Range("enforce_percent", options.enforce_percent, 0.0, 100.0);
  CheckWindow(options.sliding_window, checker);
  checker.Range("minimum_number_of_calls", options.minimum_number_of_calls, 1, 100'000);
  checker.Threshold("failure_rate_threshold", options.failure_rate_threshold);
  checker.Threshold("slow_call_rate_threshold", options.slow_call_rate_threshold);
  checker.Duration("slow_call_duration_threshold", options.slow_call_duration_threshold, Nanos(0),
                   hours(1));
  checker.Range("consecutive_failures", options.consecutive_failures, 0, 100'000);
  checker.Duration("wait_duration_in_open_state", options.wait_duration_in_open_state,
                   milliseconds(1), hours(1));
  checker.Range("wait_backoff.multiplier", options.wait_backoff.multiplier, 1.0, 10.0);
  checker.Duration(
      "wait_backoff.max", options.wait_backoff.max,
      std::clamp<Nanos>(options.wait_duration_in_open_state, milliseconds(1), hours(1)), hours(1));
  checker.Range("wait_backoff.jitter", options.wait_backoff.jitter_ratio, 0.0, 0.5);
  CheckHalfOpen(options, checker);
  checker.Duration("recovery_ramp.window", options.recovery_ramp.length, Nanos(0), hours(1));
  checker.Range("recovery_ramp.min_percent", options.recovery_ramp.min_percent, 0.0, 100.0);
  checker.Range("recovery_ramp.aggression", options.recovery_ramp.aggression, 0.1, 10.0);
}

}  // namespace sluice::breaker
