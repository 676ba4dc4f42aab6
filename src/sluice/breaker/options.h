// BreakerOptions: one `circuit_breaker`. Names follow resilience4j.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

enum class WindowType : std::uint8_t { kTime, kCount };

// Whether reaching a threshold trips (resilience4j), or only passing it (Sentinel).
enum class ThresholdMode : std::uint8_t { kGreaterOrEqual, kGreater };

struct SlidingWindowOptions {
  WindowType type = WindowType::kTime;
  Nanos length = std::chrono::seconds(10);  // Time: 100 ms .. 1 h.
  int buckets = 10;                         // Time: 1 .. 120; the window moves by length / buckets.
  int calls = 100;                          // Count: the last 1 .. 100'000 calls.
};

struct WaitBackoffOptions {
  double multiplier = 2.0;               // 1 .. 10, with each failed recovery.
  Nanos max = std::chrono::seconds(60);  // wait_duration_in_open_state .. 1 h.
  double jitter_ratio = 0.1;             // 0 .. 0.5: waits differ by up to this part, either way.
};

struct RecoveryRampOptions {
  Nanos length = std::chrono::seconds(10);  // 0 .. 1 h; 0 closes at once.
  double min_percent = 10;                  // 0 .. 100 of the calls are admitted at the least.
  double aggression = 1.0;                  // 0.1 .. 10: part admitted is (t / length)^(1 / this).
};

struct BreakerOptions {
  std::string name;  // Required.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
  SlidingWindowOptions sliding_window;
  int minimum_number_of_calls = 20;      // 1 .. 100'000; a count window's size caps it.
  double failure_rate_threshold = 50;    // Over 0 .. 100 percent.
  double slow_call_rate_threshold = 80;  // Over 0 .. 100 percent.
  Nanos slow_call_duration_threshold = std::chrono::seconds(1);  // Slower is slow; 0: none is.
  ThresholdMode threshold_mode = ThresholdMode::kGreaterOrEqual;
  int consecutive_failures = 0;  // 0 (off) .. 100'000 in a row trip on their own.
  Nanos wait_duration_in_open_state = std::chrono::seconds(5);  // 1 ms .. 1 h.
  WaitBackoffOptions wait_backoff;
  bool automatic_transition = false;  // Poll() goes half-open, without a call to do so.
  int permitted_number_of_calls_in_half_open_state = 5;                   // 1 .. 1'000 probes.
  Nanos max_wait_duration_in_half_open_state = std::chrono::seconds(10);  // 1 ms .. 1 h.
  Nanos probe_timeout = std::chrono::seconds(1);  // 1 ms .. 1 h; max(route timeout, 1 s) is apt.
  RecoveryRampOptions recovery_ramp;
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const BreakerOptions& options, std::string_view path, ConfigProblems& problems);

}  // namespace sluice::breaker
