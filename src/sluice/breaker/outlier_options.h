// OutlierOptions: one `outlier_detection`. Names follow Envoy.

#pragma once

#include <string>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

struct OutlierOptions {
  std::string name;  // Required: the upstream's.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the ejections is carried out.

  // Judged at each answer. 0 (off) .. 100'000 in a row.
  int consecutive_5xx = 5;                   // Any 5xx, and errors of our own side as well.
  int consecutive_gateway_failure = 0;       // 502, 503, 504, and errors of our own side.
  int consecutive_local_origin_failure = 5;  // Only with the split below.
  // Errors of our own side (no connection, no answer) count apart from what servers answered.
  bool split_external_local_origin_errors = false;

  // Judged once per interval, from the answers of that interval.
  Nanos interval = std::chrono::seconds(10);  // 10 ms .. 1 h.
  int success_rate_minimum_hosts = 5;         // 1 .. 10'000 hosts with enough requests.
  int success_rate_request_volume = 100;      // 1 .. 1'000'000'000 requests of a host.
  double success_rate_stdev_factor = 1900;    // In thousandths, 0 (off) .. 100'000.
  double failure_percentage_threshold = 0;    // 0 (off) .. 100 percent; Envoy's value is 85.
  int failure_percentage_minimum_hosts = 5;
  int failure_percentage_request_volume = 50;
  double latency_factor = 0;  // 0 (off), or 1 .. 1000 times the median of all hosts' p90.
  Nanos latency_minimum = std::chrono::milliseconds(10);  // 0 .. 1 h: a faster p90 is never out.
  int latency_minimum_hosts = 3;
  int latency_request_volume = 100;

  Nanos base_ejection_time = std::chrono::seconds(30);  // 1 ms .. 24 h; times the number in a row.
  Nanos max_ejection_time = std::chrono::seconds(300);  // base_ejection_time .. 24 h.
  Nanos max_ejection_time_jitter{0};                    // 0 .. 1 h is added by chance.
  double max_ejection_percent = 10;                     // 0 .. 100 of the hosts may be out at once.
  bool always_eject_one_host = true;                    // Even where that is over the percentage.
  friend bool operator==(const OutlierOptions&, const OutlierOptions&) = default;
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const OutlierOptions& options, std::string_view path, ConfigProblems& problems);

}  // namespace sluice::breaker
