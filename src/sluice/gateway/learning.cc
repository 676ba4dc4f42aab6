#include "sluice/gateway/learning.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sluice::gateway {
namespace {

constexpr std::int64_t kLimitMax = 1'000'000'000;

// By the rule as it now stands. The peak is of requests, and a limit of tokens.
std::int64_t LimitOf(const Lesson& lesson, const config::RateLimitConfig& rule) {
  const double peak = lesson.peak_per_second * static_cast<double>(rule.cost);
  return LimitFor(peak, rule.period, rule.learn->headroom, rule.limit);
}

}  // namespace

std::int64_t LimitFor(double peak_per_second, Nanos period, double headroom, std::int64_t floor) {
  const double seconds = std::chrono::duration<double>(period).count();
  const auto most = static_cast<double>(std::min<std::int64_t>(kLimitMax, period.count()));
  const double limit = std::min(std::ceil(peak_per_second * headroom * seconds), most);
  return std::max(floor, static_cast<std::int64_t>(limit));
}

Learning::Learning(Loop& control,
                   const Registry& registry,
                   std::function<void(std::string_view line)> log)
    : control_(control), registry_(registry), log_(std::move(log)), timer_(&Fire, this) {}

void Learning::Start() {
  Follow();
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

Nanos Learning::TimeLeft(const Lesson& lesson, Nanos length, SteadyTime now) {
  if (lesson.phase == Lesson::Phase::kOver) return Nanos(0);
  if (lesson.phase == Lesson::Phase::kWaiting) return length;
  return std::max(Nanos(0), lesson.began + length - now);
}

// Looks at who asks most, until the lesson is over.
void Learning::Watch(const RatePlan& plan, Lesson& lesson, SteadyTime now) {
  const config::LearnConfig& learn = *plan.config->learn;
  const std::string& name = plan.config->name;
  const bool has_been_asked = plan.guard->Stats().decisions.allowed > 0;
  if (lesson.phase == Lesson::Phase::kWaiting && has_been_asked) {
    lesson.phase = Lesson::Phase::kLearning;
    lesson.began = now;
    log_(fmt::format("rate_limit_learning name={} seconds={:g}", name,
                     std::chrono::duration<double>(learn.length).count()));
  }
  const std::vector<limit::HeavyHitter> busiest = plan.guard->TopKeys(now, 1);
  if (!busiest.empty()) {
    lesson.peak_per_second = std::max(lesson.peak_per_second, busiest.front().per_second);
  }
  lesson.limit = LimitOf(lesson, *plan.config);
  if (TimeLeft(lesson, learn.length, now) > Nanos(0)) return;
  lesson.phase = Lesson::Phase::kOver;
  log_(fmt::format("rate_limit_learnt name={} limit={} peak_per_second={:.1f}", name, lesson.limit,
                   lesson.peak_per_second));
}

void Learning::Learn(const RatePlan& plan, std::uint64_t generation, SteadyTime now) {
  Lesson& lesson = lessons_[plan.config->name];
  // Another key, say, counts something else.
  if (lesson.guard != plan.guard) lesson = {.guard = plan.guard};
  if (lesson.phase != Lesson::Phase::kOver) Watch(plan, lesson, now);
  // A reload has taken the limit away again.
  if (lesson.phase != Lesson::Phase::kOver || lesson.generation == generation) return;
  lesson.generation = generation;
  lesson.limit = LimitOf(lesson, *plan.config);  // It may be of another period, say.
  const Result<void> done = registry_.Relimit(plan, lesson.limit);
  if (!done) {
    log_(fmt::format("rate_limit_not_learnt name={} limit={} error=\"{}\"", plan.config->name,
                     lesson.limit, done.error().detail));
  }
}

}  // namespace sluice::gateway
