// Probes: the few calls that a half-open breaker lets through, each with a deadline of its own.
//
// A place is free, held by a probe in flight, or spent by one that counted. A probe that neither
// succeeded nor failed gives its place back; one that misses its deadline counts as a failure, so a
// call that never ends cannot keep the breaker half-open.
//
// Not thread-safe: it stands behind its breaker's lock. Allocates in the constructor alone.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/breaker/outcome_window.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

class Probes {
 public:
  explicit Probes(int permitted);

  // All places free, nothing counted.
  void Restart();

  // Takes a free place until `deadline`. Returns its ticket, never 0, or nothing when none is free.
  [[nodiscard]] std::optional<std::uint64_t> Take(SteadyTime deadline);
  // The probe ended; false when the ticket no longer holds a place.
  bool Count(std::uint64_t ticket, const CallResult& result);
  // The probe said nothing; false when the ticket no longer holds a place.
  bool GiveBack(std::uint64_t ticket);
  // Counts probes whose deadline is at or before `now` as failures.
  void Expire(SteadyTime now);
  // Whether Take() would find a place.
  [[nodiscard]] bool has_free() const;
  // The earliest deadline in flight; kNever without one.
  [[nodiscard]] SteadyTime next_deadline() const;
  [[nodiscard]] const OutcomeCounts& counts() const { return counts_; }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  [[nodiscard]] int permitted() const { return static_cast<int>(places_.size()); }

 private:
  enum class Use : std::uint8_t { kFree, kInFlight, kSpent };
  struct Place {
    Use use = Use::kFree;
    std::uint64_t ticket = 0;
    SteadyTime deadline{};
  };
  [[nodiscard]] Place* Find(std::uint64_t ticket);

  std::vector<Place> places_;
  OutcomeCounts counts_;
  std::uint64_t last_ticket_ = 0;
  int in_flight_ = 0;
};

}  // namespace sluice::breaker
