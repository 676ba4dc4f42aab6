#include "sluice/release/judge_options.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "sluice/release/event_rule.h"
#include "sluice/release/tick.h"

namespace sluice::release {
namespace {

constexpr std::size_t kMetricsMax = 8;

void CheckMetric(const MetricOptions& metric, const std::string& path, ConfigProblems& problems) {
  if (metric.event.empty() == metric.quantiles.empty()) {
    problems.push_back({path, "must have either `event` or `quantiles`"});
    return;
  }
  if (!metric.event.empty()) {
    const Result<EventRule> rule = EventRule::Parse(metric.event);
    if (!rule) problems.push_back({path + ".event", rule.error().detail});
  }
  if (std::ranges::any_of(metric.quantiles, [](double q) { return !(q >= 1 && q <= 99.9); })) {
    problems.push_back({path + ".quantiles", "must be percentages from 1 to 99.9"});
  }
  if (!(metric.tolerance_ratio >= 1 && metric.tolerance_ratio <= 100)) {
    problems.push_back(
        {path + ".tolerance_ratio", fmt::format("must be 1..100, got {}", metric.tolerance_ratio)});
  }
}

}  // namespace

std::vector<MetricOptions> JudgeOptions::DefaultMetrics() {
  return {{.name = "errors",
           .event = "status >= 500 || timeout || reset || connect_failure",
           .tolerance_ratio = 1.2,
           .min_abs_percent = 0.1,
           .weight = 5,
           .critical = true},
          {.name = "latency", .quantiles = {50, 90, 99}, .tolerance_ratio = 1.1, .weight = 3}};
}

void Validate(const JudgeOptions& options, std::string_view path, ConfigProblems& problems) {
  const auto complain = [&](std::string_view field, std::string text) {
    problems.push_back({fmt::format("{}.{}", path, field), std::move(text)});
  };
  if (!(options.alpha >= 1e-6 && options.alpha <= 0.2)) {
    complain("alpha", fmt::format("must be 0.000001..0.2, got {}", options.alpha));
  }
  if (options.metrics.empty() || options.metrics.size() > kMetricsMax) {
    complain("metrics",
             fmt::format("must have 1..{} items, got {}", kMetricsMax, options.metrics.size()));
  }
  std::set<std::string> names;
  std::size_t channels = 0;
  for (std::size_t i = 0; i < options.metrics.size(); ++i) {
    const MetricOptions& metric = options.metrics[i];
    CheckMetric(metric, fmt::format("{}.metrics[{}]", path, i), problems);
    channels += metric.channels();
    if (!names.insert(metric.name).second) {
      complain(fmt::format("metrics[{}].name", i),
               fmt::format("must be unique, got \"{}\" twice", metric.name));
    }
  }
  if (channels > kChannelsMax) {
    complain("metrics", fmt::format("must have at most {} events and quantiles in all, got {}",
                                    kChannelsMax, channels));
  }
}

}  // namespace sluice::release
