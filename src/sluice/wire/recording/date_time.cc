#include "sluice/wire/recording/date_time.h"

#include <chrono>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "sluice/wire/ascii.h"

namespace sluice::wire::recording {
namespace {

class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  std::optional<WallTime> Read() {
    const int year = Digits(4);
    const bool has_date = Take('-');
    const int month = Digits(2);
    const bool has_day = Take('-');
    const int day = Digits(2);
    const bool has_time = Take('T') || Take(' ');
    const int hour = Digits(2);
    const bool has_minute = Take(':');
    const int minute = Digits(2);
    const bool has_second = Take(':');
    const int second = Digits(2);
    if (is_wrong_ || !has_date || !has_day || !has_time || !has_minute || !has_second)
      return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return std::nullopt;
    Nanos at = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
               std::chrono::minutes(minute) + std::chrono::seconds(second);
    at += Fraction();
    at -= Offset();
    return is_wrong_ ? std::nullopt : std::optional(WallTime(at));
  }

 private:
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  int Digits(std::size_t count) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || !IsDigit(rest_.front())) {
        is_wrong_ = true;
        return 0;
      }
      number = number * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return number;
  }
  Nanos Fraction() {
    if (!Take('.')) return Nanos(0);
    std::int64_t nanos = 0;
    std::int64_t unit = 100'000'000;
    while (!rest_.empty() && IsDigit(rest_.front())) {
      nanos += unit * (rest_.front() - '0');
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return Nanos(nanos);
  }
  Nanos Offset() {
    if (Take('Z') || Take('z') || rest_.empty()) return Nanos(0);
    const bool is_behind = Take('-');
    if (!is_behind && !Take('+')) {
      is_wrong_ = true;
      return Nanos(0);
    }
    const int hours = Digits(2);
    Take(':');
    const Nanos offset = std::chrono::hours(hours) + std::chrono::minutes(Digits(2));
    return is_behind ? -offset : offset;
  }

  std::string_view rest_;
  bool is_wrong_ = false;
};

}  // namespace

std::string FormatDateTime(WallTime at) {
  const auto since = at.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z",
                     fmt::gmtime(static_cast<std::time_t>(second.count())),
                     (since - second).count());
}

std::optional<WallTime> ParseDateTime(std::string_view text) {
  return DateReader(text).Read();
}

}  // namespace sluice::wire::recording
