// RateLimit: one entry of `rate_limits[]`, as a guard.
//
// Without key, GCRA is one SharedGcra on an atomic; everything else is a Limiter. Adds what a rule
// has beside the algorithm: enforce, shadow or disabled, the enforced part, counters, and the
// signal "near the limit". Thread-safe. State survives a reload through Reconfigure().

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/limit/decision_counts.h"
#include "sluice/limit/heavy_hitters.h"
#include "sluice/limit/limiter.h"
#include "sluice/limit/rate_limit_options.h"
#include "sluice/limit/shared_gcra.h"

namespace sluice::limit {

struct RateDecision {
  bool admitted = false;        // In shadow always.
  bool would_refuse = false;    // Refused by the arithmetic, admitted by mode or enforce_percent.
  bool near_limit = false;      // Admitted, and the limit is used up to near_limit_ratio.
  Nanos wait{0};                // Admitted (pacing): not before this long from now. In shadow 0.
  Nanos retry_after{0};         // As Admission.
  Admission arithmetic;         // What the algorithm said, whatever became of it.
  Taken taken;                  // For GiveBack().
  bool wants_key_text = false;  // The key is among the greatest: tell it by NoteKeyText().

  // remaining() and reset_after() for headers.
  [[nodiscard]] const Level& level() const { return arithmetic.level; }
};

struct RateLimitStats {
  DecisionTotals decisions;
  KeyedLimiterStats keyed;  // Zero when unkeyed.
};

class RateLimit final : public Guard, public PermitIssuer {
 public:
  // Fails with kInvalidOption, naming the first problem that Validate() finds.
  static Result<std::unique_ptr<RateLimit>> Create(const RateLimitOptions& options, SteadyTime now);

  // Takes cost x the rule's cost from the key's bucket (`key_hash` is ignored when unkeyed).
  // Allocates nothing but when a table of keys grows. Cost 0 looks without taking.
  [[nodiscard]] RateDecision Decide(std::uint64_t key_hash,
                                    std::uint32_t cost,
                                    const Moment& moment);
  [[nodiscard]] RateDecision Decide(std::uint64_t key_hash, std::uint32_t cost, SteadyTime now) {
    return Decide(key_hash, cost, Moment{.now = now});
  }
  // Gives back what an admitted decision took: at most what there was, to the bucket that paid.
  void GiveBack(const Taken& taken, SteadyTime now);

  // The greatest cost that a request of this key can have and still be admitted, at least 1.
  [[nodiscard]] std::uint32_t CostMax(std::uint64_t key_hash) const;

  // What the greatest keys are called: see TopKeys().
  void NoteKeyText(std::uint64_t key_hash, std::string_view text);
  // Which keys ask most, the greatest first; none without keys. See HeavyHitters.
  [[nodiscard]] std::vector<HeavyHitter> TopKeys(SteadyTime now, std::size_t most) const;

  // What stands behind is cold again: an upstream came back, a breaker closed. Nothing without
  // warm_up.
  void Rewarm(SteadyTime now);

  // Whether Reconfigure() can take these: the same name, keying and kind of counting.
  [[nodiscard]] bool Accepts(const RateLimitOptions& options) const;

  // Takes over everything; kInvalidOption when it does not accept the options or on any problem,
  // and then nothing has changed. Buckets keep their debts. Not concurrently with itself.
  [[nodiscard]] Result<void> Reconfigure(const RateLimitOptions& options);

  [[nodiscard]] RateLimitStats Stats() const;

  // Guard: the permit refunds; settling and abandoning keep what was taken.
  [[nodiscard]] GuardDecision Acquire(const GuardRequest& request, SteadyTime now) override;
  [[nodiscard]] std::string_view kind() const override { return "rate_limit"; }
  [[nodiscard]] std::string_view rule() const override { return name_; }
  [[nodiscard]] ErrorCode refusal() const override { return ErrorCode::kRateLimited; }

  void Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) override;
  void Abandon(const PermitToken& token) override;
  void Refund(const PermitToken& token, SteadyTime now) override;

 private:
  RateLimit(const RateLimitOptions& options, SteadyTime now);
  [[nodiscard]] RateDecision Weigh(std::uint64_t key_hash,
                                   std::uint32_t cost,
                                   const Moment& moment,
                                   GuardMode mode);
  [[nodiscard]] Admission Take(std::uint64_t key_hash, std::uint32_t tokens, const Moment& moment);
  [[nodiscard]] std::uint32_t TokensOf(std::uint32_t cost) const;

  const std::string name_;
  const Keying keying_;
  const Algorithm algorithm_;
  const bool is_calendar_;
  const bool warms_up_;
  std::unique_ptr<SharedGcra> bucket_;  // Exactly one of the two.
  std::unique_ptr<Limiter> limiter_;
  std::unique_ptr<HeavyHitters> hitters_;  // Null without keys.
  std::atomic<std::int64_t> capacity_;     // Of `bucket_`.
  std::atomic<GuardMode> mode_;
  std::atomic<std::uint32_t> cost_;
  std::atomic<double> near_limit_ratio_;
  EnforcedPart enforced_;
  DecisionCounts counts_;
};

}  // namespace sluice::limit
