#include "sluice/release/simulation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "sluice/contract/assert.h"
#include "sluice/release/counts.h"

namespace sluice::release {
namespace {

constexpr double kSecondsPerLook = 60;
constexpr double kNeverFound = 1e18;
constexpr double kHealthyShare = 0.99;
// Stable's p50, p90 and p99 as standard normal deviates, and how much latency varies.
constexpr std::array<double, 3> kDeviates = {0, 1.2815515655, 2.3263478740};
constexpr double kSigma = 0.6;

struct Sample {
  std::uint64_t candidate = 0;
  std::uint64_t candidate_errors = 0;
  std::uint64_t stable = 0;
  std::uint64_t stable_errors = 0;

  [[nodiscard]] double share() const {
    const std::uint64_t all = candidate + stable;
    return all == 0 ? 0 : static_cast<double>(candidate) / static_cast<double>(all);
  }
  void Add(const Sample& other) {
    candidate += other.candidate;
    candidate_errors += other.candidate_errors;
    stable += other.stable;
    stable_errors += other.stable_errors;
  }
};

// Errors and successes of a Poisson stream are Poisson streams.
Sample Draw(const Traffic& traffic, double seconds, Random& random) {
  const double mine = traffic.requests_per_second * traffic.weight * seconds;
  const double theirs = traffic.requests_per_second * (1 - traffic.weight) * seconds;
  const double rate = std::min(1.0, traffic.error_rate * traffic.error_factor);
  Sample sample;
  sample.candidate_errors = DrawPoisson(mine * rate, random);
  sample.candidate = sample.candidate_errors + DrawPoisson(mine * (1 - rate), random);
  sample.stable_errors = DrawPoisson(theirs * traffic.error_rate, random);
  sample.stable = sample.stable_errors + DrawPoisson(theirs * (1 - traffic.error_rate), random);
  return sample;
}

bool IsUnhealthy(const Sample& minute) {
  if (minute.candidate == 0) return false;
  const auto good = static_cast<double>(minute.candidate - minute.candidate_errors);
  return good / static_cast<double>(minute.candidate) < kHealthyShare;
}

// Of the candidate being worse, with pooled variance; 0 while it cannot be said.
double ZOf(const Sample& all) {
  if (all.candidate == 0 || all.stable == 0) return 0;
  const auto n1 = static_cast<double>(all.candidate);
  const auto n2 = static_cast<double>(all.stable);
  const double pooled = static_cast<double>(all.candidate_errors + all.stable_errors) / (n1 + n2);
  const double variance = pooled * (1 - pooled) * (1 / n1 + 1 / n2);
  if (variance <= 0) return 0;
  const double difference =
      static_cast<double>(all.candidate_errors) / n1 - static_cast<double>(all.stable_errors) / n2;
  return difference / std::sqrt(variance);
}

// -1: that one was not found.
double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return -1;
  std::ranges::sort(values);
  const auto at = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  return values[at] >= kNeverFound ? -1 : values[at];
}

Delays Summary(std::vector<double> delays) {
  Delays summary{.runs = delays.size()};
  std::erase_if(delays, [](double value) { return value >= kNeverFound; });
  summary.found = delays.size();
  summary.median_seconds = Quantile(delays, 0.5);
  summary.p90_seconds = Quantile(std::move(delays), 0.9);
  return summary;
}

double ErrorDelay(const Traffic& traffic, const TestSetting& setting, Random& random) {
  EventTest test(setting.tolerance, kErrorRatios);
  const double threshold = -std::log(setting.alpha);
  for (double second = 1; second <= traffic.duration_seconds; ++second) {
    const Sample sample = Draw(traffic, 1, random);
    test.Add(sample.share(), sample.candidate_errors, sample.stable_errors);
    if (test.log_e() >= threshold) return second;
  }
  return kNeverFound;
}

double FlaggerDelay(const Traffic& traffic, std::uint64_t threshold, Random& random) {
  std::uint64_t failed = 0;
  for (double second = kSecondsPerLook; second <= traffic.duration_seconds;
       second += kSecondsPerLook) {
    failed += IsUnhealthy(Draw(traffic, kSecondsPerLook, random)) ? 1 : 0;
    if (failed >= threshold) return second;
  }
  return kNeverFound;
}

// How many of one second's requests are slower than each threshold, of an arm that takes `scale`
// times as long.
struct Slow {
  std::uint64_t requests = 0;
  std::array<std::uint64_t, kDeviates.size()> slower{};
};
Slow DrawSlow(double mean, double scale, Random& random) {
  Slow slow;
  double slower_before = 1;
  std::array<std::uint64_t, kDeviates.size() + 1> bins{};
  for (std::size_t i = 0; i <= kDeviates.size(); ++i) {
    const double deviate = i < kDeviates.size() ? kDeviates[i] - std::log(scale) / kSigma : 0;
    const double slower = i < kDeviates.size() ? 0.5 * std::erfc(deviate / std::sqrt(2.0)) : 0;
    bins[i] = DrawPoisson(mean * (slower_before - slower), random);
    slower_before = slower;
    slow.requests += bins[i];
  }
  std::uint64_t above = 0;
  for (std::size_t i = kDeviates.size(); i > 0; --i) {
    above += bins[i];
    slow.slower[i - 1] = above;
  }
  return slow;
}

double LatencyDelay(const Traffic& traffic, const TestSetting& setting, Random& random) {
  std::vector<EventTest> tests(kDeviates.size(), EventTest(setting.tolerance, kLatencyRatios));
  const double threshold = -std::log(setting.alpha);
  std::array<double, kDeviates.size()> logs{};
  for (double second = 1; second <= traffic.duration_seconds; ++second) {
    const Slow mine =
        DrawSlow(traffic.requests_per_second * traffic.weight, traffic.latency_scale, random);
    const Slow theirs = DrawSlow(traffic.requests_per_second * (1 - traffic.weight), 1, random);
    const double share = Sample{.candidate = mine.requests, .stable = theirs.requests}.share();
    for (std::size_t i = 0; i < tests.size(); ++i) {
      tests[i].Add(share, mine.slower[i], theirs.slower[i]);
      logs[i] = tests[i].log_e();
    }
    if (LogMeanExp(logs) >= threshold) return second;
  }
  return kNeverFound;
}

// One second of an arm that fails with `error_rate` and takes `scale` times as long, the one
// independent of the other. A Poisson stream that is split at random is several of them, so there
// is one draw for each kind of answer and none for each request.
ArmTick DrawArm(double mean, double scale, double error_rate, Random& random) {
  ArmTick arm;
  std::array<std::uint64_t, kDeviates.size() + 1> bins{};
  double slower_before = 1;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const bool is_last = i == kDeviates.size();
    const double deviate = is_last ? 0 : kDeviates[i] - std::log(scale) / kSigma;
    const double slower = is_last ? 0 : 0.5 * std::erfc(deviate / std::sqrt(2.0));
    const double part = mean * (slower_before - slower);
    const std::uint64_t failed = DrawPoisson(part * error_rate, random);
    bins[i] = failed + DrawPoisson(part * (1 - error_rate), random);
    arm.failures += failed;
    arm.requests += bins[i];
    slower_before = slower;
  }
  std::uint64_t above = 0;
  for (std::size_t i = kDeviates.size(); i > 0; --i) {
    above += bins[i];
    arm.events[i] = above;
  }
  arm.events[0] = arm.failures;
  arm.keys = arm.requests;
  return arm;
}

