#include "sluice/limit/rate_limit.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace sluice::limit {

namespace {

GcraOptions GcraOf(const RateLimitOptions& options) {
  return {.limit = options.limit,
          .period = options.period,
          .burst = options.burst,
          .init_fill_ratio = options.init_fill_ratio,
          .on_reject = options.drain_on_reject ? OnReject::kDrain : OnReject::kKeep};
}

GcraOptions GcraOf(const RateLimitOptions& options, const RateLimitOverride& own) {
  GcraOptions gcra = GcraOf(options);
  gcra.limit = own.limit;
  gcra.burst = own.burst;
  return gcra;
}

KeyedLimiterOptions KeyedOf(const RateLimitOptions& options) {
  KeyedLimiterOptions keyed{.each = GcraOf(options),
                            .max_keys = options.max_keys,
                            .on_table_full = options.on_table_full,
                            .overrides = {}};
  for (const RateLimitOverride& own : options.overrides) {
    keyed.overrides.push_back({.key_hash = own.key_hash, .each = GcraOf(options, own)});
  }
  return keyed;
}

// False for a NaN too, as no plain comparison of the opposite would be.
bool IsWithin(double value, double least, double most) {
  return value >= least && value <= most;
}

class Complaints {
 public:
  Complaints(std::string_view path, ConfigProblems& problems) : path_(path), problems_(problems) {}
  void Add(std::string_view field, std::string text) {
    problems_.push_back({fmt::format("{}.{}", path_, field), std::move(text)});
  }

 private:
  std::string_view path_;
  ConfigProblems& problems_;
};

void ValidateAlgorithm(std::string_view algorithm, Complaints& complaints) {
  if (algorithm == "gcra") return;
  constexpr std::array<std::string_view, 4> kPlanned = {"sliding_window", "fixed_window",
                                                        "sliding_log", "pacing"};
  const bool planned = std::ranges::find(kPlanned, algorithm) != kPlanned.end();
  complaints.Add("algorithm",
                 planned ? fmt::format("{} is not in this version; use gcra, which admits the same "
                                       "rate without a burst at the window's border",
                                       algorithm)
                         : fmt::format("must be gcra, got {}", algorithm));
}

void ValidateKeys(const RateLimitOptions& options,
                  std::string_view path,
                  ConfigProblems& problems) {
  Complaints complaints(path, problems);
  if (options.keying == Keying::kUnkeyed) {
    if (!options.overrides.empty()) {
      complaints.Add("overrides", "need a `key` to tell whom they are for; add one or drop them");
    }
    return;
  }
  if (options.max_keys < 1 || options.max_keys > kKeysMax) {
    complaints.Add("max_keys", fmt::format("must be 1..{}, got {}", kKeysMax, options.max_keys));
  }
  if (options.init_fill_ratio != 1.0) {
    complaints.Add("init_fill_ratio",
                   fmt::format("must be 1 with a `key`, got {}; a key not seen before has its "
                               "whole burst",
                               options.init_fill_ratio));
  }
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t index = 0; index < options.overrides.size(); ++index) {
    const RateLimitOverride& own = options.overrides[index];
    const std::string own_path = fmt::format("{}.overrides[{}]", path, index);
    GcraOptions gcra = GcraOf(options, own);
    // These are the rule's and are judged there.
    gcra.init_fill_ratio = 1.0;
    if (gcra.period < std::chrono::milliseconds(1) || gcra.period > kPeriodMax) {
      gcra.period = std::chrono::seconds(1);
    }
    Validate(gcra, own_path, problems);
    if (!seen.insert(own.key_hash).second) {
      problems.push_back({own_path, "is for the same key as one before it; keep one of them"});
    }
  }
}

}  // namespace

void Validate(const RateLimitOptions& options, std::string_view path, ConfigProblems& problems) {
  Complaints complaints(path, problems);
  if (options.name.empty()) complaints.Add("name", "is required; refusals are reported under it");
  ValidateAlgorithm(options.algorithm, complaints);
  Validate(GcraOf(options), path, problems);
  ValidateKeys(options, path, problems);
  if (options.cost < 1 || options.cost > 1'000'000) {
    complaints.Add("cost", fmt::format("must be 1..1000000, got {}", options.cost));
  } else if (options.limit >= 1 && options.period >= std::chrono::milliseconds(1) &&
             options.cost > EffectiveBurst(GcraOf(options))) {
    complaints.Add("cost", fmt::format("must not be above the burst of {}, got {}; no request "
                                       "would ever be admitted",
                                       EffectiveBurst(GcraOf(options)), options.cost));
  }
  if (!IsWithin(options.enforce_percent, 0, 100)) {
    complaints.Add("enforce_percent",
                   fmt::format("must be 0..100, got {}", options.enforce_percent));
  }
  if (options.status < 400 || options.status > 599) {
    complaints.Add("status", fmt::format("must be 400..599, got {}", options.status));
  }
  if (!IsWithin(options.near_limit_ratio, 0, 1)) {
    complaints.Add("near_limit_ratio",
                   fmt::format("must be 0..1, got {}", options.near_limit_ratio));
  }
}

