#include "warmup_text.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace sluice::app {

using warmup::ClassReport;
using warmup::Skip;
using warmup::WarmupReport;

namespace {

constexpr std::size_t kClassesShown = 12;

double Milliseconds(Nanos span) {
  return static_cast<double>(span.count()) / 1e6;
}

std::string LevelText(double level) {
  return level > 0 ? fmt::format("{:.2f}x", level) : std::string("-");
}

void AppendCoverage(const WarmupReport& report, std::string& out) {
  const warmup::Coverage& coverage = report.coverage;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "  covers     {} of {} classes, {:.1f} % of the traffic\n",
                 coverage.replayable, coverage.classes, 100 * coverage.share);
  std::string skipped;
  for (std::size_t i = 1; i < warmup::kSkipCount; ++i) {
    if (coverage.skipped[i] == 0) continue;
    fmt::format_to(std::back_inserter(skipped), "{}{} {}", skipped.empty() ? "" : ", ",
                   coverage.skipped[i], NameOf(static_cast<Skip>(i)));
  }
  if (!skipped.empty()) fmt::format_to(to, "  left out   {}\n", skipped);
}

void AppendClasses(const WarmupReport& report, std::string& out) {
  const auto to = std::back_inserter(out);
  if (report.classes.empty()) return;
  fmt::format_to(to, "\n  {:<40} {:>7} {:>7} {:>6} {:>12} {:>11}\n", "class", "share", "sent",
                 "worse", "recorded p50", "first");
  const std::size_t count = std::min(report.classes.size(), kClassesShown);
  for (std::size_t i = 0; i < count; ++i) {
    const ClassReport& one = report.classes[i];
    fmt::format_to(to, "  {:<40} {:>6.1f}% {:>7} {:>6} {:>9.2f} ms {:>8.2f} ms{}\n",
                   one.label.substr(0, 40), 100 * one.share, one.sent, one.worse,
                   Milliseconds(one.recorded_p50), Milliseconds(one.first),
                   one.is_refused ? "  wants credentials" : "");
  }
  if (report.classes.size() > count)
    fmt::format_to(to, "  and {} more\n", report.classes.size() - count);
}

}  // namespace

std::string WarmupProgress(const WarmupReport& report) {
  return fmt::format("{:<7} {:>3.0f} %  {} requests, {} at once  level {}  {} errors",
                     NameOf(report.phase), 100 * report.progress(), report.requests,
                     report.concurrency, LevelText(report.verdict.level), report.transport_errors);
}

std::string WarmupText(const std::string& target, const WarmupReport& report) {
  std::string out = fmt::format("{}: {} after {:.1f} s: {}\n", target, NameOf(report.outcome),
                                static_cast<double>(report.took.count()) / 1e9, report.reason);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "  requests   {} ({} before it may be called warm), {} transport errors\n",
                 report.requests, report.target, report.transport_errors);
  fmt::format_to(to, "  level      {} of the recorded latency; {} at first{}\n",
                 LevelText(report.verdict.level), LevelText(report.first_level),
                 report.is_stalled ? "; stalled: no better for 30 s" : "");
  if (report.verifications > 0) {
    fmt::format_to(
        to, "  verified   {} of {} answers in time at {:.0f}/s, p50 {:.2f} p99 {:.2f} ms: {}\n",
        report.verify.answered - report.verify.slow, report.verify.answered + report.verify.worse,
        report.verify.rate_per_second, Milliseconds(report.verify.p50),
        Milliseconds(report.verify.p99), report.verify.is_passed ? "passed" : "failed");
  }
  AppendCoverage(report, out);
  AppendClasses(report, out);
  return out;
}

}  // namespace sluice::app
