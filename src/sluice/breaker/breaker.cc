#include "sluice/breaker/breaker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/assert.h"

namespace sluice::breaker {

namespace {

constexpr std::size_t IndexOf(State state) {
  return static_cast<std::size_t>(state);
}

// When an operator closes what was opened by hand is not known.
constexpr Nanos kUnknown(0);

// Of a token that no breaker waits for; epochs begin at 1.
constexpr std::uint64_t kNoEpoch = 0;

bool SameShape(const SlidingWindowOptions& one, const SlidingWindowOptions& other) {
  if (one.type != other.type) return false;
  if (one.type == WindowType::kCount) return one.calls == other.calls;
  return one.length == other.length && one.buckets == other.buckets;
}

}  // namespace

std::string_view NameOf(State state) {
  switch (state) {
    case State::kClosed:
      return "closed";
    case State::kOpen:
      return "open";
    case State::kHalfOpen:
      return "half_open";
    case State::kRecovering:
      return "recovering";
    case State::kForcedOpen:
      return "forced_open";
    case State::kDisabled:
      return "disabled";
    case State::kMetricsOnly:
      return "metrics_only";
  }
  return "";
}

std::uint64_t ReturnsOf(const BreakerTotals& totals) {
  std::uint64_t returns = 0;
  for (std::size_t from = 0; from < kStates; ++from) {
    returns += totals.transitions[from][IndexOf(State::kRecovering)];
    if (from != IndexOf(State::kRecovering)) {
      returns += totals.transitions[from][IndexOf(State::kClosed)];
    }
  }
  return returns;
}

std::uint64_t OpenedOf(const BreakerTotals& totals) {
  std::uint64_t opened = 0;
  for (const auto& from : totals.transitions)
    opened += from[IndexOf(State::kOpen)];
  return opened;
}

Result<std::unique_ptr<Breaker>> Breaker::Create(const BreakerOptions& options,
                                                 std::uint64_t seed,
                                                 SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  return std::unique_ptr<Breaker>(new Breaker(options, seed, now));
}

Breaker::Breaker(const BreakerOptions& options, std::uint64_t seed, SteadyTime now)
    : name_(options.name),
      life_((1U << kStateBits) | IndexOf(State::kClosed)),
      mode_(options.mode),
      options_(options),
      window_(options.sliding_window, now),
      probes_(options.permitted_number_of_calls_in_half_open_state),
      random_(seed),
      since_(now) {}

Result<void> Breaker::Reconfigure(const BreakerOptions& options, SteadyTime now) {
  const Result<void> valid = CheckOptions(options, options.name);
  if (!valid) return std::unexpected(valid.error());
  if (options.name != name_) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("{}: cannot become {}; make a new breaker", name_, options.name));
  }
  // Made before and freed after the lock is held.
  BreakerOptions fresh_options = options;
  OutcomeWindow fresh_window(options.sliding_window, now);
  Probes fresh_probes(options.permitted_number_of_calls_in_half_open_state);
  {
    const SpinlockHolder holder(lock_);
    std::swap(options_, fresh_options);
    if (!SameShape(window_.options(), options_.sliding_window)) std::swap(window_, fresh_window);
    if (probes_.permitted() != fresh_probes.permitted()) {
      std::swap(probes_, fresh_probes);
      // The probes under way belong to the old number: a new epoch begins without them.
      if (state() == State::kHalfOpen) Enter(State::kHalfOpen, now);
    }
    mode_.store(options_.mode, std::memory_order_relaxed);
  }
  return {};
}

// ---- State --------------------------------------------------------------------------------------

void Breaker::Enter(State next, SteadyTime at) {
  const State previous = state();
  if (next != previous) ++totals_.transitions[IndexOf(previous)][IndexOf(next)];
  since_ = at;
  run_of_failures_ = 0;
  // While open the window still shows what tripped it.
  if (next != State::kOpen && next != State::kForcedOpen) window_.Clear();
  if (next == State::kHalfOpen) {
    probes_.Restart();
    retry_at_ = at + options_.max_wait_duration_in_half_open_state;
  }
  const std::uint64_t begun = epoch() + 1;
  entered_last_[IndexOf(next)] = begun;
  life_.store((begun << kStateBits) | IndexOf(next), std::memory_order_release);
}

Nanos Breaker::NextWait() {
  const WaitBackoffOptions& backoff = options_.wait_backoff;
  const auto most = static_cast<double>(backoff.max.count());
  const double wait = static_cast<double>(options_.wait_duration_in_open_state.count()) *
                      std::pow(backoff.multiplier, failed_recoveries_);
  const double jitter = 1.0 + backoff.jitter_ratio * (2.0 * random_.Unit() - 1.0);
  return Nanos(static_cast<std::int64_t>(std::min(wait, most) * jitter));
}

