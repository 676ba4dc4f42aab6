#include "sluice/limit/rate_limit.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace sluice::limit {

Result<std::unique_ptr<RateLimit>> RateLimit::Create(const RateLimitOptions& options,
                                                     SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<RateLimit>(new RateLimit(options, now));
}

RateLimit::RateLimit(const RateLimitOptions& options, SteadyTime now)
    : name_(options.name),
      keying_(options.keying),
      algorithm_(options.algorithm),
      is_calendar_(options.calendar != Calendar::kNone),
      warms_up_(options.warm_up.has_value()),
      capacity_(CapacityOf(options)),
      mode_(options.mode),
      cost_(options.cost),
      near_limit_ratio_(options.near_limit_ratio),
      enforced_(options.enforce_percent) {
  const bool is_plain = algorithm_ == Algorithm::kGcra && keying_ == Keying::kUnkeyed && !warms_up_;
  if (is_plain) {
    bucket_ = std::make_unique<SharedGcra>(GcraOf(options, nullptr), now);
  } else {
    limiter_ = MakeLimiter(options, now);
  }
  if (keying_ == Keying::kKeyed) hitters_ = std::make_unique<HeavyHitters>(now);
}

bool RateLimit::Accepts(const RateLimitOptions& options) const {
  return options.name == name_ && options.keying == keying_ && options.algorithm == algorithm_ &&
         (options.calendar != Calendar::kNone) == is_calendar_ &&
         options.warm_up.has_value() == warms_up_;
}

Result<void> RateLimit::Reconfigure(const RateLimitOptions& options) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  if (!Accepts(options)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot change its name, key, algorithm, kind of period or whether "
                            "it warms up; make a new rule",
                            name_));
  }
  if (bucket_ != nullptr) {
    bucket_->Reconfigure(GcraOf(options, nullptr));
  } else {
    limiter_->Reconfigure(options);
  }
  capacity_.store(CapacityOf(options), std::memory_order_relaxed);
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

std::uint32_t RateLimit::CostMax(std::uint64_t key_hash) const {
  const std::int64_t capacity =
      bucket_ != nullptr ? capacity_.load(std::memory_order_relaxed) : limiter_->Capacity(key_hash);
  const std::int64_t most = capacity / cost_.load(std::memory_order_relaxed);
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(most, 1, std::numeric_limits<std::uint32_t>::max()));
}

Admission RateLimit::Take(std::uint64_t key_hash, std::uint32_t tokens, const Moment& moment) {
  if (bucket_ != nullptr) return bucket_->TryTake(tokens, moment.now);
  return limiter_->TryTake(key_hash, tokens, moment);
}

RateDecision RateLimit::Decide(std::uint64_t key_hash, std::uint32_t cost, const Moment& moment) {
  if (keying_ == Keying::kUnkeyed) key_hash = 0;
  const GuardMode mode = mode_.load(std::memory_order_relaxed);
  if (mode == GuardMode::kDisabled) return {.admitted = true};
  return Weigh(key_hash, cost, moment, mode);
}

// One variable to return, which is made where the caller wants it.
RateDecision RateLimit::Weigh(std::uint64_t key_hash,
                              std::uint32_t cost,
                              const Moment& moment,
                              GuardMode mode) {
  const std::uint32_t tokens = TokensOf(cost);
  // In its place from the start: copying it costs more than deciding.
  RateDecision decision{.arithmetic = Take(key_hash, tokens, moment)};
  const Admission& admission = decision.arithmetic;
  decision.retry_after = admission.retry_after;
  if (hitters_ != nullptr && tokens > 0) {
    const Asked asked = admission.admitted ? Asked::kAdmitted : Asked::kRefused;
    decision.wants_key_text = hitters_->Note(key_hash, asked, moment.now);
  }
  if (admission.admitted) {
    decision.admitted = true;
    decision.taken = {.key_hash = key_hash,
                      .tokens = tokens,
                      .payer = admission.payer,
                      .start = moment.now + admission.wait};
    if (mode != GuardMode::kShadow) decision.wait = admission.wait;
    decision.near_limit =
        admission.level.IsUsedTo(near_limit_ratio_.load(std::memory_order_relaxed));
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

void RateLimit::GiveBack(const Taken& taken, SteadyTime now) {
  if (taken.tokens == 0) return;
  if (bucket_ != nullptr) {
    bucket_->Refund(taken.tokens, now);
  } else {
    limiter_->Refund(taken, now);
  }
}

void RateLimit::NoteKeyText(std::uint64_t key_hash, std::string_view text) {
  if (hitters_ != nullptr) hitters_->NoteText(key_hash, text);
}

std::vector<HeavyHitter> RateLimit::TopKeys(SteadyTime now, std::size_t most) const {
  return hitters_ == nullptr ? std::vector<HeavyHitter>() : hitters_->Top(now, most);
}

void RateLimit::Rewarm(SteadyTime now) {
  if (limiter_ != nullptr) limiter_->Rewarm(now);
}

RateLimitStats RateLimit::Stats() const {
  RateLimitStats stats{.decisions = counts_.Totals(), .keyed = {}};
  if (keying_ == Keying::kKeyed) stats.keyed = limiter_->Stats();
  return stats;
}

// The payer stands above the 32 bits of the tokens.
GuardDecision RateLimit::Acquire(const GuardRequest& request, SteadyTime now) {
  const Moment moment{.now = now, .wall = request.wall, .deadline = request.deadline};
  const RateDecision decided = Decide(request.key_hash, request.cost, moment);
  GuardDecision decision;
  decision.admitted = decided.admitted;
  decision.would_refuse = decided.would_refuse;
  decision.wait = decided.wait;
  decision.retry_after = decided.retry_after;
  const Taken& taken = decided.taken;
  if (taken.tokens > 0) {
    const std::uint64_t payer = static_cast<std::uint64_t>(taken.payer) << 32U;
    decision.permit = Permit(
        *this, {.epoch = payer | taken.tokens, .slot = taken.key_hash, .start = taken.start});
  }
  return decision;
}

void RateLimit::Settle(const PermitToken& /*token*/, const Outcome& /*outcome*/, SteadyTime) {}

void RateLimit::Abandon(const PermitToken& /*token*/) {}

void RateLimit::Refund(const PermitToken& token, SteadyTime now) {
  GiveBack({.key_hash = token.slot,
            .tokens = static_cast<std::uint32_t>(token.epoch),
            .payer = static_cast<Payer>(token.epoch >> 32U),
            .start = token.start},
           now);
}

}  // namespace sluice::limit
