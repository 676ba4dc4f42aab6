#include "tests/sim/prometheus_text.h"

#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

constexpr std::string_view kText = R"(# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{route="a",code="200"} 3
requests_total{route="b",code="200"} 4 1700000000
requests_total{route="a \"x\"",code="503"} 5
# TYPE empty_total counter
plain 2.5
)";

TEST(PrometheusText, SumsTheSamplesThatHaveAllLabels) {
  EXPECT_EQ(SumOf(kText, "requests_total"), 12);
  EXPECT_EQ(SumOf(kText, R"(requests_total{code="200"})"), 7);
  EXPECT_EQ(SumOf(kText, R"(requests_total{code="200",route="b"})"), 4);
  EXPECT_EQ(SumOf(kText, R"(requests_total{route="a \"x\""})"), 5);
  EXPECT_EQ(SumOf(kText, "plain"), 2.5);
}

TEST(PrometheusText, IsZeroForAKnownMetricWithoutSuchASample) {
  EXPECT_EQ(SumOf(kText, R"(requests_total{code="404"})"), 0);
  EXPECT_EQ(SumOf(kText, "empty_total"), 0);
}

TEST(PrometheusText, DoesNotTakeAMisspeltLabelForACounterAtZero) {
  EXPECT_EQ(SumOf(kText, R"(requests_total{upstream="a"})"), std::nullopt);
  EXPECT_EQ(SumOf(kText, R"(requests_total{route="a",upstream="a"})"), std::nullopt);
}

TEST(PrometheusText, KnowsNothingOfOtherMetricsNorOfMalformedOnes) {
  EXPECT_EQ(SumOf(kText, "requests"), std::nullopt);
  EXPECT_EQ(SumOf(kText, "other_total"), std::nullopt);
  EXPECT_EQ(SumOf(kText, ""), std::nullopt);
  EXPECT_EQ(SumOf(kText, "requests_total{code}"), std::nullopt);
  EXPECT_EQ(SumOf(kText, R"(requests_total{code="200)"), std::nullopt);
}

}  // namespace
}  // namespace sluice::scenario
