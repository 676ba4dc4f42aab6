#include "sluice/gateway/learning.h"

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

TEST(LimitFor, LeavesHeadroomAboveTheBusiestKey) {
  EXPECT_EQ(LimitFor(12.4, 1s, 2, 1), 25);
  EXPECT_EQ(LimitFor(12.4, 1min, 2, 1), 1488);
}

TEST(LimitFor, NeverFallsBelowTheConfiguredLimit) {
  EXPECT_EQ(LimitFor(0, 1s, 2, 10), 10);
  EXPECT_EQ(LimitFor(4, 1s, 2, 10), 10);
}

TEST(LimitFor, StaysWhatALimitMayBe) {
  EXPECT_EQ(LimitFor(1e12, 1s, 100, 1), 1'000'000'000);
  EXPECT_EQ(LimitFor(1e12, 1ms, 100, 1), 1'000'000);
}

TEST(TimeLeft, CountsFromTheFirstRequest) {
  constexpr SteadyTime kStart{1h};
  Lesson lesson;
  EXPECT_EQ(Learning::TimeLeft(lesson, 5min, kStart), 5min);
  lesson.phase = Lesson::Phase::kLearning;
  lesson.began = kStart;
  EXPECT_EQ(Learning::TimeLeft(lesson, 5min, kStart + 2min), 3min);
  EXPECT_EQ(Learning::TimeLeft(lesson, 5min, kStart + 6min), 0min);
  lesson.phase = Lesson::Phase::kOver;
  EXPECT_EQ(Learning::TimeLeft(lesson, 5min, kStart), 0min);
}

}  // namespace
}  // namespace sluice::gateway
