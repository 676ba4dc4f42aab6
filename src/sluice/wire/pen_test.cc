#include "sluice/wire/pen.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(Pen, AppendsBehindWhatIsThereAndLeavesNoRoomBehind) {
  std::string out = "a:";
  {
    Pen pen(out, 100);
    pen << "text" << ' ' << std::string_view{} << std::uint64_t{42};
  }
  EXPECT_EQ(out, "a:text 42");
}

TEST(Pen, WritesTheLargestNumberInItsRoom) {
  std::string out;
  {
    Pen pen(out, Pen::kNumberRoom);
    pen << std::numeric_limits<std::uint64_t>::max();
  }
  EXPECT_EQ(out, "18446744073709551615");
}

TEST(Pen, KeepsLeadingZerosOfThreeDigits) {
  std::string out;
  {
    Pen pen(out, 9);
    pen.ThreeDigits(0);
    pen.ThreeDigits(42);
    pen.ThreeDigits(999);
  }
  EXPECT_EQ(out, "000042999");
}

TEST(Pen, WritesBytesAsLowerCaseHexDigits) {
  const std::array<std::uint8_t, 3> bytes = {0x00, 0xa7, 0xff};
  std::string out;
  {
    Pen pen(out, 6);
    pen.Hex(bytes);
  }
  EXPECT_EQ(out, "00a7ff");
}

TEST(Pen, DiscardForgetsItsOwnAndKeepsWhatWasBefore) {
  std::string out = "kept";
  {
    Pen pen(out, 20);
    pen.Field("x-a", "1");
    pen.Discard();
  }
  EXPECT_EQ(out, "kept");
}

}  // namespace
}  // namespace sluice::wire
