#include "sluice/traffic/replay/schedule.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace sluice::traffic::replay {
namespace {

constexpr double kSpeedMax = 1000;
constexpr double kRateMax = 10'000'000;
// Longer than anybody waits, and far from overflow.
constexpr double kDueMax = 4e18;

Nanos Scaled(Nanos span, double speed) {
  const double scaled = static_cast<double>(span.count()) / speed;
  return Nanos(static_cast<Nanos::rep>(std::min(scaled, kDueMax)));
}

}  // namespace

Result<Schedule> Schedule::Create(const std::vector<WallTime>& begun,
                                  const ScheduleOptions& options) {
  if (!(options.speed > 0 && options.speed <= kSpeedMax)) {
    return Fail(
        ErrorCode::kInvalidOption,
        fmt::format("a speed must be above 0 and at most {}, got {}", kSpeedMax, options.speed));
  }
  if (!(options.rate_per_second >= 0 && options.rate_per_second <= kRateMax)) {
    return Fail(ErrorCode::kInvalidOption,
                fmt::format("a rate must be at most {} per second, got {}", kRateMax,
                            options.rate_per_second));
  }
  Schedule schedule(options);
  for (std::size_t i = 0; i < begun.size(); ++i)
    schedule.entries_.push_back({.index = i, .due = begun[i].time_since_epoch()});
  std::ranges::sort(schedule.entries_, [](const Entry& a, const Entry& b) {
    return std::tie(a.due, a.index) < std::tie(b.due, b.index);
  });
  if (begun.empty()) return schedule;
  const Nanos first = schedule.entries_.front().due;
  std::uint64_t number = 0;
  for (Entry& entry : schedule.entries_) {
    entry.due = options.rate_per_second > 0
                    ? Scaled(Nanos(std::chrono::seconds(1)) * static_cast<Nanos::rep>(number),
                             options.rate_per_second)
                    : Scaled(entry.due - first, options.speed);
    ++number;
  }
  schedule.length_ = schedule.entries_.back().due;
  const auto gaps = static_cast<Nanos::rep>(std::max<std::size_t>(begun.size() - 1, 1));
  schedule.period_ = std::max(schedule.length_ + schedule.length_ / gaps, Nanos(1'000'000));
  return schedule;
}

std::optional<Planned> Schedule::Next() {
  if (next_ == entries_.size()) {
    next_ = 0;
    ++loop_;
  }
  if (entries_.empty() || (options_.loops > 0 && loop_ >= options_.loops)) return std::nullopt;
  const Entry& entry = entries_[next_++];
  const auto past = static_cast<Nanos::rep>(loop_);
  return Planned{.index = entry.index, .loop = loop_, .due = entry.due + period_ * past};
}

}  // namespace sluice::traffic::replay
