// Breaker: is that upstream worth asking?
//
//   CLOSED ──rate or run of failures──▶ OPEN ──wait (lazily, at a call)──▶ HALF_OPEN
//      ▲                                 ▲ ▲                                  │   │
//      │                                 │ └──── failed, or probes hang ──────┘   │
//      └── ramp done ── RECOVERING ──trip┘                                        │
//                            ▲─────────────── probes succeeded ───────────────────┘
//   FORCED_OPEN, DISABLED and METRICS_ONLY are entered and left by hand.
//
// Every transition begins a new epoch. A permit carries the epoch that admitted it, and a call that
// ends in a later epoch counts in the totals but never decides the state: a late success of an old
// call cannot close a half-open breaker. Half-open cannot hang: each probe has a deadline and so
// has the state.
//
// Thread-safe. State and window stand behind one spinlock; a call admitted while closed takes it
// only when it settles.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/breaker/options.h"
#include "sluice/breaker/outcome_window.h"
#include "sluice/breaker/probes.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/random.h"
#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

enum class State : std::uint8_t {
  kClosed,
  kOpen,
  kHalfOpen,
  kRecovering,
  kForcedOpen,   // Refuses all, until told otherwise.
  kDisabled,     // Admits all and records nothing.
  kMetricsOnly,  // Admits all and records, never trips.
};
inline constexpr std::size_t kStates = 7;

// "closed", "open", "half_open", "recovering", "forced_open", "disabled", "metrics_only".
[[nodiscard]] std::string_view NameOf(State state);

struct BreakerDecision {
  bool admitted = false;
  bool would_refuse = false;  // Admitted only by shadow mode or enforce_percent.
  Nanos retry_after{0};       // Refused: the wait until a call may be admitted; -1 ns: forced open.
  PermitToken token;          // Admitted: for Settle, Abandon or Refund, exactly one of them.
};

// Over the life of the breaker, whatever its epochs.
struct BreakerTotals {
  std::uint64_t successes_total = 0;
  std::uint64_t failures_total = 0;
  std::uint64_t slow_total = 0;  // Of the above.
  std::uint64_t ignored_total = 0;
  std::uint64_t not_permitted_total = 0;  // Refused.
  std::uint64_t would_refuse_total = 0;   // Let through by mode or enforce_percent.
  std::array<std::array<std::uint64_t, kStates>, kStates> transitions{};  // [from][to]
};

struct BreakerSnapshot : BreakerTotals {
  State state = State::kClosed;
  std::uint64_t epoch = 0;
  std::array<std::uint64_t, kStates> entered_last{};  // The epoch; 0: never.
  SteadyTime since{};                                 // When the state was entered.
  Nanos retry_after{0};                               // Open: until a probe may go.
  double failure_rate = -1;  // Percent; -1 below the minimum number of calls.
  double slow_call_rate = -1;
  OutcomeCounts window;       // Half-open: of the probes. Open: as it was when it tripped, fading.
  int failed_recoveries = 0;  // Sets the length of the next wait.
  int probes_in_flight = 0;
};

// How often traffic has been let through again: into the recovery, or closed without one.
[[nodiscard]] std::uint64_t ReturnsOf(const BreakerTotals& totals);
// How often it has opened.
[[nodiscard]] std::uint64_t OpenedOf(const BreakerTotals& totals);

class Breaker final : public Guard, public PermitIssuer {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds. `seed` is for the
  // jitter of waits and the draws of recovery.
  static Result<std::unique_ptr<Breaker>> Create(const BreakerOptions& options,
                                                 std::uint64_t seed,
                                                 SteadyTime now);

  // May this call be made? Allocates nothing.
  [[nodiscard]] BreakerDecision TryAcquire(SteadyTime now);
  // Whether TryAcquire would admit now, without taking a probe or changing state; in RECOVERING
  // true. For a balancer that prefers an upstream that is worth asking.
  [[nodiscard]] bool WouldAdmit(SteadyTime now) const;

  // By hand. Each enters its state from any other and begins a new epoch.
  void ForceOpen(SteadyTime now);
  void Close(SteadyTime now);
  void Disable(SteadyTime now);
  void MetricsOnly(SteadyTime now);
  // Closed, with an empty window and no failed recoveries, as new. Totals stay.
  void Reset(SteadyTime now);

