// What only several settings together can break, and what is probably not meant.

#include "sluice/gateway/config/check.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(CheckListeners, TheAdminApiNeedsATokenBeyondThisMachine) {
  for (const std::string listen : {"0.0.0.0:7070", "10.0.0.1:7070", "[::]:7070"}) {
    EXPECT_THAT(ProblemsOf(WithTop(fmt::format("admin: {{listen: \"{}\"}}", listen))),
                ElementsAre(fmt::format("admin.listen: needs `admin.token_file` beyond this "
                                        "machine, got \"{}\"; set it, or listen on 127.0.0.1 or "
                                        "unix:/path",
                                        listen)));
    EXPECT_THAT(
        ProblemsOf(WithTop(fmt::format("admin: {{listen: \"{}\", token_file: t}}", listen))),
        IsEmpty());
  }
  for (const std::string listen : {"127.0.0.2:7070", "[::1]:7070", "unix:/x", "off"}) {
    EXPECT_THAT(ProblemsOf(WithTop(fmt::format("admin: {{listen: \"{}\"}}", listen))), IsEmpty());
  }
}

TEST(CheckListeners, AddressesDoNotClash) {
  const auto problem = [](std::string_view first, std::string_view second) {
    return ProblemsOf(
        fmt::format("listeners: [{{name: a, listen: \"{}\"}},\n"
                    "            {{name: b, listen: \"{}\"}}]\n"
                    "routes: [{{name: r, action: deny}}]",
                    first, second));
  };
  EXPECT_THAT(problem("127.0.0.1:80", "127.0.0.1:80"),
              ElementsAre("listeners[1].listen: clashes with listeners[0].listen, got "
                          "\"127.0.0.1:80\"; choose another port"));
  EXPECT_THAT(problem("0.0.0.0:80", "127.0.0.1:80").size(), 1U);
  EXPECT_THAT(problem("unix:/a", "unix:/a").size(), 1U);
  EXPECT_THAT(problem("127.0.0.1:80", "127.0.0.2:80"), IsEmpty());
  EXPECT_THAT(problem("127.0.0.1:0", "127.0.0.1:0"), IsEmpty());
  EXPECT_THAT(problem("0.0.0.0:80", "[::]:80"), IsEmpty());
  EXPECT_THAT(problem("127.0.0.1:7070", "127.0.0.1:80"),
              ElementsAre("listeners[0].listen: clashes with admin.listen, got \"127.0.0.1:7070\"; "
                          "choose another port"));
}

TEST(CheckUpstreams, KeysOfABreakerFitItsPlace) {
  const auto problem = [](std::string_view breaker) {
    return ProblemsOf(WithUpstream(fmt::format(", circuit_breaker: {{{}}}", breaker)));
  };
  EXPECT_THAT(problem("key: [{header: X-Tenant}], max_keys: 5"), IsEmpty());
  EXPECT_THAT(problem("max_keys: 5"),
              ElementsAre("upstreams[0].circuit_breaker.key: is required with max_keys and "
                          "on_keys_full"));
  EXPECT_THAT(problem("key: [{path_param: id}]"),
              ElementsAre("upstreams[0].circuit_breaker.key[0]: path_param is of a route: give the "
                          "route a circuit_breaker"));
  EXPECT_THAT(ProblemsOf(WithRoute(", circuit_breaker: {key: [{path_param: id}]}")),
              ElementsAre("routes[0].circuit_breaker.key[0]: needs {id} in match.path_template"));
}

TEST(CheckUpstreams, EjectionTimesAndFactorsFitTogether) {
  const auto problem = [](std::string_view outliers, std::string_view endpoints) {
    return ProblemsOf(
        fmt::format("listeners: [{{name: a, listen: \"127.0.0.1:1\"}}]\n"
                    "upstreams: [{{name: u, endpoints: [{}],\n"
                    "             outlier_detection: {{{}}}}}]\n"
                    "routes: [{{name: r, upstream: u}}]",
                    endpoints, outliers));
  };
  const std::string_view two = "\"10.0.0.1:80\", \"10.0.0.2:80\"";
  EXPECT_THAT(problem("", two), IsEmpty());
  EXPECT_THAT(problem("base_ejection_time: 10m", two),
              ElementsAre("upstreams[0].outlier_detection.max_ejection_time: must be at least "
                          "base_ejection_time (10m), got 5m"));
  EXPECT_THAT(problem("latency_factor: 0.5", two),
              ElementsAre("upstreams[0].outlier_detection.latency_factor: must be 0 or 1..1000, "
                          "got 0.5"));
  EXPECT_THAT(problem("interval: 1ms", two).size(), 1U);
  EXPECT_THAT(problem("", "\"a.test:80\""), IsEmpty());
}

