#include "replay_report.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::app {
namespace {

using traffic::replay::Failure;
using traffic::replay::kFailureCount;
using traffic::replay::LatencySummary;
using traffic::replay::ReplayOutcome;
using traffic::replay::ReplaySecond;
using OrderedJson = nlohmann::ordered_json;

double ReportedMillis(Nanos duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

double RatePerSecond(const ReplayOutcome& outcome) {
  const double seconds = static_cast<double>(outcome.length.count()) / 1e9;
  return seconds > 0 ? static_cast<double>(outcome.sent) / seconds : 0;
}

OrderedJson LatencyJson(const LatencySummary& latency) {
  const auto seconds = [&latency](double quantile) {
    return ReportedMillis(latency.Quantile(quantile)) / 1e3;
  };
  return {{"count", latency.count()}, {"p50", seconds(0.5)},
          {"p90", seconds(0.9)},      {"p99", seconds(0.99)},
          {"p999", seconds(0.999)},   {"max", ReportedMillis(latency.max()) / 1e3}};
}

std::string LatencyLine(std::string_view name, const LatencySummary& latency) {
  return fmt::format(
      "{:<22} p50 {:>9.2f}  p90 {:>9.2f}  p99 {:>9.2f}  p99.9 {:>9.2f}  max {:>9.2f} ms\n", name,
      ReportedMillis(latency.Quantile(0.5)), ReportedMillis(latency.Quantile(0.9)),
      ReportedMillis(latency.Quantile(0.99)), ReportedMillis(latency.Quantile(0.999)),
      ReportedMillis(latency.max()));
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A line over the seconds of the replay.
std::string Chart(std::string_view title, const std::vector<double>& values) {
  constexpr double kWidth = 900;
  constexpr double kHeight = 160;
  const double top = values.empty() ? 1 : std::max(1e-9, *std::ranges::max_element(values));
  std::string points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = values.size() < 2
                         ? 0
                         : kWidth * static_cast<double>(i) / static_cast<double>(values.size() - 1);
    fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", x,
                   kHeight - kHeight * values[i] / top);
  }
  return fmt::format(
      "<h2>{}</h2><svg viewBox='-2 -12 {} {}' role='img'><text x='0' y='-2'>{:.6g}</text>"
      "<line x1='0' y1='{}' x2='{}' y2='{}'/><polyline points='{}'/></svg>\n",
      title, kWidth + 4, kHeight + 16, top, kHeight, kWidth, kHeight, points);
}

}  // namespace

std::string ReplayText(const ReplaySubject& subject, const ReplayOutcome& outcome) {
  std::string text =
      fmt::format("{} to {}: {} due, {} sent, {} answered, {} failed in {:.1f} s ({:.1f}/s)\n",
                  subject.recording, subject.target, outcome.due, outcome.sent, outcome.answered,
                  outcome.failed(), ReportedMillis(outcome.length) / 1e3, RatePerSecond(outcome));
  text += LatencyLine("latency from due time", outcome.latency);
  text += LatencyLine("as it was recorded", outcome.recorded);
  text += LatencyLine("schedule lag", outcome.lag);
  text +=
      fmt::format("answers: {} 2xx, {} 3xx, {} 4xx, {} 5xx; {} of another class than recorded\n",
                  outcome.by_class[2], outcome.by_class[3], outcome.by_class[4],
                  outcome.by_class[5], outcome.other_class);
  for (std::size_t i = 1; i < traffic::replay::kSkipCount; ++i) {
    if (outcome.skipped[i] > 0)
      text += fmt::format("skipped, {}: {}\n", NameOf(static_cast<traffic::replay::Skip>(i)),
                          outcome.skipped[i]);
  }
  for (std::size_t i = 0; i < kFailureCount; ++i) {
    if (outcome.failures[i] > 0)
      text += fmt::format("failed, {}: {}\n", NameOf(static_cast<Failure>(i)), outcome.failures[i]);
  }
  return text;
}

std::string ReplayJson(const ReplaySubject& subject, const ReplayOutcome& outcome) {
  OrderedJson skipped = OrderedJson::object();
  for (std::size_t i = 1; i < traffic::replay::kSkipCount; ++i)
    skipped[std::string(NameOf(static_cast<traffic::replay::Skip>(i)))] = outcome.skipped[i];
  OrderedJson failures = OrderedJson::object();
  for (std::size_t i = 0; i < kFailureCount; ++i)
    failures[std::string(NameOf(static_cast<Failure>(i)))] = outcome.failures[i];
  const OrderedJson report{{"recording", subject.recording},
                           {"target", subject.target},
                           {"due", outcome.due},
                           {"sent", outcome.sent},
                           {"answered", outcome.answered},
                           {"failed", outcome.failed()},
                           {"failures", std::move(failures)},
                           {"skipped", std::move(skipped)},
                           {"by_class",
                            {{"1xx", outcome.by_class[1]},
                             {"2xx", outcome.by_class[2]},
                             {"3xx", outcome.by_class[3]},
                             {"4xx", outcome.by_class[4]},
                             {"5xx", outcome.by_class[5]}}},
                           {"other_class", outcome.other_class},
                           {"length_seconds", ReportedMillis(outcome.length) / 1e3},
                           {"rate_per_second", RatePerSecond(outcome)},
                           {"response_bytes", outcome.response_bytes},
                           {"latency_seconds", LatencyJson(outcome.latency)},
                           {"recorded_latency_seconds", LatencyJson(outcome.recorded)},
                           {"lag_seconds", LatencyJson(outcome.lag)}};
  return report.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string ReplayHtml(const ReplaySubject& subject, const ReplayOutcome& outcome) {
  std::vector<double> rates;
  std::vector<double> means;
  std::vector<double> longest;
  std::vector<double> failures;
  for (const ReplaySecond& second : outcome.seconds) {
    rates.push_back(static_cast<double>(second.due));
    means.push_back(second.answered == 0 ? 0
                                         : ReportedMillis(second.latency_sum) /
                                               static_cast<double>(second.answered));
    longest.push_back(ReportedMillis(second.latency_max));
    failures.push_back(static_cast<double>(second.failed));
  }
  return fmt::format(
             "<!doctype html><html lang='en'><meta charset='utf-8'><title>Replay of {0}</title>\n"
             "<style>body{{font:14px system-ui,sans-serif;max-width:960px;margin:2em auto}}"
             "pre{{background:#f4f4f4;padding:1em;overflow:auto}}svg{{width:100%}}"
             "polyline{{fill:none;stroke:#1864ab;stroke-width:1.5}}line{{stroke:#999}}"
             "text{{font-size:10px;fill:#555}}</style>\n<h1>Replay of {0}</h1><pre>{1}</pre>\n",
             Escaped(subject.recording), Escaped(ReplayText(subject, outcome))) +
         Chart("Requests due, per second", rates) + Chart("Mean latency, ms", means) +
         Chart("Longest latency, ms", longest) + Chart("Failures, per second", failures) +
         "</html>\n";
}

}  // namespace sluice::app
