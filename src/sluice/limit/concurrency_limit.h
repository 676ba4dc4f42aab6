// ConcurrencyLimit: how many calls may be under way at once; one entry of `concurrency_limits[]`.
//
// A slot is taken by one atomic add (and given back by the same where the limit was reached), so
// never more than the limit are in. The limit is fixed, or follows what the calls show (vegas.h,
// aimd.h, gradient2.h), once a window. Who finds no slot is refused, or waits in a bounded queue
// (admission_queue.h): the waiting itself is the caller's, on its loop.
// Thread-safe. State survives a reload through Reconfigure().

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/admission_queue.h"
#include "sluice/limit/decision_counts.h"
#include "sluice/limit/latency_baseline.h"
#include "sluice/limit/latency_window.h"
#include "sluice/limit/limit_algorithm.h"
#include "sluice/limit/partitions.h"

namespace sluice::limit {

enum class ConcurrencyAlgorithm : std::uint8_t { kVegas, kGradient2, kAimd, kFixed };

struct ConcurrencyWindow {
  Nanos min = std::chrono::seconds(1);   // 10 ms .. max; twice the lowest latency where longer.
  Nanos max = std::chrono::seconds(30);  // min .. 10 min; without enough samples it starts anew.
  std::int64_t min_samples = 50;         // 1 .. 1'000'000.
};

struct ConcurrencyOptions {
  std::string name;  // Required.
  ConcurrencyAlgorithm algorithm = ConcurrencyAlgorithm::kVegas;
  std::int64_t initial_limit = 20;  // 1 .. 1'000'000; the limit itself where it is fixed.
  std::int64_t min_limit = 4;       // 1 .. max_limit. Not read where it is fixed.
  std::int64_t max_limit = 1000;    // min_limit .. 1'000'000.
  ConcurrencyWindow window;
  double quantile = 0.9;        // Above 0 .. below 1: the latency of a window.
  double baseline_window = 10;  // 1 .. 1000 windows; vegas.
  double max_limit_factor = 5;  // 1 .. 100; vegas: limit <= most calls at once x this.
  double smoothing = 0;         // Above 0 .. 1: part of a change that is made; 0: the algorithm's.
  double backoff_ratio = 0.9;   // 0.1 .. 0.99: what a window with drops leaves.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
  // None: who finds no slot is refused. Only used where every refusal is carried out: in shadow
  // nobody waits, and what would have waited counts as refused.
  std::optional<AdmissionQueueOptions> queue;
  std::vector<PartitionOptions> partitions;
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const ConcurrencyOptions& options, std::string_view path, ConfigProblems& problems);

struct ConcurrencyDecision {
  enum class Kind : std::uint8_t { kAdmitted, kRefused, kWaits };
  Kind kind = Kind::kRefused;
  bool would_refuse = false;  // Admitted by mode or enforce_percent alone.
  Permit permit;  // Of kAdmitted, unless it would have been refused: then it has no slot.
};

struct ConcurrencyStats {
  DecisionTotals decisions;
  std::uint64_t waited = 0;  // Of the allowed, how many had to wait.
  std::int64_t limit = 0;
  std::int64_t inflight = 0;
  std::int64_t waiting = 0;
  Nanos held{0};      // How long slots were held by calls that ended, all together.
  Nanos baseline{0};  // Latency without queueing; 0: not known, or not asked for.
};

// Why somebody waits no longer.
enum class WithdrawReason : std::uint8_t {
  kWaitedTooLong,  // Refused, and counted so.
  kGaveUp,         // Nobody is there to be told: no decision.
};

class ConcurrencyLimit final : public Guard, public PermitIssuer {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<ConcurrencyLimit>> Create(const ConcurrencyOptions& options,
                                                          SteadyTime now);

  // Takes a slot at once or does not. Allocates nothing.
  [[nodiscard]] ConcurrencyDecision TryEnter(std::uint32_t partition, SteadyTime now);

  // As TryEnter, but may wait: after kWaits `waiter.wake` is called once, unless Withdraw() takes
  // the waiter out before. `chance` is uniform in [0, 1). Allocates nothing.
  [[nodiscard]] ConcurrencyDecision Enter(AdmissionWaiter& waiter, double chance, SteadyTime now);

  // The waiter waits no longer. False when it was granted or dropped already: then its wake has
  // been or is about to be called, maybe by another thread, and the answer counts.
  [[nodiscard]] bool Withdraw(AdmissionWaiter& waiter, WithdrawReason reason);

  // The permit of a waiter that was granted its slot, from `now` on.
  [[nodiscard]] Permit PermitOf(const AdmissionWaiter& waiter, SteadyTime now);