void Breaker::Open(SteadyTime at) {
  Enter(State::kOpen, at);
  retry_at_ = at + NextWait();
}

// Each window's length of health while closed takes back one failed recovery.
void Breaker::Trip(SteadyTime at) {
  if (state() == State::kRecovering) {
    Reopen(at);
    return;
  }
  const Nanos health = options_.sliding_window.type == WindowType::kTime
                           ? options_.sliding_window.length
                           : options_.wait_duration_in_open_state;
  const std::int64_t healthy = std::max(at - since_, Nanos(0)) / health;
  failed_recoveries_ -= static_cast<int>(std::min<std::int64_t>(healthy, failed_recoveries_));
  Open(at);
}

void Breaker::Reopen(SteadyTime at) {
  constexpr int kMost = 1'000;  // Far beyond any wait_backoff.max.
  failed_recoveries_ = std::min(failed_recoveries_ + 1, kMost);
  Open(at);
}

void Breaker::Recover(SteadyTime at) {
  Enter(options_.recovery_ramp.length > Nanos(0) ? State::kRecovering : State::kClosed, at);
}

// Carries out what is due by time, at the moments it was due, so that the state depends on what
// happened and not on who looked when.
void Breaker::AdvanceTime(SteadyTime now) {
  // Ends: each step spends a probe, leaves the state, or moves retry_at_ behind now.
  while (state() == State::kHalfOpen) {
    const SteadyTime due = std::min(probes_.next_deadline(), retry_at_);
    if (due > now) break;
    AdvanceHalfOpen(due, now);
  }
  if (state() == State::kRecovering && now >= since_ + options_.recovery_ramp.length) {
    Enter(State::kClosed, since_ + options_.recovery_ramp.length);
  }
  if (state() == State::kOpen && options_.automatic_transition && now >= retry_at_) {
    Enter(State::kHalfOpen, now);
  }
}

// At a probe's deadline it has failed. At the state's own deadline, probes still under way hang and
// the breaker reopens; without any, those that ended decide, so that a route with few calls closes.
void Breaker::AdvanceHalfOpen(SteadyTime at, SteadyTime now) {
  if (probes_.next_deadline() <= at) {
    probes_.Expire(at);
    JudgeProbes(at);
    return;
  }
  const OutcomeCounts& ended = probes_.counts();
  if (probes_.in_flight() > 0 ||
      (ended.calls > 0 && (Reaches(ended.failed, ended.calls, options_.failure_rate_threshold) ||
                           Reaches(ended.slow, ended.calls, options_.slow_call_rate_threshold)))) {
    Reopen(at);
  } else if (ended.calls > 0) {
    Recover(at);
  } else {
    retry_at_ = now + options_.max_wait_duration_in_half_open_state;
  }
}

// Reopens as soon as the threshold cannot be avoided any more.
void Breaker::JudgeProbes(SteadyTime at) {
  const OutcomeCounts& ended = probes_.counts();
  const auto permitted = static_cast<std::uint64_t>(probes_.permitted());
  if (Reaches(ended.failed, permitted, options_.failure_rate_threshold) ||
      Reaches(ended.slow, permitted, options_.slow_call_rate_threshold)) {
    Reopen(at);
  } else if (ended.calls == permitted) {
    Recover(at);
  }
}

bool Breaker::Reaches(std::uint64_t part, std::uint64_t whole, double threshold) const {
  const double reached = 100.0 * static_cast<double>(part);
  const double needed = threshold * static_cast<double>(whole);
  // More than all is not to be had: there the two modes agree.
  if (options_.threshold_mode == ThresholdMode::kGreaterOrEqual || threshold >= 100) {
    return reached >= needed;
  }
  return reached > needed;
}

std::uint64_t Breaker::MinimumCalls() const {
  const SlidingWindowOptions& window = options_.sliding_window;
  const int minimum = window.type == WindowType::kCount
                          ? std::min(options_.minimum_number_of_calls, window.calls)
                          : options_.minimum_number_of_calls;
  return static_cast<std::uint64_t>(minimum);
}

bool Breaker::ShouldTrip() const {
  if (options_.consecutive_failures > 0 && run_of_failures_ >= options_.consecutive_failures) {
    return true;
  }
  const OutcomeCounts& counts = window_.counts();
  if (counts.failed == 0 && counts.slow == 0) return false;  // Thresholds are above 0.
  if (counts.calls < MinimumCalls()) return false;
  return Reaches(counts.failed, counts.calls, options_.failure_rate_threshold) ||
         Reaches(counts.slow, counts.calls, options_.slow_call_rate_threshold);
}