TEST(Check, NamesAreUnique) {
  EXPECT_THAT(
      ProblemsOf("listeners: [{name: a, listen: \"127.0.0.1:1\"}, {name: a, listen: "
                 "\"127.0.0.1:2\"}]\n"
                 "upstreams: [{name: u, endpoints: [\"a:1\"]}, {name: u, endpoints: [\"a:1\"]}]\n"
                 "rate_limits: [{name: x, limit: 1}, {name: x, limit: 1}]\n"
                 "routes: [{name: r, upstream: u, rate_limits: [x]},\n"
                 "         {name: r, upstream: u, match: {host: b}}]"),
      ElementsAre("listeners[1].name: must be unique, got \"a\" twice",
                  "upstreams[1].name: must be unique, got \"u\" twice",
                  "rate_limits[1].name: must be unique, got \"x\" twice",
                  "routes[1].name: must be unique, got \"r\" twice"));
}

TEST(CheckListeners, TrustingEverybodyIsWarnedOf) {
  EXPECT_THAT(
      WarningsOf(WithListener(", trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]")),
      ElementsAre("listeners[0].trusted_proxies[1]: believes everybody: any client can then "
                  "choose its own address"));
}

TEST(CheckUpstreams, EndpointsAreUniqueHoweverTheyAreWritten) {
  EXPECT_THAT(ProblemsOf("listeners: [{name: a, listen: \"127.0.0.1:1\"}]\n"
                         "upstreams: [{name: u, endpoints: [\"a:80\", \"http://A\"]}]\n"
                         "routes: [{name: r, upstream: u}]"),
              ElementsAre("upstreams[0].endpoints[1]: must be unique, got \"http://A\" twice"));
}

TEST(CheckUpstreams, AnEndpointThatIsThisGatewayIsWarnedOf) {
  EXPECT_THAT(WarningsOf("listeners: [{name: a, listen: \"127.0.0.1:80\"}]\n"
                         "upstreams: [{name: u, endpoints: [\"http://127.0.0.1\"]}]\n"
                         "routes: [{name: r, upstream: u}]"),
              ElementsAre("upstreams[0].endpoints[0]: sends requests back to this gateway's own "
                          "listeners[0]"));
}

TEST(CheckUpstreams, ARingNeedsAKeyAndNothingElseHasOne) {
  EXPECT_THAT(ProblemsOf(WithUpstream(", load_balancing: ring_hash")),
              ElementsAre("upstreams[0].hash_on: is required with `load_balancing: ring_hash`; "
                          "write source_ip, path, {header: name} or {cookie: name}"));
  EXPECT_THAT(ProblemsOf(WithUpstream(", hash_on: path")),
              ElementsAre("upstreams[0].hash_on: is only read with `load_balancing: ring_hash`; "
                          "set that or remove it"));
  EXPECT_THAT(ProblemsOf(WithUpstream(", load_balancing: ring_hash, hash_on: {cookie: sid}")),
              IsEmpty());
}

TEST(CheckUpstreams, AnUncriticalOneWithoutAChainIsWarnedOf) {
  EXPECT_THAT(WarningsOf(WithUpstream(", critical: false")),
              ElementsAre("upstreams[0].critical: is false, but route \"r\" has no `degrade`: "
                          "without u it can only fail"));
  EXPECT_THAT(WarningsOf(Sample{.top = "degrade: {d: {chain: [{reject: {}}]}}",
                                .upstream = ", critical: false",
                                .route = ", degrade: d"}
                             .Text()),
              IsEmpty());
}

TEST(Check, WhatNobodyUsesIsWarnedOf) {
  EXPECT_THAT(WarningsOf("listeners: [{name: a, listen: \"127.0.0.1:1\"}]\n"
                         "upstreams: [{name: u, endpoints: [\"a:80\"]}]\n"
                         "rate_limits: [{name: x, limit: 1}]\n"
                         "degrade: {d: {chain: [{reject: {}}]}}\n"
                         "routes: [{name: r, action: deny}]"),
              ElementsAre("upstreams[0]: upstream \"u\" is not used by any route",
                          "rate_limits[0]: rate limit \"x\" is not used by any route",
                          "degrade.d: chain \"d\" is not used by any route"));
}

