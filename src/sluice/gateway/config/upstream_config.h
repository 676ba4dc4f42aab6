// The part of Config that says whom we call and when we stop calling: see config.h for the rules.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/grpc_status.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/admission_control_config.h"

namespace sluice::gateway::config {

// "5xx", "503" or "500-504".
struct StatusRange {
  std::uint16_t first = 500;  // 100 .. 599.
  std::uint16_t last = 599;   // first .. 599, included.

  [[nodiscard]] bool Contains(int status) const { return status >= first && status <= last; }
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

enum class LoadBalancing : std::uint8_t { kRoundRobin, kRandom, kLeastRequest, kRingHash };

enum class HashOnKind : std::uint8_t { kSourceIp, kHeader, kCookie, kPath };

struct HashOn {
  HashOnKind kind = HashOnKind::kSourceIp;
  std::string name;  // Header (lower-cased) or cookie.
  friend bool operator==(const HashOn&, const HashOn&) = default;
};

struct HealthCheckConfig {
  std::string path;                                // "/healthz". Required.
  Nanos interval = std::chrono::seconds(2);        // 10 ms .. 1 h between two checks.
  Nanos timeout = std::chrono::milliseconds(500);  // 1 ms .. 1 min.
  std::int64_t unhealthy_after = 3;                // 1 .. 100 failures in a row.
  std::int64_t healthy_after = 2;                  // 1 .. 100 successes in a row.
  std::vector<StatusRange> statuses = {{.first = 200, .last = 299}};  // What a success says.
  std::string host;  // Host field; empty: the endpoint.
};

enum class RateKeyKind : std::uint8_t { kIp, kHeader, kCookie, kPathParam, kGeneric };

// One part of a key. `ip` is the client's address (IPv6 by its /64).
struct RateKeyPart {
  RateKeyKind kind = RateKeyKind::kIp;
  std::string name;  // Header (lower-cased), cookie, template name; generic: the text itself.
  friend bool operator==(const RateKeyPart&, const RateKeyPart&) = default;
};

enum class WindowType : std::uint8_t { kTime, kCount };

struct SlidingWindowConfig {
  WindowType type = WindowType::kTime;
  Nanos time_size = std::chrono::seconds(10);  // `size` of a time window: 100 ms .. 1 h.
  std::int64_t call_size = 100;                // `size` of a count window: 1 .. 100'000 calls.
  std::int64_t buckets = 10;                   // 1 .. 120; time windows only.
};

// gte: a rate that reaches its threshold trips; gt: one that exceeds it.
enum class ThresholdMode : std::uint8_t { kGte, kGt };

struct WaitBackoffConfig {
  double multiplier = 2.0;               // 1 .. 10 per opening in a row.
  Nanos max = std::chrono::seconds(60);  // 10 ms .. 1 h.
  double jitter = 0.1;                   // 0 .. 0.5: the wait varies by this ratio up and down.
};

struct RecoveryRampConfig {
  Nanos window = std::chrono::seconds(10);  // 0 .. 1 h; 0 closes at once.
  double min_percent = 10;                  // 0 .. 100 of the calls admitted at its start.
  double aggression = 1.0;                  // 0.1 .. 10; above 1 ramps faster at first.
};

struct BreakerRecordConfig {
  std::vector<StatusRange> statuses = {{.first = 500, .last = 599}};
  std::vector<GrpcStatus> grpc = {GrpcStatus::kUnavailable, GrpcStatus::kDeadlineExceeded,
                                  GrpcStatus::kInternal};
  bool timeouts = true;
  bool connect_errors = true;
};

struct BreakerIgnoreConfig {
  std::vector<StatusRange> statuses = {{.first = 429, .last = 429}};
  std::vector<GrpcStatus> grpc = {GrpcStatus::kResourceExhausted, GrpcStatus::kCancelled};
};

// What a new key meets when `max_keys` breakers are in use and none is healthy and idle.
enum class OnKeysFull : std::uint8_t { kSharedBreaker, kAllow };

struct BreakerConfig {
  std::vector<RateKeyPart> key;   // Empty: one breaker for all calls.
  std::int64_t max_keys = 1'000;  // 1 .. 100'000 breakers; read only with a key.
  OnKeysFull on_keys_full = OnKeysFull::kSharedBreaker;
  SlidingWindowConfig sliding_window;
  std::int64_t minimum_number_of_calls = 20;  // 1 .. 100'000; below it no rate is judged.
  double failure_rate_threshold = 50;         // Above 0 .. 100 percent.
  double slow_call_rate_threshold = 80;       // Above 0 .. 100 percent.
  Nanos slow_call_duration_threshold =
      std::chrono::seconds(1);  // 0 .. 1 h; longer is slow; 0: none is.
  ThresholdMode threshold_mode = ThresholdMode::kGte;
  std::int64_t consecutive_failures = 0;                        // 0 .. 100'000; 0: not counted.
  Nanos wait_duration_in_open_state = std::chrono::seconds(5);  // 10 ms .. 1 h.
  WaitBackoffConfig wait_backoff;
  std::int64_t permitted_number_of_calls_in_half_open_state = 5;          // 1 .. 1'000.
  Nanos max_wait_duration_in_half_open_state = std::chrono::seconds(10);  // 10 ms .. 1 h.
  bool automatic_transition = false;  // Half-opens by itself when the wait is over.
  RecoveryRampConfig recovery_ramp;
  BreakerRecordConfig record;
  BreakerIgnoreConfig ignore;  // Wins over record.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100 of the refusals that refuse; the rest only count.
};

// Names follow Envoy. See breaker/outlier_options.h for what each does.
struct OutlierDetectionConfig {
  std::int64_t consecutive_5xx = 5;                   // 0 .. 100'000 in a row; 0: off.
  std::int64_t consecutive_gateway_failure = 0;       // 0 .. 100'000; 0: off.
  std::int64_t consecutive_local_origin_failure = 5;  // 0 .. 100'000; 0: off. With the split.
  bool split_external_local_origin_errors = false;
  Nanos interval = std::chrono::seconds(10);              // 10 ms .. 1 h.
  Nanos base_ejection_time = std::chrono::seconds(30);    // 1 ms .. 24 h.
  Nanos max_ejection_time = std::chrono::seconds(300);    // base_ejection_time .. 24 h.
  Nanos max_ejection_time_jitter{0};                      // 0 .. 1 h.
  double max_ejection_percent = 10;                       // 0 .. 100 of the endpoints.
  bool always_eject_one_host = true;                      // Even if that is over the percentage.
  std::int64_t success_rate_minimum_hosts = 5;            // 1 .. 10'000.
  std::int64_t success_rate_request_volume = 100;         // 1 .. 1'000'000'000 per interval.
  double success_rate_stdev_factor = 1900;                // Thousandths, 0 .. 100'000; 0: off.
  double failure_percentage_threshold = 0;                // 0 .. 100; 0: off.
  std::int64_t failure_percentage_minimum_hosts = 5;      // 1 .. 10'000.
  std::int64_t failure_percentage_request_volume = 50;    // 1 .. 1'000'000'000 per interval.
  double latency_factor = 0;                              // 0: off; else 1 .. 1'000.
  Nanos latency_minimum = std::chrono::milliseconds(10);  // 0 .. 1 h.
  std::int64_t latency_minimum_hosts = 3;                 // 1 .. 10'000.
  std::int64_t latency_request_volume = 100;              // 1 .. 1'000'000'000 per interval.
  bool successful_active_health_check_uneject_host = true;
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100 of the ejections are carried out.
};

struct SlowStartConfig {
  Nanos window = std::chrono::seconds(30);  // 1 ms .. 1 h.
  double aggression = 1.0;                  // 0.1 .. 10; above 1 rises faster at first.
  double min_weight_percent = 10;           // 1 .. 100 of its share at the beginning.
};

struct RetryBudgetConfig {
  double budget_percent = 20;              // 0 .. 100 of the requests in flight may be retries.
  std::int64_t min_retry_concurrency = 3;  // 0 .. 10'000 are always allowed.
};

// pass: the client's Host. endpoint: what `endpoints[]` says.
enum class HostHeader : std::uint8_t { kPass, kEndpoint };

struct UpstreamConfig {
  std::string name;  // Required, unique.
  // "ip:port", "host:port", "[v6]:port", "unix:/path", each also with "http://" before it (but
  // unix). At least one; ParseEndpoint() (endpoint.h) takes them apart.
  std::vector<std::string> endpoints;
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  std::optional<HashOn> hash_on;  // Set exactly when load_balancing is ring_hash.
  std::optional<HealthCheckConfig> health_check;
  // Percent, 0 .. 100: with fewer endpoints healthy than this all are asked; 0: never.
  std::int64_t healthy_panic_threshold = 50;
  Nanos connect_timeout = std::chrono::seconds(1);  // 1 ms .. 1 min.
  std::int64_t max_connections = 1024;              // 1 .. 1'000'000 per endpoint, over all loops.
  std::int64_t max_pending = 1024;  // 0 .. 1'000'000 requests waiting for a connection.
  Nanos idle_timeout = std::chrono::seconds(30);      // 1 ms .. 1 h for a pooled connection.
  std::int64_t max_requests_per_connection = 10'000;  // 0 .. 1'000'000'000; 0: no end.
  std::optional<BreakerConfig> circuit_breaker;       // Bears the upstream's name.
  std::optional<OutlierDetectionConfig> outlier_detection;
  std::optional<SlowStartConfig> slow_start;
  std::optional<AdmissionControlConfig> admission_control;  // Bears the upstream's name.
  std::vector<std::string> concurrency_limits;  // Names from `concurrency_limits[]`, per attempt.
  RetryBudgetConfig retry_budget;
  bool critical = true;  // false: its loss must be survivable; `sluice check` asks for a chain.
  HostHeader host_header = HostHeader::kPass;
};

}  // namespace sluice::gateway::config
