#include "sluice/traffic/endpoint.h"

#include <utility>

#include "sluice/contract/assert.h"

namespace sluice::traffic {

std::string_view NameOf(Health health) {
  switch (health) {
    case Health::kUnknown:
      return "unknown";
    case Health::kHealthy:
      return "healthy";
    case Health::kUnhealthy:
      return "unhealthy";
  }
  SLUICE_BUG("traffic.health_name");
  return "unknown";
}

Endpoint::Endpoint(Identity identity, std::size_t workers)
    : identity_(std::move(identity)), label_(identity_.address.ToString()), loads_(workers) {
  SLUICE_ASSERT(workers >= 1);
}

std::int64_t Endpoint::active() const {
  std::int64_t sum = 0;
  for (const EndpointLoad& load : loads_) {
    sum += load.active.value();
  }
  return sum;
}

std::int64_t Endpoint::connections() const {
  std::int64_t sum = 0;
  for (const EndpointLoad& load : loads_) {
    sum += load.connections.value();
  }
  return sum;
}

std::uint64_t Endpoint::requests_total() const {
  std::uint64_t sum = 0;
  for (const EndpointLoad& load : loads_) {
    sum += load.requests.value();
  }
  return sum;
}

std::uint64_t Endpoint::failures_total() const {
  std::uint64_t sum = 0;
  for (const EndpointLoad& load : loads_) {
    sum += load.failures.value();
  }
  return sum;
}

}  // namespace sluice::traffic