Tick DrawTick(const Traffic& traffic, Random& random) {
  const double rate = traffic.requests_per_second;
  Tick tick;
  tick.of(Arm::kCandidate) =
      DrawArm(rate * traffic.weight, traffic.latency_scale,
              std::min(1.0, traffic.error_rate * traffic.error_factor), random);
  tick.of(Arm::kStable) = DrawArm(rate * (1 - traffic.weight), 1, traffic.error_rate, random);
  return tick;
}

}  // namespace

FalseAlarms CountFalseAlarms(const Traffic& traffic,
                             double tolerance,
                             std::uint64_t runs,
                             std::uint64_t seed) {
  constexpr double kZ05 = 1.6448536270;
  constexpr double kZ001 = 3.0902323062;
  Random random(seed);
  FalseAlarms alarms{.runs = runs};
  for (std::uint64_t run = 0; run < runs; ++run) {
    EventTest test(tolerance, kErrorRatios);
    Sample all;
    std::uint64_t failed = 0;
    double greatest_z = 0;
    double greatest_log_e = 0;
    for (double at = 0; at < traffic.duration_seconds; at += kSecondsPerLook) {
      const Sample minute = Draw(traffic, kSecondsPerLook, random);
      all.Add(minute);
      failed += IsUnhealthy(minute) ? 1 : 0;
      test.Add(minute.share(), minute.candidate_errors, minute.stable_errors);
      greatest_z = std::max(greatest_z, ZOf(all));
      greatest_log_e = std::max(greatest_log_e, test.log_e());
    }
    alarms.flagger5 += failed >= 5 ? 1 : 0;
    alarms.flagger10 += failed >= 10 ? 1 : 0;
    alarms.argo += failed >= 1 ? 1 : 0;
    alarms.z_test05 += greatest_z >= kZ05 ? 1 : 0;
    alarms.z_test001 += greatest_z >= kZ001 ? 1 : 0;
    alarms.event_test05 += greatest_log_e >= std::log(20.0) ? 1 : 0;
    alarms.event_test001 += greatest_log_e >= std::log(1000.0) ? 1 : 0;
  }
  return alarms;
}

