// SystemRules: bounds of the whole process: load, processor, calls at once, calls a second, mean
// time of a call. As Sentinel's system rules: a gate, not a regulator.
//
// Load and processor alone do not refuse where `bbr` is on: only while more calls are under way
// than the process was seen to finish, which is the most calls passed in a stretch times the least
// mean time of one (Kratos' and Sentinel's use of BBR, Cardwell et al., 2016). After a refusal that
// test goes on for a second, for the processor is the better for what was refused. Thread-safe: one
// spinlock, held for some ten instructions, and only where a rule needs its window.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/decision_counts.h"

namespace sluice::limit {

struct SystemRulesOptions {
  double cpu_threshold = 0;  // Percent of what the process may use, 0 .. 100; 0: not watched.
  double load1 = 0;          // Load average of a minute, 0 .. 100'000; 0: not watched.
  bool bbr = true;           // Processor and load refuse only what is beyond capacity.
  std::int64_t max_concurrency = 0;  // 0 .. 1e6; 0: no bound.
  double max_qps = 0;                // 0 .. 1e9 calls a second; 0: no bound.
  Nanos avg_rt{0};                   // 0 .. 1 h, of the last second; 0: not watched.
  bool watch_capacity = false;       // Capacity() is asked for by somebody else.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const SystemRulesOptions& options, std::string_view path, ConfigProblems& problems);

enum class SystemRule : std::uint8_t { kCpu, kLoad1, kConcurrency, kQps, kAvgRt };
inline constexpr std::size_t kSystemRules = 5;
// "cpu", "load1", "concurrency", "qps", "avg_rt".
[[nodiscard]] std::string_view NameOf(SystemRule rule);

struct SystemDecision {
  bool admitted = false;
  bool would_refuse = false;           // Admitted by mode or enforce_percent alone.
  SystemRule rule = SystemRule::kCpu;  // Which refused, or would have.
  Permit permit;                       // Of the admitted: counts the call until it is settled.
};

class SystemRules final : public PermitIssuer {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<SystemRules>> Create(const SystemRulesOptions& options);

  // Allocates nothing.
  [[nodiscard]] SystemDecision Decide(SteadyTime now);

  // What the machine was seen to do; from the control loop. `cpu_ratio` of what the process may
  // use; negative values mean unknown and are as good as none.
  void NoteHost(double cpu_ratio, double load1, SteadyTime now);

  // The mean that the processor rule looks at: exponential, 0.95 kept in half a second.
  [[nodiscard]] double cpu_ratio() const { return cpu_ratio_.load(std::memory_order_relaxed); }
  // How many calls at once the process was seen to finish; 0: not known yet.
  [[nodiscard]] std::int64_t Capacity(SteadyTime now);
  [[nodiscard]] std::int64_t inflight() const { return inflight_.load(std::memory_order_relaxed); }
  // Whether more are under way than that.
  [[nodiscard]] bool IsBeyondCapacity(SteadyTime now);

  // Takes effect at once; what was counted is kept. kInvalidOption on any problem.
  [[nodiscard]] Result<void> Reconfigure(const SystemRulesOptions& options);

  [[nodiscard]] DecisionTotals Totals(SystemRule rule) const {
    return counts_[static_cast<std::size_t>(rule)].Totals();
  }
  [[nodiscard]] DecisionTotals Passed() const { return passed_.Totals(); }

  // Every verdict ends the call; only kSuccess says how long one takes.
  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override;
  void Abandon(const PermitToken& token) override;
  void Refund(const PermitToken& token, SteadyTime now) override;

 private:
  static constexpr std::size_t kBuckets = 100;
  static constexpr Nanos kBucketLength = std::chrono::milliseconds(100);
  static constexpr std::int64_t kBucketsPerSecond = 10;
  struct Bucket {
    std::int64_t tick = -1;
    std::uint64_t passed = 0;    // Admitted.
    std::uint64_t finished = 0;  // Successfully.
    Nanos duration{0};           // Of all that finished.
  };

  explicit SystemRules(const SystemRulesOptions& options);
  Bucket& BucketOf(SteadyTime now);
  [[nodiscard]] bool Violates(SystemRule rule, SteadyTime now);
  [[nodiscard]] bool IsPressed(bool is_over, std::atomic<std::int64_t>& dropped_at, SteadyTime now);
  [[nodiscard]] std::int64_t CapacityLocked(SteadyTime now);

  SystemRulesOptions options_;  // Read under the lock, but for the copies below.
  std::atomic<GuardMode> mode_;
  std::atomic<bool> has_timed_rules_{false};  // Any but the concurrency.
  std::atomic<bool> needs_window_{false};
  std::atomic<std::int64_t> max_concurrency_{0};
  EnforcedPart enforced_;
  std::array<DecisionCounts, kSystemRules> counts_;  // Refusals, by rule.
  DecisionCounts passed_;

  std::atomic<std::int64_t> inflight_{0};
  std::atomic<double> cpu_ratio_{0};
  std::atomic<double> load1_{0};
  std::atomic<bool> has_host_{false};
  SteadyTime host_seen_{};  // The control loop's.
  std::atomic<std::int64_t> cpu_dropped_at_{0};
  std::atomic<std::int64_t> load_dropped_at_{0};

  Spinlock lock_;
  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace sluice::limit
