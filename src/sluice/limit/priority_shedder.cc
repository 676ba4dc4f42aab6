#include "sluice/limit/priority_shedder.h"

#include <algorithm>

namespace sluice::limit {
namespace {

constexpr std::uint64_t kOfferedMin = 20;
constexpr int kTicksMax = 10;
constexpr double kWindowRequests = 1000;  // Of the levels; failsafe-go's window.
constexpr double kBackOff = 0.9;
// Of what can be served is let in. Behind a queue more, for who comes is a matter of chance and the
// queue turns away the least critical; without one less, for then it is whoever comes.
constexpr double kLetInQueued = 1.2;
constexpr double kLetInBare = 0.95;
// Of the threshold, in the first calm interval; then twice that.
constexpr double kFallMin = 0.01;
constexpr double kFallMax = 0.1;
// How much a new interval weighs beside those before it.
constexpr double kWeight = 0.3;
constexpr double kJump = 1.3;  // Times what was offered: no chance any more.

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
  const bool has_backlog = seen_.turned_away > 0;
  const bool jumps = has_backlog && offered > kJump * offered_rate_;
  Approach(offered_rate_, offered, jumps ? 1 : kWeight);
  if (!has_backlog && threshold() == 0) {
    // All are served: a few long calls are not to begin a shedding.
    capacity_ = 0;
  } else if (seen_.ended > 0 && seen_.held > Nanos(0)) {
    const double each = static_cast<double>(seen_.held.count()) / static_cast<double>(seen_.ended);
    Approach(capacity_, static_cast<double>(seen_.room.count()) / intervals / each, kWeight);
  }
}

// Of what was offered of late.
double PriorityShedder::UnservedPart() const {
  const double passed =
      offered_seen_ == 0 ? 1
                         : static_cast<double>(passed_seen_) / static_cast<double>(offered_seen_);
  double unserved = 0;
  if (capacity_ > 0 && offered_rate_ > 0) {
    const double let_in = seen_.has_queue ? kLetInQueued : kLetInBare;
    unserved = 1 - std::min(1.0, let_in * capacity_ / offered_rate_);
  }
  if (seen_.is_overloaded) {
    // Nobody counted what is too much: less, until it is enough.
    unserved = std::max(unserved, 1 - kBackOff * passed);
  }
  if (seen_.cpu_ratio > 1) unserved = std::max(unserved, 1 - passed / seen_.cpu_ratio);
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
  seen_.turned_away += signals.turned_away;
  seen_.room += signals.room;
  seen_.held += signals.held;
  seen_.ended += signals.ended;
  seen_.has_queue = signals.has_queue;
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
  const bool is_calm = seen_.turned_away == 0 && !seen_.is_overloaded && seen_.cpu_ratio <= 1;
  if (!is_calm && offered_seen_ < kOfferedMin && ticks_ < kTicksMax) return;

  LearnCapacity();
  const double unserved = UnservedPart();
  fall_ = is_calm ? std::clamp(2 * fall_, kFallMin, kFallMax) : 0;
  const std::uint32_t wanted = unserved > 0 ? Quantile(unserved) : 0;
  // A little even while it is too much: else each interval of many by chance would leave its mark.
  const double fall = std::max(fall_, kFallMin);
  const auto kept = static_cast<std::uint32_t>(static_cast<double>(before) * (1 - fall));
  threshold_.store(std::max(wanted, kept), std::memory_order_relaxed);
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
