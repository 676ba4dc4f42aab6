#include "sluice/breaker/options.h"

#include <chrono>
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

std::string ProblemsOf(const BreakerOptions& options) {
  ConfigProblems problems;
  Validate(options, "circuit_breaker", problems);
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.path + ": " + problem.text + "\n";
  }
  return text;
}

template <typename Change>
std::string With(Change change) {
  BreakerOptions options{.name = "pay"};
  change(options);
  return ProblemsOf(options);
}

TEST(BreakerOptions, TheDefaultsNeedOnlyAName) {
  EXPECT_EQ(ProblemsOf({.name = "pay"}), "");
  EXPECT_THAT(ProblemsOf({}), HasSubstr("circuit_breaker.name: is required"));
}

TEST(BreakerOptions, EachOptionOutOfItsRangeIsNamed) {
  using O = BreakerOptions;
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(With([](O& o) { o.enforce_percent = -1; }), HasSubstr("enforce_percent"));
  EXPECT_THAT(With([](O& o) { o.sliding_window.length = 1ms; }),
              HasSubstr("sliding_window.size: must be 100..3600000 ms, got 1 ms"));
  EXPECT_THAT(With([](O& o) { o.sliding_window.buckets = 0; }),
              HasSubstr("sliding_window.buckets"));
  EXPECT_THAT(With([](O& o) {
                o.sliding_window.type = WindowType::kCount;
                o.sliding_window.calls = 0;
              }),
              HasSubstr("sliding_window.size: must be 1..100000, got 0"));
  EXPECT_THAT(With([](O& o) { o.minimum_number_of_calls = 0; }), HasSubstr("minimum_number"));
  EXPECT_THAT(With([](O& o) { o.failure_rate_threshold = 0; }),
              HasSubstr("failure_rate_threshold: must be over 0 and at most 100 percent, got 0"));
  EXPECT_THAT(With([nan](O& o) { o.failure_rate_threshold = nan; }), HasSubstr("failure_rate"));
  EXPECT_THAT(With([](O& o) { o.slow_call_rate_threshold = 101; }), HasSubstr("slow_call_rate"));
  EXPECT_THAT(With([](O& o) { o.slow_call_duration_threshold = 2h; }), HasSubstr("slow_call_dur"));
  EXPECT_THAT(With([](O& o) { o.consecutive_failures = -1; }), HasSubstr("consecutive_failures"));
  EXPECT_THAT(With([](O& o) { o.wait_duration_in_open_state = 0s; }), HasSubstr("wait_duration"));
  EXPECT_THAT(With([](O& o) { o.wait_backoff.multiplier = 0.5; }), HasSubstr("multiplier"));
  EXPECT_THAT(With([](O& o) { o.wait_backoff.max = 1s; }), HasSubstr("wait_backoff.max"));
  EXPECT_THAT(With([](O& o) { o.wait_backoff.jitter_ratio = 0.6; }),
              HasSubstr("wait_backoff.jitter"));
  EXPECT_THAT(With([](O& o) { o.permitted_number_of_calls_in_half_open_state = 0; }),
              HasSubstr("permitted_number_of_calls_in_half_open_state"));
  EXPECT_THAT(With([](O& o) { o.max_wait_duration_in_half_open_state = 0s; }),
              HasSubstr("max_wait_duration_in_half_open_state"));
  EXPECT_THAT(With([](O& o) { o.probe_timeout = 0s; }), HasSubstr("probe_timeout"));
  EXPECT_THAT(With([](O& o) { o.recovery_ramp.length = -1s; }), HasSubstr("recovery_ramp.window"));
  EXPECT_THAT(With([](O& o) { o.recovery_ramp.min_percent = 101; }), HasSubstr("min_percent"));
  EXPECT_THAT(With([](O& o) { o.recovery_ramp.aggression = 0; }), HasSubstr("aggression"));
}

TEST(BreakerOptions, AllProblemsAreReportedAtOnce) {
  ConfigProblems problems;
  Validate(BreakerOptions{.enforce_percent = 200, .minimum_number_of_calls = 0}, "b", problems);
  EXPECT_EQ(problems.size(), 3U);
}

}  // namespace
}  // namespace sluice::breaker