  // Carries out what is due by time alone: ends of waits (with automatic_transition), of hanging
  // probes, of the ramp. Calls do the same; who wants timely metrics polls too.
  void Poll(SteadyTime now);
  [[nodiscard]] BreakerSnapshot Snapshot(SteadyTime now);

  // Takes over everything but the name, which must be the same; kInvalidOption on any problem, and
  // then nothing has changed. Keeps state, and the window unless its shape changes.
  [[nodiscard]] Result<void> Reconfigure(const BreakerOptions& options, SteadyTime now);

  [[nodiscard]] GuardMode mode() const { return mode_.load(std::memory_order_relaxed); }

  // Guard.
  [[nodiscard]] GuardDecision Acquire(const GuardRequest& request, SteadyTime now) override;
  [[nodiscard]] std::string_view kind() const override { return "breaker"; }
  [[nodiscard]] std::string_view rule() const override { return name_; }
  [[nodiscard]] ErrorCode refusal() const override { return ErrorCode::kBreakerOpen; }

  // PermitIssuer. The duration counts as slow or not whatever the verdict; kIgnored records
  // nothing. A probe that is ignored, abandoned or refunded leaves its place to another call.
  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override;
  void Abandon(const PermitToken& token) override;
  void Refund(const PermitToken& token, SteadyTime now) override;

 private:
  Breaker(const BreakerOptions& options, std::uint64_t seed, SteadyTime now);

  static constexpr std::uint64_t kStateBits = 3;
  static State StateIn(std::uint64_t life) { return static_cast<State>(life & 7U); }
  static std::uint64_t EpochIn(std::uint64_t life) { return life >> kStateBits; }

  // Everything below requires the lock.
  [[nodiscard]] State state() const { return StateIn(life_.load(std::memory_order_relaxed)); }
  [[nodiscard]] std::uint64_t epoch() const {
    return EpochIn(life_.load(std::memory_order_relaxed));
  }
  void Enter(State next, SteadyTime at);
  void Open(SteadyTime at);
  void Trip(SteadyTime at);
  void Reopen(SteadyTime at);
  void Recover(SteadyTime at);
  void AdvanceTime(SteadyTime now);
  void AdvanceHalfOpen(SteadyTime at, SteadyTime now);
  void JudgeProbes(SteadyTime at);
  void Record(const CallResult& result, SteadyTime now);
  void CountTotals(const Outcome& outcome, const CallResult& result);
  void GiveBackProbe(const PermitToken& token);
  [[nodiscard]] BreakerDecision AdmitLocked(SteadyTime now);
  [[nodiscard]] BreakerDecision AdmitProbe(SteadyTime now);
  [[nodiscard]] BreakerDecision AdmitRecovering(SteadyTime now);
  [[nodiscard]] BreakerDecision Refuse(Nanos retry_after, SteadyTime now);
  [[nodiscard]] bool EnforcesNextRefusal();
  [[nodiscard]] bool Reaches(std::uint64_t part, std::uint64_t whole, double threshold) const;
  [[nodiscard]] bool ShouldTrip() const;
  [[nodiscard]] std::uint64_t MinimumCalls() const;
  [[nodiscard]] Nanos NextWait();
  [[nodiscard]] bool IsSlow(Nanos duration) const;

  const std::string name_;
  // epoch * 8 + state, so that a call under CLOSED needs no lock. Stored with release under the
  // lock, loaded with acquire; a decision made on a value just replaced is one made just before.
  std::atomic<std::uint64_t> life_;
  std::atomic<GuardMode> mode_;

  // Calls that settle write below; acquiring under CLOSED reads only above.
  alignas(64) mutable Spinlock lock_;
  BreakerOptions options_;
  OutcomeWindow window_;
  Probes probes_;
  Random random_;
  SteadyTime since_;
  SteadyTime retry_at_{};  // Open: when the wait ends. Half-open: when the state must be judged.
  int run_of_failures_ = 0;
  int failed_recoveries_ = 0;
  std::uint64_t refusals_ = 0;
  std::array<std::uint64_t, kStates> entered_last_{};
  BreakerTotals totals_;
};

}  // namespace sluice::breaker
