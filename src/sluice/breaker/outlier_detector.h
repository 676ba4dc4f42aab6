// OutlierDetector: which host of an upstream behaves so unlike the others that it gets no traffic
// for a while (Envoy's outlier detection).
//
// Runs of failures are judged at the failure that completes them, whichever loop saw it; success
// rates, failure percentages and latencies once per interval, in Sweep(), from counters that each
// worker keeps for itself. An ejected host is out for base_ejection_time times the number of its
// ejections in a row, and comes back by itself at that moment.
//
// It is an EndpointGate: a load balancer gives an ejected host no traffic, unless so many are out
// that it panics. It never takes a host away, so a host that is back is asked at once.
//
// Thread-safe. A success costs its worker two unlocked additions; only failures take the lock.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/breaker/outlier_options.h"
#include "sluice/breaker/outlier_statistics.h"
#include "sluice/breaker/slow_start.h"
#include "sluice/contract/endpoint_gate.h"
#include "sluice/contract/random.h"
#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"

namespace sluice::breaker {

enum class EjectionCause : std::uint8_t {
  kConsecutive5xx,
  kConsecutiveGatewayFailure,
  kConsecutiveLocalOriginFailure,
  kSuccessRate,
  kFailurePercentage,
  kLatency,
};
inline constexpr std::size_t kEjectionCauses = 6;

// "consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure",
// "success_rate", "failure_percentage", "latency".
[[nodiscard]] std::string_view NameOf(EjectionCause cause);

// What an attempt said about its host.
enum class HostVerdict : std::uint8_t {
  kSuccess,
  kServerError,     // A 5xx but for the three below.
  kGatewayFailure,  // 502, 503, 504, or an answer that is none.
  kLocalFailure,    // Ours: no connection, a broken one, no answer in time.
};

struct HostOutcome {
  HostVerdict verdict = HostVerdict::kSuccess;
  Nanos duration{0};  // Until the response head. Read for successes only.
  SteadyTime started{};
};

struct HostStatus {
  bool is_ejected = false;  // By the rules; `is_enforced` says whether traffic keeps away.
  bool is_enforced = false;
  EjectionCause cause = EjectionCause::kConsecutive5xx;  // Of the last ejection.
  Nanos remaining{0};                                    // Until it is back.
  std::uint64_t ejections_total = 0;                     // Of the host since it joined.
  int in_a_row = 0;          // The next ejection lasts for one more than so many base times.
  double success_rate = -1;  // Percent, in the last interval; -1: not enough requests.
  Nanos latency_p90{0};      // Likewise; 0: not enough requests, or latencies are not judged.
};

struct OutlierTotals {
  std::array<std::uint64_t, kEjectionCauses> ejections_total{};    // Carried out, by cause.
  std::array<std::uint64_t, kEjectionCauses> would_eject_total{};  // Only counted (shadow).
  std::uint64_t overflow_total = 0;   // Not ejected, since too many were out already.
  std::uint64_t unejected_total = 0;  // Brought back before their time.
  std::size_t active = 0;             // Out now, enforced or not.
  std::size_t hosts = 0;
};

class OutlierDetector final : public EndpointGate {
 public:
  // For `workers` >= 1 loops and slots 0 .. `slots_max` - 1. `seed` is for jitter. Fails with
  // kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<OutlierDetector>> Create(const OutlierOptions& options,
                                                         std::size_t workers,
                                                         std::size_t slots_max,
                                                         std::uint64_t seed,
                                                         SteadyTime now);
  OutlierDetector(const OutlierDetector&) = delete;
  OutlierDetector& operator=(const OutlierDetector&) = delete;
  ~OutlierDetector() override;

  // An attempt at the host in `slot` has ended, on the loop of `worker`. Attempts that began before
  // the host came back, or end while it is out, say nothing. Allocates nothing.
  void Report(std::size_t worker, std::size_t slot, const HostOutcome& outcome, SteadyTime now);

  // --- From the control loop alone.

  // `slot` is the host called `label` from now on. A label that the slot had before goes on with
  // what was known of it, ejection included.
  void Join(std::size_t slot, std::string_view label, SteadyTime now);
  void Leave(std::size_t slot);

  // Carries out what is due by time: returns, and at the end of an interval its judgement. To be
  // called several times a second; more often does no harm.
  void Sweep(SteadyTime now);

  // Brings the host back at once, with no ejections in a row; by hand or since its health check has
  // succeeded again. Nothing where it is not out.
  void Uneject(std::size_t slot, SteadyTime now);

  // Hosts that come back begin on this ramp; null: with their whole share.
  void SetSlowStart(std::shared_ptr<SlowStart> slow_start);

  // Takes over everything but the name; kInvalidOption on any problem, and then nothing has
  // changed. Ejections and counts stay.
  [[nodiscard]] Result<void> Reconfigure(const OutlierOptions& options);

  [[nodiscard]] HostStatus StatusOf(std::size_t slot, SteadyTime now) const;
  [[nodiscard]] OutlierTotals Totals() const;
  [[nodiscard]] const std::string& name() const { return name_; }

  // --- EndpointGate.
  [[nodiscard]] double Weight(std::size_t endpoint, SteadyTime now) const override;
  [[nodiscard]] std::string_view reason() const override { return "ejected"; }

 private:
  struct Host;
  struct IntervalCounts;

  OutlierDetector(const OutlierOptions& options,
                  std::size_t workers,
                  std::size_t slots_max,
                  std::uint64_t seed,
                  SteadyTime now);

  [[nodiscard]] Host* HostAt(std::size_t slot) const {
    return by_slot_[slot].load(std::memory_order_acquire);
  }
  void CountRun(Host& host, HostVerdict verdict, SteadyTime now);
  void JudgeInterval(SteadyTime now);
  void TakeInterval(Host& host);
  void JudgeSuccessRates(const OutlierOptions& options, SteadyTime now);
  void JudgeFailurePercentages(const OutlierOptions& options, SteadyTime now);
  void JudgeLatencies(const OutlierOptions& options, SteadyTime now);
  void EjectOne(Host& host, EjectionCause cause, SteadyTime now);

  // These require the lock.
  void Eject(Host& host, EjectionCause cause, SteadyTime now);
  void Return(Host& host, SteadyTime at);
  void ReturnDue(SteadyTime now);
  [[nodiscard]] bool HasRoom(SteadyTime now);
  [[nodiscard]] bool EnforcesNext();
  [[nodiscard]] Nanos NextDuration(Host& host);

  const std::string name_;
  const std::size_t workers_;
  std::atomic<GuardMode> mode_;
  std::atomic<bool> measures_latency_;
  std::atomic<bool> splits_local_;

  std::vector<std::atomic<Host*>> by_slot_;   // Set once per slot, before anybody reports of it.
  std::atomic<std::size_t> slots_used_{0};    // No host is at or behind it.
  std::vector<std::unique_ptr<Host>> hosts_;  // Of the control loop.
  SteadyTime interval_ends_;                  // Of the control loop.

  mutable Spinlock lock_;
  OutlierOptions options_;
  Random random_;
  std::shared_ptr<SlowStart> slow_start_;
  std::uint64_t decisions_ = 0;
  OutlierTotals totals_;
};

}  // namespace sluice::breaker
