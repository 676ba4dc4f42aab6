#include "sluice/limit/calendar.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::sys_days;
using std::chrono_literals::operator""d;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""y;

WallTime At(std::chrono::year_month_day date, Nanos of_day) {
  return WallTime(sys_days(date).time_since_epoch() + of_day);
}
std::int64_t Seconds(std::chrono::year_month_day date, Nanos of_day = Nanos(0)) {
  return std::chrono::floor<std::chrono::seconds>(At(date, of_day).time_since_epoch()).count();
}

// 2026-11-24 is a Tuesday.
constexpr std::chrono::year_month_day kTuesday = 2026y / 11 / 24d;

TEST(Calendar, EachPeriodEndsWhereTheNextOneBegins) {
  const WallTime wall = At(kTuesday, 11h + 8min + 52s + 5ns);
  EXPECT_EQ(PeriodEnd(Calendar::kMinute, wall), Seconds(kTuesday, 11h + 9min));
  EXPECT_EQ(PeriodEnd(Calendar::kHour, wall), Seconds(kTuesday, 12h));
  EXPECT_EQ(PeriodEnd(Calendar::kDay, wall), Seconds(2026y / 11 / 25d));
  EXPECT_EQ(PeriodEnd(Calendar::kWeek, wall), Seconds(2026y / 11 / 30d));
  EXPECT_EQ(PeriodEnd(Calendar::kMonth, wall), Seconds(2026y / 12 / 1d));
  EXPECT_EQ(PeriodEnd(Calendar::kYear, wall), Seconds(2027y / 1 / 1d));
}

TEST(Calendar, TheFirstMomentOfAPeriodBelongsToIt) {
  EXPECT_EQ(PeriodEnd(Calendar::kDay, At(kTuesday, 0s)), Seconds(2026y / 11 / 25d));
  EXPECT_EQ(PeriodEnd(Calendar::kDay, At(kTuesday, 24h - 1ns)), Seconds(2026y / 11 / 25d));
  EXPECT_EQ(PeriodEnd(Calendar::kMonth, At(2026y / 12 / 1d, 0s)), Seconds(2027y / 1 / 1d));
}

TEST(Calendar, WeeksRunFromMondayToSunday) {
  for (unsigned day = 23; day <= 29; ++day) {
    const auto date = 2026y / 11 / std::chrono::day(day);
    EXPECT_EQ(PeriodEnd(Calendar::kWeek, At(date, 12h)), Seconds(2026y / 11 / 30d)) << day;
  }
  EXPECT_EQ(PeriodEnd(Calendar::kWeek, At(2026y / 11 / 30d, 0s)), Seconds(2026y / 12 / 7d));
  EXPECT_EQ(PeriodEnd(Calendar::kWeek, At(1970y / 1 / 1d, 0s)), Seconds(1970y / 1 / 5d));
}

TEST(Calendar, MonthsHaveTheirOwnLengths) {
  EXPECT_EQ(PeriodEnd(Calendar::kMonth, At(2028y / 2 / 28d, 1h)), Seconds(2028y / 3 / 1d));
  EXPECT_EQ(PeriodEnd(Calendar::kMonth, At(2028y / 2 / 29d, 23h)), Seconds(2028y / 3 / 1d));
  EXPECT_EQ(PeriodEnd(Calendar::kMonth, At(2027y / 2 / 1d, 0s)), Seconds(2027y / 3 / 1d));
}

TEST(Calendar, NoPeriodIsLongerThanItsLongest) {
  for (const Calendar calendar : {Calendar::kMinute, Calendar::kHour, Calendar::kDay,
                                  Calendar::kWeek, Calendar::kMonth, Calendar::kYear}) {
    for (int day = 0; day < 800; ++day) {
      const WallTime wall = At(2027y / 6 / 1d, std::chrono::days(day) + 7h);
      const Nanos left = std::chrono::seconds(PeriodEnd(calendar, wall)) - wall.time_since_epoch();
      ASSERT_GT(left, Nanos(0));
      ASSERT_LE(left, PeriodLengthMax(calendar));
    }
  }
}

}  // namespace
}  // namespace sluice::limit
