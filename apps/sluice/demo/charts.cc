#include "demo/charts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "demo/scene.h"
#include <fmt/format.h>

namespace sluice::demo {
namespace {

using Json = nlohmann::ordered_json;

struct Column {
  std::string head;
  std::function<std::string(const Tally&)> text;
  bool is_shown = true;
};

std::string Times(const Tally& tally, Nanos span) {
  return tally.good == 0 ? "–" : InMilliseconds(span);
}

// "–" is one character of three bytes; fmt counts characters, so plain widths are right.
std::vector<Column> ColumnsOf(const std::vector<PhaseRow>& rows) {
  const auto any = [&rows](std::size_t Tally::* count) {
    return std::ranges::any_of(rows, [count](const PhaseRow& row) { return row.tally.*count > 0; });
  };
  return {
      {"asked", [](const Tally& t) { return fmt::to_string(t.asked); }},
      {"served", [](const Tally& t) { return fmt::to_string(t.good); }},
      {"degraded", [](const Tally& t) { return fmt::to_string(t.degraded); },
       any(&Tally::degraded)},
      {"refused", [](const Tally& t) { return fmt::to_string(t.refused); }, any(&Tally::refused)},
      {"failed", [](const Tally& t) { return fmt::to_string(t.failed); }},
      {"p50", [](const Tally& t) { return Times(t, t.p50); }},
      {"p99", [](const Tally& t) { return Times(t, t.p99); }},
      {"slowest", [](const Tally& t) { return InMilliseconds(t.slowest); }},
  };
}

double InMs(Nanos span) {
  return std::round(std::chrono::duration<double, std::milli>(span).count() * 100) / 100;
}

std::string Repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

}  // namespace

std::vector<std::string> PhaseTable(const std::vector<PhaseRow>& rows) {
  std::size_t width = 0;
  for (const PhaseRow& row : rows)
    width = std::max(width, row.name.size());
  const std::vector<Column> columns = ColumnsOf(rows);
  std::string head = std::string(width, ' ');
  for (const Column& column : columns) {
    if (column.is_shown) head += fmt::format("{:>10}", column.head);
  }
  std::vector<std::string> lines = {std::move(head)};
  for (const PhaseRow& row : rows) {
    std::string line = fmt::format("{:<{}}", row.name, width);
    for (const Column& column : columns) {
      if (column.is_shown) line += fmt::format("{:>10}", column.text(row.tally));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Json PhasesAsJson(const std::vector<PhaseRow>& rows) {
  Json phases = Json::array();
  for (const auto& [name, tally] : rows) {
    phases.push_back({{"phase", name},
                      {"asked", tally.asked},
                      {"served", tally.good},
                      {"degraded", tally.degraded},
                      {"refused", tally.refused},
                      {"failed", tally.failed},
                      {"p50_ms", InMs(tally.p50)},
                      {"p99_ms", InMs(tally.p99)},
                      {"slowest_ms", InMs(tally.slowest)},
                      {"refusals", tally.refusals},
                      {"failures", tally.failures}});
  }
  return phases;
}

std::vector<std::string> TimeChart(const std::vector<Bar>& bars, std::size_t columns) {
  double last = 0;
  std::size_t width = 0;
  for (const Bar& bar : bars) {
    last = std::max(last, bar.end_ms);
    width = std::max(width, bar.name.size());
  }
  std::vector<std::string> lines;
  if (last <= 0) return lines;
  const auto place = [&](double at) {
    return static_cast<std::size_t>(std::lround(at / last * static_cast<double>(columns)));
  };
  for (const Bar& bar : bars) {
    const std::size_t begin = std::min(place(bar.start_ms), columns - 1);
    const std::size_t length = std::max<std::size_t>(1, place(bar.end_ms) - begin);
    lines.push_back(fmt::format("{:<{}}  {}{}{}  {:.0f}", bar.name, width, std::string(begin, ' '),
                                Repeated(bar.is_critical ? "█" : "░", length),
                                std::string(columns - std::min(columns, begin + length), ' '),
                                bar.end_ms - bar.start_ms));
  }
  return lines;
}

}  // namespace sluice::demo
