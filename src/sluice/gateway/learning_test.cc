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
}

}  // namespace
}  // namespace sluice::gateway
