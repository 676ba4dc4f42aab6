#include "sluice/gateway/learning.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sluice::gateway {
namespace {

constexpr double kLimitMax = 1e9;

}  // namespace

std::int64_t LimitFor(double peak_per_second, Nanos period, double headroom, std::int64_t floor) {
  const double seconds = std::chrono::duration<double>(period).count();
  const double limit = std::min(std::ceil(peak_per_second * headroom * seconds), kLimitMax);
  return std::max(floor, static_cast<std::int64_t>(limit));
}

Learning::Learning(Loop& control,
                   const Registry& registry,
                   std::function<void(std::string_view line)> log)
    : control_(control), registry_(registry), log_(std::move(log)), timer_(&Fire, this) {}

void Learning::Start() {
  control_.Arm(timer_, control_.now() + kInterval);
}

void Learning::Stop() {
  if (timer_.armed()) control_.Disarm(timer_);
}

const Lesson* Learning::Find(const std::string& rule) const {
  const auto found = lessons_.find(rule);
  return found == lessons_.end() ? nullptr : &found->second;
}

void Learning::Fire(Timer& timer, SteadyTime now) {
  auto* learning = static_cast<Learning*>(timer.owner);
  learning->Look(now);
  learning->control_.Arm(timer, now + kInterval);
}

void Learning::Look(SteadyTime now) {
  const Snapshot& snapshot = *registry_.current();
  std::erase_if(lessons_, [&snapshot](const auto& lesson) {
    return std::ranges::none_of(snapshot.rate_limits, [&lesson](const RatePlan& plan) {
      return plan.config->name == lesson.first && plan.config->learn;
    });
  });
  for (const RatePlan& plan : snapshot.rate_limits) {
    if (plan.config->learn) Learn(plan, snapshot.generation, now);
  }
}

void Learning::Learn(const RatePlan& plan, std::uint64_t generation, SteadyTime now) {
  const config::LearnConfig& learn = *plan.config->learn;
  const auto [at, is_new] = lessons_.try_emplace(plan.config->name);
  Lesson& lesson = at->second;
  if (is_new) lesson.until = now + learn.length;
  if (now < lesson.until) {
    const std::vector<limit::HeavyHitter> busiest = plan.guard->TopKeys(now, 1);
    if (!busiest.empty()) {
      lesson.peak_per_second = std::max(lesson.peak_per_second, busiest.front().per_second);
    }
  } else if (!lesson.is_told) {
    lesson.is_told = true;
    log_(fmt::format("rate_limit_learnt name={} limit={} peak_per_second={:.1f}", plan.config->name,
                     lesson.limit, lesson.peak_per_second));
  }
  // The peak is of requests, and a limit of tokens.
  const double peak = lesson.peak_per_second * static_cast<double>(plan.config->cost);
  const std::int64_t limit =
      LimitFor(peak, plan.config->period, learn.headroom, plan.config->limit);
  // A reload has put the configured limit in force again.
  const bool is_forgotten = lesson.generation != generation;
  if (limit == lesson.limit && !is_forgotten) return;
  lesson.limit = limit;
  lesson.generation = generation;
  const Result<void> done = registry_.Relimit(plan, limit);
  if (!done) {
    log_(fmt::format("rate_limit_not_learnt name={} limit={} error=\"{}\"", plan.config->name,
                     limit, done.error().detail));
  }
}

}  // namespace sluice::gateway
