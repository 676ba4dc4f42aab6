#include "sluice/gateway/flows/json_number.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway::flows {
namespace {

TEST(JsonNumber, IsComparedByItsValueAndNotByItsText) {
  for (const char* const same : {"150", "150.0", "1.5e2", "15E+1", "1500e-1", "0.15e3", " 150 "})
    EXPECT_EQ(CompareJsonNumbers("150", same), std::strong_ordering::equal) << same;
  for (const char* const zero : {"0", "-0", "0.000", "0e9", "-0.0E-3"})
    EXPECT_EQ(CompareJsonNumbers("0", zero), std::strong_ordering::equal) << zero;
}

// In order: each is less than all behind it.
TEST(JsonNumber, KeepsEveryDigit) {
  const std::array<std::string, 16> numbers{"-1e400",
                                            "-9007199254740993",
                                            "-9007199254740992",
                                            "-1.50000000000000000001",
                                            "-1.5",
                                            "-1e-400",
                                            "0",
                                            "1e-400",
                                            "0.1",
                                            "0.10000000000000000001",
                                            "9007199254740992",
                                            "9007199254740992.5",
                                            "9007199254740993",
                                            "12345678901234567890",
                                            "12345678901234567891",
                                            "1e400"};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    for (std::size_t j = 0; j < numbers.size(); ++j)
      EXPECT_EQ(CompareJsonNumbers(numbers[i], numbers[j]), i <=> j)
          << numbers[i] << " " << numbers[j];
  }
}

TEST(JsonNumber, AnExponentBeyondAllBoundsIsNoTrouble) {
  const std::string large = "1e" + std::string(50, '9');
  EXPECT_EQ(CompareJsonNumbers(large, "1e9"), std::strong_ordering::greater);
  EXPECT_EQ(CompareJsonNumbers("1e-" + std::string(50, '9'), "0"), std::strong_ordering::greater);
  EXPECT_EQ(CompareJsonNumbers("0e" + std::string(50, '9'), "0"), std::strong_ordering::equal);
}

}  // namespace
}  // namespace sluice::gateway::flows
