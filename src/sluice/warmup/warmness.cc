#include "sluice/warmup/warmness.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/contract/assert.h"
#include "sluice/warmup/statistics.h"

namespace sluice::warmup {
namespace {

constexpr double kVariationMax = 0.05;

double LogOf(Nanos latency) {
  return std::log(static_cast<double>(std::max<Nanos::rep>(latency.count(), 1)));
}

}  // namespace

void Validate(const DetectOptions& options, std::string_view path, ConfigProblems& problems) {
  const auto complain = [&](std::string_view field, std::string text) {
    problems.push_back({fmt::format("{}.{}", path, field), std::move(text)});
  };
  if (!(options.level_ratio > 1 && options.level_ratio <= 10))
    complain("level_ratio", fmt::format("must be above 1, up to 10, got {}", options.level_ratio));
  if (!(options.slope_percent > 0 && options.slope_percent <= 100))
    complain("slope_percent",
             fmt::format("must be above 0, up to 100, got {}", options.slope_percent));
  if (options.block < WarmnessJudge::kBlockMin || options.block > 1000)
    complain("block", fmt::format("must be 4..1000, got {}", options.block));
  if (options.blocks < 3 || options.blocks > 20)
    complain("blocks", fmt::format("must be 3..20, got {}", options.blocks));
}

WarmnessJudge::WarmnessJudge(const DetectOptions& options, const std::vector<JudgedClass>& classes)
    : options_(options) {
  SLUICE_ASSERT(!classes.empty());
  std::vector<std::size_t> order;
  double total = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    order.push_back(i);
    total += classes[i].share;
  }
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return classes[a].share > classes[b].share; });
  group_of_.resize(classes.size());
  // Classes with and without a reference are never pooled: their y are not alike.
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t rest_with = kNone;
  std::size_t rest_without = kNone;
  double covered = 0;
  for (const std::size_t index : order) {
    const JudgedClass& one = classes[index];
    const bool is_referenced = one.p50 > Nanos(0);
    std::size_t& rest = is_referenced ? rest_with : rest_without;
    const bool is_alone = covered < kAloneShare * total || total == 0;
    if (is_alone || rest == kNone) {
      groups_.push_back({.label = one.label, .is_referenced = is_referenced});
      if (!is_alone) rest = groups_.size() - 1;
    } else {
      groups_[rest].label = is_referenced ? "the rest" : "the rest without latencies";
    }
    Group& group = is_alone ? groups_.back() : groups_[rest];
    group_of_[index] = is_alone ? groups_.size() - 1 : rest;
    covered += one.share;
    group.expected += one.expected;
    group.share += one.share;
    if (is_referenced && one.p90 > one.p50)
      group.recorded_spread += one.share * (LogOf(one.p90) - LogOf(one.p50));
  }
  for (const JudgedClass& one : classes)
    references_.push_back(one.p50 > Nanos(0) ? LogOf(one.p50) : 0);
  for (Group& group : groups_) {
    if (group.share > 0) group.recorded_spread /= group.share;
    const auto part =
        static_cast<std::size_t>(group.expected / static_cast<double>(options.blocks));
    group.block_size = std::clamp(part, kBlockMin, options.block);
  }
}

bool WarmnessJudge::Observe(std::size_t class_index, Nanos latency, bool is_worse, SteadyTime now) {
  Group& group = groups_[group_of_.at(class_index)];
  ++group.answers;
  if (is_worse) {
    ++group.worse;
    ++group.open_worse;
    return false;
  }
  const double y = LogOf(latency) - references_[class_index];
  group.open.push_back(y);
  group.series.push_back({y, now});
  if (group.series.size() > kSeriesMax) group.series.pop_front();
  if (group.open.size() < group.block_size) return false;
  CloseBlock(group);
  return true;
}

