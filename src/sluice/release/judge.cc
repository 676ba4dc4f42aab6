#include "sluice/release/judge.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace sluice::release {
namespace {

constexpr double kAssignmentAlpha = 0.001;
constexpr double kNormal95 = 1.96;

double Part(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// "8.4e+05", of a logarithm that may be too large for a double.
std::string EValue(double log_e) {
  const double digits = log_e / std::log(10.0);
  if (digits < 300) return fmt::format("{:.3g}", std::exp(log_e));
  return fmt::format("1e{:.0f}", digits);
}

std::string Sentence(const MetricReport& report) {
  std::string ratio;
  if (report.ratio > 0) {
    ratio = fmt::format(", ratio {:.1f} [{:.1f}-{:.1f}]", report.ratio, report.ratio_low,
                        report.ratio_high);
  }
  return fmt::format("FAIL {}: candidate {:.2f} % ({}/{}) vs stable {:.2f} % ({}/{}){}, E={} >= {}",
                     report.name, 100 * Part(report.candidate_events, report.candidate_requests),
                     report.candidate_events, report.candidate_requests,
                     100 * Part(report.stable_events, report.stable_requests), report.stable_events,
                     report.stable_requests, ratio, EValue(report.log_e),
                     EValue(report.log_threshold));
}

bool ReadNumber(std::string_view& text, auto& value) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

template <typename AnyTick, typename Visit>
void ForEachCount(AnyTick& tick, Visit visit) {
  for (auto& arm : tick.arms) {
    visit(arm.requests);
    visit(arm.failures);
    visit(arm.slow);
    visit(arm.keys);
    for (auto& events : arm.events)
      visit(events);
  }
}

}  // namespace

std::string_view NameOf(Finding finding) {
  switch (finding) {
    case Finding::kWait:
      return "wait";
    case Finding::kPass:
      return "pass";
    case Finding::kHold:
      return "hold";
    case Finding::kFail:
      return "fail";
  }
  return "?";
}

std::optional<Finding> FindingOf(std::string_view name) {
  for (const Finding finding : {Finding::kWait, Finding::kPass, Finding::kHold, Finding::kFail}) {
    if (NameOf(finding) == name) return finding;
  }
  return std::nullopt;
}

Result<Judge> Judge::Create(const JudgeOptions& options) {
  const Result<void> valid = CheckOptions(options, "judge");
  if (!valid) return std::unexpected(valid.error());
  return Judge(options);
}

Judge::Judge(const JudgeOptions& options)
    : options_(options), assignment_(1, kAssignmentRatios), rails_(options.guards) {
  double weights = 0;
  for (const MetricOptions& metric : options.metrics)
    weights += metric.weight;
  std::size_t channel = 0;
  for (const MetricOptions& metric : options.metrics) {
    const double alpha = options.alpha * metric.weight / weights;
    const std::span<const double> ratios =
        metric.is_latency() ? std::span<const double>(kLatencyRatios) : kErrorRatios;
    Metric made{.options = metric, .first_channel = channel, .log_threshold = -std::log(alpha)};
    made.tests.assign(metric.channels(), EventTest(metric.tolerance_ratio, ratios));
    made.controls = made.tests;
    channel += metric.channels();
    metrics_.push_back(std::move(made));
  }
}

void Judge::BeginStep(const CandidateHealth& health) {
  in_step_ = {};
  rails_.BeginStep(health);
}

void Judge::Add(const Tick& tick, double candidate_share) {
  rails_.Add(tick);
  in_step_ += tick;
  in_all_ += tick;
  const ArmTick& candidate = tick.of(Arm::kCandidate);
  const ArmTick& control = tick.of(Arm::kControl);
  const ArmTick& stable = tick.of(Arm::kStable);
  const ArmTick others = tick.baseline();
  const double share = Part(candidate.requests, candidate.requests + others.requests);
  const double control_share = Part(control.requests, others.requests);
  for (Metric& metric : metrics_) {
    for (std::size_t i = 0; i < metric.tests.size(); ++i) {
      const std::size_t channel = metric.first_channel + i;
      metric.tests[i].Add(share, candidate.events[channel], others.events[channel]);
      metric.controls[i].Add(control_share, control.events[channel], stable.events[channel]);
    }
  }
  assignment_.Add(candidate_share, candidate.keys, others.keys);
}

// The mean of e-values is one, too, whatever binds them to each other.
double Judge::LogE(const std::vector<EventTest>& tests) {
  std::vector<double> logs;
  for (const EventTest& test : tests)
    logs.push_back(test.log_e());
  return LogMeanExp(logs);
}

double Judge::control_log_e() const {
  double greatest = 0;
  for (const Metric& metric : metrics_)
    greatest = std::max(greatest, LogE(metric.controls));
  return greatest;
}

MetricReport Judge::ReportOf(const Metric& metric) const {
  const ArmTick others = in_all_.baseline();
  const ArmTick& candidate = in_all_.of(Arm::kCandidate);
  // Of several thresholds the one that tells most.
  std::size_t channel = metric.first_channel;
  double greatest = metric.tests.front().log_e();
  for (std::size_t i = 1; i < metric.tests.size(); ++i) {
    if (metric.tests[i].log_e() <= greatest) continue;
    greatest = metric.tests[i].log_e();
    channel = metric.first_channel + i;
  }
  MetricReport report{.name = metric.options.name,
                      .candidate_events = candidate.events[channel],
                      .candidate_requests = candidate.requests,
                      .stable_events = others.events[channel],
                      .stable_requests = others.requests,
                      .log_e = LogE(metric.tests),
                      .log_threshold = metric.log_threshold};
  const double mine = Part(report.candidate_events, report.candidate_requests);
  const double theirs = Part(report.stable_events, report.stable_requests);
  if (mine > 0 && theirs > 0) {
    report.ratio = mine / theirs;
    const double deviation = std::sqrt((1 - mine) / static_cast<double>(report.candidate_events) +
                                       (1 - theirs) / static_cast<double>(report.stable_events));
    report.ratio_low = report.ratio * std::exp(-kNormal95 * deviation);
    report.ratio_high = report.ratio * std::exp(kNormal95 * deviation);
  }
  report.detectable_ratio =
      SmallestDetectableRatio({.tolerance = metric.options.tolerance_ratio,
                               .log_threshold = metric.log_threshold,
                               .stable_rate = theirs,
                               .candidate_requests = static_cast<double>(candidate.requests),
                               .stable_requests = static_cast<double>(others.requests)});
  return report;
}

std::vector<MetricReport> Judge::Report() const {
  std::vector<MetricReport> reports;
  for (const Metric& metric : metrics_)
    reports.push_back(ReportOf(metric));
  return reports;
}

std::optional<Verdict> Judge::FindFailure() const {
  for (const Metric& metric : metrics_) {
    if (LogE(metric.tests) < metric.log_threshold) continue;
    const MetricReport report = ReportOf(metric);
    const double difference = Part(report.candidate_events, report.candidate_requests) -
                              Part(report.stable_events, report.stable_requests);
    if (100 * difference < metric.options.min_abs_percent) continue;
    return Verdict{.finding = Finding::kFail,
                   .reason = metric.options.name,
                   .sentence = Sentence(report),
                   .critical = metric.options.critical};
  }
  return std::nullopt;
}

// What makes the evidence itself doubtful.
std::optional<Verdict> Judge::FindDoubt() const {
  if (assignment_.log_e() >= -std::log(kAssignmentAlpha)) {
    const std::uint64_t mine = in_all_.of(Arm::kCandidate).keys;
    return Verdict{
        .finding = Finding::kHold,
        .reason = "routing_mismatch",
        .sentence = fmt::format("HOLD routing mismatch: the candidate got {:.2f} % of the keys "
                                "({}/{}), which is not what its weight says, E={} >= 1000",
                                100 * Part(mine, mine + in_all_.baseline().keys), mine,
                                mine + in_all_.baseline().keys, EValue(assignment_.log_e()))};
  }
  if (control_log_e() >= -std::log(options_.alpha)) {
    return Verdict{
        .finding = Finding::kHold,
        .reason = "control_differs",
        .sentence = fmt::format("HOLD: stable differs from its own control slice, E={} >= {:.3g}: "
                                "what differs is who asks, so no verdict can be trusted",
                                EValue(control_log_e()), 1 / options_.alpha)};
  }
  return std::nullopt;
}

Verdict Judge::Decide(const StepQuestion& question,
                      const CandidateHealth& health,
                      const std::vector<OutsideEvidence>& outside) const {
  if (std::optional<Trip> trip = rails_.Check(health)) {
    return {.finding = Finding::kFail,
            .reason = std::move(trip->rail),
            .sentence = fmt::format("FAIL guard: {}", trip->sentence),
            .critical = true};
  }
  for (const OutsideEvidence& evidence : outside) {
    if (evidence.verdict != Finding::kFail) continue;
    return {.finding = Finding::kFail,
            .reason = evidence.source,
            .sentence = fmt::format("FAIL {}: {}", evidence.source, evidence.reason),
            .critical = evidence.critical};
  }
  std::optional<Verdict> doubt = FindDoubt();
  if (std::optional<Verdict> failure = FindFailure()) {
    // Where stable differs from itself, a difference is no proof any more.
    if (doubt && doubt->reason == "control_differs") return *doubt;
    return *failure;
  }
  if (doubt) return *doubt;
  for (const OutsideEvidence& evidence : outside) {
    if (evidence.verdict != Finding::kHold) continue;
    return {.finding = Finding::kHold,
            .reason = evidence.source,
            .sentence = fmt::format("HOLD {}: {}", evidence.source, evidence.reason)};
  }
  const auto samples = static_cast<std::int64_t>(in_step_.of(Arm::kCandidate).requests);
  if (question.exposed >= question.bake && samples >= options_.min_samples) {
    return {.finding = Finding::kPass,
            .reason = "passed",
            .sentence = fmt::format("PASS: {} requests, no metric beyond its tolerance", samples)};
  }
  if (samples < options_.min_samples &&
      question.exposed >= std::max(question.bake, options_.max_duration)) {
    return {.finding = Finding::kHold,
            .reason = "insufficient_samples",
            .sentence = fmt::format("HOLD: {} requests of the candidate in this step, {} needed",
                                    samples, options_.min_samples)};
  }
  return {.finding = Finding::kWait,
          .reason = "baking",
          .sentence = fmt::format("baking: {} of {} requests", samples, options_.min_samples)};
}

std::string Judge::Save() const {
  std::string text;
  const auto add = [&text](const auto& value) { text += fmt::format("{} ", value); };
  ForEachTest(*this, [&add](const EventTest& test) {
    for (const double sum : test.log_sums())
      add(sum);
  });
  ForEachCount(in_step_, add);
  ForEachCount(in_all_, add);
  const GuardRails::StepStart start = rails_.step_start();
  for (const std::uint64_t count : {start.endpoints, start.stable_requests, start.stable_failures})
    add(count);
  return text;
}

Result<void> Judge::Restore(std::string_view text) {
  Judge read = *this;
  bool is_whole = true;
  ForEachTest(read, [&](EventTest& test) {
    EventTest::LogSums sums{};
    for (double& sum : sums)
      is_whole = is_whole && ReadNumber(text, sum);
    test.Restore(sums);
  });
  const auto take = [&](std::uint64_t& count) { is_whole = is_whole && ReadNumber(text, count); };
  ForEachCount(read.in_step_, take);
  ForEachCount(read.in_all_, take);
  GuardRails::StepStart start;
  for (std::uint64_t* const count :
       {&start.endpoints, &start.stable_requests, &start.stable_failures})
    take(*count);
  read.rails_.RestoreStep(start);
  if (!is_whole) return Fail(ErrorCode::kBadRequest, "the evidence is not of these metrics");
  *this = std::move(read);
  return {};
}

}  // namespace sluice::release
