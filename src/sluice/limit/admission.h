// The answer of a rate limit, whatever its algorithm: admitted or refused, how much is left, how
// long to wait; and what was taken, so that it can be given back.
//
// Pure values.

#pragma once

#include <cstdint>
#include <limits>

#include "sluice/contract/time.h"

namespace sluice::limit {

// Time inside a limiter: sixtieths of a nanosecond since the limiter's creation, so that intervals
// of the usual limits (3, 12, 300, 60 a minute, …) are whole. Reaches 4.8 years.
using Ticks = std::int64_t;
inline constexpr Ticks kTicksPerNano = 60;

constexpr Ticks TicksSince(SteadyTime origin, SteadyTime now) {
  return (now - origin).count() * kTicksPerNano;
}
// The same for a deadline, which may be kNever.
constexpr Ticks TicksUntil(SteadyTime origin, SteadyTime deadline) {
  constexpr Ticks kMost = std::numeric_limits<Ticks>::max();
  if (deadline - origin > Nanos(kMost / kTicksPerNano)) return kMost;
  return TicksSince(origin, deadline);
}
// Rounded up, so that who waits this long has waited long enough.
constexpr Nanos NanosCeil(Ticks ticks) {
  return Nanos(ticks / kTicksPerNano + (ticks % kTicksPerNano > 0 ? 1 : 0));
}

// As Admission::retry_after: no wait helps, for the request is larger than the limit.
inline constexpr Nanos kNeverAdmitted{-1};

enum class OnReject : std::uint8_t {
  kKeep,   // A refused request costs nothing.
  kDrain,  // A refused request takes what is left: who asks too much starts again from nothing.
};

// When a request asks. Algorithms use what they need of it.
struct Moment {
  SteadyTime now{};
  // For calendar periods alone. The epoch: not known, and then they have their usual length.
  WallTime wall{};
  SteadyTime deadline = kNever;  // For pacing: a slot after it is of no use.
};

// What the state after a decision says; for response headers. Cheap to make: the division for
// remaining() happens only when asked.
class Level {
 public:
  Level() = default;
  // A bucket of `capacity` ticks, `per_token` ticks each, of which `debt` are in use: full again
  // after that time.
  Level(Ticks per_token, Ticks capacity, Ticks debt)
      : per_token_(per_token), capacity_(capacity), debt_(debt < 0 ? 0 : debt), reset_(debt_) {}
  // A count: `used` of `limit`, forgotten after `reset` ticks.
  static Level Counted(std::int64_t limit, std::int64_t used, Ticks reset) {
    Level level(1, limit, used);
    level.reset_ = reset;
    return level;
  }

  // Tokens that a request at the same time could still take, 0 .. capacity.
  [[nodiscard]] std::int64_t remaining() const {
    return debt_ >= capacity_ ? 0 : (capacity_ - debt_) / per_token_;
  }
  // How long until all is there again.
  [[nodiscard]] Nanos reset_after() const { return NanosCeil(reset_); }
  // The part of the whole in use, 0 .. 1 and above it after a limit was lowered.
  [[nodiscard]] bool IsUsedTo(double ratio) const {
    return static_cast<double>(debt_) >= ratio * static_cast<double>(capacity_);
  }

 private:
  Ticks per_token_ = 1;
  Ticks capacity_ = 0;
  Ticks debt_ = 0;
  Ticks reset_ = 0;
};

// Which bucket paid for a request.
enum class Payer : std::uint8_t {
  kOwn,     // That of its key, or the only one.
  kShared,  // That of all keys which found no room.
  kNobody,  // It found no room and was let in uncounted.
};

struct Admission {
  bool admitted = false;
  Payer payer = Payer::kOwn;
  Nanos wait{0};         // Admitted (pacing): not before this long from now.
  Nanos retry_after{0};  // Refused: the shortest wait that would succeed, or kNeverAdmitted.
  Level level;
};

// What an admitted request took, to be given back when it did not happen after all.
struct Taken {
  std::uint64_t key_hash = 0;
  std::uint32_t tokens = 0;  // None where the rule only looks on.
  Payer payer = Payer::kOwn;
  SteadyTime start{};  // When the request could begin: the decision's `now` plus its wait.
};

}  // namespace sluice::limit
