#include "sluice/breaker/outlier_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/contract/counter.h"

namespace sluice::breaker {

namespace {

constexpr std::int64_t kIn = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();
constexpr double kLatencyQuantile = 0.9;

std::int64_t NanosOf(SteadyTime at) {
  return at.time_since_epoch().count();
}

std::size_t IndexOf(EjectionCause cause) {
  return static_cast<std::size_t>(cause);
}

// What one worker has seen of one host. Written by that worker alone.
struct alignas(64) WorkerCounts {
  Counter successes;
  Counter failures;
  std::array<Counter, DurationBuckets::kCount> durations;
};

}  // namespace

// The sums over all workers: as they were at the end of the last interval, or what an interval
// added.
struct OutlierDetector::IntervalCounts {
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  DurationCounts durations{};

  [[nodiscard]] std::uint64_t requests() const { return successes + failures; }
};

struct OutlierDetector::Host {
  Host(std::size_t its_slot, std::size_t workers) : slot(its_slot), counts(workers) {}

  const std::size_t slot;
  std::vector<WorkerCounts> counts;

  // Read without the lock. Each stands for itself, so relaxed order is enough: a report that meets
  // a change of them is one that came just before or just after it.
  std::atomic<std::int64_t> out_until{kIn};
  std::atomic<bool> is_enforced{false};
  std::atomic<std::int64_t> counts_from{kAlways};  // Attempts begun earlier say nothing.
  std::atomic<std::uint32_t> run_5xx{0};
  std::atomic<std::uint32_t> run_gateway{0};
  std::atomic<std::uint32_t> run_local{0};

  // Under the lock.
  EjectionCause cause = EjectionCause::kConsecutive5xx;
  std::uint64_t ejections_total = 0;
  int in_a_row = 0;
  bool is_present = false;
  std::atomic<double> success_rate{-1};
  std::atomic<std::int64_t> latency_p90_nanos{0};

  // Of the control loop.
  std::string label;
  IntervalCounts before;    // At the end of the last interval.
  IntervalCounts interval;  // Of the interval that has just ended.

  [[nodiscard]] bool is_out() const { return out_until.load(std::memory_order_relaxed) != kIn; }
  [[nodiscard]] bool has_run() const {
    return (run_5xx.load(std::memory_order_relaxed) | run_gateway.load(std::memory_order_relaxed) |
            run_local.load(std::memory_order_relaxed)) != 0;
  }
  void ForgetRuns() {
    run_5xx.store(0, std::memory_order_relaxed);
    run_gateway.store(0, std::memory_order_relaxed);
    run_local.store(0, std::memory_order_relaxed);
  }
};

std::string_view NameOf(EjectionCause cause) {
  switch (cause) {
    case EjectionCause::kConsecutive5xx:
      return "consecutive_5xx";
    case EjectionCause::kConsecutiveGatewayFailure:
      return "consecutive_gateway_failure";
    case EjectionCause::kConsecutiveLocalOriginFailure:
      return "consecutive_local_origin_failure";
    case EjectionCause::kSuccessRate:
      return "success_rate";
    case EjectionCause::kFailurePercentage:
      return "failure_percentage";
    case EjectionCause::kLatency:
      return "latency";
  }
  return "";
}

Result<std::unique_ptr<OutlierDetector>> OutlierDetector::Create(const OutlierOptions& options,
                                                                 std::size_t workers,
                                                                 std::size_t slots_max,
                                                                 std::uint64_t seed,
                                                                 SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  SLUICE_ASSERT(workers >= 1);
  return std::unique_ptr<OutlierDetector>(
      new OutlierDetector(options, workers, slots_max, seed, now));
}

OutlierDetector::OutlierDetector(const OutlierOptions& options,
                                 std::size_t workers,
                                 std::size_t slots_max,
                                 std::uint64_t seed,
                                 SteadyTime now)
    : name_(options.name),
      workers_(workers),
      mode_(options.mode),
      measures_latency_(options.latency_factor > 0),
      splits_local_(options.split_external_local_origin_errors),
      by_slot_(slots_max),
      interval_ends_(now + options.interval),
      options_(options),
      random_(seed) {}

OutlierDetector::~OutlierDetector() = default;

Result<void> OutlierDetector::Reconfigure(const OutlierOptions& options) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  if (options.name != name_) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot become {}; make a new detector", name_, options.name));
  }
  OutlierOptions fresh = options;
  // A longer interval begins with the one under way.
  interval_ends_ += options.interval - options_.interval;
  const SpinlockHolder holder(lock_);
  std::swap(options_, fresh);
  mode_.store(options_.mode, std::memory_order_relaxed);
  measures_latency_.store(options_.latency_factor > 0, std::memory_order_relaxed);
  splits_local_.store(options_.split_external_local_origin_errors, std::memory_order_relaxed);
  return {};
}

