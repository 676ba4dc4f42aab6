// Calendar periods in UTC: when does the minute, day or month of a moment end?
//
// The proleptic Gregorian calendar of std::chrono, without leap seconds, as POSIX time has it.
// Pure functions.

#pragma once

#include <cstdint>

#include "sluice/contract/time.h"

namespace sluice::limit {

enum class Calendar : std::uint8_t {
  kNone,  // A period of a fixed length instead.
  kMinute,
  kHour,
  kDay,
  kWeek,  // From Monday 00:00 on (ISO 8601).
  kMonth,
  kYear,
};

// The first moment after the period that `wall` lies in, in seconds since 1970-01-01T00:00:00Z.
// Requires a calendar other than kNone and a wall time not before 1970.
[[nodiscard]] std::int64_t PeriodEnd(Calendar calendar, WallTime wall);

// The longest that a period of this calendar can be. Zero for kNone.
[[nodiscard]] Nanos PeriodLengthMax(Calendar calendar);

}  // namespace sluice::limit
