#include "sluice/limit/rate_limit_options.h"

#include <array>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::limit {
namespace {

using std::chrono_literals::operator""s;
using testing::HasSubstr;

constexpr std::array kAllAlgorithms = {Algorithm::kGcra, Algorithm::kSlidingWindow,
                                       Algorithm::kFixedWindow, Algorithm::kSlidingLog,
                                       Algorithm::kPacing};

RateLimitOptions TwoASecond() {
  return {.name = "per-user", .limit = 2, .burst = 2};
}

RateLimitOptions Of(Algorithm algorithm) {
  return {.name = "r", .algorithm = algorithm, .limit = 10};
}

std::string ProblemsOf(const RateLimitOptions& options) {
  ConfigProblems problems;
  Validate(options, "rate_limits[0]", problems);
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.path + ": " + problem.text + "\n";
  }
  return text;
}

TEST(RateLimitOptions, EachOptionOutOfItsRangeIsNamed) {
  EXPECT_EQ(ProblemsOf(TwoASecond()), "");
  const auto with = [](auto change) {
    RateLimitOptions options = TwoASecond();
    change(options);
    return ProblemsOf(options);
  };
  using O = RateLimitOptions;
  EXPECT_THAT(with([](O& o) { o.name = ""; }), HasSubstr("rate_limits[0].name: is required"));
  EXPECT_THAT(with([](O& o) { o.period = 0s; }), HasSubstr("rate_limits[0].period"));
  EXPECT_THAT(with([](O& o) { o.burst = -1; }), HasSubstr("rate_limits[0].burst"));
  EXPECT_THAT(with([](O& o) { o.init_fill_ratio = 2; }), HasSubstr("init_fill_ratio"));
  EXPECT_THAT(with([](O& o) { o.cost = 0; }), HasSubstr("cost: must be 1..1000000"));
  EXPECT_THAT(with([](O& o) { o.cost = 3; }), HasSubstr("must not be above the burst of 2"));
  EXPECT_THAT(with([](O& o) { o.enforce_percent = 101; }), HasSubstr("enforce_percent"));
  EXPECT_THAT(with([](O& o) { o.near_limit_ratio = -1; }), HasSubstr("near_limit_ratio"));
  EXPECT_THAT(with([](O& o) { o.overrides = {{.key_hash = 1, .limit = 1}}; }),
              HasSubstr("overrides: need a `key`"));
}

TEST(RateLimitOptions, ProblemsOfKeyedRulesAreNamedWithTheirPlace) {
  RateLimitOptions options = TwoASecond();
  options.keying = Keying::kKeyed;
  options.max_keys = 0;
  options.init_fill_ratio = 0.5;
  options.overrides = {{.key_hash = 1, .limit = 0}, {.key_hash = 1, .limit = 5}};
  const std::string text = ProblemsOf(options);
  EXPECT_THAT(text, HasSubstr("rate_limits[0].max_keys"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].init_fill_ratio: must be 1 with a `key`"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].overrides[0].limit"));
  EXPECT_THAT(text, HasSubstr("rate_limits[0].overrides[1]: is for the same key"));
}

TEST(RateLimitOptions, WhatDoesNotGoTogetherIsNamed) {
  const auto with = [](Algorithm algorithm, auto change) {
    RateLimitOptions options = Of(algorithm);
    change(options);
    return ProblemsOf(options);
  };
  using O = RateLimitOptions;
  using A = Algorithm;
  for (const Algorithm algorithm : kAllAlgorithms)
    EXPECT_EQ(with(algorithm, [](O&) {}), "");
  EXPECT_THAT(with(A::kSlidingWindow, [](O& o) { o.burst = 3; }),
              HasSubstr("burst: belongs to gcra, and `algorithm` is sliding_window"));
  EXPECT_THAT(with(A::kFixedWindow, [](O& o) { o.init_fill_ratio = 0; }),
              HasSubstr("init_fill_ratio: belongs to gcra"));
  EXPECT_THAT(with(A::kPacing, [](O& o) { o.warm_up = WarmUpOptions(); }),
              HasSubstr("warm_up: belongs to gcra, and `algorithm` is pacing"));
  EXPECT_THAT(with(A::kGcra, [](O& o) { o.calendar = Calendar::kDay; }),
              HasSubstr("period: must be a duration with gcra"));
  EXPECT_THAT(with(A::kPacing, [](O& o) { o.drain_on_reject = true; }),
              HasSubstr("drain_on_reject: says nothing with pacing"));
  EXPECT_THAT(with(A::kGcra,
                   [](O& o) {
                     o.warm_up = WarmUpOptions();
                     o.keying = Keying::kKeyed;
                   }),
              HasSubstr("warm_up: needs one bucket for all"));
  EXPECT_THAT(with(A::kGcra,
                   [](O& o) {
                     o.warm_up = WarmUpOptions();
                     o.init_fill_ratio = 0;
                   }),
              HasSubstr("init_fill_ratio: must be 1 with warm_up"));
  EXPECT_THAT(with(A::kGcra, [](O& o) { o.warm_up = WarmUpOptions{.cold_factor = 1}; }),
              HasSubstr("rate_limits[0].warm_up.cold_factor"));
  EXPECT_THAT(with(A::kSlidingLog, [](O& o) { o.limit = 65; }),
              HasSubstr("limit: must be at most 64 with sliding_log"));
  EXPECT_THAT(with(A::kSlidingLog,
                   [](O& o) {
                     o.keying = Keying::kKeyed;
                     o.max_keys = 1'000'001;
                   }),
              HasSubstr("max_keys: must be 1..1000000"));
  EXPECT_THAT(with(A::kSlidingLog, [](O& o) { o.cost = 11; }),
              HasSubstr("cost: must not be above what is admitted at once, 10"));
  EXPECT_THAT(with(A::kPacing, [](O& o) { o.cost = 7; }), HasSubstr("cost: must not be above"));
  EXPECT_THAT(with(A::kPacing, [](O& o) { o.max_queueing_time = 61s; }),
              HasSubstr("max_queueing_time: must be 0..1 min"));
  EXPECT_THAT(with(A::kFixedWindow,
                   [](O& o) {
                     o.keying = Keying::kKeyed;
                     o.overrides = {{.key_hash = 1, .limit = 1, .burst = 2}};
                   }),
              HasSubstr("overrides[0].burst: belongs to gcra"));
}

}  // namespace
}  // namespace sluice::limit
