#include "release_view.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <fmt/format.h>

namespace sluice::app {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kBarCells = 20;

// "4:05", "1:02:03".
std::string Clock(double seconds) {
  const auto all = static_cast<long>(seconds);
  if (all >= 3600) return fmt::format("{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60);
  return fmt::format("{}:{:02}", all / 60, all % 60);
}

std::string Bar(double part) {
  const auto full = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * kBarCells);
  std::string bar;
  for (std::size_t i = 0; i < kBarCells; ++i)
    bar += i < full ? "█" : "░";
  return bar;
}

enum class Stand { kPassed, kHere, kAhead };

Stand StandOf(std::size_t step, std::size_t current, std::string_view state) {
  if (state == "completed" || state == "promoting" || step < current) return Stand::kPassed;
  const bool is_under_way = state == "routing" || state == "baking" || state == "paused" ||
                            state == "aborting" || state == "rolled_back" || state == "suspended";
  return step == current && is_under_way ? Stand::kHere : Stand::kAhead;
}

std::string StepLine(const Json& step, Stand stand, const Json& release) {
  const double bake = step.value("bake_seconds", 0.0);
  const double exposed = release.value("exposed_seconds", 0.0);
  const std::string state = release.value("state", "");
  const bool has_failed = state == "aborting" || state == "rolled_back";
  const std::string_view gate = step.value("approve", "") == "manual" ? ", then approval" : "";
  const double weight = step.value("weight_percent", 0.0);
  switch (stand) {
    case Stand::kPassed:
      return fmt::format("  ✓ {:>7.4g} %  {}  {}", weight, Bar(1), Clock(bake));
    case Stand::kHere:
      return fmt::format("  {} {:>7.4g} %  {}  {} of {}{}", has_failed ? "✗" : "▶", weight,
                         Bar(bake > 0 ? exposed / bake : 1), Clock(exposed), Clock(bake), gate);
    case Stand::kAhead:
      break;
  }
  return fmt::format("  · {:>7.4g} %  {}  {}{}", weight, Bar(0), Clock(bake), gate);
}

}  // namespace

std::string MetricLine(const Json& metric) {
  const auto rate = [&metric](const char* events, const char* requests) {
    const double all = metric.value(requests, 0.0);
    return all > 0 ? 100 * metric.value(events, 0.0) / all : 0.0;
  };
  std::string line = fmt::format(
      "{:<12} candidate {:.2f} % of {:.0f}, stable {:.2f} % of {:.0f}, ratio {:.2f} "
      "[{:.2f}-{:.2f}], E {:.3g} of {:.3g}",
      metric.value("name", ""), rate("candidate_events", "candidate_requests"),
      metric.value("candidate_requests", 0.0), rate("stable_events", "stable_requests"),
      metric.value("stable_requests", 0.0), metric.value("ratio", 0.0),
      metric.value("ratio_low", 0.0), metric.value("ratio_high", 0.0), metric.value("e_value", 0.0),
      metric.value("e_threshold", 0.0));
  const double detectable = metric.value("detectable_ratio", 0.0);
  if (detectable > 0) {
    line += fmt::format("; a ratio of {:.1f} would have shown by now", detectable);
  } else {
    line += "; not enough to show any ratio yet";
  }
  return line;
}

std::vector<std::string> DrawingOf(const Json& release) {
  std::vector<std::string> lines;
  const std::string state = release.value("state", "");
  lines.push_back(fmt::format("{}: {} → {}   {}, generation {}", release.value("name", ""),
                              release.value("stable", ""), release.value("candidate", ""), state,
                              release.value("generation", 0ULL)));
  const auto current = static_cast<std::size_t>(std::max(release.value("step", 1), 1)) - 1;
  const Json steps = release.value("steps_planned", Json::array());
  for (std::size_t i = 0; i < steps.size(); ++i)
    lines.push_back(StepLine(steps[i], StandOf(i, current, state), release));
  for (const Json& metric : release.value("metrics", Json::array())) {
    const auto part = [&metric](const char* events, const char* requests) {
      return fmt::format("{:.0f}/{:.0f}", metric.value(events, 0.0), metric.value(requests, 0.0));
    };
    lines.push_back(fmt::format(
        "  {:<12} candidate {}, stable {}, E {:.3g} of {:.3g}", metric.value("name", ""),
        part("candidate_events", "candidate_requests"), part("stable_events", "stable_requests"),
        metric.value("e_value", 0.0), metric.value("e_threshold", 0.0)));
  }
  for (const Json& said : release.value("evidence", Json::array())) {
    lines.push_back(fmt::format("  {:<12} {}: {}", said.value("source", ""),
                                said.value("verdict", ""), said.value("reason", "")));
  }
  const Json verdict = release.value("verdict", Json::object());
  const std::string why = verdict.value("why", "");
  if (!why.empty()) lines.push_back(fmt::format("  judge: {}", why));
  lines.push_back(fmt::format("  {}", release.value("explain", "")));
  const std::string reason = release.value("why", "");
  if (!reason.empty()) lines.push_back(fmt::format("  {}", reason));
  return lines;
}

}  // namespace sluice::app
