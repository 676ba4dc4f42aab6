#include "tests/sim/prometheus_text.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace sluice::scenario {
namespace {

struct Series {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::string_view rest;  // Behind the labels.
};

std::optional<Series> ReadSeries(std::string_view text) {
  Series series;
  const std::size_t end = text.find_first_of("{ ");
  series.name = text.substr(0, end);
  if (end == std::string_view::npos || text[end] == ' ') {
    series.rest = end == std::string_view::npos ? std::string_view() : text.substr(end);
    return series;
  }
  text.remove_prefix(end + 1);
  while (!text.starts_with('}')) {
    const std::size_t equals = text.find("=\"");
    if (equals == std::string_view::npos) return std::nullopt;
    std::size_t quote = equals + 2;
    while (quote < text.size() && text[quote] != '"')
      quote += text[quote] == '\\' ? 2U : 1U;
    if (quote >= text.size()) return std::nullopt;
    series.labels.emplace_back(text.substr(0, equals), text.substr(equals + 2, quote - equals - 2));
    text.remove_prefix(quote + 1);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  series.rest = text.substr(1);
  return series;
}

bool HasAll(const Series& sample, const Series& asked) {
  const auto has = [&sample](const auto& label) {
    return std::ranges::find(sample.labels, label) != sample.labels.end();
  };
  return std::ranges::all_of(asked.labels, has);
}

bool BearsAll(const Series& sample, const Series& asked) {
  const auto bears = [&sample](const auto& label) {
    const auto is_it = [&label](const auto& own) { return own.first == label.first; };
    return std::ranges::any_of(sample.labels, is_it);
  };
  return std::ranges::all_of(asked.labels, bears);
}

std::optional<double> ReadValue(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> SumOf(std::string_view text, std::string_view series) {
  const std::optional<Series> asked = ReadSeries(series);
  if (!asked || asked->name.empty()) return std::nullopt;
  const std::string declared = "# TYPE " + std::string(asked->name) + " ";
  std::optional<double> sum;
  bool has_samples = false;
  bool bears_labels = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.starts_with(declared)) sum = sum.value_or(0);
    if (line.empty() || line.front() == '#') continue;
    const std::optional<Series> sample = ReadSeries(line);
    if (!sample || sample->name != asked->name) continue;
    sum = sum.value_or(0);
    has_samples = true;
    if (BearsAll(*sample, *asked)) bears_labels = true;
    const std::optional<double> value = ReadValue(sample->rest);
    if (value && HasAll(*sample, *asked)) *sum += *value;
  }
  if (has_samples && !bears_labels) return std::nullopt;
  return sum;
}

}  // namespace sluice::scenario
