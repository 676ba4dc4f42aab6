// Limiter: how a rule counts, whatever its algorithm is and whether it has keys.
//
// Thread-safe, but Reconfigure() is not concurrent with itself.

#pragma once

#include <cstdint>
#include <memory>

#include "sluice/contract/time.h"
#include "sluice/limit/admission.h"
#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/rate_limit_options.h"

namespace sluice::limit {

class Limiter {
 public:
  virtual ~Limiter() = default;

  // As KeyedLimiterOf; `key_hash` is 0 for a rule without key.
  [[nodiscard]] virtual Admission TryTake(std::uint64_t key_hash,
                                          std::uint32_t tokens,
                                          const Moment& moment) = 0;
  virtual void Refund(const Taken& taken, SteadyTime now) = 0;
  [[nodiscard]] virtual std::int64_t Capacity(std::uint64_t key_hash) const = 0;

  // Starts again from cold; nothing but a limit that warms up does anything.
  virtual void Rewarm(SteadyTime now) = 0;

  // Requires options that Validate() finds nothing wrong with, of the same algorithm and keying.
  virtual void Reconfigure(const RateLimitOptions& options) = 0;

  [[nodiscard]] virtual KeyedLimiterStats Stats() const = 0;
};

// Requires options that Validate() finds nothing wrong with.
[[nodiscard]] std::unique_ptr<Limiter> MakeLimiter(const RateLimitOptions& options, SteadyTime now);

}  // namespace sluice::limit