  // How long a waiter may wait from `now` on before it should Withdraw().
  [[nodiscard]] Nanos WaitMax(const AdmissionWaiter& waiter, SteadyTime now);

  // Of a partition's name; Partitions::kNone for others.
  [[nodiscard]] std::uint32_t PartitionOf(std::string_view name) const {
    return partitions_.Find(name);
  }

  // Takes over everything but name, algorithm and the partitions' names; kInvalidOption when those
  // differ or on any problem, and then nothing has changed. Calls under way keep their slots, an
  // adaptive limit what it has learnt. Not concurrently with itself.
  [[nodiscard]] Result<void> Reconfigure(const ConcurrencyOptions& options, SteadyTime now);
  // Whether Reconfigure() could take these over.
  [[nodiscard]] bool CanBecome(const ConcurrencyOptions& options) const;

  [[nodiscard]] ConcurrencyStats Stats() const;
  [[nodiscard]] std::int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t inflight() const { return inflight_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Partitions& partitions() const { return partitions_; }
  [[nodiscard]] bool has_queue() const { return has_queue_.load(std::memory_order_relaxed); }

  // Guard: never waits, is in no partition.
  [[nodiscard]] GuardDecision Acquire(const GuardRequest& request, SteadyTime now) override;
  [[nodiscard]] std::string_view kind() const override { return "concurrency"; }
  [[nodiscard]] std::string_view rule() const override { return name_; }
  [[nodiscard]] ErrorCode refusal() const override { return ErrorCode::kOverloaded; }

  // kSuccess: the duration is a sample. kFailure: a drop (a timeout, an answer that says
  // "overloaded"). kIgnored: nothing is learnt. The slot is free in any case.
  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override;
  void Abandon(const PermitToken& token) override;
  void Refund(const PermitToken& token, SteadyTime now) override;

 private:
  ConcurrencyLimit(const ConcurrencyOptions& options, SteadyTime now);
  [[nodiscard]] bool TakeSlot(std::uint32_t partition);
  [[nodiscard]] bool TakeSlotCarefully(std::uint32_t partition);
  [[nodiscard]] bool IsGuaranteed(std::uint32_t partition) const;
  [[nodiscard]] Permit NewPermit(std::uint32_t partition, SteadyTime now);
  [[nodiscard]] ConcurrencyDecision Admitted(std::uint32_t partition, SteadyTime now);
  [[nodiscard]] ConcurrencyDecision RefuseOrLet();
  void NotePeak(std::int64_t inflight);
  void Release(const PermitToken& token, SteadyTime now);
  void Pump(SteadyTime now, AdmissionWaiter*& woken);
  void CountWoken(AdmissionWaiter* woken);
  void CloseWindow(SteadyTime now);
  void Learn(const WindowSample& sample);
  void Adapt(SteadyTime now);

  const std::string name_;
  const ConcurrencyAlgorithm algorithm_kind_;

  // Written by every call: a line of its own.
  alignas(64) std::atomic<std::int64_t> inflight_{0};
  std::atomic<std::int64_t> waiting_{0};
  std::atomic<Nanos::rep> held_{0};
  std::atomic<std::int64_t> peak_{0};     // Most calls at once in this window.
  std::atomic<bool> was_full_{false};     // In this window.
  std::atomic<bool> had_no_wait_{false};  // Somebody entered at once since the queue last looked.

  alignas(64) std::atomic<std::int64_t> limit_;
  std::atomic<GuardMode> mode_;
  std::atomic<bool> has_queue_;  // And may wait in it.
  std::atomic<bool> learns_;     // Latencies: for the algorithm, or for how long to wait.
  std::atomic<double> quantile_;
  EnforcedPart enforced_;
  Partitions partitions_;
  DecisionCounts counts_;
  std::atomic<std::uint64_t> waited_{0};

  // The queue, under its lock.
  Spinlock queue_lock_;
  AdmissionQueue queue_;
  SteadyTime latest_{};  // Abandon() knows no time.

  // Of what it learns.
  LatencyWindow latencies_;
  std::atomic<std::uint64_t> samples_{0};
  std::atomic<std::uint64_t> drops_{0};
  std::atomic<std::int64_t> window_end_;  // Nanoseconds of SteadyTime.
  Spinlock algorithm_lock_;               // Held by whoever closes a window, and Reconfigure().
  std::unique_ptr<LimitAlgorithm> algorithm_;  // Null: fixed.
  LatencyBaseline latency_baseline_{{}};       // Where the algorithm has none.
  ConcurrencyWindow window_;
  SteadyTime window_start_;
  Nanos latency_min_{0};
  std::atomic<Nanos::rep> baseline_{0};
};

}  // namespace sluice::limit
