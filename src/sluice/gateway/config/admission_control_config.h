// The part of Config that sends less to a callee the more of its calls fail.

#pragma once

#include <cstdint>

#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"

namespace sluice::gateway::config {

// Names follow Envoy. See limit/adaptive_throttle.h for what each does.
struct AdmissionControlConfig {
  Nanos sampling_window = std::chrono::seconds(30);     // 1 s .. 10 min.
  double success_rate_threshold = 95;                   // 1 .. 100 percent.
  double aggression = 1.0;                              // 0.1 .. 10.
  double rps_threshold = 5;                             // 0 .. 1'000'000 calls a second.
  double max_rejection_probability = 80;                // 0 .. 100 percent.
  Nanos force_pass_interval = std::chrono::seconds(1);  // 0 .. 1 min; 0: none is forced.
  std::int64_t status = 503;                            // 400 .. 599.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100 of the refusals that refuse; the rest only count.
};

}  // namespace sluice::gateway::config
