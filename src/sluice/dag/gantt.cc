#include "sluice/dag/gantt.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace sluice::dag {
namespace {

constexpr int kRowHeight = 22;
constexpr int kLabelWidth = 180;
constexpr int kChartWidth = 720;
constexpr int kTimeWidth = 110;
constexpr int kTop = 30;

double Milliseconds(Nanos span) {
  return static_cast<double>(span.count()) / 1e6;
}

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string_view ColourOf(const TraceRow& row) {
  if (row.state == NodeState::kDegraded) return "#e0a030";
  if (row.state == NodeState::kSucceeded) return row.is_critical ? "#2060c0" : "#90b0d8";
  if (row.state == NodeState::kRunning) return "#c0c0c0";
  return "#c04040";
}

Nanos LastMoment(const RunTrace& trace) {
  Nanos last = std::max(trace.duration(), Nanos(1));
  for (const TraceRow& row : trace.rows())
    last = std::max(last, row.end.value_or(Nanos(0)));
  return last;
}

std::string BarOf(const TraceRow& row, int top, Nanos last) {
  const double scale = kChartWidth / static_cast<double>(last.count());
  const Nanos end = row.end.value_or(last);
  const double x = kLabelWidth + static_cast<double>(row.start->count()) * scale;
  const double width = std::max(1.0, static_cast<double>((end - *row.start).count()) * scale);
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"><title>{}: {}, "
      "{:g} to {:g} ms</title></rect>\n"
      "<text x=\"{}\" y=\"{}\">{:g}-{:g} ms</text>\n",
      x, top + 3, width, kRowHeight - 6, ColourOf(row), row.node, NameOf(row.state),
      Milliseconds(*row.start), Milliseconds(end), kLabelWidth + kChartWidth + 8, top + 15,
      Milliseconds(*row.start), Milliseconds(end));
}

}  // namespace

std::string ToGanttSvg(const RunTrace& trace) {
  const int height = kTop + kRowHeight * static_cast<int>(trace.rows().size()) + 10;
  const int width = kLabelWidth + kChartWidth + kTimeWidth;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<text x=\"4\" y=\"18\">{}: {:g} ms</text>\n",
      width, height, Escape(trace.plan_name()), Milliseconds(trace.duration()));
  const Nanos last = LastMoment(trace);
  int top = kTop;
  for (const TraceRow& row : trace.rows()) {
    const std::string_view weight = row.is_critical ? " font-weight=\"bold\"" : "";
    svg += fmt::format("<text x=\"4\" y=\"{}\"{}>{}</text>\n", top + 15, weight, row.node);
    if (row.start) {
      svg += BarOf(row, top, last);
    } else {
      svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"#808080\">{}</text>\n", kLabelWidth,
                         top + 15, NameOf(row.state));
    }
    top += kRowHeight;
  }
  return svg + "</svg>\n";
}

std::string ToGanttHtml(const RunTrace& trace) {
  const std::string title = Escape(trace.plan_name());
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n"
      "<body style=\"font-family:sans-serif\">\n<h1>{}</h1>\n{}<p>Critical path: {}</p>\n"
      "<table border=\"1\" cellpadding=\"4\" style=\"border-collapse:collapse\">\n"
      "<tr><th>node</th><th>state</th><th>start, ms</th><th>end, ms</th><th>slack, ms</th>"
      "<th>attempts</th></tr>\n",
      title, title, ToGanttSvg(trace), fmt::join(trace.critical_path(), " &rarr; "));
  const auto cell = [](const std::optional<Nanos>& moment) {
    return moment ? fmt::format("{:g}", Milliseconds(*moment)) : std::string();
  };
  for (const TraceRow& row : trace.rows()) {
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", row.node,
        NameOf(row.state), cell(row.start), cell(row.end), cell(row.slack), row.attempts);
  }
  return html + "</table>\n</body></html>\n";
}

}  // namespace sluice::dag