TEST(CheckBreaker, WaitsDoNotShrink) {
  EXPECT_THAT(ProblemsOf(WithUpstream(", circuit_breaker: {wait_duration_in_open_state: 2m}")),
              ElementsAre("upstreams[0].circuit_breaker.wait_backoff.max: must be at least "
                          "wait_duration_in_open_state (2m), got 1m"));
  EXPECT_THAT(ProblemsOf(WithRoute(", circuit_breaker: {wait_backoff: {max: 1s}}")),
              ElementsAre("routes[0].circuit_breaker.wait_backoff.max: must be at least "
                          "wait_duration_in_open_state (5s), got 1s"));
}

TEST(CheckBreaker, WhatACountWindowIgnoresIsWarnedOf) {
  EXPECT_THAT(WarningsOf(WithUpstream(", circuit_breaker: {minimum_number_of_calls: 20, "
                                      "sliding_window: {type: count, size: 10, buckets: 5}}")),
              ElementsAre("upstreams[0].circuit_breaker.minimum_number_of_calls: is 20, but the "
                          "window holds 10 calls and is judged when it is full",
                          "upstreams[0].circuit_breaker.sliding_window.buckets: is not read, "
                          "because a count window has no buckets"));
}

TEST(CheckRoutes, ReferencesNameTheNearestName) {
  EXPECT_THAT(ProblemsOf("listeners: [{name: a, listen: \"127.0.0.1:1\"}]\n"
                         "upstreams: [{name: booking, endpoints: [\"a:80\"]}]\n"
                         "rate_limits: [{name: per-user, limit: 1}]\n"
                         "degrade: {fallback: {chain: [{reject: {}}]}}\n"
                         "routes:\n"
                         "  - name: r\n"
                         "    upstream: bokking\n"
                         "    rate_limits: [per-usr]\n"
                         "    degrade: zzz\n"),
              ElementsAre("routes[0].upstream: must name one of `upstreams`, got \"bokking\"; did "
                          "you mean `booking`?",
                          "routes[0].rate_limits[0]: must name one of `rate_limits`, got "
                          "\"per-usr\"; did you mean `per-user`?",
                          "routes[0].degrade: must name one of `degrade`, got \"zzz\""));
}

TEST(CheckRoutes, ALimitStandsInARouteOnce) {
  EXPECT_THAT(ProblemsOf(Sample{.top = "rate_limits: [{name: x, limit: 1}]",
                                .route = ", rate_limits: [x, x]"}
                             .Text()),
              ElementsAre("routes[0].rate_limits[1]: must be unique, got \"x\" twice"));
}

TEST(CheckRoutes, AMatchHasOnePathAndOneRuleForEachField) {
  EXPECT_THAT(
      ProblemsOf(WithRoute(", match: {path_exact: /a, path_prefix: /b, headers: [{name: a}, "
                           "{name: a, exact: b, prefix: c}], query: [{name: a}, {name: a, "
                           "exact: b, present: true}]}")),
      ElementsAre("routes[0].match: must have at most one of path_exact, path_prefix, "
                  "path_template; write one route for each",
                  "routes[0].match.headers[0]: must have exactly one of exact, prefix, "
                  "regex, present",
                  "routes[0].match.headers[1]: must have exactly one of exact, prefix, "
                  "regex, present",
                  "routes[0].match.query[0]: must have exactly one of exact, present",
                  "routes[0].match.query[1]: must have exactly one of exact, present"));
}

TEST(CheckRoutes, ADenyingRouteHasNothingElseToDo) {
  std::vector<std::string> expected;
  for (const std::string field :
       {"upstream", "retry", "rate_limits", "degrade", "circuit_breaker", "prefix_rewrite"}) {
    expected.push_back("routes[0]." + field +
                       ": is not read with `action: deny`; remove it, or the action");
  }
  EXPECT_THAT(ProblemsOf("listeners: [{name: a, listen: \"127.0.0.1:1\"}]\n"
                         "routes: [{name: r, action: deny, upstream: u, retry: {}, rate_limits: "
                         "[x], degrade: d, circuit_breaker: {}, prefix_rewrite: /}]"),
              testing::ElementsAreArray(expected));
}

