// What an upstream is made of. The options struct is the manual; the gateway fills it from
// `upstreams[]` and validates ranges there, Upstream::Create() once more.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/time.h"

namespace sluice::traffic {

enum class LoadBalancing : std::uint8_t { kRoundRobin, kRandom, kLeastRequest, kRingHash };

struct EndpointSpec {
  std::optional<Address> address;  // A literal; absent: `host` is a name to resolve.
  std::string host;                // "booking.local"; needed when there is no address.
  std::uint16_t port = 0;          // With `host`.
  std::string authority;           // Host field of health checks: "booking.local:9001".
  std::uint32_t weight = 1;        // 1 .. 1000.
  std::string version;             // A label such as "v2"; may be empty.
  friend bool operator==(const EndpointSpec&, const EndpointSpec&) = default;
};

// Bounds of one worker's pool.
struct PoolOptions {
  // Of all workers together, each of which has its part (ShareOf()).
  std::size_t connections_max = 1024;  // To one endpoint, 1 .. 1'000'000.
  std::size_t waiting_max = 1024;      // Requests waiting for one endpoint, 0 .. 1'000'000.
  std::size_t idle_max = 256;  // Idle connections to all endpoints together, 0 .. 1'000'000.
  Nanos idle_timeout = std::chrono::seconds(30);   // 1 ms .. 1 h.
  std::uint64_t requests_per_connection = 10'000;  // 0: no end.
  friend bool operator==(const PoolOptions&, const PoolOptions&) = default;
};

// A worker's part of a bound: the parts add up to it, but none is 0 unless the bound is.
[[nodiscard]] constexpr std::size_t ShareOf(std::size_t bound,
                                            std::size_t workers,
                                            std::size_t worker) {
  if (bound == 0) return 0;
  const std::size_t share = bound / workers + (worker < bound % workers ? 1 : 0);
  return share == 0 ? 1 : share;
}

struct StatusRange {
  std::uint16_t first = 200;  // Both included.
  std::uint16_t last = 299;
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

struct HealthCheckOptions {
  std::string path;                                // "/healthz".
  std::string host;                                // Host field; empty: the endpoint's authority.
  Nanos interval = std::chrono::seconds(2);        // 10 ms .. 1 h; each wait varies by 10 %.
  Nanos timeout = std::chrono::milliseconds(500);  // 1 ms .. 1 min for one whole check.
  std::uint32_t unhealthy_after = 3;               // 1 .. 100 failures in a row.
  std::uint32_t healthy_after = 2;                 // 1 .. 100 successes in a row.
  std::vector<StatusRange> statuses = {{}};        // What a success says.
  friend bool operator==(const HealthCheckOptions&, const HealthCheckOptions&) = default;
};

// How names are resolved again.
struct RefreshOptions {
  Nanos interval_min = std::chrono::seconds(1);  // A shorter TTL, or none, is raised to it.
  Nanos interval_max = std::chrono::minutes(5);  // A longer one is cut.
  Nanos timeout = std::chrono::seconds(5);       // Of one question.
  Nanos retry_max = std::chrono::seconds(30);    // Failures back off from interval_min to it.
  friend bool operator==(const RefreshOptions&, const RefreshOptions&) = default;
};

struct UpstreamOptions {
  std::string name;
  std::vector<EndpointSpec> endpoints;  // At least one.
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  Nanos connect_timeout = std::chrono::seconds(1);  // 1 ms .. 1 min.
  // With fewer than this percentage of endpoints available (weight above 0), the gates are ignored
  // and every endpoint is asked: many sick at once is more likely a sick check, and the few well
  // ones would drown. 0 .. 100; 0: never, and an upstream without available endpoints refuses.
  std::uint32_t panic_threshold_percent = 50;
  Bytes response_head_max = 64 * kKiB;   // 1 KiB .. 1 MiB; a larger head is a bad response.
  std::uint32_t informational_max = 16;  // 1xx heads before one final head, 0 .. 100.
  PoolOptions pool;
  RefreshOptions refresh;
  std::optional<HealthCheckOptions> health_check;
  friend bool operator==(const UpstreamOptions&, const UpstreamOptions&) = default;
};

}  // namespace sluice::traffic
