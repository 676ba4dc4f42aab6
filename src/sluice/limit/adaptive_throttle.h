// AdaptiveThrottle: the more of its calls fail, the fewer are sent; beside a breaker, not instead.
//
// Client-side throttling of the SRE book (ch. 21) in the form of Envoy's admission control: with n
// calls in the window of which s succeeded, a call is refused with the probability
// ((n - s / threshold) / (n + 1)) ^ (1 / aggression). A call counts when it ends: while it is under
// way it says nothing, or the callers of a slow upstream would be refused for its slowness. Refused
// calls count among the n at once, so a caller that keeps asking is refused more. One call an
// interval passes whatever the probability.
// Thread-safe: one spinlock, held for some ten instructions.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/spinlock.h"
#include "sluice/contract/time.h"
#include "sluice/limit/decision_counts.h"

namespace sluice::limit {

struct AdaptiveThrottleOptions {
  std::string name;                                  // Required.
  Nanos sampling_window = std::chrono::seconds(30);  // 1 s .. 10 min.
  double success_rate_threshold = 95;     // 1 .. 100 percent; below it calls are refused.
  double aggression = 1.0;                // 0.1 .. 10; above 1 refuses more at first.
  double rps_threshold = 5;               // 0 .. 1e6; fewer calls a second: none is.
  double max_rejection_probability = 80;  // 0 .. 100 percent.
  Nanos force_pass_interval = std::chrono::seconds(1);  // 0 .. 1 min; 0: none is forced.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const AdaptiveThrottleOptions& options,
              std::string_view path,
              ConfigProblems& problems);

// 0 .. max_rejection_probability as a ratio. Looks at neither rps_threshold nor time.
[[nodiscard]] double RejectionProbability(double requests,
                                          double successes,
                                          const AdaptiveThrottleOptions& options);

struct ThrottleDecision {
  bool admitted = false;
  bool would_refuse = false;  // Admitted by mode or enforce_percent alone.
  Permit permit;              // To be settled with how the call ended.
};

struct ThrottleStats {
  DecisionTotals decisions;
  std::uint64_t requests = 0;  // That ended or were refused in the window.
  std::uint64_t successes = 0;
  double rejection_probability = 0;
};

class AdaptiveThrottle final : public PermitIssuer {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<AdaptiveThrottle>> Create(const AdaptiveThrottleOptions& options);

  // `chance` is uniform in [0, 1). Allocates nothing.
  [[nodiscard]] ThrottleDecision Decide(double chance, SteadyTime now);

  // Takes over everything but the name; kInvalidOption when that differs or on any problem, and
  // then nothing has changed. The window is kept unless its length changes.
  [[nodiscard]] Result<void> Reconfigure(const AdaptiveThrottleOptions& options);

  [[nodiscard]] ThrottleStats Stats(SteadyTime now);
  [[nodiscard]] std::string_view rule() const { return name_; }

  // kSuccess and kFailure count the call, at `now`; kIgnored, Abandon() and Refund() do not.
  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override;
  void Abandon(const PermitToken& token) override;
  void Refund(const PermitToken& token, SteadyTime now) override;

 private:
  static constexpr std::size_t kBuckets = 30;
  struct Bucket {
    std::int64_t tick = -1;  // Which stretch of time it counts.
    std::uint64_t requests = 0;
    std::uint64_t successes = 0;
  };

  explicit AdaptiveThrottle(const AdaptiveThrottleOptions& options);
  Bucket& Advance(SteadyTime now);
  [[nodiscard]] double Probability() const;

  const std::string name_;
  DecisionCounts counts_;
  EnforcedPart enforced_;
  Spinlock lock_;  // Guards all below.
  AdaptiveThrottleOptions options_;
  std::array<Bucket, kBuckets> buckets_{};
  std::int64_t tick_ = -1;  // The newest.
  std::uint64_t requests_ = 0;
  std::uint64_t successes_ = 0;
  SteadyTime last_pass_{};
};

}  // namespace sluice::limit
