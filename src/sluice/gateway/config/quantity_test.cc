#include "sluice/gateway/config/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gateway::config {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::Eq;
using ::testing::Optional;

TEST(Quantity, DurationsAreNumbersWithUnitsLargestFirst) {
  EXPECT_THAT(ReadDuration("250ms"), Optional(Nanos(250ms)));
  EXPECT_THAT(ReadDuration("1m30s"), Optional(Nanos(90s)));
  EXPECT_THAT(ReadDuration("1.5s"), Optional(Nanos(1500ms)));
  EXPECT_THAT(ReadDuration("0.25us"), Optional(Nanos(250ns)));
  EXPECT_THAT(ReadDuration("0s"), Optional(Nanos(0)));
  EXPECT_THAT(ReadDuration("2d3h4m5s6ms7us8ns"),
              Optional(Nanos(51h + 4min + 5s + 6ms + 7us + 8ns)));
}

TEST(Quantity, DurationsThatAreNotClearAreNotRead) {
  for (const std::string_view text : {"",
                                      "250",
                                      "s",
                                      "10 s",
                                      " 10s",
                                      "10s ",
                                      "-1s",
                                      "+1s",
                                      "10S",
                                      "10sec",
                                      "1s1m",
                                      "1s1s",
                                      "1.s",
                                      ".5s",
                                      "1..5s",
                                      "0.1ns",
                                      "1.0000000001s",
                                      "9223372037s",
                                      "106752d",
                                      "99999999999999999999s",
                                      "1h9223372036s",
                                      "10s5"}) {
    EXPECT_THAT(ReadDuration(text), Eq(std::nullopt)) << text;
  }
}

TEST(Quantity, SizesAreWholeNumbersWithOneBinaryUnit) {
  EXPECT_THAT(ReadSize("0B"), Optional(Bytes(0)));
  EXPECT_THAT(ReadSize("64KiB"), Optional(64 * kKiB));
  EXPECT_THAT(ReadSize("10MiB"), Optional(10 * kMiB));
  EXPECT_THAT(ReadSize("1TiB"), Optional(kMiB * kMiB));
}

TEST(Quantity, SizesThatAreNotClearAreNotRead) {
  for (const std::string_view text : {"", "64", "KiB", "64KB", "64kib", "64 KiB", "1.5MiB", "-1B",
                                      "16777217TiB", "99999999999999999999B", "1KiB1B"}) {
    EXPECT_THAT(ReadSize(text), Eq(std::nullopt)) << text;
  }
}

TEST(Quantity, CountsAreWholeNumbersAndNothingElse) {
  EXPECT_THAT(ReadCount("-3"), Optional(std::int64_t{-3}));
  for (const std::string_view text :
       {"", "1.0", "1e3", "0x10", "+1", " 1", "1 ", "1k", "9223372036854775808"}) {
    EXPECT_THAT(ReadCount(text), Eq(std::nullopt)) << text;
  }
}

TEST(Quantity, NumbersAreFinite) {
  EXPECT_THAT(ReadNumber("0.5"), Optional(0.5));
  EXPECT_THAT(ReadNumber("1e3"), Optional(1000.0));
  for (const std::string_view text : {"", "nan", "inf", "1e999", "0.5x"}) {
    EXPECT_THAT(ReadNumber(text), Eq(std::nullopt)) << text;
  }
}

TEST(Quantity, WhatIsPrintedIsReadBack) {
  for (const Nanos value :
       {Nanos(0), Nanos(1), Nanos(90s), Nanos(24h), Nanos(1001ms), Nanos::max()}) {
    EXPECT_THAT(ReadDuration(PrintDuration(value)), Optional(value)) << PrintDuration(value);
  }
  for (const Bytes value : {Bytes(0), Bytes(1), Bytes(1000), kKiB, 3 * kMiB, kMiB * kMiB}) {
    EXPECT_THAT(ReadSize(PrintSize(value)), Optional(value)) << PrintSize(value);
  }
  EXPECT_EQ(PrintDuration(90s), "1m30s");
  EXPECT_EQ(PrintDuration(24h), "24h");
  EXPECT_EQ(PrintSize(64 * kKiB), "64KiB");
  EXPECT_EQ(PrintSize(1000), "1000B");
}

}  // namespace
}  // namespace sluice::gateway::config