namespace {

Result<void> CheckValid(const RateLimitOptions& options) {
  ConfigProblems problems;
  Validate(options, options.name, problems);
  if (problems.empty()) return {};
  return Fail(ErrorCode::kInvalidOption,
              fmt::format("{}: {}", problems.front().path, problems.front().text));
}

}  // namespace

Result<std::unique_ptr<RateLimit>> RateLimit::Create(const RateLimitOptions& options,
                                                     SteadyTime now) {
  const Result<void> valid = CheckValid(options);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<RateLimit>(new RateLimit(options, now));
}

RateLimit::RateLimit(const RateLimitOptions& options, SteadyTime now)
    : name_(options.name),
      mode_(options.mode),
      cost_(options.cost),
      near_limit_ratio_(options.near_limit_ratio),
      enforced_(options.enforce_percent) {
  if (options.keying == Keying::kKeyed) {
    keyed_ = std::make_unique<KeyedLimiter>(KeyedOf(options), now);
  } else {
    bucket_ = std::make_unique<SharedGcra>(GcraOf(options), now);
  }
}

Result<void> RateLimit::Reconfigure(const RateLimitOptions& options) {
  const Result<void> valid = CheckValid(options);
  if (!valid) return std::unexpected(valid.error());
  if (options.name != name_) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot become {}; make a new rule", name_, options.name));
  }
  if ((options.keying == Keying::kKeyed) != (keyed_ != nullptr)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot gain or lose its key; make a new rule", name_));
  }
  if (keyed_ != nullptr) {
    keyed_->Reconfigure(KeyedOf(options));
  } else {
    bucket_->Reconfigure(GcraOf(options));
  }
  mode_.store(options.mode, std::memory_order_relaxed);
  cost_.store(options.cost, std::memory_order_relaxed);
  near_limit_ratio_.store(options.near_limit_ratio, std::memory_order_relaxed);
  enforced_.Set(options.enforce_percent);
  return {};
}

std::uint32_t RateLimit::TokensOf(std::uint32_t cost) const {
  const std::uint64_t tokens = std::uint64_t{cost} * cost_.load(std::memory_order_relaxed);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(tokens, std::numeric_limits<std::uint32_t>::max()));
}

bool RateLimit::IsNear(const Level& level) const {
  return level.IsUsedTo(near_limit_ratio_.load(std::memory_order_relaxed));
}

Admission RateLimit::Take(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now) {
  return keyed_ != nullptr ? keyed_->TryTake(key_hash, tokens, now) : bucket_->TryTake(tokens, now);
}

RateDecision RateLimit::Decide(std::uint64_t key_hash, std::uint32_t cost, SteadyTime now) {
  const GuardMode mode = mode_.load(std::memory_order_relaxed);
  if (mode == GuardMode::kDisabled) return {.admitted = true};
  const std::uint32_t tokens = TokensOf(cost);
  const Admission admission = Take(key_hash, tokens, now);
  RateDecision decision{
      .retry_after = admission.retry_after,
      .level = admission.level,
  };
  if (admission.admitted) {
    decision.admitted = true;
    decision.tokens = tokens;
    decision.near_limit = IsNear(admission.level);
    if (tokens > 0) counts_.Add(DecisionKind::kAllowed);
    if (tokens > 0 && decision.near_limit) counts_.Add(DecisionKind::kNearLimit);
    return decision;
  }
  if (mode == GuardMode::kShadow || !enforced_.TakeNext()) {
    decision.admitted = true;
    decision.would_refuse = true;
    counts_.Add(DecisionKind::kWouldDeny);
    return decision;
  }
  counts_.Add(DecisionKind::kDenied);
  return decision;
}

void RateLimit::GiveBack(std::uint64_t key_hash, std::uint32_t tokens, SteadyTime now) {
  if (tokens == 0) return;
  if (keyed_ != nullptr) {
    keyed_->Refund({.key_hash = key_hash, .tokens = tokens}, now);
  } else {
    bucket_->Refund(tokens, now);
  }
}

RateLimitStats RateLimit::Stats() const {
  RateLimitStats stats{.decisions = counts_.Totals(), .keyed = {}};
  if (keyed_ != nullptr) stats.keyed = keyed_->Stats();
  return stats;
}

GuardDecision RateLimit::Acquire(const GuardRequest& request, SteadyTime now) {
  const RateDecision decided = Decide(request.key_hash, request.cost, now);
  GuardDecision decision;
  decision.admitted = decided.admitted;
  decision.would_refuse = decided.would_refuse;
  decision.retry_after = decided.retry_after;
  if (decided.tokens > 0) {
    decision.permit =
        Permit(*this, {.epoch = decided.tokens, .slot = request.key_hash, .start = now});
  }
  return decision;
}

void RateLimit::Settle(const PermitToken& /*token*/, const Outcome& /*outcome*/, SteadyTime) {}

void RateLimit::Abandon(const PermitToken& /*token*/) {}

void RateLimit::Refund(const PermitToken& token, SteadyTime now) {
  GiveBack(token.slot, static_cast<std::uint32_t>(token.epoch), now);
}

}  // namespace sluice::limit
