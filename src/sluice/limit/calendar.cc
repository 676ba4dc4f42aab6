#include "sluice/limit/calendar.h"

#include <chrono>

#include "sluice/contract/assert.h"

namespace sluice::limit {

namespace {

constexpr std::int64_t kMinuteSeconds = 60;
constexpr std::int64_t kHourSeconds = 3'600;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kWeekSeconds = 7 * kDaySeconds;
// 1970-01-01 was a Thursday: the first Monday came four days later.
constexpr std::int64_t kFirstMonday = 4 * kDaySeconds;

std::int64_t SecondsOf(std::chrono::year_month_day date) {
  return std::chrono::sys_days(date).time_since_epoch().count() * kDaySeconds;
}

}  // namespace

std::int64_t PeriodEnd(Calendar calendar, WallTime wall) {
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(wall.time_since_epoch()).count();
  const auto next = [second](std::int64_t length) { return (second / length + 1) * length; };
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(second / kDaySeconds))};
  switch (calendar) {
    case Calendar::kNone:
      break;
    case Calendar::kMinute:
      return next(kMinuteSeconds);
    case Calendar::kHour:
      return next(kHourSeconds);
    case Calendar::kDay:
      return next(kDaySeconds);
    case Calendar::kWeek:
      // Counted from the Monday before the epoch, so that nothing is negative.
      return next(kWeekSeconds) + kFirstMonday -
             (second % kWeekSeconds < kFirstMonday ? kWeekSeconds : 0);
    case Calendar::kMonth: {
      const std::chrono::year_month after =
          date.year() / date.month() + std::chrono::months(1);  // December leads into a new year.
      return SecondsOf(after / 1);
    }
    case Calendar::kYear:
      return SecondsOf((date.year() + std::chrono::years(1)) / std::chrono::January / 1);
  }
  SLUICE_BUG("a calendar without periods");
  return second;
}

Nanos PeriodLengthMax(Calendar calendar) {
  switch (calendar) {
    case Calendar::kNone:
      break;
    case Calendar::kMinute:
      return std::chrono::minutes(1);
    case Calendar::kHour:
      return std::chrono::hours(1);
    case Calendar::kDay:
      return std::chrono::days(1);
    case Calendar::kWeek:
      return std::chrono::days(7);
    case Calendar::kMonth:
      return std::chrono::days(31);
    case Calendar::kYear:
      return std::chrono::days(366);
  }
  return Nanos(0);
}

}  // namespace sluice::limit
