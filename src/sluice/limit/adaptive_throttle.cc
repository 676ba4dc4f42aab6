#include "sluice/limit/adaptive_throttle.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/limit/option_range.h"

namespace sluice::limit {
void Validate(const AdaptiveThrottleOptions& options,
              std::string_view path,
              ConfigProblems& problems) {
  const auto expect = [&](bool fits, std::string_view field, std::string_view range, auto got) {
    if (fits) return;
    problems.push_back(
        {fmt::format("{}.{}", path, field), fmt::format("must be {}, got {}", range, got)});
  };
  if (options.name.empty()) {
    problems.push_back({fmt::format("{}.name", path), "is required"});
  }
  expect(options.sampling_window >= std::chrono::seconds(1) &&
             options.sampling_window <= std::chrono::minutes(10),
         "sampling_window", "1000000000..600000000000 ns", options.sampling_window.count());
  expect(IsWithin(options.success_rate_threshold, 1, 100), "success_rate_threshold", "1..100",
         options.success_rate_threshold);
  expect(IsWithin(options.aggression, 0.1, 10), "aggression", "0.1..10", options.aggression);
  expect(IsWithin(options.rps_threshold, 0, 1e6), "rps_threshold", "0..1000000",
         options.rps_threshold);
  expect(IsWithin(options.max_rejection_probability, 0, 100), "max_rejection_probability", "0..100",
         options.max_rejection_probability);
  expect(options.force_pass_interval >= Nanos(0) &&
             options.force_pass_interval <= std::chrono::minutes(1),
         "force_pass_interval", "0..60000000000 ns", options.force_pass_interval.count());
  expect(IsWithin(options.enforce_percent, 0, 100), "enforce_percent", "0..100",
         options.enforce_percent);
}

double RejectionProbability(double requests,
                            double successes,
                            const AdaptiveThrottleOptions& options) {
  const double enough = successes * 100.0 / options.success_rate_threshold;
  const double part = (requests - enough) / (requests + 1);
  if (part <= 0) return 0;
  const double most = options.max_rejection_probability / 100.0;
  return std::min(most, std::pow(part, 1 / options.aggression));
}

Result<std::unique_ptr<AdaptiveThrottle>> AdaptiveThrottle::Create(
    const AdaptiveThrottleOptions& options) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<AdaptiveThrottle>(new AdaptiveThrottle(options));
}

AdaptiveThrottle::AdaptiveThrottle(const AdaptiveThrottleOptions& options)
    : name_(options.name), enforced_(options.enforce_percent), options_(options) {}

// The bucket of `now`; those that left the window are taken out of the sums. A `now` from before
// the newest bucket counts in that one.
AdaptiveThrottle::Bucket& AdaptiveThrottle::Advance(SteadyTime now) {
  const Nanos length = options_.sampling_window / kBuckets;
  const std::int64_t tick = std::max(tick_, now.time_since_epoch() / length);
  const std::int64_t oldest_new =
      std::max(tick_ + 1, tick - static_cast<std::int64_t>(kBuckets) + 1);
  for (std::int64_t each = oldest_new; each <= tick; ++each) {
    Bucket& bucket = buckets_[static_cast<std::size_t>(each) % kBuckets];
    requests_ -= bucket.requests;
    successes_ -= bucket.successes;
    bucket = {.tick = each};
  }
  tick_ = tick;
  return buckets_[static_cast<std::size_t>(tick) % kBuckets];
}

double AdaptiveThrottle::Probability() const {
  const double seconds = static_cast<double>(options_.sampling_window.count()) / 1e9;
  if (static_cast<double>(requests_) < options_.rps_threshold * seconds) return 0;
  return RejectionProbability(static_cast<double>(requests_), static_cast<double>(successes_),
                              options_);
}

ThrottleDecision AdaptiveThrottle::Decide(double chance, SteadyTime now) {
  ThrottleDecision decision;
  bool is_refused = false;
  GuardMode mode{};
  {
    const SpinlockHolder lock(lock_);
    mode = options_.mode;
    if (mode == GuardMode::kDisabled) {
      decision.admitted = true;
      return decision;
    }
    Bucket& bucket = Advance(now);
    const bool is_forced =
        options_.force_pass_interval > Nanos(0) && now - last_pass_ >= options_.force_pass_interval;
    is_refused = chance < Probability() && !is_forced;
    if (is_refused) {
      // Counts though it is not sent (SRE book): else the part that fails would look smaller to a
      // caller who keeps asking.
      ++bucket.requests;
      ++requests_;
    } else {
      last_pass_ = now;
    }
  }
  if (!is_refused) {
    counts_.Add(DecisionKind::kAllowed);
    decision.admitted = true;
    decision.permit = Permit(*this, {.start = now});
    return decision;
  }
  if (mode == GuardMode::kShadow || !enforced_.TakeNext()) {
    // Without a permit: the window goes on as if the call had been refused.
    counts_.Add(DecisionKind::kWouldDeny);
    decision.admitted = true;
    decision.would_refuse = true;
    return decision;
  }
  counts_.Add(DecisionKind::kDenied);
  return decision;
}

void AdaptiveThrottle::Settle(const PermitToken& /*token*/,
                              const Outcome& outcome,
                              SteadyTime now) {
  if (outcome.verdict == Verdict::kIgnored) return;
  const std::uint64_t successes = outcome.verdict == Verdict::kSuccess ? 1 : 0;
  const SpinlockHolder lock(lock_);
  Bucket& bucket = Advance(now);
  ++bucket.requests;
  ++requests_;
  bucket.successes += successes;
  successes_ += successes;
}

void AdaptiveThrottle::Abandon(const PermitToken& /*token*/) {}

void AdaptiveThrottle::Refund(const PermitToken& /*token*/, SteadyTime /*now*/) {}

Result<void> AdaptiveThrottle::Reconfigure(const AdaptiveThrottleOptions& options) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  if (options.name != name_) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot become {}; make a new one", name_, options.name));
  }
  enforced_.Set(options.enforce_percent);
  AdaptiveThrottleOptions next = options;  // Copied outside the lock, which is never held long.
  const SpinlockHolder lock(lock_);
  std::swap(options_, next);
  if (options_.sampling_window != next.sampling_window) {
    buckets_ = {};
    tick_ = -1;
    requests_ = 0;
    successes_ = 0;
  }
  return {};
}

ThrottleStats AdaptiveThrottle::Stats(SteadyTime now) {
  const SpinlockHolder lock(lock_);
  Advance(now);
  return {.decisions = counts_.Totals(),
          .requests = requests_,
          .successes = successes_,
          .rejection_probability = Probability()};
}

}  // namespace sluice::limit
