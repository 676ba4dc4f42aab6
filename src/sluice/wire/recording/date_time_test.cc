#include "sluice/wire/recording/date_time.h"

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

constexpr WallTime kNewYear{std::chrono::seconds(1'767'225'600)};

TEST(DateTime, IsReadAsItIsWritten) {
  const WallTime at = kNewYear + Nanos(123'456'789);
  EXPECT_EQ(FormatDateTime(at), "2026-01-01T00:00:00.123456789Z");
  EXPECT_EQ(ParseDateTime(FormatDateTime(at)), at);
}

TEST(DateTime, HasOffsetsAndFractionsOfAnyLength) {
  EXPECT_EQ(ParseDateTime("2026-01-01T02:00:00.5+02:00"),
            kNewYear + std::chrono::milliseconds(500));
  EXPECT_EQ(ParseDateTime("2025-12-31T19:00:00-0500"), kNewYear);
  EXPECT_EQ(ParseDateTime("2026-01-01 00:00:00"), kNewYear);
  EXPECT_EQ(ParseDateTime("2026-01-01T00:00:00.0000000009Z"), kNewYear);
}

TEST(DateTime, RefusesWhatIsNone) {
  for (const char* text : {"", "now", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01",
                           "2026-01-01T00:00", "2026-01-01T00:00:00x", "20260101T000000Z"}) {
    EXPECT_FALSE(ParseDateTime(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::wire::recording
