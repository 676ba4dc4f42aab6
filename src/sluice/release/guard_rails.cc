#include "sluice/release/guard_rails.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sluice::release {
namespace {

constexpr std::uint64_t kRequestsMin = 20;
constexpr std::uint64_t kSlowMin = 3;
constexpr double kSlowShare = 0.01;
constexpr double kFactor = 2;
// ln of how rarely chance may look like harm: once in 10^4, and for stable, whose own troubles are
// looked at all the time, once in 10^6.
constexpr double kRare = 9.2;
constexpr double kRarer = 13.8;

double Rate(std::uint64_t events, std::uint64_t requests) {
  return requests == 0 ? 0 : static_cast<double>(events) / static_cast<double>(requests);
}

// `got` events where `expected` are usual: at least twice as many, and more than a Poisson count of
// twice as many comes to with probability e^-rareness (Chernoff's bound).
bool IsTwice(double got, double expected, double rareness) {
  const double twice = kFactor * expected;
  if (got <= twice || twice <= 0) return false;
  return got * std::log(got / twice) - got + twice >= rareness;
}

}  // namespace

GuardRails::GuardRails(const GuardRailOptions& options) : options_(options), ring_(kSeconds) {}

void GuardRails::Add(const Tick& tick) {
  const ArmTick stable = tick.baseline();
  const ArmTick& candidate = tick.of(Arm::kCandidate);
  const Counts added{.requests = candidate.requests,
                     .failures = candidate.failures,
                     .slow = candidate.slow,
                     .stable_requests = stable.requests,
                     .stable_failures = stable.failures};
  for (std::size_t i = 0; i < kWindows; ++i) {
    const Counts& old = ring_[(next_ + kSeconds - kLengths[i]) % kSeconds];
    Counts& sum = sums_[i];
    sum.requests += added.requests - old.requests;
    sum.failures += added.failures - old.failures;
    sum.slow += added.slow - old.slow;
    sum.stable_requests += added.stable_requests - old.stable_requests;
    sum.stable_failures += added.stable_failures - old.stable_failures;
  }
  ring_[next_] = added;
  next_ = (next_ + 1) % kSeconds;
  if (finding_seconds_ > 0) --finding_seconds_;
}

GuardRails::StepStart GuardRails::step_start() const {
  return {.endpoints = endpoints_at_step_,
          .stable_requests = before_step_.stable_requests,
          .stable_failures = before_step_.stable_failures};
}

void GuardRails::RestoreStep(const StepStart& start) {
  endpoints_at_step_ = start.endpoints;
  before_step_.stable_requests = start.stable_requests;
  before_step_.stable_failures = start.stable_failures;
}

void GuardRails::BeginStep(const CandidateHealth& health) {
  before_step_ = sums_[k30Minutes];
  endpoints_at_step_ = health.ready;
  finding_seconds_ = 0;
}

bool GuardRails::Burns(double factor, Window first, Window second) const {
  if (factor <= 0) return false;
  const double budget = 1 - options_.slo_percent / 100;
  for (const Window window : {first, second}) {
    const Counts& counts = sums_[window];
    if (counts.requests < kRequestsMin) return false;
    const double rate = Rate(counts.failures, counts.requests);
    const double stable = Rate(counts.stable_failures, counts.stable_requests);
    if (rate < factor * budget || rate < kFactor * stable) return false;
  }
  const Counts& longer = sums_[second];
  const double stable = Rate(longer.stable_failures, longer.stable_requests);
  // With a clean stable the promise itself is what a clean candidate may miss.
  const double expected = std::max(stable, budget) * static_cast<double>(longer.requests);
  return IsTwice(static_cast<double>(longer.failures), expected, kRare);
}

std::optional<Trip> GuardRails::CheckBurn() const {
  const auto trip = [this](Window window, const char* text) {
    const Counts& counts = sums_[window];
    return Trip{
        .rail = "burn_rate",
        .sentence = fmt::format(
            "candidate fails {:.2f} % ({}/{}) over {}, {:.1f} times what {} % allow, and "
            "at least twice stable's {:.2f} %",
            100 * Rate(counts.failures, counts.requests), counts.failures, counts.requests, text,
            Rate(counts.failures, counts.requests) / (1 - options_.slo_percent / 100),
            options_.slo_percent, 100 * Rate(counts.stable_failures, counts.stable_requests))};
  };
  if (Burns(options_.burn_fast, k1Minute, k5Minutes)) return trip(k5Minutes, "5 minutes");
  if (Burns(options_.burn_slow, k5Minutes, k30Minutes)) return trip(k30Minutes, "30 minutes");
  return std::nullopt;
}

std::optional<Trip> GuardRails::CheckHealth(const CandidateHealth& health) const {
  if (health.breaker_open) {
    return Trip{.rail = "breaker_open", .sentence = "the candidate's circuit breaker is open"};
  }
  const double lost = 1 - Rate(health.ready, endpoints_at_step_);
  if (finding_seconds_ == 0 && endpoints_at_step_ > 0 && health.ready < endpoints_at_step_ &&
      100 * lost > options_.endpoint_loss_percent) {
    return Trip{.rail = "endpoint_loss",
                .sentence = fmt::format("{} of the candidate's {} endpoints are left", health.ready,
                                        endpoints_at_step_)};
  }
  return std::nullopt;
}

// Does stable suffer, too? Then the two share something that the candidate harms.
std::optional<Trip> GuardRails::CheckStable() const {
  const Counts& minute = sums_[k1Minute];
  if (before_step_.stable_requests < kRequestsMin || minute.stable_failures < kRequestsMin) {
    return std::nullopt;
  }
  const double before = Rate(before_step_.stable_failures, before_step_.stable_requests);
  const double expected = before * static_cast<double>(minute.stable_requests);
  if (!IsTwice(static_cast<double>(minute.stable_failures), expected, kRarer)) {
    return std::nullopt;
  }
  return Trip{.rail = "shared_fate",
              .sentence = fmt::format("stable itself fails {:.2f} % since the step began, {:.2f} % "
                                      "before it",
                                      100 * Rate(minute.stable_failures, minute.stable_requests),
                                      100 * before)};
}

std::optional<Trip> GuardRails::Check(const CandidateHealth& health) const {
  const Counts& moment = sums_[k10Seconds];
  const double success = 100 * (1 - Rate(moment.failures, moment.requests));
  if (moment.requests >= kRequestsMin && success < options_.success_floor_percent) {
    return Trip{.rail = "success_floor",
                .sentence = fmt::format("candidate succeeds {:.1f} % ({}/{}) over 10 s, floor {} %",
                                        success, moment.requests - moment.failures, moment.requests,
                                        options_.success_floor_percent)};
  }
  if (std::optional<Trip> trip = CheckHealth(health)) return trip;
  if (std::optional<Trip> trip = CheckBurn()) return trip;
  const Counts& half = sums_[k30Seconds];
  if (options_.latency_ceiling > Nanos(0) && half.requests >= kRequestsMin &&
      half.slow >= kSlowMin && Rate(half.slow, half.requests) > kSlowShare) {
    return Trip{
        .rail = "latency_ceiling",
        .sentence = fmt::format("candidate is slower than {} ms in {:.1f} % ({}/{}) over 30 s",
                                options_.latency_ceiling.count() / 1'000'000,
                                100 * Rate(half.slow, half.requests), half.slow, half.requests)};
  }
  return CheckStable();
}

}  // namespace sluice::release