TEST(CheckRoutes, RetriesFitTogether) {
  EXPECT_THAT(ProblemsOf(WithRoute(", retry: {backoff: {base: 1s, max: 10ms}}")),
              ElementsAre("routes[0].retry.backoff.max: must be at least base (1s), got 10ms"));
  EXPECT_THAT(WarningsOf(WithRoute(", timeout: 1s, retry: {attempts: 1, per_try_timeout: 1s}")),
              ElementsAre("routes[0].retry.attempts: is 1, the first send included: nothing is "
                          "retried",
                          "routes[0].retry.per_try_timeout: is never reached, because the route's "
                          "timeout is 1s"));
}

TEST(CheckRoutes, ABreakerDoesNotShareItsNameWithItsUpstreams) {
  const std::string text =
      "listeners: [{name: a, listen: \"127.0.0.1:1\"}]\n"
      "upstreams: [{name: same, endpoints: [\"127.0.0.1:2\"], circuit_breaker: {}}]\n"
      "routes: [{name: same, upstream: same, circuit_breaker: {}}]";
  EXPECT_THAT(ProblemsOf(text),
              ElementsAre("routes[0].circuit_breaker: would have the name of the breaker of "
                          "upstream \"same\"; rename the route"));
}

TEST(CheckRoutes, ARewriteNeedsAPrefix) {
  EXPECT_THAT(ProblemsOf(WithRoute(", prefix_rewrite: /, match: {path_exact: /a}")),
              ElementsAre("routes[0].prefix_rewrite: needs `match.path_prefix`, which is what it "
                          "replaces"));
  EXPECT_THAT(ProblemsOf(WithRoute(", prefix_rewrite: /, match: {path_prefix: /a}")), IsEmpty());
}

TEST(CheckRoutes, APathParameterMustBeInTheTemplate) {
  const auto problem = [](std::string_view match) {
    return ProblemsOf(Sample{.top = "rate_limits: [{name: x, limit: 1, key: [{path_param: id}]}]",
                             .route = fmt::format(", rate_limits: [x], match: {{{}}}", match)}
                          .Text());
  };
  EXPECT_THAT(problem("path_template: \"/users/{id}\""), IsEmpty());
  const std::string said =
      "routes[0].rate_limits[0]: needs {id} in this route's match.path_template, because \"x\" is "
      "keyed by path_param id";
  EXPECT_THAT(problem("path_template: \"/users/{user}\""), ElementsAre(said));
  EXPECT_THAT(problem("path_prefix: /users"), ElementsAre(said));
}

TEST(CheckLimits, EachAlgorithmTakesWhatBelongsToIt) {
  for (const char* extra :
       {", algorithm: sliding_window, period: 1h", ", algorithm: fixed_window, period: month",
        ", algorithm: fixed_window, period: 5m", ", algorithm: sliding_log, period: 15m",
        ", algorithm: pacing, max_queueing_time: 2s", ", warm_up: {}",
        ", warm_up: {period: 30s, cold_factor: 1.5}, burst: 3", ", cost: {header: X-Cost}",
        ", scope: local, algorithm: gcra"}) {
    EXPECT_THAT(ProblemsOf(WithLimit(extra)), IsEmpty()) << extra;
  }
}

TEST(CheckLimits, WhatBelongsToAnotherAlgorithmIsAContradiction) {
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: sliding_window, burst: 3")),
              ElementsAre("rate_limits[0].burst: belongs to gcra, and `algorithm` is "
                          "sliding_window; remove it"));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: pacing, warm_up: {}, drain_on_reject: true")),
              ElementsAre("rate_limits[0].warm_up: belongs to gcra, and `algorithm` is pacing; "
                          "remove it",
                          "rate_limits[0].drain_on_reject: says nothing with pacing, which keeps "
                          "no tokens; remove it"));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: fixed_window, init_fill_ratio: 0.5")),
              ElementsAre("rate_limits[0].init_fill_ratio: belongs to gcra, and `algorithm` is "
                          "fixed_window; remove it"));
  EXPECT_THAT(ProblemsOf(WithLimit(", max_queueing_time: 1s")),
              ElementsAre("rate_limits[0].max_queueing_time: belongs to pacing, and `algorithm` is "
                          "gcra; remove it"));
  EXPECT_THAT(ProblemsOf(WithLimit(", period: day")),
              ElementsAre("rate_limits[0].period: must be a duration, because `algorithm` is gcra; "
                          "periods of the calendar belong to fixed_window"));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: fixed_window, key: [ip], overrides: {\"::1\": "
                                   "{limit: 1, burst: 2}}")),
              ElementsAre("rate_limits[0].overrides[\"::1\"].burst: belongs to gcra, and "
                          "`algorithm` is fixed_window; remove it"));
}