void OutlierDetector::SetSlowStart(std::shared_ptr<SlowStart> slow_start) {
  const SpinlockHolder holder(lock_);
  std::swap(slow_start_, slow_start);
}

// ---- The hosts ----------------------------------------------------------------------------------

void OutlierDetector::Join(std::size_t slot, std::string_view label, SteadyTime now) {
  SLUICE_ASSERT(slot < by_slot_.size());
  Host* host = HostAt(slot);
  if (host == nullptr) {
    hosts_.push_back(std::make_unique<Host>(slot, workers_));
    host = hosts_.back().get();
    by_slot_[slot].store(host, std::memory_order_release);
    const std::size_t used = slots_used_.load(std::memory_order_relaxed);
    slots_used_.store(std::max(used, slot + 1), std::memory_order_release);
  }
  const bool is_known = host->label == label;
  if (!is_known) {
    host->label = label;
    TakeInterval(*host);  // What was counted of the slot's former host is none of this one's.
    host->success_rate.store(-1, std::memory_order_relaxed);
    host->latency_p90_nanos.store(0, std::memory_order_relaxed);
  }
  const SpinlockHolder holder(lock_);
  if (!is_known) {
    host->out_until.store(kIn, std::memory_order_relaxed);
    host->counts_from.store(NanosOf(now), std::memory_order_relaxed);
    host->ForgetRuns();
    host->ejections_total = 0;
    host->in_a_row = 0;
  }
  if (std::exchange(host->is_present, true)) return;
  ++totals_.hosts;
  if (host->is_out()) ++totals_.active;
}

void OutlierDetector::Leave(std::size_t slot) {
  Host* const host = HostAt(slot);
  if (host == nullptr) return;
  const SpinlockHolder holder(lock_);
  if (!std::exchange(host->is_present, false)) return;
  --totals_.hosts;
  if (host->is_out()) --totals_.active;
}

double OutlierDetector::Weight(std::size_t endpoint, SteadyTime now) const {
  const Host* const host = HostAt(endpoint);
  if (host == nullptr || !host->is_enforced.load(std::memory_order_relaxed)) return 1;
  // Also kIn lies before every moment: back.
  return NanosOf(now) < host->out_until.load(std::memory_order_relaxed) ? 0 : 1;
}

HostStatus OutlierDetector::StatusOf(std::size_t slot, SteadyTime now) const {
  HostStatus status;
  const Host* const host = HostAt(slot);
  if (host == nullptr) return status;
  const SpinlockHolder holder(lock_);
  const std::int64_t until = host->out_until.load(std::memory_order_relaxed);
  status.is_ejected = NanosOf(now) < until;
  status.is_enforced = status.is_ejected && host->is_enforced.load(std::memory_order_relaxed);
  if (status.is_ejected) status.remaining = Nanos(until - NanosOf(now));
  status.cause = host->cause;
  status.ejections_total = host->ejections_total;
  status.in_a_row = host->in_a_row;
  status.success_rate = host->success_rate.load(std::memory_order_relaxed);
  status.latency_p90 = Nanos(host->latency_p90_nanos.load(std::memory_order_relaxed));
  return status;
}

