#include "sluice/limit/gradient2.h"

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;

WindowSample Saturated(double limit, Nanos latency) {
  return {.latency = latency,
          .inflight_max = static_cast<std::int64_t>(limit) + 1,
          .successes = 100,
          .was_full = true};
}

TEST(Gradient2, D41ClimbsByItsQueueWhileTheLatencyIsFlat) {
  Gradient2 gradient({});
  double expected = 20;
  for (int i = 0; i < 10; ++i) {
    expected += 0.8;
    EXPECT_NEAR(gradient.Update(Saturated(gradient.limit(), milliseconds(10))), expected, 1e-9);
  }
  EXPECT_NEAR(gradient.limit(), 28.0, 1e-9);
}

TEST(Gradient2, D41FallsWhenTheLatencyTriples) {
  Gradient2 gradient({.bounds = {.initial = 100}});
  // The long-term latency is learnt without the limit in use.
  for (int i = 0; i < 10; ++i) {
    static_cast<void>(
        gradient.Update({.latency = milliseconds(10), .inflight_max = 1, .successes = 100}));
  }
  EXPECT_DOUBLE_EQ(gradient.limit(), 100);
  for (const double expected : {90.87, 82.70, 75.40, 68.86, 63.00}) {
    EXPECT_NEAR(gradient.Update(Saturated(gradient.limit(), milliseconds(30))), expected, 0.01);
  }
}

TEST(Gradient2, D41StaysWhereLessThanHalfIsInUse) {
  Gradient2 gradient({.bounds = {.initial = 100}});
  EXPECT_DOUBLE_EQ(
      gradient.Update({.latency = milliseconds(30), .inflight_max = 49, .successes = 100}), 100);
}

TEST(Gradient2, ShrinksOnDrops) {
  Gradient2 gradient({.bounds = {.initial = 100}});
  EXPECT_DOUBLE_EQ(gradient.Update({.inflight_max = 100, .drops = 3}), 90);
}

TEST(Gradient2, StaysWithinItsBounds) {
  Gradient2 gradient({.bounds = {.initial = 20, .min = 4, .max = 21}});
  for (int i = 0; i < 5; ++i)
    static_cast<void>(gradient.Update(Saturated(gradient.limit(), milliseconds(10))));
  EXPECT_DOUBLE_EQ(gradient.limit(), 21);
  gradient.Tune({.bounds = {.min = 1, .max = 8}});
  EXPECT_DOUBLE_EQ(gradient.limit(), 8);
}

}  // namespace
}  // namespace sluice::limit