TEST(CheckLimits, PeriodsAreDurationsOrOfTheCalendar) {
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: fixed_window, period: mnth")),
              ElementsAre("rate_limits[0].period: must be a duration or one of minute, hour, day, "
                          "week, month, year, got \"mnth\"; did you mean `month`?"));
  EXPECT_THAT(ProblemsOf(WithLimit(", period: 60")),
              ElementsAre("rate_limits[0].period: needs a unit such as \"250ms\", got 60"));
}

TEST(CheckLimits, OnlyAKeyedRuleInShadowLearns) {
  EXPECT_THAT(ProblemsOf(WithLimit(", key: [ip], mode: shadow, learn: {for: 1h, headroom: 3}")),
              IsEmpty());
  EXPECT_THAT(ProblemsOf(WithLimit(", learn: {}")),
              ElementsAre("rate_limits[0].learn: must stand in a rule of `mode: shadow`: a limit "
                          "that still learns must refuse nobody; to enforce, remove learn and "
                          "write the limit that `sluice status --would-have` tells",
                          "rate_limits[0].learn: must stand beside `key`: what is learnt is how "
                          "much one of many asks"));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: pacing, key: [ip], mode: shadow, learn: {}")),
              ElementsAre("rate_limits[0].learn: belongs to gcra, and `algorithm` is pacing; "
                          "remove it"));
}

TEST(CheckLimits, WarmUpIsForWhatStandsBehind) {
  EXPECT_THAT(ProblemsOf(WithLimit(", warm_up: {}, key: [ip]")),
              ElementsAre("rate_limits[0].warm_up: must not stand beside `key`: what warms up is "
                          "what stands behind the gateway, not a user; put it into a limit of its "
                          "own without key"));
  EXPECT_THAT(
      ProblemsOf(WithLimit(", warm_up: {cold_factor: 1}, init_fill_ratio: 0")),
      ElementsAre("rate_limits[0].warm_up.cold_factor: must be above 1, got 1; without a "
                  "slower start remove warm_up",
                  "rate_limits[0].init_fill_ratio: must be 1 beside warm_up, which says how "
                  "the limit starts, got 0"));
}

TEST(CheckLimits, ALogIsSmall) {
  EXPECT_THAT(ProblemsOf(Sample{.top = "rate_limits: [{name: x, limit: 65, algorithm: sliding_log, "
                                       "key: [ip], max_keys: 1000001, overrides: {\"::1\": {limit: "
                                       "99}}}]",
                                .route = ", rate_limits: [x]"}
                             .Text()),
              ElementsAre("rate_limits[0].limit: must be at most 64 with sliding_log, which keeps "
                          "the time of each token, got 65; use gcra or sliding_window",
                          "rate_limits[0].max_keys: must be at most 1000000 with sliding_log, got "
                          "1000001",
                          "rate_limits[0].overrides[\"::1\"].limit: must be at most 64 with "
                          "sliding_log, which keeps the time of each token, got 99; use gcra or "
                          "sliding_window"));
}

TEST(CheckLimits, ACostIsANumberOrAHeader) {
  EXPECT_THAT(ProblemsOf(WithLimit(", cost: {cookie: c}")),
              ElementsAre("rate_limits[0].cost: must be one of header, got \"cookie\""));
  EXPECT_THAT(ProblemsOf(WithLimit(", cost: [1]")),
              ElementsAre("rate_limits[0].cost: must be one value or a mapping of one key, got a "
                          "list"));
  EXPECT_THAT(ProblemsOf(WithLimit(", cost: {header: \"no token\"}")), SizeIs(1));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: sliding_window, cost: 11")),
              ElementsAre("rate_limits[0].cost: must be at most the limit (10), got 11: no request "
                          "could ever pass"));
  EXPECT_THAT(ProblemsOf(WithLimit(", algorithm: pacing, cost: 7")),
              ElementsAre("rate_limits[0].cost: must be at most the number of places in the queue "
                          "(6), got 7: no request could ever pass"));
}

