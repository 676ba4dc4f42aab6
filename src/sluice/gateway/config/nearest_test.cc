#include "sluice/gateway/config/nearest.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::gateway::config {
namespace {

using ::testing::Eq;
using ::testing::Optional;

constexpr std::array<std::string_view, 4> kWords{"burst", "limit", "period", "on_table_full"};

TEST(Nearest, FindsASwapAMissingAndAWrongLetter) {
  EXPECT_THAT(Nearest("brust", kWords), Optional(Eq("burst")));
  EXPECT_THAT(Nearest("limt", kWords), Optional(Eq("limit")));
  EXPECT_THAT(Nearest("periot", kWords), Optional(Eq("period")));
  EXPECT_THAT(Nearest("ontablefull", kWords), Optional(Eq("on_table_full")));
}

TEST(Nearest, FindsNothingNearNonsense) {
  EXPECT_THAT(Nearest("zzzz", kWords), Eq(std::nullopt));
  EXPECT_THAT(Nearest("", kWords), Eq(std::nullopt));
  EXPECT_THAT(Nearest("x", std::array<std::string_view, 1>{"y"}), Eq(std::nullopt));
  EXPECT_THAT(Nearest(std::string(1000, 'l'), kWords), Eq(std::nullopt));
}

TEST(Nearest, NeverReachesFartherThanFourEdits) {
  const std::array<std::string_view, 1> long_word{"permitted_number_of_calls"};
  EXPECT_THAT(Nearest("permitted_number_of_xxxxs", long_word), Optional(long_word[0]));
  EXPECT_THAT(Nearest("permitted_number_of_xxxxx", long_word), Eq(std::nullopt));
}

TEST(Nearest, ASwapCountsOnce) {
  // Two changes would be too many for a text of two.
  EXPECT_THAT(Nearest("no", std::array<std::string_view, 1>{"on"}), Optional(Eq("on")));
}

TEST(Nearest, TiesGoToTheFirst) {
  EXPECT_THAT(Nearest("bat", std::array<std::string_view, 2>{"cat", "hat"}), Optional(Eq("cat")));
}

TEST(Nearest, SaysItAsAQuestionOrNotAtAll) {
  EXPECT_EQ(DidYouMean("brust", kWords), "; did you mean `burst`?");
  EXPECT_EQ(DidYouMean("zzzz", kWords), "");
}

}  // namespace
}  // namespace sluice::gateway::config
