#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kUserWarning =
    "degrade.d.chain[1].stale_cache.key_headers: does not have \"x-user-id\", by which guards of "
    "route \"r\" tell its callers apart: the kept answer of one could be given to another; add it, "
    "unless all get the same answer";

Sample WithCache(std::string_view cache) {
  return {.top = fmt::format("degrade: {{d: {{chain: [{{upstream: {{name: u}}}}, "
                             "{{stale_cache: {{{}}}}}]}}}}",
                             cache),
          .route = ", degrade: d"};
}

// With a rate limit of the route by `key`.
std::string WithLimitBy(std::string_view key, std::string_view cache) {
  Sample sample = WithCache(cache);
  sample.top += fmt::format("\nrate_limits: [{{name: x, limit: 10, key: [{}]}}]", key);
  sample.route += ", rate_limits: [x]";
  return sample.Text();
}

TEST(CheckStaleCache, AFieldThatTellsCallersApartAndIsNoKeyIsWarnedOf) {
  EXPECT_THAT(WarningsOf(WithLimitBy("{header: X-User-Id}, ip", "")), ElementsAre(kUserWarning));
  Sample of_route = WithCache("key_headers: [a]");
  of_route.route += ", circuit_breaker: {key: [{header: X-User-Id}]}";
  EXPECT_THAT(WarningsOf(of_route.Text()), ElementsAre(kUserWarning));
  Sample of_upstream = WithCache("");
  of_upstream.upstream = ", circuit_breaker: {key: [{header: X-User-Id}]}";
  EXPECT_THAT(WarningsOf(of_upstream.Text()), ElementsAre(kUserWarning));
}

TEST(CheckStaleCache, AKeyThatHasTheFieldIsFine) {
  EXPECT_THAT(WarningsOf(WithLimitBy("{header: X-User-Id}", "key_headers: [X-USER-ID]")),
              IsEmpty());
}

TEST(CheckStaleCache, FieldsThatTheCacheKnowsAndOtherKeysAreFine) {
  EXPECT_THAT(WarningsOf(WithLimitBy("{header: Authorization}, {header: Cookie}", "")), IsEmpty());
  EXPECT_THAT(WarningsOf(WithLimitBy("ip, {generic: x-user-id}", "")), IsEmpty());
}

}  // namespace
}  // namespace sluice::gateway::config
