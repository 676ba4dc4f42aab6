// EndpointGate: what may keep an endpoint out of its pool, or give it less traffic.
//
// Health checks, outlier ejection, warm-up and slow start each are one; a load balancer asks all of
// them and multiplies their weights. Thread-safe: endpoints are shared by all loops.

#pragma once

#include <cstddef>
#include <string_view>

#include "sluice/contract/time.h"

namespace sluice {

class EndpointGate {
 public:
  virtual ~EndpointGate() = default;
  // 0: no traffic; 1: a full share.
  [[nodiscard]] virtual double Weight(std::size_t endpoint, SteadyTime now) const = 0;
  // Why the weight is below 1, for people: "unhealthy", "ejected", "warming".
  [[nodiscard]] virtual std::string_view reason() const = 0;
};

}  // namespace sluice