// ---- Before the call ----------------------------------------------------------------------------

BreakerDecision Breaker::TryAcquire(SteadyTime now) {
  const std::uint64_t life = life_.load(std::memory_order_acquire);
  const State seen = StateIn(life);
  if (mode_.load(std::memory_order_relaxed) == GuardMode::kDisabled || seen == State::kDisabled) {
    return {.admitted = true, .token = {.epoch = kNoEpoch, .start = now}};
  }
  if (seen == State::kClosed || seen == State::kMetricsOnly) [[likely]] {
    return {.admitted = true, .token = {.epoch = EpochIn(life), .start = now}};
  }
  const SpinlockHolder holder(lock_);
  AdvanceTime(now);
  return AdmitLocked(now);
}

BreakerDecision Breaker::AdmitLocked(SteadyTime now) {
  switch (state()) {
    case State::kClosed:
    case State::kMetricsOnly:
      return {.admitted = true, .token = {.epoch = epoch(), .start = now}};
    case State::kDisabled:
      return {.admitted = true, .token = {.epoch = kNoEpoch, .start = now}};
    case State::kOpen:
      if (now < retry_at_) return Refuse(retry_at_ - now, now);
      Enter(State::kHalfOpen, now);
      return AdmitProbe(now);
    case State::kHalfOpen:
      return AdmitProbe(now);
    case State::kRecovering:
      return AdmitRecovering(now);
    case State::kForcedOpen:
      return Refuse(kUnknown, now);
  }
  SLUICE_BUG("breaker.state");
  return {.admitted = true, .token = {.epoch = kNoEpoch, .start = now}};
}

BreakerDecision Breaker::AdmitProbe(SteadyTime now) {
  const std::optional<std::uint64_t> ticket = probes_.Take(now + options_.probe_timeout);
  if (!ticket) return Refuse(std::min(probes_.next_deadline(), retry_at_) - now, now);
  return {.admitted = true, .token = {.epoch = epoch(), .slot = *ticket, .start = now}};
}

// The part that is admitted grows with the time since the probes succeeded (Envoy's slow start).
BreakerDecision Breaker::AdmitRecovering(SteadyTime now) {
  const RecoveryRampOptions& ramp = options_.recovery_ramp;
  const double passed = static_cast<double>(std::max(now - since_, Nanos(0)).count()) /
                        static_cast<double>(ramp.length.count());
  const double part = ramp.aggression == 1.0 ? passed : std::pow(passed, 1.0 / ramp.aggression);
  // When it will be admitted is a matter of chance: no time to come back can be told.
  if (!random_.Strikes(std::max(part, ramp.min_percent / 100))) return Refuse(Nanos(0), now);
  return {.admitted = true, .token = {.epoch = epoch(), .start = now}};
}

BreakerDecision Breaker::Refuse(Nanos retry_after, SteadyTime now) {
  if (options_.mode == GuardMode::kShadow || !EnforcesNextRefusal()) {
    ++totals_.would_refuse_total;
    return {.admitted = true,
            .would_refuse = true,
            .retry_after = retry_after,
            .token = {.epoch = epoch(), .start = now}};
  }
  ++totals_.not_permitted_total;
  return {.admitted = false, .retry_after = retry_after};
}

// Exactly enforce_percent of the refusals, evenly spread (Bresenham's line).
bool Breaker::EnforcesNextRefusal() {
  constexpr std::uint64_t kWhole = 10'000;
  const auto part = static_cast<std::uint64_t>(std::lround(options_.enforce_percent * 100));
  const std::uint64_t index = refusals_++ % kWhole;
  return (index + 1) * part / kWhole != index * part / kWhole;
}

bool Breaker::WouldAdmit(SteadyTime now) const {
  const State seen = StateIn(life_.load(std::memory_order_acquire));
  if (seen == State::kClosed || mode_.load(std::memory_order_relaxed) != GuardMode::kEnforce) {
    return true;
  }
  const SpinlockHolder holder(lock_);
  switch (state()) {
    case State::kOpen:
      return now >= retry_at_;
    case State::kHalfOpen:
      return probes_.has_free() || now >= std::min(probes_.next_deadline(), retry_at_);
    case State::kForcedOpen:
      return false;
    case State::kClosed:
    case State::kRecovering:
    case State::kDisabled:
    case State::kMetricsOnly:
      return true;
  }
  return true;
}

