// Endpoint: one server that answers for an upstream, and what is known of it.
//
// Shared by all loops. Its identity is its address and its version: when a name is resolved again
// and the address is still there, the same object goes on, with its counts and its health.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/counter.h"
#include "sluice/contract/time.h"

namespace sluice::traffic {

// What active health checks say. Unknown until the first verdict, and then treated as healthy.
enum class Health : std::uint8_t { kUnknown, kHealthy, kUnhealthy };

// "unknown", "healthy", "unhealthy".
[[nodiscard]] std::string_view NameOf(Health health);

// What one worker does with one endpoint. Written by that worker alone, read by anybody; a cache
// line of its own, so that workers do not disturb one another.
struct alignas(64) EndpointLoad {
  Gauge active;       // Selections held: requests under way, also those waiting for a connection.
  Gauge connections;  // Open or being opened.
  Counter requests;   // Sent, or lost for want of a connection.
  Counter failures;   // Of these, what the gateway reported as failed.
};

class Endpoint final : public std::enable_shared_from_this<Endpoint> {
 public:
  struct Identity {
    std::size_t slot = 0;
    Address address;
    std::string authority;  // For a Host field: "booking.local:9001".
    std::string version;
  };

  // `workers` >= 1 is how many loops will serve. Only Upstream makes endpoints, as shared_ptr.
  Endpoint(Identity identity, std::size_t workers);

  // A small number, below Upstream::kSlotsMax, that no other living endpoint of the upstream has:
  // what an EndpointGate is asked with. It is given away again only when nobody holds this object.
  [[nodiscard]] std::size_t slot() const { return identity_.slot; }
  [[nodiscard]] const Address& address() const { return identity_.address; }
  // "127.0.0.1:9001": for logs and metrics.
  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] const std::string& authority() const { return identity_.authority; }
  // The configured version label; may be empty.
  [[nodiscard]] const std::string& version() const { return identity_.version; }

  [[nodiscard]] EndpointLoad& load(std::size_t worker) { return loads_[worker]; }
  [[nodiscard]] const EndpointLoad& load(std::size_t worker) const { return loads_[worker]; }

  // Sums over all workers, at most a turn old.
  [[nodiscard]] std::int64_t active() const;
  [[nodiscard]] std::int64_t connections() const;
  [[nodiscard]] std::uint64_t requests_total() const;
  [[nodiscard]] std::uint64_t failures_total() const;

  // Written by the HealthChecker on its loop.
  [[nodiscard]] Health health() const { return health_.load(std::memory_order_relaxed); }
  void set_health(Health health) { health_.store(health, std::memory_order_relaxed); }
  std::atomic<std::uint64_t>& health_checks() { return health_checks_; }
  std::atomic<std::uint64_t>& health_check_failures() { return health_check_failures_; }

 private:
  Identity identity_;
  std::string label_;
  std::vector<EndpointLoad> loads_;
  std::atomic<Health> health_{Health::kUnknown};
  std::atomic<std::uint64_t> health_checks_{0};
  std::atomic<std::uint64_t> health_check_failures_{0};
};

}  // namespace sluice::traffic
