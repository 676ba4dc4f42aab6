#include "sluice/wire/recording/card_number.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::wire::recording {
namespace {

const KeyedHash kHash(KeyedHash::Key{1, 2, 3});

std::string Masked(std::string text, TextEnd end = TextEnd::kWhole) {
  MaskCardNumbers(text, end, kHash);
  return text;
}

bool IsLeft(const std::string& text) {
  return Masked(text) == text;
}

TEST(CardNumber, IsIssuedAndHasARightCheckDigit) {
  // Numbers that the schemes publish for tests.
  for (const char* number :
       {"4111111111111111", "5555555555554444", "378282246310005", "6011111111111117",
        "3530111333300000", "30569309025904", "4222222222222", "2223000048400011",
        "6200000000000005", "6759649826438453", "2200123456789019"}) {
    EXPECT_TRUE(IsCardNumber(number)) << number;
  }
  EXPECT_FALSE(IsCardNumber("4111111111111112"));      // The check digit.
  EXPECT_FALSE(IsCardNumber("1700000000000000"));      // A time in nanoseconds has no issuer.
  EXPECT_FALSE(IsCardNumber("411111111111"));          // Too short.
  EXPECT_FALSE(IsCardNumber("41111111111111111111"));  // Too long.
}

TEST(CardNumber, IsMaskedWhereverItStands) {
  for (const char* text :
       {"4111111111111111", "{\"card\":4111111111111111}", "pay with 4111-1111-1111-1111 please",
        "pan=4111+1111+1111+1111&x=1", "pan=4111%201111%201111%201111", "378282246310005",
        "3782 822463 10005", "a\t4111111111111111", "%224111111111111111%22", "%204111111111111111",
        "\\u00224111111111111111", "B4111111111111111^NAME/A", "2026-01-02 4111 1111 1111 1111",
        "x4111111111111111x", "1234 4111111111111111"}) {
    const std::string masked = Masked(text);
    EXPECT_NE(masked, text);
    EXPECT_EQ(masked.size(), std::string(text).size());
    EXPECT_EQ(masked.find("1111111111"), std::string::npos) << masked;
  }
}

TEST(CardNumber, KeepsEverythingAroundIt) {
  const std::string masked = Masked("{\"a\":1,\"pan\":\"4111 1111 1111 1111\",\"b\":[2,3]}");
  EXPECT_TRUE(masked.starts_with("{\"a\":1,\"pan\":\"9"));
  EXPECT_TRUE(masked.ends_with("\",\"b\":[2,3]}"));
  EXPECT_EQ(masked[18], ' ');
}

TEST(CardNumber, EqualNumbersStayEqualInAnyGrouping) {
  const std::string together = Masked("4111111111111111");
  std::string grouped = Masked("4111 1111-1111 1111");
  std::erase_if(grouped, [](char c) { return c == ' ' || c == '-'; });
  EXPECT_EQ(grouped, together);
  EXPECT_NE(Masked("5555555555554444"), together);
}

TEST(CardNumber, IsMaskedOnce) {
  for (const char* text : {"4111111111111111", "4111 1111 1111 1111", "30569309025904"}) {
    const std::string once = Masked(text);
    EXPECT_EQ(Masked(once), once);
  }
  const std::string cut = Masked("{\"pan\":\"41111111111", TextEnd::kCut);
  EXPECT_EQ(Masked(cut, TextEnd::kCut), cut);
}

TEST(CardNumber, LeavesOtherNumbersAlone) {
  EXPECT_TRUE(IsLeft("{\"at\":1767225600000,\"ns\":1767225600000000000}"));
  EXPECT_TRUE(IsLeft("{\"share\":0.4111111111111111}"));
  EXPECT_TRUE(IsLeft("4111111111111112"));
  EXPECT_TRUE(IsLeft("41 11 11 11 11 11 11 11"));
  EXPECT_TRUE(IsLeft("tel +49 30 1234 5678"));
  EXPECT_TRUE(IsLeft("550e8400-e29b-41d4-a716-446655440000"));
  EXPECT_TRUE(IsLeft(""));
}

TEST(CardNumber, WhatACutLeavesOfOneIsMaskedToo) {
  EXPECT_EQ(Masked("{\"pan\":\"4111111").find("4111111"), 8U);  // Whole: a number of seven digits.
  EXPECT_EQ(Masked("{\"pan\":\"4111111", TextEnd::kCut).find("4111111"), std::string::npos);
  EXPECT_EQ(Masked("pan 4111 1111 11", TextEnd::kCut).find("1111"), std::string::npos);
  // Six digits may be shown of any card.
  EXPECT_EQ(Masked("{\"pan\":\"411111", TextEnd::kCut), "{\"pan\":\"411111");
  // Behind the digits something else ended the number: nothing was cut off it.
  EXPECT_EQ(Masked("{\"n\":4111111,", TextEnd::kCut), "{\"n\":4111111,");
}

TEST(CardNumber, SeveralAreCounted) {
  std::string text = "4111111111111111,5555555555554444 378282246310005";
  EXPECT_EQ(MaskCardNumbers(text, TextEnd::kWhole, kHash), 3U);
}

// Wherever it begins, so that no stride of the search walks past it.
TEST(CardNumber, IsFoundAtEveryOffset) {
  for (std::size_t offset = 0; offset < 32; ++offset) {
    const std::string text = std::string(offset, '.') + "4111111111111111" + std::string(9, '.');
    EXPECT_FALSE(IsLeft(text)) << offset;
    const std::string behind = "77;" + std::string(offset, 'x') + "4111 1111 1111 1111";
    EXPECT_FALSE(IsLeft(behind)) << offset;
  }
}

}  // namespace
}  // namespace sluice::wire::recording