TEST(CheckLimits, ARequestMustFitIntoTheBurst) {
  EXPECT_THAT(ProblemsOf(WithLimit(", burst: 5, cost: 6")),
              ElementsAre("rate_limits[0].cost: must be at most the burst (5), got 6: no request "
                          "could ever pass"));
  EXPECT_THAT(
      ProblemsOf(
          WithLimit(", cost: 6, key: [{header: h}], overrides: {\"a.b\": {limit: 1, burst: 2}}")),
      ElementsAre("rate_limits[0].overrides[\"a.b\"].burst: must be at least the cost (6), got 2: "
                  "no request of this key could ever pass"));
}

TEST(CheckLimits, WhatIsByKeyNeedsAKey) {
  EXPECT_THAT(
      ProblemsOf(WithLimit(", overrides: {a: {limit: 1}}, max_keys: 5, on_table_full: deny")),
      ElementsAre("rate_limits[0].overrides: needs a `key`: without one all requests share "
                  "one bucket",
                  "rate_limits[0].max_keys: needs a `key`: without one all requests share "
                  "one bucket",
                  "rate_limits[0].on_table_full: needs a `key`: without one all requests "
                  "share one bucket"));
}

TEST(CheckLimits, AnOverrideHasTheShapeOfTheKey) {
  const auto problem = [](std::string_view key, std::string_view text) {
    return ProblemsOf(
        WithLimit(fmt::format(", key: [{}], overrides: {{\"{}\": {{limit: 1}}}}", key, text)));
  };
  EXPECT_THAT(problem("ip", "10.0.0.1"), IsEmpty());
  EXPECT_THAT(problem("{header: a}", "x|y"), IsEmpty());
  EXPECT_THAT(problem("{header: a}, ip, {generic: g}", "x|::1|g"), IsEmpty());
  EXPECT_THAT(problem("ip", "vip"),
              ElementsAre("rate_limits[0].overrides.vip: must be an address, got \"vip\""));
  EXPECT_THAT(
      problem("{header: a}, ip", "x"),
      ElementsAre("rate_limits[0].overrides.x: must have a part for each of the 2 of `key`, "
                  "joined by \"|\""));
  EXPECT_THAT(problem("{header: a}, {generic: g}", "x|y"),
              ElementsAre("rate_limits[0].overrides[\"x|y\"]: must be \"g\", got \"y\""));
}

TEST(CheckLimits, APaceIsOneThatCanBeKept) {
  EXPECT_THAT(ProblemsOf(WithLimit(", period: 1ms")), IsEmpty());
  EXPECT_THAT(ProblemsOf(Sample{.top = "rate_limits: [{name: x, limit: 1000000000, period: 10ms}]",
                                .route = ", rate_limits: [x]"}
                             .Text()),
              ElementsAre("rate_limits[0].limit: must be at most one a nanosecond, got 1000000000 "
                          "in 10ms; that is as good as no limit"));
  EXPECT_THAT(
      ProblemsOf(WithLimit(", period: 768h, burst: 32")),
      ElementsAre("rate_limits[0].burst: must refill within 100 days at this limit, got 32; "
                  "lower it or shorten the period"));
  EXPECT_THAT(ProblemsOf(WithLimit(", period: 768h, burst: 31")), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithLimit(", period: 768h, key: [ip], overrides: {\"::1\": {limit: 1, "
                                   "burst: 4}}")),
              ElementsAre("rate_limits[0].overrides[\"::1\"].burst: must refill within 100 days at "
                          "this limit, got 4; lower it or shorten the period"));
}

TEST(CheckLimits, AKeySeenFirstHasItsWholeBurst) {
  EXPECT_THAT(ProblemsOf(WithLimit(", init_fill_ratio: 0")), IsEmpty());
  EXPECT_THAT(
      ProblemsOf(WithLimit(", init_fill_ratio: 0, key: [ip]")),
      ElementsAre("rate_limits[0].init_fill_ratio: must be 1 with a `key`, got 0; a key not "
                  "seen before has its whole burst"));
}

TEST(CheckLimits, AKeyHasNoPartTwice) {
  EXPECT_THAT(ProblemsOf(WithLimit(", key: [ip, {header: A}, {header: a}]")),
              ElementsAre("rate_limits[0].key[2]: must be unique, and stands in this key already"));
}

