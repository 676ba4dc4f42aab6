#include "sluice/limit/concurrency_limit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/limit/aimd.h"
#include "sluice/limit/gradient2.h"
#include "sluice/limit/vegas.h"

namespace sluice::limit {
namespace {

constexpr std::uint64_t kHasSlot = std::uint64_t{1}
                                   << 32U;  // In a token's slot, beside the partition.

LimitBounds BoundsOf(const ConcurrencyOptions& options) {
  return {.initial = static_cast<double>(options.initial_limit),
          .min = static_cast<double>(options.min_limit),
          .max = static_cast<double>(options.max_limit)};
}

LimitTuning TuningOf(const ConcurrencyOptions& options) {
  return {.bounds = BoundsOf(options),
          .smoothing = options.smoothing,
          .backoff_ratio = options.backoff_ratio,
          .max_limit_factor = options.max_limit_factor,
          .baseline_windows = options.baseline_window};
}

std::unique_ptr<LimitAlgorithm> AlgorithmOf(const ConcurrencyOptions& options) {
  std::unique_ptr<LimitAlgorithm> algorithm;
  switch (options.algorithm) {
    case ConcurrencyAlgorithm::kVegas:
      algorithm = std::make_unique<Vegas>(VegasOptions{.bounds = BoundsOf(options)});
      break;
    case ConcurrencyAlgorithm::kGradient2:
      algorithm = std::make_unique<Gradient2>(Gradient2Options{.bounds = BoundsOf(options)});
      break;
    case ConcurrencyAlgorithm::kAimd:
      algorithm = std::make_unique<Aimd>(AimdOptions{.bounds = BoundsOf(options)});
      break;
    case ConcurrencyAlgorithm::kFixed:
      return nullptr;
  }
  algorithm->Tune(TuningOf(options));
  return algorithm;
}

std::int64_t StartOf(const ConcurrencyOptions& options) {
  if (options.algorithm == ConcurrencyAlgorithm::kFixed) return options.initial_limit;
  return std::clamp(options.initial_limit, options.min_limit, options.max_limit);
}

bool MayWait(const ConcurrencyOptions& options) {
  return options.queue.has_value() && options.mode == GuardMode::kEnforce &&
         options.enforce_percent >= 100;
}

bool Learns(const ConcurrencyOptions& options) {
  return options.algorithm != ConcurrencyAlgorithm::kFixed || MayWait(options);
}

// Lets each know. A waiter may be gone as soon as it does.
void WakeAll(AdmissionWaiter* woken) {
  while (woken != nullptr) {
    AdmissionWaiter* const next = woken->next;
    woken->wake(*woken);
    woken = next;
  }
}

}  // namespace

Result<std::unique_ptr<ConcurrencyLimit>> ConcurrencyLimit::Create(
    const ConcurrencyOptions& options, SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<ConcurrencyLimit>(new ConcurrencyLimit(options, now));
}

ConcurrencyLimit::ConcurrencyLimit(const ConcurrencyOptions& options, SteadyTime now)
    : name_(options.name),
      algorithm_kind_(options.algorithm),
      limit_(StartOf(options)),
      mode_(options.mode),
      has_queue_(MayWait(options)),
      learns_(Learns(options)),
      quantile_(options.quantile),
      enforced_(options.enforce_percent),
      partitions_(options.partitions),
      queue_(options.queue.value_or(AdmissionQueueOptions{})),
      window_end_((now + options.window.min).time_since_epoch().count()),
      algorithm_(AlgorithmOf(options)),
      window_(options.window),
      window_start_(now) {}

void ConcurrencyLimit::NotePeak(std::int64_t inflight) {
  // Two loops may overwrite one another by a call or so; the peak is a hint.
  if (inflight > peak_.load(std::memory_order_relaxed)) {
    peak_.store(inflight, std::memory_order_relaxed);
  }
}

// One atomic add decides, so that at no moment more than the limit have a slot. Sequentially
// consistent, for a releaser then looks for waiters and a waiter for a slot: one of the two must
// see the other.
bool ConcurrencyLimit::TakeSlot(std::uint32_t partition) {
  const std::int64_t limit = limit_.load(std::memory_order_relaxed);
  const std::int64_t before = inflight_.fetch_add(1, std::memory_order_seq_cst);
  if (partitions_.empty()) [[likely]] {
    if (before < limit) {
      NotePeak(before + 1);
      return true;
    }
    inflight_.fetch_sub(1, std::memory_order_seq_cst);
    return false;
  }
  const bool has_part = partitions_.Enter(partition, limit);
  if (before < limit || has_part) {
    NotePeak(before + 1);
    return true;
  }
  partitions_.Leave(partition);
  inflight_.fetch_sub(1, std::memory_order_seq_cst);
  return false;
}

// As TakeSlot, but never counts a slot that it does not get: so that of all who look for one under
// the queue's lock nobody makes another believe that there is none.
bool ConcurrencyLimit::TakeSlotCarefully(std::uint32_t partition) {
  const std::int64_t limit = limit_.load(std::memory_order_relaxed);
  std::int64_t before = inflight_.load(std::memory_order_seq_cst);
  while (before < limit || (!partitions_.empty() && partitions_.HasRoom(partition, limit))) {
    if (!inflight_.compare_exchange_weak(before, before + 1, std::memory_order_seq_cst)) continue;
    if (!partitions_.empty()) static_cast<void>(partitions_.Enter(partition, limit));
    NotePeak(before + 1);
    return true;
  }
  return false;
}

bool ConcurrencyLimit::IsGuaranteed(std::uint32_t partition) const {
  return !partitions_.empty() && partitions_.HasRoom(partition, limit());
}

Permit ConcurrencyLimit::NewPermit(std::uint32_t partition, SteadyTime now) {
  return {*this, {.epoch = 0, .slot = kHasSlot | partition, .start = now}};
}

ConcurrencyDecision ConcurrencyLimit::Admitted(std::uint32_t partition, SteadyTime now) {
  counts_.Add(DecisionKind::kAllowed);
  ConcurrencyDecision decision;
  decision.kind = ConcurrencyDecision::Kind::kAdmitted;
  decision.permit = NewPermit(partition, now);
  return decision;
}

// What is let through against the limit holds no slot, so that in shadow the count goes exactly as
// if it had been refused.
ConcurrencyDecision ConcurrencyLimit::RefuseOrLet() {
  ConcurrencyDecision decision;
  const bool is_shadow = mode_.load(std::memory_order_relaxed) == GuardMode::kShadow;
  if (is_shadow || !enforced_.TakeNext()) {
    decision.kind = ConcurrencyDecision::Kind::kAdmitted;
    decision.would_refuse = true;
    counts_.Add(DecisionKind::kWouldDeny);
    return decision;
  }
  counts_.Add(DecisionKind::kDenied);
  return decision;
}

ConcurrencyDecision ConcurrencyLimit::TryEnter(std::uint32_t partition, SteadyTime now) {
  if (mode_.load(std::memory_order_relaxed) == GuardMode::kDisabled) {
    ConcurrencyDecision decision;
    decision.kind = ConcurrencyDecision::Kind::kAdmitted;
    return decision;
  }
  if (TakeSlot(partition)) {
    if (!had_no_wait_.load(std::memory_order_relaxed)) {
      had_no_wait_.store(true, std::memory_order_relaxed);
    }
    return Admitted(partition, now);
  }
  if (!was_full_.load(std::memory_order_relaxed)) was_full_.store(true, std::memory_order_relaxed);
  return RefuseOrLet();
}

ConcurrencyDecision ConcurrencyLimit::Enter(AdmissionWaiter& waiter,
                                            double chance,
                                            SteadyTime now) {
  if (!has_queue()) return TryEnter(waiter.partition, now);
  // Those who wait come first: a newcomer that finds a slot before them would overtake. Not so what
  // its partition is guaranteed, which those others have no claim to.
  const bool is_free = waiting_.load(std::memory_order_seq_cst) == 0;
  if ((is_free || IsGuaranteed(waiter.partition)) && TakeSlot(waiter.partition)) {
    if (is_free) had_no_wait_.store(true, std::memory_order_relaxed);
    return Admitted(waiter.partition, now);
  }
  was_full_.store(true, std::memory_order_relaxed);
  AdmissionWaiter* woken = nullptr;
  AdmissionWaiter* displaced = nullptr;
  AdmissionQueue::Push pushed{};
  bool is_granted = false;  // Once the lock is free another thread may grant it, and wake it too.
  {
    const SpinlockHolder lock(queue_lock_);
    latest_ = std::max(latest_, now);
    if (had_no_wait_.exchange(false, std::memory_order_relaxed)) queue_.NoteNoWait(now);
    pushed = queue_.TryPush(waiter, limit_.load(std::memory_order_relaxed), chance, now, displaced);
    waiting_.store(static_cast<std::int64_t>(queue_.size()), std::memory_order_seq_cst);
    Pump(now, woken);
    if (pushed == AdmissionQueue::Push::kWaits &&
        waiter.state == AdmissionWaiter::State::kGranted) {
      // Its slot came at once. It is told by the return value and not woken.
      is_granted = true;
      waiter.state = AdmissionWaiter::State::kIdle;
      AdmissionWaiter** link = &woken;
      while (*link != &waiter)
        link = &(*link)->next;
      *link = waiter.next;
    }
  }
  if (displaced != nullptr) {
    displaced->next = woken;
    woken = displaced;
  }
  CountWoken(woken);
  WakeAll(woken);
  if (pushed == AdmissionQueue::Push::kRefused) return RefuseOrLet();
  if (is_granted) return Admitted(waiter.partition, now);
  ConcurrencyDecision decision;
  decision.kind = ConcurrencyDecision::Kind::kWaits;
  return decision;
}

// Grants free slots to waiters: first what partitions are guaranteed, whoever else waits, for that
// is theirs even where the limit is reached; then the best. Chains all that are to be told into
// `woken`. Under the queue's lock.
void ConcurrencyLimit::Pump(SteadyTime now, AdmissionWaiter*& woken) {
  const auto grant = [&](AdmissionWaiter& waiter) {
    queue_.Grant(waiter);
    waiter.next = woken;
    woken = &waiter;
  };
  for (std::uint32_t part = 1; part <= partitions_.size(); ++part) {
    while (queue_.HasWaiterOf(part) && IsGuaranteed(part)) {
      AdmissionWaiter* const first = queue_.FirstOf(part, now, woken);
      if (first == nullptr || !TakeSlotCarefully(part)) break;
      grant(*first);
    }
  }
  while (queue_.size() > 0 &&
         inflight_.load(std::memory_order_seq_cst) < limit_.load(std::memory_order_relaxed)) {
    AdmissionWaiter* const front = queue_.Front(now, woken);
    if (front == nullptr || !TakeSlotCarefully(front->partition)) break;
    grant(*front);
  }
  waiting_.store(static_cast<std::int64_t>(queue_.size()), std::memory_order_seq_cst);
}

void ConcurrencyLimit::CountWoken(AdmissionWaiter* woken) {
  for (; woken != nullptr; woken = woken->next) {
    const bool is_granted = woken->state == AdmissionWaiter::State::kGranted;
    counts_.Add(is_granted ? DecisionKind::kAllowed : DecisionKind::kDenied);
    if (is_granted) waited_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool ConcurrencyLimit::Withdraw(AdmissionWaiter& waiter, WithdrawReason reason) {
  {
    const SpinlockHolder lock(queue_lock_);
    if (waiter.state != AdmissionWaiter::State::kWaiting) return false;
    queue_.Remove(waiter);
    waiting_.store(static_cast<std::int64_t>(queue_.size()), std::memory_order_seq_cst);
  }
  if (reason == WithdrawReason::kWaitedTooLong) counts_.Add(DecisionKind::kDenied);
  return true;
}

Permit ConcurrencyLimit::PermitOf(const AdmissionWaiter& waiter, SteadyTime now) {
  SLUICE_ASSERT(waiter.state == AdmissionWaiter::State::kGranted);
  return NewPermit(waiter.partition, now);
}

Nanos ConcurrencyLimit::WaitMax(const AdmissionWaiter& waiter, SteadyTime now) {
  const SpinlockHolder lock(queue_lock_);
  return queue_.WaitMax(waiter.criticality, now);
}

void ConcurrencyLimit::Release(const PermitToken& token, SteadyTime now) {
  if ((token.slot & kHasSlot) == 0) return;
  if (!partitions_.empty()) partitions_.Leave(static_cast<std::uint32_t>(token.slot & ~kHasSlot));
  inflight_.fetch_sub(1, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) == 0) return;
  AdmissionWaiter* woken = nullptr;
  {
    const SpinlockHolder lock(queue_lock_);
    latest_ = std::max(latest_, now);
    Pump(latest_, woken);
  }
  CountWoken(woken);
  WakeAll(woken);
}

void ConcurrencyLimit::Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) {
  // Before the slot is free: on the cache line that freeing it needs anyway.
  held_.fetch_add(std::max<Nanos::rep>(0, (now - token.start).count()), std::memory_order_relaxed);
  Release(token, now);
  if (!learns_.load(std::memory_order_relaxed)) return;
  if (outcome.verdict == Verdict::kSuccess) {
    latencies_.Record(outcome.duration);
    samples_.fetch_add(1, std::memory_order_relaxed);
  } else if (outcome.verdict == Verdict::kFailure) {
    drops_.fetch_add(1, std::memory_order_relaxed);
  }
  if (now.time_since_epoch().count() >= window_end_.load(std::memory_order_relaxed)) Adapt(now);
}

void ConcurrencyLimit::Abandon(const PermitToken& token) {
  Release(token, token.start);
}

void ConcurrencyLimit::Refund(const PermitToken& token, SteadyTime now) {
  Release(token, now);
}

// The window has lasted long enough. Too few samples: it goes on, and in the end starts anew.
void ConcurrencyLimit::Adapt(SteadyTime now) {
  AdmissionWaiter* woken = nullptr;
  {
    const SpinlockHolder lock(algorithm_lock_);
    if (now.time_since_epoch().count() < window_end_.load(std::memory_order_relaxed)) return;
    const std::uint64_t seen =
        samples_.load(std::memory_order_relaxed) + drops_.load(std::memory_order_relaxed);
    const bool is_enough = seen >= static_cast<std::uint64_t>(window_.min_samples);
    if (!is_enough && now < window_start_ + window_.max) return;
    CloseWindow(now);
  }
  {
    const SpinlockHolder lock(queue_lock_);
    queue_.NoteLatency(Nanos(baseline_.load(std::memory_order_relaxed)));
    latest_ = std::max(latest_, now);
    Pump(latest_, woken);
  }
  CountWoken(woken);
  WakeAll(woken);
}

void ConcurrencyLimit::Learn(const WindowSample& sample) {
  if (sample.latency > Nanos(0)) {
    latency_baseline_.Add(sample.latency,
                          sample.was_full ? BaselineRise::kHeld : BaselineRise::kFree);
  }
  Nanos baseline = latency_baseline_.baseline();
  if (algorithm_ != nullptr) {
    limit_.store(static_cast<std::int64_t>(algorithm_->Update(sample)), std::memory_order_relaxed);
    if (algorithm_->baseline() > Nanos(0)) baseline = algorithm_->baseline();
  }
  baseline_.store(baseline.count(), std::memory_order_relaxed);
}

// Fewer drops than one in twenty are not overload: a client can provoke a 429, a network lose a
// call. Backing off for each of them would take any limit to its minimum, one a window.
constexpr std::uint64_t kCallsOfADrop = 20;

void ConcurrencyLimit::CloseWindow(SteadyTime now) {
  const LatencyWindow::Summary latencies =
      latencies_.Drain(quantile_.load(std::memory_order_relaxed));
  samples_.store(0, std::memory_order_relaxed);
  WindowSample sample{.latency = latencies.quantile,
                      .inflight_max = peak_.load(std::memory_order_relaxed),
                      .successes = latencies.samples,
                      .drops = drops_.exchange(0, std::memory_order_relaxed),
                      .length = now - window_start_,
                      .was_full = was_full_.exchange(false, std::memory_order_relaxed)};
  peak_.store(inflight_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  const std::uint64_t seen = sample.successes + sample.drops;
  if (sample.drops * kCallsOfADrop < seen) sample.drops = 0;
  if (seen >= static_cast<std::uint64_t>(window_.min_samples)) {
    if (latencies.samples > 0) latency_min_ = latencies.min;
    Learn(sample);
  }
  window_start_ = now;
  const Nanos length = std::clamp(2 * latency_min_, window_.min, window_.max);
  window_end_.store((now + length).time_since_epoch().count(), std::memory_order_relaxed);
}

bool ConcurrencyLimit::CanBecome(const ConcurrencyOptions& options) const {
  if (options.name != name_ || options.algorithm != algorithm_kind_) return false;
  if (options.partitions.size() != partitions_.size()) return false;
  for (std::size_t i = 0; i < options.partitions.size(); ++i) {
    const PartitionOptions& mine = partitions_.options(i);
    if (options.partitions[i].name != mine.name || options.partitions[i].ratio != mine.ratio) {
      return false;
    }
  }
  return true;
}

Result<void> ConcurrencyLimit::Reconfigure(const ConcurrencyOptions& options, SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  if (!CanBecome(options)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: another algorithm or other partitions need a new limit", name_));
  }
  {
    const SpinlockHolder lock(algorithm_lock_);
    window_ = options.window;
    if (algorithm_ != nullptr) algorithm_->Tune(TuningOf(options));
    const std::int64_t next = algorithm_ == nullptr
                                  ? options.initial_limit
                                  : static_cast<std::int64_t>(algorithm_->limit());
    limit_.store(next, std::memory_order_relaxed);
  }
  quantile_.store(options.quantile, std::memory_order_relaxed);
  enforced_.Set(options.enforce_percent);
  mode_.store(options.mode, std::memory_order_relaxed);
  has_queue_.store(MayWait(options), std::memory_order_relaxed);
  learns_.store(Learns(options), std::memory_order_relaxed);
  AdmissionWaiter* woken = nullptr;
  {
    const SpinlockHolder lock(queue_lock_);
    if (options.queue) queue_.Reconfigure(*options.queue);
    latest_ = std::max(latest_, now);
    Pump(latest_, woken);
  }
  CountWoken(woken);
  WakeAll(woken);
  return {};
}

ConcurrencyStats ConcurrencyLimit::Stats() const {
  return {.decisions = counts_.Totals(),
          .waited = waited_.load(std::memory_order_relaxed),
          .limit = limit(),
          .inflight = inflight(),
          .waiting = waiting_.load(std::memory_order_relaxed),
          .held = Nanos(held_.load(std::memory_order_relaxed)),
          .baseline = Nanos(baseline_.load(std::memory_order_relaxed))};
}

GuardDecision ConcurrencyLimit::Acquire(const GuardRequest& /*request*/, SteadyTime now) {
  ConcurrencyDecision decided = TryEnter(Partitions::kNone, now);
  GuardDecision decision;
  decision.admitted = decided.kind == ConcurrencyDecision::Kind::kAdmitted;
  decision.would_refuse = decided.would_refuse;
  decision.permit = std::move(decided.permit);
  return decision;
}

}  // namespace sluice::limit
