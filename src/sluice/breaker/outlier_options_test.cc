#include "sluice/breaker/outlier_options.h"

#include <chrono>
#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::breaker {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

std::string ProblemsOf(const std::function<void(OutlierOptions&)>& change) {
  OutlierOptions options{.name = "pay"};
  change(options);
  ConfigProblems problems;
  Validate(options, "o", problems);
  std::string all;
  for (const ConfigProblem& problem : problems)
    all += problem.path + ": " + problem.text + "\n";
  return all;
}

TEST(OutlierOptions, DefaultsAreValid) {
  EXPECT_EQ(ProblemsOf([](OutlierOptions&) {}), "");
}

TEST(OutlierOptions, EachOptionOutOfItsRangeIsNamed) {
  using Options = OutlierOptions;
  EXPECT_THAT(ProblemsOf([](Options& o) { o.name = ""; }), HasSubstr("o.name: is required"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.enforce_percent = 101; }),
              HasSubstr("o.enforce_percent"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.consecutive_5xx = -1; }),
              HasSubstr("o.consecutive_5xx: must be 0..100000, got -1"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.consecutive_gateway_failure = -1; }),
              HasSubstr("o.consecutive_gateway_failure"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.consecutive_local_origin_failure = -1; }),
              HasSubstr("o.consecutive_local_origin_failure"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.interval = 1ms; }), HasSubstr("o.interval"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.success_rate_minimum_hosts = 0; }),
              HasSubstr("o.success_rate_minimum_hosts"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.success_rate_request_volume = 0; }),
              HasSubstr("o.success_rate_request_volume"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.success_rate_stdev_factor = -1; }),
              HasSubstr("o.success_rate_stdev_factor"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.failure_percentage_threshold = 101; }),
              HasSubstr("o.failure_percentage_threshold"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.failure_percentage_minimum_hosts = 0; }),
              HasSubstr("o.failure_percentage_minimum_hosts"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.failure_percentage_request_volume = 0; }),
              HasSubstr("o.failure_percentage_request_volume"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.latency_factor = 0.5; }),
              HasSubstr("o.latency_factor"));
  EXPECT_THAT(
      ProblemsOf([](Options& o) { o.latency_factor = std::numeric_limits<double>::quiet_NaN(); }),
      HasSubstr("o.latency_factor"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.latency_minimum = 2h; }),
              HasSubstr("o.latency_minimum"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.latency_minimum_hosts = 0; }),
              HasSubstr("o.latency_minimum_hosts"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.latency_request_volume = 0; }),
              HasSubstr("o.latency_request_volume"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.base_ejection_time = 0s; }),
              HasSubstr("o.base_ejection_time"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.max_ejection_time = 1s; }),
              HasSubstr("o.max_ejection_time"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.max_ejection_time_jitter = 2h; }),
              HasSubstr("o.max_ejection_time_jitter"));
  EXPECT_THAT(ProblemsOf([](Options& o) { o.max_ejection_percent = 101; }),
              HasSubstr("o.max_ejection_percent"));
}

}  // namespace
}  // namespace sluice::breaker
