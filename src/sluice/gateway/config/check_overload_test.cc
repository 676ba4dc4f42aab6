#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A limit `x` that the route uses.
std::string WithConcurrency(std::string_view extra) {
  return Sample{.top = fmt::format("concurrency_limits: [{{name: x{}}}]", extra),
                .route = ", concurrency_limits: [x]"}
      .Text();
}

std::string WithOverload(std::string_view body) {
  return WithTop(fmt::format("overload: {{{}}}", body));
}

std::vector<std::string> ProblemsOfConcurrency(std::string_view extra) {
  return ProblemsOf(WithConcurrency(extra));
}

TEST(CheckOverload, TheWholeVocabularyIsTaken) {
  const std::string text =
      Sample{.top = R"(
concurrency_limits:
  - {name: inbound, algorithm: vegas, initial_limit: 20, min_limit: auto, max_limit: 1000,
     window: {min: 1s, max: 30s, min_samples: 50}, quantile: 0.9, baseline_window: 10,
     max_limit_factor: 5, smoothing: 0.5, backoff_ratio: 0.9,
     queue: {initial_rejection_factor: 2, max_rejection_factor: 3, order: lifo_when_overloaded,
             max_wait: 20ms, codel: {target_delay: 5ms, interval: 100ms}},
     partitions: {live: 0.9, batch: 0.1}, partition_by: {header: X-Lane}, status: 503}
  - {name: fixed, algorithm: fixed, limit: 100, mode: shadow}
overload:
  priority: {default: SHEDDABLE_PLUS, user_key: {header: X-User-Id}}
  controller: {interval: 100ms, signal: [queue_delay, concurrency, cpu], propagate: true}
  system: {cpu: {threshold: 80, bbr: true}, load1: 8, max_concurrency: 100, max_qps: 1e4,
           avg_rt: 1s}
  resources:
    refresh_interval: 250ms
    triggers:
      - {monitor: cgroup_memory, scaled: {scaling_threshold: 0.85, saturation_threshold: 0.95},
         action: reduce_timeouts}
      - {monitor: open_files, threshold: 0.9, action: stop_accepting_connections}
  status: 503
  mode: enforce
  enforce_percent: 50
)",
             .upstream = ", concurrency_limits: [fixed], admission_control: {aggression: 2}",
             .route = ", concurrency_limits: [inbound]"}
          .Text();
  EXPECT_THAT(ProblemsOf(text), IsEmpty());
  EXPECT_THAT(WarningsOf(text), IsEmpty());
  const LoadOutcome loaded = LoadConfig(text, "test.yaml");
  EXPECT_EQ(loaded.config.overload->priority.user_key.name, "x-user-id");
  EXPECT_EQ(loaded.config.concurrency_limits[0].partition_by->name, "x-lane");
}

TEST(CheckOverload, AFixedLimitNeedsItsLimitAndOnlyThatOne) {
  EXPECT_THAT(ProblemsOfConcurrency(", algorithm: fixed"),
              ElementsAre("concurrency_limits[0].limit: is required with `algorithm: fixed`"));
  EXPECT_THAT(ProblemsOfConcurrency(", limit: 5"),
              ElementsAre(HasSubstr("is only read with `algorithm: fixed`")));
}

TEST(CheckOverload, BoundsMustBeInOrder) {
  EXPECT_THAT(ProblemsOfConcurrency(", min_limit: 50, max_limit: 10"),
              ElementsAre(HasSubstr("min_limit: must be at most max_limit (10)")));
  EXPECT_THAT(ProblemsOfConcurrency(", window: {min: 2s, max: 1s}"),
              ElementsAre(HasSubstr("window.min: must be at most max (1s)")));
  EXPECT_THAT(ProblemsOfConcurrency(", queue: {max_rejection_factor: 1}"),
              ElementsAre(HasSubstr("must be at least initial_rejection_factor (2)")));
  EXPECT_THAT(ProblemsOfConcurrency(", queue: {codel: {target_delay: 5ms, interval: 1ms}}"),
              ElementsAre(HasSubstr("must be at least target_delay (5ms)")));
}

TEST(CheckOverload, PartitionsMustShareTheLimit) {
  EXPECT_THAT(ProblemsOfConcurrency(", partitions: {r: 0.6, b: 0.5}"),
              ElementsAre(HasSubstr("partitions: must add up to at most 1, got 1.1")));
  EXPECT_THAT(ProblemsOfConcurrency(", partitions: {r: 0}"),
              ElementsAre(HasSubstr("partitions.r: must be above 0")));
  EXPECT_THAT(ProblemsOfConcurrency(", partition_by: {header: x-lane}"),
              ElementsAre(HasSubstr("partition_by: needs `partitions`")));
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += fmt::format("{}p{}: 0.01", i == 0 ? "" : ", ", i);
  EXPECT_THAT(ProblemsOfConcurrency(fmt::format(", partitions: {{{}}}", many)),
              ElementsAre(HasSubstr("must be at most 16, got 17")));
  EXPECT_THAT(WarningsOf(WithConcurrency(", partitions: {other: 0.5}")),
              ElementsAre(HasSubstr("is no route's name")));
}

