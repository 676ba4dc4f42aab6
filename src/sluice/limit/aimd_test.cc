#include "sluice/limit/aimd.h"

#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WindowSample kGood{.latency = milliseconds(10), .inflight_max = 10, .successes = 100};
constexpr WindowSample kDropped{.latency = milliseconds(10), .inflight_max = 30, .drops = 1};

TEST(Aimd, D40GrowsByOneWhenInUseAndShrinksByAPartOnDrops) {
  Aimd grows({.bounds = {.initial = 20, .min = 1, .max = 200}});
  EXPECT_DOUBLE_EQ(grows.Update(kGood), 21);
  Aimd shrinks({.bounds = {.initial = 30, .min = 1, .max = 200}});
  EXPECT_DOUBLE_EQ(shrinks.Update(kDropped), 27);
  Aimd capped({.bounds = {.initial = 20, .min = 1, .max = 21}});
  static_cast<void>(capped.Update(kGood));
  EXPECT_DOUBLE_EQ(capped.Update({.latency = milliseconds(10), .inflight_max = 21}), 21);
}

TEST(Aimd, DoesNotGrowWhereTheLimitIsNotInUse) {
  Aimd aimd({.bounds = {.initial = 21}});
  EXPECT_DOUBLE_EQ(aimd.Update(kGood), 21);
}

TEST(Aimd, TakesALatencyBeyondTheTimeoutForADrop) {
  Aimd aimd({.bounds = {.initial = 30}, .timeout = seconds(5)});
  EXPECT_DOUBLE_EQ(aimd.Update({.latency = seconds(6), .inflight_max = 30, .successes = 9}), 27);
}

TEST(Aimd, StaysWithinItsBounds) {
  Aimd aimd({.bounds = {.initial = 5, .min = 5, .max = 10}});
  EXPECT_DOUBLE_EQ(aimd.Update(kDropped), 5);
  aimd.Tune({.bounds = {.min = 6, .max = 10}});
  EXPECT_DOUBLE_EQ(aimd.limit(), 6);
  aimd.Tune({.bounds = {.min = 1, .max = 3}});
  EXPECT_DOUBLE_EQ(aimd.limit(), 3);
}

}  // namespace
}  // namespace sluice::limit
