#include "sluice/breaker/outlier_options.h"

#include <algorithm>

#include "sluice/breaker/option_checker.h"

namespace sluice::breaker {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int kRunMax = 100'000;
constexpr int kHostsMax = 10'000;
constexpr int kVolumeMax = 1'000'000'000;

void CheckRuns(const OutlierOptions& options, OptionChecker& checker) {
  checker.Range("consecutive_5xx", options.consecutive_5xx, 0, kRunMax);
  checker.Range("consecutive_gateway_failure", options.consecutive_gateway_failure, 0, kRunMax);
  checker.Range("consecutive_local_origin_failure", options.consecutive_local_origin_failure, 0,
                kRunMax);
}

void CheckStatistics(const OutlierOptions& options, OptionChecker& checker) {
  checker.Duration("interval", options.interval, milliseconds(10), hours(1));
  checker.Range("success_rate_minimum_hosts", options.success_rate_minimum_hosts, 1, kHostsMax);
  checker.Range("success_rate_request_volume", options.success_rate_request_volume, 1, kVolumeMax);
  checker.Range("success_rate_stdev_factor", options.success_rate_stdev_factor, 0.0, 100'000.0);
  checker.Range("failure_percentage_threshold", options.failure_percentage_threshold, 0.0, 100.0);
  checker.Range("failure_percentage_minimum_hosts", options.failure_percentage_minimum_hosts, 1,
                kHostsMax);
  checker.Range("failure_percentage_request_volume", options.failure_percentage_request_volume, 1,
                kVolumeMax);
  if (options.latency_factor != 0) {
    checker.Range("latency_factor", options.latency_factor, 1.0, 1000.0);
  }
  checker.Duration("latency_minimum", options.latency_minimum, Nanos(0), hours(1));
  checker.Range("latency_minimum_hosts", options.latency_minimum_hosts, 1, kHostsMax);
  checker.Range("latency_request_volume", options.latency_request_volume, 1, kVolumeMax);
}

}  // namespace

void Validate(const OutlierOptions& options, std::string_view path, ConfigProblems& problems) {
  OptionChecker checker(path, problems);
  if (options.name.empty()) checker.Complain("name", "is required; ejections are told under it");
  checker.Range("enforce_percent", options.enforce_percent, 0.0, 100.0);
  CheckRuns(options, checker);
  CheckStatistics(options, checker);
  checker.Duration("base_ejection_time", options.base_ejection_time, milliseconds(1), hours(24));
  checker.Duration("max_ejection_time", options.max_ejection_time,
                   std::clamp<Nanos>(options.base_ejection_time, milliseconds(1), hours(24)),
                   hours(24));
  checker.Duration("max_ejection_time_jitter", options.max_ejection_time_jitter, Nanos(0),
                   hours(1));
  checker.Range("max_ejection_percent", options.max_ejection_percent, 0.0, 100.0);
}

}  // namespace sluice::breaker
