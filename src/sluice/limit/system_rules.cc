#include "sluice/limit/system_rules.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/limit/option_range.h"

namespace sluice::limit {
namespace {

constexpr Nanos kCoolDown = std::chrono::seconds(1);
constexpr double kKeptInHalfASecond = 0.95;

bool HasTimedRules(const SystemRulesOptions& options) {
  return options.watch_capacity || options.cpu_threshold > 0 || options.load1 > 0 ||
         options.max_qps > 0 || options.avg_rt > Nanos(0);
}

bool NeedsWindow(const SystemRulesOptions& options) {
  const bool watches_host = options.cpu_threshold > 0 || options.load1 > 0;
  return options.watch_capacity || (watches_host && options.bbr) || options.max_qps > 0 ||
         options.avg_rt > Nanos(0);
}

}  // namespace

std::string_view NameOf(SystemRule rule) {
  switch (rule) {
    case SystemRule::kCpu:
      return "cpu";
    case SystemRule::kLoad1:
      return "load1";
    case SystemRule::kConcurrency:
      return "concurrency";
    case SystemRule::kQps:
      return "qps";
    case SystemRule::kAvgRt:
      return "avg_rt";
  }
  return "unknown";
}

void Validate(const SystemRulesOptions& options, std::string_view path, ConfigProblems& problems) {
  const auto expect = [&](bool fits, std::string_view field, std::string_view range, auto got) {
    if (fits) return;
    problems.push_back(
        {fmt::format("{}.{}", path, field), fmt::format("must be {}, got {}", range, got)});
  };
  expect(IsWithin(options.cpu_threshold, 0, 100), "cpu_threshold", "0..100", options.cpu_threshold);
  expect(IsWithin(options.load1, 0, 100'000), "load1", "0..100000", options.load1);
  expect(options.max_concurrency >= 0 && options.max_concurrency <= 1'000'000, "max_concurrency",
         "0..1000000", options.max_concurrency);
  expect(IsWithin(options.max_qps, 0, 1e9), "max_qps", "0..1000000000", options.max_qps);
  expect(options.avg_rt >= Nanos(0) && options.avg_rt <= std::chrono::hours(1), "avg_rt",
         "0..3600000000000 ns", options.avg_rt.count());
  expect(IsWithin(options.enforce_percent, 0, 100), "enforce_percent", "0..100",
         options.enforce_percent);
}

Result<std::unique_ptr<SystemRules>> SystemRules::Create(const SystemRulesOptions& options) {
  const Result<void> valid = CheckOptions(options, "system");
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<SystemRules>(new SystemRules(options));
}

SystemRules::SystemRules(const SystemRulesOptions& options)
    : options_(options),
      mode_(options.mode),
      has_timed_rules_(HasTimedRules(options)),
      needs_window_(NeedsWindow(options)),
      max_concurrency_(options.max_concurrency),
      enforced_(options.enforce_percent) {}

SystemRules::Bucket& SystemRules::BucketOf(SteadyTime now) {
  const std::int64_t tick = now.time_since_epoch() / kBucketLength;
  Bucket& bucket = buckets_[static_cast<std::size_t>(tick) % kBuckets];
  if (bucket.tick < tick) bucket = {.tick = tick};
  return bucket;
}

// The most that passed in a stretch, times the least mean time of one. The stretch under way is not
// over and does not count.
std::int64_t SystemRules::CapacityLocked(SteadyTime now) {
  const std::int64_t tick = now.time_since_epoch() / kBucketLength;
  std::uint64_t most_passed = 0;
  double least_seconds = 0;
  for (const Bucket& bucket : buckets_) {
    if (bucket.tick >= tick || bucket.tick <= tick - static_cast<std::int64_t>(kBuckets)) continue;
    most_passed = std::max(most_passed, bucket.passed);
    if (bucket.finished == 0) continue;
    const double mean =
        static_cast<double>(bucket.duration.count()) / 1e9 / static_cast<double>(bucket.finished);
    if (least_seconds == 0 || mean < least_seconds) least_seconds = mean;
  }
  const double calls =
      static_cast<double>(most_passed) * least_seconds * static_cast<double>(kBucketsPerSecond);
  return static_cast<std::int64_t>(std::floor(calls + 0.5));
}

std::int64_t SystemRules::Capacity(SteadyTime now) {
  const SpinlockHolder lock(lock_);
  return CapacityLocked(now);
}

bool SystemRules::IsBeyondCapacity(SteadyTime now) {
  const std::int64_t inflight = inflight_.load(std::memory_order_relaxed);
  return inflight > 1 && inflight > Capacity(now);
}

// Under the lock. With BBR the machine being loaded refuses only what is beyond capacity.
bool SystemRules::IsPressed(bool is_over, std::atomic<std::int64_t>& dropped_at, SteadyTime now) {
  if (!options_.bbr) return is_over;
  const std::int64_t at = now.time_since_epoch().count();
  const std::int64_t dropped = dropped_at.load(std::memory_order_relaxed);
  const bool cools_down = dropped != 0 && at - dropped <= kCoolDown.count();
  if (!is_over && !cools_down) return false;
  // Without the call that asks.
  const std::int64_t inflight = inflight_.load(std::memory_order_relaxed) - 1;
  const bool is_beyond = inflight > 1 && inflight > CapacityLocked(now);
  if (is_beyond && is_over) dropped_at.store(at, std::memory_order_relaxed);
  return is_beyond;
}

// Under the lock.
bool SystemRules::Violates(SystemRule rule, SteadyTime now) {
  const std::int64_t tick = now.time_since_epoch() / kBucketLength;
  switch (rule) {
    case SystemRule::kCpu: {
      if (options_.cpu_threshold <= 0) return false;
      const bool is_over = cpu_ratio() * 100 >= options_.cpu_threshold;
      return IsPressed(is_over, cpu_dropped_at_, now);
    }
    case SystemRule::kLoad1: {
      if (options_.load1 <= 0) return false;
      const bool is_over = load1_.load(std::memory_order_relaxed) > options_.load1;
      return IsPressed(is_over, load_dropped_at_, now);
    }
    case SystemRule::kQps: {
      if (options_.max_qps <= 0) return false;
      std::uint64_t passed = 0;
      for (std::int64_t each = tick - kBucketsPerSecond + 1; each <= tick; ++each) {
        const Bucket& bucket = buckets_[static_cast<std::size_t>(each) % kBuckets];
        if (bucket.tick == each) passed += bucket.passed;
      }
      return static_cast<double>(passed) + 1 > options_.max_qps;
    }
    case SystemRule::kAvgRt: {
      if (options_.avg_rt <= Nanos(0)) return false;
      Nanos duration{0};
      std::uint64_t finished = 0;
      for (std::int64_t each = tick - kBucketsPerSecond + 1; each <= tick; ++each) {
        const Bucket& bucket = buckets_[static_cast<std::size_t>(each) % kBuckets];
        if (bucket.tick != each) continue;
        duration += bucket.duration;
        finished += bucket.finished;
      }
      return finished > 0 && duration / static_cast<std::int64_t>(finished) > options_.avg_rt;
    }
    case SystemRule::kConcurrency:
      return false;  // Decided by the count itself.
  }
  return false;
}

SystemDecision SystemRules::Decide(SteadyTime now) {
  SystemDecision decision;
  const GuardMode mode = mode_.load(std::memory_order_relaxed);
  if (mode == GuardMode::kDisabled) {
    decision.admitted = true;
    return decision;
  }
  const std::int64_t most = max_concurrency_.load(std::memory_order_relaxed);
  const std::int64_t before = inflight_.fetch_add(1, std::memory_order_relaxed);
  bool is_refused = most > 0 && before >= most;
  decision.rule = SystemRule::kConcurrency;
  if (!is_refused && has_timed_rules_.load(std::memory_order_relaxed)) {
    const SpinlockHolder lock(lock_);
    for (const SystemRule rule :
         {SystemRule::kCpu, SystemRule::kLoad1, SystemRule::kQps, SystemRule::kAvgRt}) {
      if (!Violates(rule, now)) continue;
      is_refused = true;
      decision.rule = rule;
      break;
    }
    if (!is_refused && needs_window_.load(std::memory_order_relaxed)) ++BucketOf(now).passed;
  }
  if (!is_refused) {
    passed_.Add(DecisionKind::kAllowed);
    decision.admitted = true;
    decision.permit = Permit(*this, {.start = now});
    return decision;
  }
  inflight_.fetch_sub(1, std::memory_order_relaxed);
  DecisionCounts& counts = counts_[static_cast<std::size_t>(decision.rule)];
  if (mode == GuardMode::kShadow || !enforced_.TakeNext()) {
    counts.Add(DecisionKind::kWouldDeny);
    decision.admitted = true;
    decision.would_refuse = true;
    return decision;
  }
  counts.Add(DecisionKind::kDenied);
  return decision;
}

void SystemRules::NoteHost(double cpu_ratio, double load1, SteadyTime now) {
  if (load1 >= 0) load1_.store(load1, std::memory_order_relaxed);
  if (!(cpu_ratio >= 0)) return;
  if (!has_host_.load(std::memory_order_relaxed)) {
    cpu_ratio_.store(cpu_ratio, std::memory_order_relaxed);
  } else {
    const double halves = static_cast<double>((now - host_seen_).count()) / 5e8;
    const double kept = std::pow(kKeptInHalfASecond, std::max(0.0, halves));
    const double before = cpu_ratio_.load(std::memory_order_relaxed);
    cpu_ratio_.store(before * kept + cpu_ratio * (1 - kept), std::memory_order_relaxed);
  }
  has_host_.store(true, std::memory_order_relaxed);
  host_seen_ = now;
}

Result<void> SystemRules::Reconfigure(const SystemRulesOptions& options) {
  const Result<void> valid = CheckOptions(options, "system");
  if (!valid) return std::unexpected(valid.error());
  {
    const SpinlockHolder lock(lock_);
    options_ = options;
  }
  mode_.store(options.mode, std::memory_order_relaxed);
  has_timed_rules_.store(HasTimedRules(options), std::memory_order_relaxed);
  needs_window_.store(NeedsWindow(options), std::memory_order_relaxed);
  max_concurrency_.store(options.max_concurrency, std::memory_order_relaxed);
  enforced_.Set(options.enforce_percent);
  return {};
}

void SystemRules::Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) {
  inflight_.fetch_sub(1, std::memory_order_relaxed);
  if (outcome.verdict != Verdict::kSuccess || !needs_window_.load(std::memory_order_relaxed)) {
    return;
  }
  const SpinlockHolder lock(lock_);
  Bucket& bucket = BucketOf(now);
  ++bucket.finished;
  bucket.duration += std::max(Nanos(0), now - token.start);
}

void SystemRules::Abandon(const PermitToken& /*token*/) {
  inflight_.fetch_sub(1, std::memory_order_relaxed);
}

void SystemRules::Refund(const PermitToken& /*token*/, SteadyTime /*now*/) {
  inflight_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sluice::limit
