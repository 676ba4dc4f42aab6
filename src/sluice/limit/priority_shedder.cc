#include "sluice/limit/priority_shedder.h"

#include <algorithm>

namespace sluice::limit {
namespace {

constexpr std::uint64_t kOfferedMin = 20;
constexpr int kTicksMax = 10;
constexpr double kWindowRequests = 1000;  // Of the levels; failsafe-go's window.
constexpr double kBackOff = 0.9;
// Of what was served is let in. Who comes is a matter of chance, and a queue before a server
// without any slack grows without bound.
constexpr double kUsed = 0.95;
// Of the threshold, in the first calm interval; then twice that.
constexpr double kFallMin = 0.01;
constexpr double kFallMax = 0.1;
// Of the capacity, likewise: a cycle of some six intervals near it.
constexpr double kGrowthMin = 0.002;
constexpr double kGrowthMax = 0.1;
// Of what waits is drained in an interval; a cut for all of it at once would hit the critical.
constexpr double kDrainMax = 0.1;
// How much a new interval weighs beside those before it.
constexpr double kOfferedWeight = 0.3;
constexpr double kLessWeight = 0.5;
constexpr double kMoreWeight = 0.2;
constexpr double kJump = 1.3;  // Times what was offered: no chance any more.

bool HasBacklog(const LoadSignals& seen) {
  return seen.turned_away > 0 || seen.waiting > 0;
}

void Approach(double& value, double sample, double weight) {
  value = value == 0 ? sample : value + weight * (sample - value);
}

}  // namespace

ShedDecision PriorityShedder::Decide(std::uint32_t level) {
  const GuardMode mode = mode_.load(std::memory_order_relaxed);
  if (mode == GuardMode::kDisabled) return {};
  offered_[level].fetch_add(1, std::memory_order_relaxed);
  if (level >= threshold_.load(std::memory_order_relaxed)) {
    counts_.Add(DecisionKind::kAllowed);
    return {};
  }
  if (mode == GuardMode::kShadow || !enforced_.TakeNext()) {
    counts_.Add(DecisionKind::kWouldDeny);
    return {.admitted = true, .would_refuse = true};
  }
  counts_.Add(DecisionKind::kDenied);
  return {.admitted = false};
}

void PriorityShedder::LearnCapacity() {
  const double intervals = ticks_;
  const double offered = static_cast<double>(offered_seen_) / intervals;
  const bool has_backlog = HasBacklog(seen_);
  const bool jumps = has_backlog && offered > kJump * offered_rate_;
  Approach(offered_rate_, offered, jumps ? 1 : kOfferedWeight);
  if (has_backlog) {
    const double served = static_cast<double>(seen_.entered) / intervals;
    Approach(capacity_, served, served < capacity_ ? kLessWeight : kMoreWeight);
    growth_ = 0;
  } else if (steady_ == 0) {
    capacity_ = 0;
  } else {
    growth_ = std::clamp(2 * growth_, kGrowthMin, kGrowthMax);
    capacity_ *= 1 + growth_;
  }
}

// Of what was offered of late, without and with those who still wait: they come before the next
// ones, but only once.
PriorityShedder::Unserved PriorityShedder::UnservedParts() const {
  const double passed =
      offered_seen_ == 0 ? 1
                         : static_cast<double>(passed_seen_) / static_cast<double>(offered_seen_);
  Unserved unserved;
  if (capacity_ > 0 && offered_rate_ > 0) {
    unserved.steady = 1 - std::min(1.0, kUsed * capacity_ / offered_rate_);
    const double drained = std::min(static_cast<double>(seen_.waiting), kDrainMax * capacity_);
    unserved.now = 1 - std::min(1.0, (kUsed * capacity_ - drained) / offered_rate_);
  }
  if (seen_.is_overloaded && !HasBacklog(seen_)) {
    // Nobody counted what is too much: less, until it is enough.
    unserved.steady = std::max(unserved.steady, 1 - kBackOff * passed);
  }
  if (seen_.cpu_ratio > 1) {
    unserved.steady = std::max(unserved.steady, 1 - passed / seen_.cpu_ratio);
  }
  unserved.now = std::max(unserved.now, unserved.steady);
  return unserved;
}

// The lowest threshold below which at least `part` of the requests lie.
std::uint32_t PriorityShedder::Quantile(double part) const {
  double sum = 0;
  for (const double count : recent_)
    sum += count;
  const double wanted = part * sum;
  double below = 0;
  for (std::uint32_t level = 0; level < kLevelCount; ++level) {
    if (below >= wanted - 1e-9) return level;
    below += recent_[level];
  }
  return kLevelCount;
}

void PriorityShedder::Tick(const LoadSignals& signals) {
  seen_.entered += signals.entered;
  seen_.turned_away += signals.turned_away;
  seen_.waiting = signals.waiting;
  seen_.is_overloaded = signals.is_overloaded;
  seen_.cpu_ratio = signals.cpu_ratio;
  ++ticks_;

  std::array<std::uint32_t, kLevelCount> fresh{};
  std::uint64_t offered = 0;
  std::uint64_t passed = 0;
  const std::uint32_t before = threshold();
  for (std::uint32_t level = 0; level < kLevelCount; ++level) {
    if (offered_[level].load(std::memory_order_relaxed) == 0) continue;
    fresh[level] = offered_[level].exchange(0, std::memory_order_relaxed);
    offered += fresh[level];
    if (level >= before) passed += fresh[level];
  }
  offered_seen_ += offered;
  passed_seen_ += passed;
  // An exponential window of about so many requests.
  const double keep = std::clamp(1 - static_cast<double>(offered) / kWindowRequests, 0.0, 1.0);
  for (std::uint32_t level = 0; level < kLevelCount; ++level)
    recent_[level] = recent_[level] * keep + fresh[level];
  const bool is_calm = !HasBacklog(seen_) && !seen_.is_overloaded && seen_.cpu_ratio <= 1;
  if (!is_calm && offered_seen_ < kOfferedMin && ticks_ < kTicksMax) return;

  LearnCapacity();
  const Unserved unserved = UnservedParts();
  fall_ = is_calm ? std::clamp(2 * fall_, kFallMin, kFallMax) : 0;
  const std::uint32_t wanted = unserved.steady > 0 ? Quantile(unserved.steady) : 0;
  steady_ = std::max<std::uint32_t>(
      wanted, static_cast<std::uint32_t>(static_cast<double>(steady_) * (1 - fall_)));
  const std::uint32_t drained = unserved.now > unserved.steady ? Quantile(unserved.now) : 0;
  threshold_.store(std::max(steady_, drained), std::memory_order_relaxed);
  seen_ = {};
  offered_seen_ = 0;
  passed_seen_ = 0;
  ticks_ = 0;
}

void PriorityShedder::Reconfigure(GuardMode mode, double enforce_percent) {
  mode_.store(mode, std::memory_order_relaxed);
  enforced_.Set(enforce_percent);
}

}  // namespace sluice::limit
