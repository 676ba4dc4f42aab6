#include "sluice/platform/linux/command.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::platform {
namespace {

using namespace std::chrono_literals;

TEST(Command, GivesWhatItPrints) {
  const Result<std::string> printed = RunCommand("printf 'a\\nb'; echo c >&2", 1min, 100);
  ASSERT_TRUE(printed.has_value());
  EXPECT_EQ(*printed, "a\nb");
}

TEST(Command, ReadsNothingOfOurInput) {
  EXPECT_EQ(RunCommand("cat", 1min, 100).value(), "");
}

TEST(Command, FailsWithItsCode) {
  const Result<std::string> printed = RunCommand("echo half; exit 3", 1min, 100);
  ASSERT_FALSE(printed.has_value());
  EXPECT_EQ(printed.error().code, ErrorCode::kInputOutput);
  EXPECT_EQ(printed.error().detail, "it ended with 3");
  EXPECT_EQ(RunCommand("kill -9 $$", 1min, 100).error().detail, "it was ended by signal 9");
  EXPECT_EQ(RunCommand("no-such-command-anywhere 2>/dev/null", 1min, 100).error().detail,
            "it ended with 127");
}

TEST(Command, IsKilledWithItsChildrenWhenItTakesTooLong) {
  // The child keeps the pipe open, so this would last as long as the child does.
  const Result<std::string> printed = RunCommand("sleep 600 & sleep 600", 50ms, 100);
  ASSERT_FALSE(printed.has_value());
  EXPECT_EQ(printed.error().code, ErrorCode::kTimeout);
}

TEST(Command, PrintsNoMoreThanItMay) {
  EXPECT_EQ(RunCommand("printf 12345", 1min, 5).value(), "12345");
  EXPECT_EQ(RunCommand("printf 123456", 1min, 5).error().detail, "it printed more than 5 bytes");
  EXPECT_EQ(RunCommand("yes", 1min, 1000).error().code, ErrorCode::kInputOutput);
}

}  // namespace
}  // namespace sluice::platform
