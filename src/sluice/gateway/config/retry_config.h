// The part of Config that says when a call is sent again: see config.h for the rules.

#pragma once

#include <cstdint>
#include <vector>

#include "sluice/contract/time.h"
#include "sluice/gateway/config/upstream_config.h"

namespace sluice::gateway::config {

enum class RetryOn : std::uint8_t { kConnectFailure, kReset, kTimeout, kStatus };

struct RetryCondition {
  RetryOn on = RetryOn::kConnectFailure;
  StatusRange statuses;  // Read only for kStatus.
  friend bool operator==(const RetryCondition&, const RetryCondition&) = default;
};

struct RetryBackoff {
  Nanos base = std::chrono::milliseconds(25);  // 0 .. 1 min before the first retry; doubles.
  Nanos max = std::chrono::milliseconds(250);  // base .. 1 min.
};

struct RetryConfig {
  std::int64_t attempts = 2;  // 1 .. 10 sends in all, the first included.
  // Only an idempotent request is sent again after anything but connect_failure.
  std::vector<RetryCondition> on = {{.on = RetryOn::kConnectFailure, .statuses = {}},
                                    {.on = RetryOn::kReset, .statuses = {}}};
  Nanos per_try_timeout{0};  // 0 .. 1 h; 0: only the route's timeout bounds a try.
  RetryBackoff backoff;
};

}  // namespace sluice::gateway::config
