// RateLimit: one entry of `rate_limits[]`, as a guard.
//
// Unkeyed it is one SharedGcra, keyed a KeyedLimiter. Adds what a rule has beside the algorithm:
// enforce, shadow or disabled, the enforced part, counters, and the signal "near the limit".
// Thread-safe. State survives a reload through Reconfigure().

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/config_problem.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/result.h"
#include "sluice/contract/time.h"
#include "sluice/limit/decision_counts.h"
#include "sluice/limit/gcra.h"
#include "sluice/limit/keyed_limiter.h"
#include "sluice/limit/shared_gcra.h"

namespace sluice::limit {

enum class Keying : std::uint8_t { kUnkeyed, kKeyed };

struct RateLimitOverride {
  std::uint64_t key_hash = 0;  // KeyHasher over the key's parts.
  std::int64_t limit = 0;      // 1 .. 1e9 a period. Required.
  std::int64_t burst = 0;      // 0: as many as come a second.
};

struct RateLimitOptions {
  std::string name;                        // Required.
  std::string algorithm = "gcra";          // Only gcra so far.
  std::int64_t limit = 0;                  // Tokens a period, 1 .. 1e9. Required.
  Nanos period = std::chrono::seconds(1);  // 1 ms .. 32 days.
  std::int64_t burst = 0;                  // 1 .. 1e9; 0: as many as come a second, at least 1.
  double init_fill_ratio = 1.0;            // 0 .. 1.
  bool drain_on_reject = false;
  std::uint32_t cost = 1;  // Tokens of a request, times its own cost; 1 .. 1e6.
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;  // 0 .. 100: this part of the refusals is carried out.
  Keying keying = Keying::kUnkeyed;
  std::size_t max_keys = 100'000;  // 1 .. 16 million.
  OnTableFull on_table_full = OnTableFull::kSharedBucket;
  std::vector<RateLimitOverride> overrides;  // Keyed only.
  int status = 429;                          // Of a refusal, 400 .. 599.
  bool ratelimit_headers = false;            // RateLimit-Policy and RateLimit on every answer.
  bool x_ratelimit_headers = false;          // X-RateLimit-{Limit,Remaining,Reset}.
  double near_limit_ratio = 0.8;             // 0 .. 1: from this part of the burst on it is near.
};

// Appends every problem, each under `path` + "." + the field's name.
void Validate(const RateLimitOptions& options, std::string_view path, ConfigProblems& problems);

struct RateDecision {
  bool admitted = false;      // In shadow always.
  bool would_refuse = false;  // Refused by the arithmetic, admitted by mode or enforce_percent.
  bool near_limit = false;    // Admitted, and the burst is used up to near_limit_ratio.
  std::uint32_t tokens = 0;   // What was taken, for GiveBack().
  Nanos retry_after{0};       // As Admission.
  Level level;                // remaining() and reset_after() for headers.
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
  [[nodiscard]] RateDecision Decide(std::uint64_t key_hash, std::uint32_t cost, SteadyTime now);
  // Gives back the `tokens` of an admitted decision about that key.
  void GiveBack(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);

  // Takes over everything but name and keying; kInvalidOption when those differ or on any problem,
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
  [[nodiscard]] Admission Take(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now);
  [[nodiscard]] std::uint32_t TokensOf(std::uint32_t cost) const;
  [[nodiscard]] bool IsNear(const Level& level) const;

  const std::string name_;
  std::unique_ptr<SharedGcra> bucket_;  // Exactly one of the two.
  std::unique_ptr<KeyedLimiter> keyed_;
  std::atomic<GuardMode> mode_;
  std::atomic<std::uint32_t> cost_;
  std::atomic<double> near_limit_ratio_;
  EnforcedPart enforced_;
  DecisionCounts counts_;
};

}  // namespace sluice::limit
