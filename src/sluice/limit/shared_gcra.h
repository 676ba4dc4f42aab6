// SharedGcra: one rate limit that all loops share, on one atomic time.
//
// Lock-free: a decision is one compare-and-swap, a refusal stores nothing, so a storm of refusals
// leaves the cache line shared. See gcra.h for the algorithm.
//
// Thread-safe; all orders relaxed, for the TAT is the whole state and publishes nothing else. The
// pace is two words read under a sequence number, so a decision never mixes old with new.

#pragma once

#include <atomic>
#include <cstdint>

#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/gcra.h"

namespace sluice::limit {

class SharedGcra {
 public:
  // Requires options that Validate() finds nothing wrong with.
  SharedGcra(const GcraOptions& options, SteadyTime now);
  SharedGcra(const SharedGcra&) = delete;
  SharedGcra& operator=(const SharedGcra&) = delete;

  // Takes all `tokens` or none. 0 looks without taking; more than the burst is never admitted.
  [[nodiscard]] Admission TryTake(std::uint32_t tokens, SteadyTime now);

  // Gives back what an admitted request took; the bucket never holds more than its burst.
  void Refund(std::uint32_t tokens, SteadyTime now);

  // New limit, period, burst and on_reject from the next decision on. Debt is kept as time: the
  // moment at which the bucket is full again stays the same.
  void Reconfigure(const GcraOptions& options);

 private:
  [[nodiscard]] GcraPace ReadPace() const;

  // Written by Reconfigure alone, so decisions keep this line shared.
  alignas(64) std::atomic<std::uint64_t> sequence_{0};  // Odd while the pace is being written.
  std::atomic<Ticks> interval_;
  std::atomic<Ticks> tolerance_;
  std::atomic<OnReject> on_reject_;
  SteadyTime origin_;
  Spinlock reconfiguring_;

  alignas(64) std::atomic<Ticks> tat_;
};

}  // namespace sluice::limit