OutlierTotals OutlierDetector::Totals() const {
  const SpinlockHolder holder(lock_);
  return totals_;
}

// ---- At each answer -----------------------------------------------------------------------------

void OutlierDetector::Report(std::size_t worker,
                             std::size_t slot,
                             const HostOutcome& outcome,
                             SteadyTime now) {
  Host* const host = HostAt(slot);
  if (host == nullptr || mode_.load(std::memory_order_relaxed) == GuardMode::kDisabled) return;
  const std::int64_t until = host->out_until.load(std::memory_order_relaxed);
  if (until != kIn) {
    if (NanosOf(now) < until) return;
    const SpinlockHolder holder(lock_);
    ReturnDue(now);
  }
  if (NanosOf(outcome.started) < host->counts_from.load(std::memory_order_relaxed)) return;
  WorkerCounts& counts = host->counts[worker];
  const bool splits = splits_local_.load(std::memory_order_relaxed);
  if (outcome.verdict == HostVerdict::kSuccess) {
    counts.successes.Add();
    if (measures_latency_.load(std::memory_order_relaxed)) {
      counts.durations[DurationBuckets::IndexOf(outcome.duration)].Add();
    }
    if (host->has_run()) host->ForgetRuns();
    return;
  }
  // An answer, if a bad one: the way to the host is there.
  if (outcome.verdict != HostVerdict::kLocalFailure) {
    host->run_local.store(0, std::memory_order_relaxed);
  }
  if (!splits || outcome.verdict != HostVerdict::kLocalFailure) counts.failures.Add();
  CountRun(*host, outcome.verdict, now);
}

// Counted with >=: a count that passed its threshold while somebody else ejected, or while there
// was no room, still ejects at the next failure.
void OutlierDetector::CountRun(Host& host, HostVerdict verdict, SteadyTime now) {
  const SpinlockHolder holder(lock_);
  if (host.is_out()) return;
  const auto reaches = [](std::atomic<std::uint32_t>& run, int threshold) {
    const std::uint32_t length = run.fetch_add(1, std::memory_order_relaxed) + 1;
    return threshold > 0 && length >= static_cast<std::uint32_t>(threshold);
  };
  if (verdict == HostVerdict::kLocalFailure && options_.split_external_local_origin_errors) {
    if (reaches(host.run_local, options_.consecutive_local_origin_failure)) {
      Eject(host, EjectionCause::kConsecutiveLocalOriginFailure, now);
    }
    return;
  }
  if (verdict == HostVerdict::kServerError) {
    host.run_gateway.store(0, std::memory_order_relaxed);
  } else if (reaches(host.run_gateway, options_.consecutive_gateway_failure)) {
    Eject(host, EjectionCause::kConsecutiveGatewayFailure, now);
    return;
  }
  if (reaches(host.run_5xx, options_.consecutive_5xx)) {
    Eject(host, EjectionCause::kConsecutive5xx, now);
  }
}

// ---- Out and in ---------------------------------------------------------------------------------

bool OutlierDetector::HasRoom(SteadyTime now) {
  // The only host of an upstream is better than none.
  if (totals_.hosts <= 1) return false;
  const auto fits = [this] {
    if (options_.always_eject_one_host && totals_.active == 0) return true;
    return 100.0 * static_cast<double>(totals_.active + 1) <=
           options_.max_ejection_percent * static_cast<double>(totals_.hosts);
  };
  if (fits()) return true;
  ReturnDue(now);
  return fits();
}

// Exactly enforce_percent of the ejections, evenly spread (Bresenham's line).
bool OutlierDetector::EnforcesNext() {
  if (options_.mode != GuardMode::kEnforce) return false;
  constexpr std::uint64_t kWhole = 10'000;
  const auto part = static_cast<std::uint64_t>(std::lround(options_.enforce_percent * 100));
  const std::uint64_t index = decisions_++ % kWhole;
  return (index + 1) * part / kWhole != index * part / kWhole;
}

