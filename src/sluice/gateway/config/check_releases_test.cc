// What a release's configuration must not say.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two upstreams, one route, and a release with `extra` in it.
std::string WithRelease(std::string_view extra,
                        std::string_view steps = "[{weight_percent: 10}]",
                        std::string_view pair = "stable: u, candidate: v") {
  return fmt::format(
      "listeners: [{{name: l, listen: \"127.0.0.1:8080\"}}]\n"
      "upstreams:\n"
      "  - {{name: u, endpoints: [\"127.0.0.1:9001\"]}}\n"
      "  - {{name: v, endpoints: [\"127.0.0.1:9002\"]}}\n"
      "  - {{name: w, endpoints: [\"127.0.0.1:9001\"]}}\n"
      "routes: [{{name: r, upstream: u}}, {{name: s, match: {{path_exact: /w}}, upstream: w}}]\n"
      "releases:\n"
      "  - {{name: x, {}, steps: {}{}}}\n",
      pair, steps, extra);
}

TEST(CheckReleases, AWholeOneIsFine) {
  EXPECT_THAT(ProblemsOf(WithRelease(
                  ", key: [{header: X-User-Id}, {cookie: uid}, client_ip], protect: true, "
                  "match: [{headers: [{name: x-beta, exact: \"yes\"}], sample_percent: 50}], "
                  "never: [{path_prefix: /pay}], judge: {alpha: 0.01, metrics: "
                  "[{name: errors, event: \"status >= 500\"}, {name: slow, quantiles: [50, 99]}]}",
                  "[{weight_percent: 1, bake: 5m}, {weight_percent: 100, approve: manual}]")),
              IsEmpty());
}

TEST(CheckReleases, NamesMustBeUpstreams) {
  EXPECT_THAT(ProblemsOf(WithRelease("", "[{weight_percent: 1}]", "stable: u, candidate: vv")),
              ElementsAre("releases[0].candidate: must name one of `upstreams`, got \"vv\"; did "
                          "you mean `v`?"));
}

TEST(CheckReleases, PlansThatCannotChangeTrafficAreRefused) {
  EXPECT_THAT(ProblemsOf(WithRelease("", "[{weight_percent: 0}]")),
              Contains(HasSubstr("releases[0].steps: must have a step with a weight above 0")));
  EXPECT_THAT(ProblemsOf(WithRelease("", "[{weight_percent: 1}]", "stable: v, candidate: u")),
              Contains(HasSubstr("releases[0].stable: must be the upstream of a route")));
  EXPECT_THAT(ProblemsOf(WithRelease("", "[{weight_percent: 1}]", "stable: u, candidate: w")),
              Contains(HasSubstr("releases[0].candidate: must have other endpoints")));
  EXPECT_THAT(ProblemsOf(WithRelease("", "[{weight_percent: 1}]", "stable: u, candidate: u")),
              Contains(HasSubstr("releases[0].candidate: must differ from `stable`")));
}

TEST(CheckReleases, WeightsThatGoDownMustSaySo) {
  constexpr std::string_view kDown = "[{weight_percent: 20}, {weight_percent: 10}]";
  EXPECT_THAT(ProblemsOf(WithRelease("", kDown)),
              ElementsAre(HasSubstr("releases[0].steps[1].weight_percent: must not be below")));
  EXPECT_THAT(ProblemsOf(WithRelease(", allow_decrease: true", kDown)), IsEmpty());
}

TEST(CheckReleases, AMetricMayReadBodies) {
  EXPECT_THAT(ProblemsOf(WithRelease(", judge: {metrics: [{name: m, event: \"body.code != 0\"}]}")),
              IsEmpty());
  EXPECT_THAT(ProblemsOf(WithRelease(", judge: {metrics: [{name: m, event: \"body.code\"}]}")),
              ElementsAre(HasSubstr("releases[0].judge.metrics[0].event: must be conditions")));
}

TEST(CheckReleases, AnUpstreamIsInOneReleaseOnly) {
  const std::string two = WithRelease("") +
                          "  - {name: y, stable: u, candidate: w, version: v2, "
                          "steps: [{weight_percent: 1}]}\n";
  EXPECT_THAT(ProblemsOf(two),
              ElementsAre(HasSubstr("releases[1].stable: must be in one release only")));
  const std::string same = WithRelease("") +
                           "  - {name: x, stable: w, candidate: v, "
                           "steps: [{weight_percent: 1}]}\n";
  EXPECT_THAT(ProblemsOf(same),
              Contains(HasSubstr("releases[1].name: must be unique, got \"x\" twice")));
}

TEST(CheckReleases, KeysOfAFleetAreNotYet) {
  EXPECT_THAT(ProblemsOf(WithRelease(", on_controller_lost: hold")),
              ElementsAre("releases[0].on_controller_lost: is not available yet; remove it"));
  EXPECT_THAT(ProblemsOf(WithRelease(", key: [{jwt: sub}]")), IsEmpty());
}

TEST(CheckReleases, HooksNeedAnAddressThatCanBeAsked) {
  EXPECT_THAT(ProblemsOf(WithRelease("",
                                     "[{weight_percent: 1, hooks: [{when: pre, url: "
                                     "\"http://127.0.0.1:9/ok\", on_failure: abort}]}]")),
              IsEmpty());
  EXPECT_THAT(
      ProblemsOf(WithRelease("", "[{weight_percent: 1, hooks: [{when: pre, url: \"ftp://h/\"}]}]")),
      ElementsAre(HasSubstr("releases[0].steps[0].hooks[0].url: must be a URL: ")));
  EXPECT_THAT(ProblemsOf(WithRelease(
                  "", "[{weight_percent: 1, hooks: [{when: pre, url: \"https://h/\"}]}]")),
              ElementsAre(HasSubstr("hooks[0].url: must begin with http://")));
}

TEST(CheckReleases, ACandidateIsNeverAskedInPanic) {
  const LoadOutcome loaded = LoadConfig(WithRelease(""), "test.yaml", {});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.config.upstreams[0].healthy_panic_threshold, 50);
  EXPECT_EQ(loaded.config.upstreams[1].healthy_panic_threshold, 0);
}

}  // namespace
}  // namespace sluice::gateway::config