GuardDecision Breaker::Acquire(const GuardRequest& /*request*/, SteadyTime now) {
  const BreakerDecision decided = TryAcquire(now);
  GuardDecision decision;
  decision.admitted = decided.admitted;
  decision.would_refuse = decided.would_refuse;
  decision.retry_after = decided.retry_after;
  if (decided.admitted && decided.token.epoch != kNoEpoch) {
    decision.permit = Permit(*this, decided.token);
  }
  return decision;
}

// ---- After the call -----------------------------------------------------------------------------

bool Breaker::IsSlow(Nanos duration) const {
  const Nanos threshold = options_.slow_call_duration_threshold;
  return threshold > Nanos(0) && duration > threshold;
}

void Breaker::CountTotals(const Outcome& outcome, const CallResult& result) {
  switch (outcome.verdict) {
    case Verdict::kSuccess:
      ++totals_.successes_total;
      break;
    case Verdict::kFailure:
      ++totals_.failures_total;
      break;
    case Verdict::kIgnored:
      ++totals_.ignored_total;
      return;
  }
  if (result.slow) ++totals_.slow_total;
}

void Breaker::Settle(const PermitToken& token, const Outcome& outcome, SteadyTime now) {
  if (token.epoch == kNoEpoch) return;
  const SpinlockHolder holder(lock_);
  const CallResult result{.failed = outcome.verdict == Verdict::kFailure,
                          .slow = IsSlow(outcome.duration)};
  CountTotals(outcome, result);
  AdvanceTime(now);
  // A call of an earlier life says what was, not what is.
  if (token.epoch != epoch()) return;
  if (outcome.verdict == Verdict::kIgnored) {
    if (token.slot != 0) probes_.GiveBack(token.slot);
    return;
  }
  if (state() == State::kHalfOpen) {
    // Without a ticket it was let through beside the probes (shadow), and decides nothing.
    if (token.slot != 0 && probes_.Count(token.slot, result)) JudgeProbes(now);
    return;
  }
  Record(result, now);
}

void Breaker::Record(const CallResult& result, SteadyTime now) {
  const State current = state();
  if (current == State::kOpen || current == State::kForcedOpen) return;
  window_.Record(result, now);
  run_of_failures_ = result.failed ? run_of_failures_ + 1 : 0;
  if (current != State::kMetricsOnly && ShouldTrip()) Trip(now);
}

void Breaker::Abandon(const PermitToken& token) {
  GiveBackProbe(token);
}

void Breaker::Refund(const PermitToken& token, SteadyTime /*now*/) {
  GiveBackProbe(token);
}

void Breaker::GiveBackProbe(const PermitToken& token) {
  if (token.slot == 0) return;
  const SpinlockHolder holder(lock_);
  if (token.epoch == epoch()) probes_.GiveBack(token.slot);
}

// ---- By hand, and to be seen --------------------------------------------------------------------

void Breaker::ForceOpen(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  Enter(State::kForcedOpen, now);
}

void Breaker::Close(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  Enter(State::kClosed, now);
}

void Breaker::Disable(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  Enter(State::kDisabled, now);
}

void Breaker::MetricsOnly(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  Enter(State::kMetricsOnly, now);
}

void Breaker::Reset(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  failed_recoveries_ = 0;
  Enter(State::kClosed, now);
}

void Breaker::Poll(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  AdvanceTime(now);
}

BreakerSnapshot Breaker::Snapshot(SteadyTime now) {
  const SpinlockHolder holder(lock_);
  AdvanceTime(now);
  window_.Advance(now);
  BreakerSnapshot snapshot;
  static_cast<BreakerTotals&>(snapshot) = totals_;
  snapshot.state = state();
  snapshot.epoch = epoch();
  snapshot.entered_last = entered_last_;
  snapshot.since = since_;
  snapshot.window = window_.counts();
  snapshot.failed_recoveries = failed_recoveries_;
  std::uint64_t minimum = MinimumCalls();
  if (snapshot.state == State::kOpen) {
    snapshot.retry_after = std::max(retry_at_ - now, Nanos(0));
  }
  if (snapshot.state == State::kHalfOpen) {
    snapshot.window = probes_.counts();
    snapshot.probes_in_flight = probes_.in_flight();
    minimum = static_cast<std::uint64_t>(probes_.permitted());
  }
  if (snapshot.window.calls >= minimum) {
    snapshot.failure_rate = snapshot.window.failure_rate();
    snapshot.slow_call_rate = snapshot.window.slow_rate();
  }
  return snapshot;
}

}  // namespace sluice::breaker