Nanos OutlierDetector::NextDuration(Host& host) {
  const Nanos base = options_.base_ejection_time;
  if ((host.in_a_row + 1) * base < options_.max_ejection_time + base) ++host.in_a_row;
  Nanos duration = std::min(host.in_a_row * base, options_.max_ejection_time);
  if (options_.max_ejection_time_jitter > Nanos(0)) {
    const auto bound = static_cast<std::uint64_t>(options_.max_ejection_time_jitter.count()) + 1;
    duration += Nanos(static_cast<std::int64_t>(random_.Below(bound)));
  }
  return duration;
}

void OutlierDetector::Eject(Host& host, EjectionCause cause, SteadyTime now) {
  if (!host.is_present || host.is_out()) return;
  if (!HasRoom(now)) {
    ++totals_.overflow_total;
    return;
  }
  const SteadyTime until = now + NextDuration(host);
  const bool enforces = EnforcesNext();
  host.cause = cause;
  ++host.ejections_total;
  host.is_enforced.store(enforces, std::memory_order_relaxed);
  host.out_until.store(NanosOf(until), std::memory_order_relaxed);
  ++totals_.active;
  ++(enforces ? totals_.ejections_total : totals_.would_eject_total)[IndexOf(cause)];
  if (enforces && slow_start_ != nullptr) slow_start_->Begin(host.slot, until);
}

void OutlierDetector::Return(Host& host, SteadyTime at) {
  host.out_until.store(kIn, std::memory_order_relaxed);
  host.counts_from.store(NanosOf(at), std::memory_order_relaxed);
  host.ForgetRuns();
  if (host.is_present) --totals_.active;
}

void OutlierDetector::ReturnDue(SteadyTime now) {
  const std::size_t used = slots_used_.load(std::memory_order_acquire);
  for (std::size_t slot = 0; slot < used; ++slot) {
    Host* const host = HostAt(slot);
    if (host == nullptr) continue;
    const std::int64_t until = host->out_until.load(std::memory_order_relaxed);
    if (until == kIn || NanosOf(now) < until) continue;
    Return(*host, SteadyTime(Nanos(until)));
  }
}

void OutlierDetector::Uneject(std::size_t slot, SteadyTime now) {
  Host* const host = HostAt(slot);
  if (host == nullptr) return;
  const SpinlockHolder holder(lock_);
  if (!host->is_out()) return;
  Return(*host, now);
  host->in_a_row = 0;
  ++totals_.unejected_total;
  if (slow_start_ != nullptr) slow_start_->Begin(slot, now);
}

// ---- Once per interval --------------------------------------------------------------------------

void OutlierDetector::Sweep(SteadyTime now) {
  {
    const SpinlockHolder holder(lock_);
    if (totals_.active > 0) ReturnDue(now);
  }
  if (now < interval_ends_) return;
  JudgeInterval(now);
}

// What has been added since the last call.
void OutlierDetector::TakeInterval(Host& host) {
  IntervalCounts sums;
  for (const WorkerCounts& counts : host.counts) {
    sums.successes += counts.successes.value();
    sums.failures += counts.failures.value();
    for (std::size_t i = 0; i < sums.durations.size(); ++i)
      sums.durations[i] += counts.durations[i].value();
  }
  host.interval.successes = sums.successes - host.before.successes;
  host.interval.failures = sums.failures - host.before.failures;
  for (std::size_t i = 0; i < sums.durations.size(); ++i)
    host.interval.durations[i] = sums.durations[i] - host.before.durations[i];
  host.before = sums;
}

void OutlierDetector::JudgeInterval(SteadyTime now) {
  OutlierOptions options;
  {
    const SpinlockHolder holder(lock_);
    // A host that was in for a whole interval has one ejection less to answer for.
    const std::int64_t healthy_since = NanosOf(now - options_.interval);
    for (const std::unique_ptr<Host>& host : hosts_) {
      if (host->is_out() || host->in_a_row == 0) continue;
      if (host->counts_from.load(std::memory_order_relaxed) <= healthy_since) --host->in_a_row;
    }
  }
  options = options_;  // The control loop's own to change: no lock is needed to read.
  interval_ends_ = now + options.interval;
  for (const std::unique_ptr<Host>& host : hosts_)
    TakeInterval(*host);
  if (mode_.load(std::memory_order_relaxed) == GuardMode::kDisabled) return;
  JudgeSuccessRates(options, now);
  JudgeFailurePercentages(options, now);
  JudgeLatencies(options, now);
}