TEST(CheckDegrade, AStepIsExactlyOneAnswer) {
  EXPECT_THAT(ProblemsOf(WithStep("")),
              ElementsAre("degrade.d.chain[0]: must have exactly one of stale_cache, "
                          "upstream, static, reject"));
  EXPECT_THAT(ProblemsOf(WithStep("reject: {}, static: {}")),
              ElementsAre("degrade.d.chain[0]: must have exactly one of stale_cache, "
                          "upstream, static, reject"));
}

TEST(CheckDegrade, AStaticAnswerHasAtMostOneBodyAndWhereItMay) {
  EXPECT_THAT(ProblemsOf(WithStep("static: {body: a, file: b}")),
              ElementsAre("degrade.d.chain[0].static: must have at most one of body, "
                          "template, file"));
  EXPECT_THAT(ProblemsOf(WithStep("static: {status: 204, body: a}")),
              ElementsAre("degrade.d.chain[0].static.status: must be one with a body, got 204; "
                          "remove the body"));
  EXPECT_THAT(ProblemsOf(WithStep("static: {status: 204}")), IsEmpty());
}

TEST(CheckDegrade, FieldsOfTheGatewayAreItsOwn) {
  EXPECT_THAT(ProblemsOf(WithStep("static: {headers: {Content-Length: \"5\"}}")),
              ElementsAre("degrade.d.chain[0].static.headers.content-length: must not be set here, "
                          "because the gateway writes it itself; remove it"));
  EXPECT_THAT(ProblemsOf(WithStep("static: {headers: {a: b, A: b}}")),
              ElementsAre("degrade.d.chain[0].static.headers.a: duplicate key; the names of header "
                          "fields have no case"));
}

TEST(CheckDegrade, AStepThatIsNeverReachedIsRefused) {
  EXPECT_THAT(ProblemsOf(WithStep("reject: {}}, {static: {}")),
              ElementsAre("degrade.d.chain[1]: is never reached, because a step before it answers "
                          "every method; remove it, or give that step `methods`"));
  EXPECT_THAT(ProblemsOf(WithStep("methods: [GET], static: {}}, {reject: {}")), IsEmpty());
}

TEST(CheckDegrade, AStepThatMayFailLeavesWorkForTheNext) {
  EXPECT_THAT(ProblemsOf(WithStep("stale_cache: {}}, {static: {}")), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithStep("max_concurrent: 5, static: {}}, {reject: {}")), IsEmpty());
}

TEST(CheckDegrade, AWriteIsNeverAnsweredWithOldData) {
  EXPECT_THAT(ProblemsOf(WithStep("methods: [GET, POST], stale_cache: {}")),
              ElementsAre("degrade.d.chain[0].methods[1]: must be GET or HEAD for stale_cache, got "
                          "\"POST\"; an old answer to a write would claim what did not happen"));
}

TEST(CheckDegrade, AChainHasOneCacheWithinItsBounds) {
  EXPECT_THAT(
      ProblemsOf(WithStep("stale_cache: {}}, {stale_cache: {}")),
      ElementsAre(
          "degrade.d.chain[1].stale_cache: must stand once in a chain, which has one cache"));
  EXPECT_THAT(ProblemsOf(WithStep("stale_cache: {max_bytes: 1MiB, max_answer_bytes: 256KiB}")),
              ElementsAre("degrade.d.chain[0].stale_cache.max_answer_bytes: must be at most an "
                          "eighth of max_bytes"));
  EXPECT_THAT(ProblemsOf(WithStep("stale_cache: {ignore: [cookie, cookie]}")).size(), 1U);
  EXPECT_THAT(ProblemsOf(WithStep("stale_cache: {key_headers: [A, a]}")).size(), 1U);
  EXPECT_THAT(ProblemsOf(WithStep("stale_cache: {ignore: [vary]}")).size(), 1U);
}

TEST(CheckDegrade, AnAlternativeIsOneOfTheUpstreams) {
  EXPECT_THAT(ProblemsOf(WithStep("upstream: {name: nobody}")),
              ElementsAre("degrade.d.chain[0].upstream.name: must name one of `upstreams`, got "
                          "\"nobody\""));
  EXPECT_THAT(ProblemsOf(WithStep("upstream: {}")),
              ElementsAre("degrade.d.chain[0].upstream.name: is required"));
}