void WarmnessJudge::CloseBlock(Group& group) {
  const double median = Median(group.open);
  const double spread = Quantile(group.open, 0.9) - median;
  group.blocks.push_back({median, spread, group.open_worse});
  if (group.is_referenced && median > std::log(options_.level_ratio)) group.was_cold = true;
  if (group.blocks.size() > std::max(kMedianMax, options_.blocks)) group.blocks.pop_front();
  group.open.clear();
  group.open_worse = 0;
}

bool WarmnessJudge::IsSteadyAlone(const Group& group, const std::vector<double>& medians) {
  if (group.blocks.size() < kMedianMax || group.series.size() < kUnreferencedMin) return false;
  // Of latencies, not of their logarithms, whose mean may be anything.
  std::vector<double> levels;
  for (const double median : medians)
    levels.push_back(std::exp(median - medians.front()));
  if (CoefficientOfVariation(levels) > kVariationMax) return false;
  const SteadyTime since = group.series.back().at - kUnreferencedTime;
  // A full memory of answers that came within the time is all there is to look at.
  if (group.series.front().at > since && group.series.size() < kSeriesMax) return false;
  std::vector<double> series;
  for (const Answer& answer : group.series)
    series.push_back(answer.y);
  const double penalty = 15 * std::log(static_cast<double>(series.size()));
  const std::vector<std::size_t> changes = Changepoints(series, penalty);
  if (changes.empty()) return true;
  const std::size_t last = changes.back();
  return series.size() - last >= kUnreferencedMin && group.series[last].at <= since;
}

GroupVerdict WarmnessJudge::JudgeGroup(const Group& group) const {
  GroupVerdict verdict{.label = group.label,
                       .answers = group.answers,
                       .worse = group.worse,
                       .is_referenced = group.is_referenced};
  if (group.blocks.empty()) return verdict;
  std::vector<double> last;  // The medians of the last K blocks.
  const std::size_t count = std::min(group.blocks.size(), options_.blocks);
  for (std::size_t i = group.blocks.size() - count; i < group.blocks.size(); ++i)
    last.push_back(group.blocks[i].median);
  verdict.has_enough = count == options_.blocks;
  if (group.is_referenced) {
    verdict.level = std::exp(Median(last));
    verdict.level_holds = verdict.level <= options_.level_ratio;
  }
  verdict.slope = TheilSenSlope(last) * static_cast<double>(options_.blocks);
  verdict.slope_holds = verdict.slope > -options_.slope_percent / 100;
  verdict.dispersion = std::exp(group.blocks.back().spread - group.recorded_spread);
  verdict.dispersion_holds = verdict.dispersion <= options_.dispersion_ratio;
  std::uint64_t worse = group.open_worse;
  const std::size_t looked_at = std::min(group.blocks.size(), kErrorBlocks);
  for (std::size_t i = group.blocks.size() - looked_at; i < group.blocks.size(); ++i)
    worse += group.blocks[i].worse;
  verdict.errors_hold = worse == 0;
  if (!group.is_referenced) {
    std::vector<double> all;
    for (const Block& block : group.blocks)
      all.push_back(block.median);
    verdict.level_holds = verdict.has_enough && verdict.slope_holds && IsSteadyAlone(group, all);
  }
  return verdict;
}

Verdict WarmnessJudge::Judge() const {
  Verdict verdict{.is_warm = true};
  for (const Group& group : groups_) {
    verdict.groups.push_back(JudgeGroup(group));
    const GroupVerdict& one = verdict.groups.back();
    verdict.is_warm = verdict.is_warm && one.is_warm();
    verdict.is_referenced = verdict.is_referenced || one.is_referenced;
    verdict.level = std::max(verdict.level, one.level);
    verdict.was_ever_cold = verdict.was_ever_cold || group.was_cold;
  }
  return verdict;
}

double WarmnessJudge::FirstLevel() const {
  std::vector<double> all;
  for (const Group& group : groups_) {
    if (!group.is_referenced) continue;
    for (const Answer& answer : group.series)
      all.push_back(answer.y);
  }
  return all.empty() ? 0 : std::exp(Median(all));
}

}  // namespace sluice::warmup