Delays MeasureErrorDelays(const Traffic& traffic, const TestSetting& setting) {
  Random random(setting.seed);
  std::vector<double> delays;
  std::vector<double> others;
  for (std::uint64_t run = 0; run < setting.runs; ++run) {
    delays.push_back(ErrorDelay(traffic, setting, random));
    others.push_back(FlaggerDelay(traffic, 5, random));
  }
  Delays summary = Summary(std::move(delays));
  summary.flagger_median_seconds = Quantile(others, 0.5);
  return summary;
}

Delays MeasureLatencyDelays(const Traffic& traffic, const TestSetting& setting) {
  Random random(setting.seed);
  std::vector<double> delays;
  for (std::uint64_t run = 0; run < setting.runs; ++run)
    delays.push_back(LatencyDelay(traffic, setting, random));
  return Summary(std::move(delays));
}

JudgeRuns RunJudge(const JudgeOptions& options,
                   const Traffic& traffic,
                   std::uint64_t runs,
                   std::uint64_t seed) {
  Random random(seed);
  JudgeRuns result{.runs = runs};
  std::vector<double> delays;
  const CandidateHealth health{.endpoints = 1, .ready = 1};
  for (std::uint64_t run = 0; run < runs; ++run) {
    Result<Judge> judge = Judge::Create(options);
    SLUICE_ASSERT(judge.has_value());
    judge->BeginStep(health);
    double failed_at = kNeverFound;
    bool was_held = false;
    for (double second = 1; second <= traffic.duration_seconds; ++second) {
      judge->Add(DrawTick(traffic, random), traffic.weight);
      const Nanos exposed(static_cast<Nanos::rep>(second * 1e9));
      const Verdict verdict = judge->Decide({.exposed = exposed, .bake = Nanos::max()}, health, {});
      was_held = was_held || verdict.finding == Finding::kHold;
      if (verdict.finding != Finding::kFail) continue;
      failed_at = second;
      result.failed_by_guard += verdict.sentence.starts_with("FAIL guard") ? 1 : 0;
      break;
    }
    result.failed += failed_at < kNeverFound ? 1 : 0;
    result.held += was_held ? 1 : 0;
    delays.push_back(failed_at);
  }
  const Delays summary = Summary(std::move(delays));
  result.median_seconds = summary.median_seconds;
  result.p90_seconds = summary.p90_seconds;
  return result;
}

}  // namespace sluice::release