void OutlierDetector::EjectOne(Host& host, EjectionCause cause, SteadyTime now) {
  const SpinlockHolder holder(lock_);
  Eject(host, cause, now);
}

void OutlierDetector::JudgeSuccessRates(const OutlierOptions& options, SteadyTime now) {
  std::vector<double> rates;
  for (const std::unique_ptr<Host>& host : hosts_) {
    const std::uint64_t requests = host->interval.requests();
    const bool is_judged = host->is_present && requests >= static_cast<std::uint64_t>(
                                                               options.success_rate_request_volume);
    const double rate = is_judged ? 100.0 * static_cast<double>(host->interval.successes) /
                                        static_cast<double>(requests)
                                  : -1;
    host->success_rate.store(rate, std::memory_order_relaxed);
    if (is_judged) rates.push_back(rate);
  }
  if (options.success_rate_stdev_factor <= 0 || rates.empty()) return;
  if (rates.size() < static_cast<std::size_t>(options.success_rate_minimum_hosts)) return;
  const double threshold = SuccessRateThreshold(rates, options.success_rate_stdev_factor);
  for (const std::unique_ptr<Host>& host : hosts_) {
    const double rate = host->success_rate.load(std::memory_order_relaxed);
    if (rate >= 0 && rate < threshold) EjectOne(*host, EjectionCause::kSuccessRate, now);
  }
}

void OutlierDetector::JudgeFailurePercentages(const OutlierOptions& options, SteadyTime now) {
  if (options.failure_percentage_threshold <= 0) return;
  std::vector<Host*> judged;
  for (const std::unique_ptr<Host>& host : hosts_) {
    const auto volume = static_cast<std::uint64_t>(options.failure_percentage_request_volume);
    if (host->is_present && host->interval.requests() >= volume) judged.push_back(host.get());
  }
  if (judged.size() < static_cast<std::size_t>(options.failure_percentage_minimum_hosts)) return;
  for (Host* const host : judged) {
    const double percent = 100.0 * static_cast<double>(host->interval.failures) /
                           static_cast<double>(host->interval.requests());
    if (percent < options.failure_percentage_threshold) continue;
    EjectOne(*host, EjectionCause::kFailurePercentage, now);
  }
}

void OutlierDetector::JudgeLatencies(const OutlierOptions& options, SteadyTime now) {
  if (options.latency_factor <= 0) return;
  struct Judged {
    Host* host;
    Nanos latency;
  };
  std::vector<Judged> judged;
  std::vector<Nanos> latencies;
  for (const std::unique_ptr<Host>& host : hosts_) {
    const auto volume = static_cast<std::uint64_t>(options.latency_request_volume);
    const bool has_volume = host->is_present && host->interval.successes >= volume;
    const Nanos latency =
        has_volume ? QuantileOf(host->interval.durations, kLatencyQuantile) : Nanos(0);
    host->latency_p90_nanos.store(latency.count(), std::memory_order_relaxed);
    if (latency <= Nanos(0)) continue;
    judged.push_back({.host = host.get(), .latency = latency});
    latencies.push_back(latency);
  }
  if (judged.empty()) return;
  if (judged.size() < static_cast<std::size_t>(options.latency_minimum_hosts)) return;
  const auto median = static_cast<double>(MedianOf(latencies).count());
  for (const Judged& one : judged) {
    if (one.latency <= options.latency_minimum) continue;
    if (static_cast<double>(one.latency.count()) <= options.latency_factor * median) continue;
    EjectOne(*one.host, EjectionCause::kLatency, now);
  }
}

}  // namespace sluice::breaker