TEST(CheckOverload, NamesAreUniqueKnownAndUsed) {
  EXPECT_THAT(ProblemsOf(WithRoute(", concurrency_limits: [y]")),
              ElementsAre(HasSubstr("must name one of `concurrency_limits`, got \"y\"")));
  EXPECT_THAT(ProblemsOf(WithUpstream(", concurrency_limits: [y]")),
              ElementsAre(HasSubstr("upstreams[0].concurrency_limits[0]: must name one of")));
  EXPECT_THAT(ProblemsOf(Sample{.top = "concurrency_limits: [{name: inbound}]",
                                .route = ", concurrency_limits: [inbund]"}
                             .Text()),
              ElementsAre(HasSubstr("did you mean `inbound`?")));
  EXPECT_THAT(ProblemsOf(Sample{.top = "concurrency_limits: [{name: x}, {name: x}]",
                                .route = ", concurrency_limits: [x, x]"}
                             .Text()),
              ElementsAre(HasSubstr("stands in this list already"),
                          HasSubstr("must be unique, got \"x\" twice")));
  EXPECT_THAT(WarningsOf(WithTop("concurrency_limits: [{name: x}]")),
              ElementsAre(HasSubstr("is not used by any route or upstream")));
}

TEST(CheckOverload, ALimitIsNotCalledAsAGateOfTheGateway) {
  for (const std::string name : {"shed", "gateway"}) {
    EXPECT_THAT(ProblemsOf(Sample{.top = fmt::format("concurrency_limits: [{{name: {}}}]", name),
                                  .route = fmt::format(", concurrency_limits: [{}]", name)}
                               .Text()),
                ElementsAre(HasSubstr("concurrency_limits[0].name: must be another than")));
  }
}

TEST(CheckOverload, ARequestNeedsOneSlotOfALimitOnly) {
  EXPECT_THAT(
      ProblemsOf(Sample{.top = "concurrency_limits: [{name: x}, {name: y}]",
                        .upstream = ", concurrency_limits: [x]",
                        .route = ", concurrency_limits: [y, x]"}
                     .Text()),
      ElementsAre(HasSubstr("routes[0].concurrency_limits[1]: stands in those of upstream")));
}

TEST(CheckOverload, AQueueThatIsNotUsedIsWarnedOf) {
  EXPECT_THAT(WarningsOf(WithConcurrency(", queue: {}, mode: shadow")),
              ElementsAre(HasSubstr("queue: is not used")));
  EXPECT_THAT(WarningsOf(WithConcurrency(", queue: {}, enforce_percent: 50")),
              ElementsAre(HasSubstr("queue: is not used")));
  EXPECT_THAT(WarningsOf(WithConcurrency(", queue: {}")), IsEmpty());
}

TEST(CheckOverload, ATriggerHasOneKindOfThreshold) {
  const auto of = [](std::string_view trigger) {
    return ProblemsOf(WithOverload(fmt::format("resources: {{triggers: [{{{}}}]}}", trigger)));
  };
  EXPECT_THAT(of("monitor: open_files, action: disable_keepalive"),
              ElementsAre("overload.resources.triggers[0]: must have exactly one of threshold, "
                          "scaled"));
  EXPECT_THAT(of("monitor: open_files, threshold: 0.9, scaled: {}, action: disable_keepalive"),
              ElementsAre(HasSubstr("must have exactly one of threshold, scaled")));
  EXPECT_THAT(of("monitor: open_files, scaled: {scaling_threshold: 0.99}, action: reduce_timeouts"),
              ElementsAre(HasSubstr("must be at least scaling_threshold (0.99)")));
  EXPECT_THAT(of("monitor: open_files, threshold: 0.9, action: reset_largest_streams"), IsEmpty());
}

TEST(CheckOverload, ARouteAndItsUpstreamMayNotShareTheNameOfAThrottle) {
  EXPECT_THAT(
      ProblemsOf("listeners: [{name: l, listen: \"127.0.0.1:8080\"}]\n"
                 "upstreams: [{name: a, endpoints: [\"127.0.0.1:9001\"], admission_control: {}}]\n"
                 "routes: [{name: a, upstream: a, admission_control: {}}]\n"),
      ElementsAre(HasSubstr("would have the name of the admission control of upstream \"a\"")));
}

TEST(CheckOverload, ADenyingRouteHasNoLimits) {
  EXPECT_THAT(ProblemsOf("listeners: [{name: l, listen: \"127.0.0.1:8080\"}]\n"
                         "routes: [{name: r, action: deny, concurrency_limits: [x],\n"
                         "          admission_control: {}}]\n"
                         "concurrency_limits: [{name: x}]\n"),
              ElementsAre(HasSubstr("is not read with `action: deny`"),
                          HasSubstr("is not read with `action: deny`")));
}

}  // namespace
}  // namespace sluice::gateway::config
