#include "sluice/release/event_test.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sluice::release {
namespace {

TEST(EventTest, StartsWithoutEvidence) {
  const EventTest test(1, kErrorRatios);
  EXPECT_DOUBLE_EQ(test.log_e(), 0);
}

TEST(EventTest, IsTheMixtureOfLikelihoodRatios) {
  // One event on the candidate at half the traffic: ratio r makes it r/(1+r) instead of 1/2.
  EventTest test(1, kErrorRatios);
  test.Add(0.5, 1, 0);
  double mean = 0;
  for (const double ratio : kErrorRatios)
    mean += 2 * ratio / (1 + ratio) / static_cast<double>(kErrorRatios.size());
  EXPECT_NEAR(std::exp(test.log_e()), mean, 1e-12);
}

TEST(EventTest, EventsOfStableSpeakForTheCandidate) {
  EventTest test(1, kErrorRatios);
  test.Add(0.1, 0, 20);
  EXPECT_LT(test.log_e(), 0);
}

TEST(EventTest, WithinTheToleranceEvidenceFalls) {
  EventTest strict(1, kErrorRatios);
  EventTest lenient(2, kErrorRatios);
  for (EventTest* test : {&strict, &lenient})
    test->Add(0.5, 2'000, 1'000);
  EXPECT_GT(strict.log_e(), std::log(1000));
  EXPECT_LT(lenient.log_e(), 0);
}

TEST(EventTest, ComparesNothingWithoutBothArms) {
  EventTest test(1, kErrorRatios);
  test.Add(0, 5, 0);
  test.Add(1, 5, 0);
  EXPECT_DOUBLE_EQ(test.log_e(), 0);
}

TEST(EventTest, SurvivesARestartToTheLastDigit) {
  EventTest test(1.2, kErrorRatios);
  test.Add(0.1, 3, 4);
  EventTest other(1.2, kErrorRatios);
  other.Restore(test.log_sums());
  EXPECT_DOUBLE_EQ(other.log_e(), test.log_e());
}

TEST(EventTest, MoreRequestsDetectSmallerRatios) {
  Exposure exposure{.tolerance = 1.2,
                    .log_threshold = std::log(1000),
                    .stable_rate = 0.005,
                    .candidate_requests = 1'000,
                    .stable_requests = 9'000};
  const double few = SmallestDetectableRatio(exposure);
  exposure.candidate_requests *= 100;
  exposure.stable_requests *= 100;
  const double many = SmallestDetectableRatio(exposure);
  EXPECT_GT(few, 3);
  EXPECT_LT(many, 1.8);
  EXPECT_GT(many, 1.2);
  exposure.candidate_requests = 0;
  EXPECT_EQ(SmallestDetectableRatio(exposure), 0);
}

}  // namespace
}  // namespace sluice::release