TEST(CheckDegrade, ATemplateHasOnlyVariablesThatAreKnown) {
  EXPECT_THAT(ProblemsOf(WithStep("static: {template: \"{{path}} {{ header.a }}\"}")), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithStep("static: {template: \"{{body}}\"}")).size(), 1U);
  EXPECT_THAT(ProblemsOf(WithStep("static: {template: \"{{header.}}\"}")).size(), 1U);
  EXPECT_THAT(ProblemsOf(WithStep("static: {template: \"{{path\"}")),
              ElementsAre("degrade.d.chain[0].static.template: must close each `{{` with `}}`, got "
                          "\"{{path\""));
}

TEST(CheckDegrade, OnlyServerErrorsAreSubstituted) {
  EXPECT_THAT(ProblemsOf(Sample{.top = "degrade: {d: {statuses: [5xx, 404], chain: [{reject: "
                                       "{}}]}}",
                                .route = ", degrade: d"}
                             .Text()),
              ElementsAre("degrade.d.statuses[1]: must be within 500-599: any other status is an "
                          "answer, not an error"));
}

TEST(CheckDegrade, ATriggerStandsOnce) {
  EXPECT_THAT(ProblemsOf(Sample{.top = "degrade: {d: {on: [timeout, timeout], chain: [{reject: "
                                       "{}}]}}",
                                .route = ", degrade: d"}
                             .Text()),
              ElementsAre("degrade.d.on[1]: must be unique, and stands in this list already"));
}

// The warnings about two routes with these matches, in this order.
std::vector<std::string> Reachability(std::string_view first, std::string_view second) {
  const std::string text = fmt::format(
      "listeners: [{{name: l, listen: \"127.0.0.1:8080\"}}]\n"
      "routes: [{{name: one, action: deny, match: {{{}}}}},\n"
      "         {{name: two, action: deny, match: {{{}}}}}]\n",
      first, second);
  EXPECT_THAT(ProblemsOf(text), IsEmpty()) << text;
  return WarningsOf(text);
}

TEST(CheckReachable, ARouteBehindAnEqualOrWiderOneIsWarnedOf) {
  const std::string said =
      "routes[1]: is never reached, because route \"one\" before it takes all its requests; put it "
      "first or remove it";
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"", "path_prefix: /a, host: a, methods: [GET]"},
           {"path_exact: /a", "path_exact: /a"},
           {"path_prefix: /a", "path_exact: /a/b"},
           {"path_prefix: /a", "path_prefix: /a/b"},
           {"path_prefix: /a/", "path_prefix: /a/b"},
           {"path_prefix: /a", "path_template: \"/a/{x}\""},
           {"path_prefix: /a/", "path_template: \"/a/{x}\""},
           {"path_template: \"/a/{x}\"", "path_template: \"/a/{y}\""},
           {"host: \"*.b.c\"", "host: a.b.c"},
           {"host: \"*.b.c\"", "host: \"*.a.b.c\""},
           {"methods: [GET, POST]", "methods: [POST]"},
           {"headers: [{name: A, exact: x}]",
            "headers: [{name: b, exact: y}, {name: a, exact: x}]"},
           {"query: [{name: a, present: true}]", "query: [{name: a, present: true}], host: x"}}) {
    EXPECT_THAT(Reachability(first, second), ElementsAre(said)) << first << " / " << second;
  }
}

TEST(CheckReachable, ARouteThatTakesSomeRequestIsNot) {
  for (const auto& [first, second] : std::vector<std::pair<std::string, std::string>>{
           {"path_exact: /a", "path_prefix: /a"},
           {"path_prefix: /a", "path_exact: /ab"},
           {"path_prefix: /a/", "path_exact: /a"},
           {"path_prefix: /a/b", "path_template: \"/a/{x}\""},
           {"path_template: \"/a/{x}\"", "path_template: \"/b/{x}\""},
           {"path_template: \"/a/{x}\"", "path_prefix: /a"},
           {"host: \"*.b.c\"", "host: b.c"},
           {"host: \"*.b.c\"", "host: xb.c"},
           {"host: a", ""},
           {"methods: [GET]", "methods: [GET, POST]"},
           {"methods: [GET]", ""},
           {"headers: [{name: a, exact: x}]", "headers: [{name: a, exact: y}]"},
           {"headers: [{name: a, exact: x}]", ""},
           {"query: [{name: a, exact: x}]", "query: [{name: a, present: true}]"}}) {
    EXPECT_THAT(Reachability(first, second), IsEmpty()) << first << " / " << second;
  }
}

}  // namespace
}  // namespace sluice::gateway::config
