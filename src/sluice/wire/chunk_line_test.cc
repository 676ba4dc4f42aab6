// The grammar of one chunk line; that whole bodies keep to it is told by http1_body_test.cc.

#include "sluice/wire/chunk_line.h"

#include <string_view>

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

// The rule that refuses `text`; empty when it is fine.
std::string_view RuleAgainst(ChunkLine& line, std::string_view text) {
  for (const char byte : text) {
    if (const Refusal refusal = line.Take(byte)) return refusal.rule;
  }
  return {};
}

std::string_view RuleAgainst(std::string_view text) {
  ChunkLine line;
  return RuleAgainst(line, text);
}

TEST(ChunkLine, ReadsSizesOfBothCases) {
  ChunkLine line;
  EXPECT_EQ(RuleAgainst(line, "aF0"), "");
  EXPECT_FALSE(line.complete());
  EXPECT_EQ(RuleAgainst(line, "\r\n"), "");
  EXPECT_TRUE(line.complete());
  EXPECT_EQ(line.size(), 0xaf0U);
  EXPECT_EQ(line.extension_bytes(), 0U);
}

TEST(ChunkLine, ReadsTheLargestSizeEverySideCanHold) {
  ChunkLine line;
  EXPECT_EQ(RuleAgainst(line, "7fffffffffffffff\r\n"), "");
  EXPECT_EQ(line.size(), 0x7fffffffffffffffU);
  EXPECT_EQ(RuleAgainst("8000000000000000\r"), "a chunk size is over 2^63-1");
}

TEST(ChunkLine, CountsTheBytesOfExtensions) {
  ChunkLine line;
  EXPECT_EQ(RuleAgainst(line, "1;a=\"b c\";d\r\n"), "");
  EXPECT_TRUE(line.complete());
  EXPECT_EQ(line.extension_bytes(), std::string_view(";a=\"b c\";d").size());
}

TEST(ChunkLine, ReadsEscapesInQuotes) {
  EXPECT_EQ(RuleAgainst("1;a=\"\\\"\\\\\"\r\n"), "");
}

TEST(ChunkLine, SaysWhyItRefuses) {
  EXPECT_EQ(RuleAgainst(""), "");
  EXPECT_EQ(RuleAgainst("\r"), "a chunk size does not begin with a digit");
  EXPECT_EQ(RuleAgainst("0x1"), "a chunk size is not a plain hexadecimal number");
  EXPECT_EQ(RuleAgainst("00000000000000001"), "a chunk size has more than 16 digits");
  EXPECT_EQ(RuleAgainst("1\n"), "a chunk line ends in a bare LF");
  EXPECT_EQ(RuleAgainst("1;a\n"), "a chunk line ends in a bare LF");
  EXPECT_EQ(RuleAgainst("1\rx"), "a bare CR in a chunk line");
  EXPECT_EQ(RuleAgainst("1;\r"), "a chunk extension is malformed");
  EXPECT_EQ(RuleAgainst("1\r\nx"), "a byte behind a chunk line");
}

}  // namespace
}  // namespace sluice::wire
