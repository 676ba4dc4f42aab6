// The rule of each single value, and how it is said when it is broken.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FieldRules, CountsHaveARange) {
  EXPECT_THAT(ProblemsOf(WithLimit(", cost: 0")),
              ElementsAre("rate_limits[0].cost: must be 1..1000000, got 0"));
  EXPECT_THAT(ProblemsOf(WithLimit(", cost: 1.5")),
              ElementsAre("rate_limits[0].cost: must be a whole number of 1..1000000, got 1.5"));
  EXPECT_THAT(
      ProblemsOf(WithLimit(", cost: many")),
      ElementsAre("rate_limits[0].cost: must be a whole number of 1..1000000, got \"many\""));
  EXPECT_THAT(ProblemsOf(WithTop("workers: 0")),
              ElementsAre("workers: must be 1..1024 or auto, got 0"));
  EXPECT_THAT(ProblemsOf(WithTop("workers: auto")), IsEmpty());
}

TEST(FieldRules, ALimitOfZeroIsToldWhatToDoInstead) {
  EXPECT_THAT(
      ProblemsOf(Sample{.top = "rate_limits: [{name: x, limit: 0}]", .route = ", rate_limits: [x]"}
                     .Text()),
      ElementsAre("rate_limits[0].limit: must be 1..1000000000, got 0; to refuse every "
                  "request set the route's `action: deny` instead"));
}

TEST(FieldRules, DurationsNeedAUnitAndHaveARange) {
  EXPECT_THAT(ProblemsOf(WithRoute(", timeout: 250")),
              ElementsAre("routes[0].timeout: needs a unit such as \"250ms\", got 250"));
  EXPECT_THAT(ProblemsOf(WithRoute(", timeout: soon")),
              ElementsAre("routes[0].timeout: must be a duration such as \"250ms\", \"10s\" or "
                          "\"1m30s\", got \"soon\""));
  EXPECT_THAT(ProblemsOf(WithRoute(", timeout: 0s")),
              ElementsAre("routes[0].timeout: must be 1ms..24h, got \"0s\""));
}

TEST(FieldRules, SizesNeedAUnitAndHaveARange) {
  EXPECT_THAT(ProblemsOf(WithRoute(", max_body_bytes: 1000")),
              ElementsAre("routes[0].max_body_bytes: needs a unit such as \"64KiB\", got 1000"));
  EXPECT_THAT(
      ProblemsOf(WithRoute(", max_body_bytes: 1MB")),
      ElementsAre("routes[0].max_body_bytes: must be a size such as \"64KiB\", got \"1MB\""));
  EXPECT_THAT(
      ProblemsOf(WithListener(", limits: {max_headers: 100, max_header_bytes: 2MiB}")),
      ElementsAre("listeners[0].limits.max_header_bytes: must be 256B..1MiB, got \"2MiB\""));
}

TEST(FieldRules, RatesOfBytesMaySaySo) {
  const auto rate_of = [](std::string_view text) {
    const LoadOutcome outcome =
        LoadConfig(WithListener(fmt::format(", limits: {{body_min_rate: {}}}", text)), "test.yaml");
    EXPECT_EQ(FormatProblems(outcome), "");
    return outcome.config.listeners.at(0).limits.body_min_rate;
  };
  EXPECT_EQ(rate_of("2KiB/s"), 2048U);
  EXPECT_EQ(rate_of("2KiB"), 2048U);
  EXPECT_THAT(
      ProblemsOf(WithListener(", limits: {body_min_rate: 500}")),
      ElementsAre("listeners[0].limits.body_min_rate: needs a unit such as \"64KiB/s\", got "
                  "500"));
}

TEST(FieldRules, PercentagesAndRatiosHaveTheirRanges) {
  EXPECT_THAT(ProblemsOf(WithUpstream(", retry_budget: {budget_percent: 101}")),
              ElementsAre("upstreams[0].retry_budget.budget_percent: must be 0..100, got 101"));
  EXPECT_THAT(ProblemsOf(WithUpstream(", circuit_breaker: {failure_rate_threshold: 0}")),
              ElementsAre("upstreams[0].circuit_breaker.failure_rate_threshold: must be 0.1..100, "
                          "got 0"));
  EXPECT_THAT(ProblemsOf(WithLimit(", near_limit_ratio: 80")),
              ElementsAre("rate_limits[0].near_limit_ratio: must be 0..1, got 80"));
  EXPECT_THAT(
      ProblemsOf(WithLimit(", near_limit_ratio: most")),
      ElementsAre("rate_limits[0].near_limit_ratio: must be a number of 0..1, got \"most\""));
}

TEST(FieldRules, SwitchesAreTrueOrFalse) {
  EXPECT_THAT(ProblemsOf(WithRoute(", upgrade: off")),
              ElementsAre("routes[0].upgrade: must be true or false, got \"off\""));
  EXPECT_THAT(ProblemsOf(WithRoute(", upgrade: yes")),
              ElementsAre("routes[0].upgrade: must be true or false, got \"yes\""));
}

TEST(FieldRules, WordsNameTheNearestOne) {
  EXPECT_THAT(ProblemsOf(WithUpstream(", load_balancing: least_requests")),
              ElementsAre("upstreams[0].load_balancing: must be one of round_robin, random, "
                          "least_request, ring_hash, got \"least_requests\"; did you mean "
                          "`least_request`?"));
  EXPECT_THAT(ProblemsOf(WithLimit(", mode: off")),
              ElementsAre("rate_limits[0].mode: must be one of enforce, shadow, disabled, got "
                          "\"off\""));
}

TEST(FieldRules, NamesFitIntoMetricsAndHeaders) {
  const std::vector<std::string> names{"\"\"", "-x", "a b", "ä", "\"a\nb\"", std::string(65, 'a')};
  for (const std::string& name : names) {
    EXPECT_THAT(
        ProblemsOf(fmt::format("listeners: [{{name: {}, listen: \"127.0.0.1:1\"}}]\n"
                               "routes: [{{name: r, action: deny}}]",
                               name)),
        ElementsAre(testing::StartsWith("listeners[0].name: must be 1..64 letters, digits")))
        << name;
  }
}

TEST(FieldRules, AddressesAndBlocksAreLiteral) {
  EXPECT_THAT(ProblemsOf(WithTop("admin: {listen: \"localhost:7070\"}")),
              ElementsAre("admin.listen: must be an address such as \"127.0.0.1:8080\", "
                          "\"[::1]:8080\" or \"unix:/path\", got \"localhost:7070\""));
  EXPECT_THAT(ProblemsOf(WithTop("admin: {listen: off}")), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithTop("admin: {listen: \"unix:/run/sluice.sock\"}")), IsEmpty());
  EXPECT_THAT(ProblemsOf(WithListener(", trusted_proxies: [10.0.0.0/8, \"::1\", 10.0.0.0/33]")),
              ElementsAre("listeners[0].trusted_proxies[2]: must be an address or a block such as "
                          "\"10.0.0.0/8\", got \"10.0.0.0/33\""));
}

TEST(FieldRules, HostsHaveNoPort) {
  const auto problem = [](std::string_view host) {
    return ProblemsOf(WithRoute(fmt::format(", match: {{host: \"{}\"}}", host)));
  };
  EXPECT_THAT(problem("shop.example.com"), IsEmpty());
  EXPECT_THAT(problem("*.example.com"), IsEmpty());
  EXPECT_THAT(problem("[::1]"), IsEmpty());
  for (const std::string_view host : {"a:80", "a..b", "a.*", "*", "http://a", ".a", "a."}) {
    EXPECT_THAT(problem(host),
                ElementsAre(fmt::format("routes[0].match.host: must be a host without a port such "
                                        "as \"shop.example.com\" or \"*.example.com\", got \"{}\"",
                                        host)));
  }
}

TEST(FieldRules, PathsAreInNormalForm) {
  const auto problem = [](std::string_view path) {
    return ProblemsOf(WithRoute(fmt::format(", match: {{path_prefix: '{}'}}", path)));
  };
  EXPECT_THAT(problem("/a//b;c=%20~"), IsEmpty());
  EXPECT_THAT(problem("search"),
              ElementsAre("routes[0].match.path_prefix: must begin with `/`, got \"search\""));
  for (const std::string_view path : {"/a b", "/a?b", "/a#b", "/a\\b", "/ä"}) {
    EXPECT_THAT(problem(path),
                ElementsAre(fmt::format("routes[0].match.path_prefix: must be a path without "
                                        "spaces, `?`, `#`, `\\` and non-ASCII (write \"%20\" for a "
                                        "space), got \"{}\"",
                                        path)));
  }
  for (const std::string_view path :
       {"/%61", "/%2f", "/%2F", "/%5C", "/%00", "/%", "/%2", "/%zz"}) {
    EXPECT_THAT(problem(path),
                ElementsAre(fmt::format("routes[0].match.path_prefix: must be in normal form: two "
                                        "upper-case digits after `%`, and no escape where the "
                                        "character itself can stand, got \"{}\"",
                                        path)));
  }
  for (const std::string_view path : {"/a/../b", "/.", "/a/./b", "/.."}) {
    EXPECT_THAT(problem(path),
                ElementsAre(fmt::format("routes[0].match.path_prefix: must be in normal form: no "
                                        "`.` or `..` segment, got \"{}\"",
                                        path)));
  }
}

TEST(FieldRules, TemplatesNameWholeSegmentsOnce) {
  const auto problem = [](std::string_view path) {
    return ProblemsOf(WithRoute(fmt::format(", match: {{path_template: \"{}\"}}", path)));
  };
  const std::string at = "routes[0].match.path_template: ";
  EXPECT_THAT(problem("/users/{id}/orders/{order_2}"), IsEmpty());
  EXPECT_THAT(problem("/users/"), ElementsAre(at + "must name a segment such as {id} (without one "
                                                   "use path_exact), got \"/users/\""));
  EXPECT_THAT(problem("users/{id}"), ElementsAre(at + "must begin with `/`, got \"users/{id}\""));
  EXPECT_THAT(problem("/{a}/{a}"), ElementsAre(at + "must use each name once, and `{a}` stands "
                                                    "twice, got \"/{a}/{a}\""));
  for (const std::string path : {"/x{id}", "/{id}x", "/{}", "/{1}", "/{a", "/a}", "/{a-b}"}) {
    EXPECT_THAT(problem(path), ElementsAre(at +
                                           "must name whole segments, as in "
                                           "\"/users/{id}/orders\", got \"" +
                                           path + "\""));
  }
  EXPECT_THAT(problem("/../{a}"), ElementsAre(at + "must be in normal form: no `.` or `..` "
                                                   "segment, got \"/../{a}\""));
  std::string many;
  for (char c = 'a'; c <= 'i'; ++c)
    many += fmt::format("/{{{}}}", c);
  EXPECT_THAT(problem(many), ElementsAre(testing::StartsWith(at + "must name at most 8 segments")));
}

TEST(FieldRules, MethodsAndFieldNamesAreTokens) {
  EXPECT_THAT(ProblemsOf(WithRoute(", match: {methods: [get]}")),
              ElementsAre("routes[0].match.methods[0]: must be a method in upper case such as GET, "
                          "got \"get\""));
  EXPECT_THAT(ProblemsOf(WithRoute(", match: {headers: [{name: \"a b\", present: true}]}")),
              ElementsAre("routes[0].match.headers[0].name: must be a token: letters, digits and "
                          "!#$%&'*+-.^_`|~, got \"a b\""));
  EXPECT_THAT(ProblemsOf(WithStep("static: {headers: {\"a:\": b}}")),
              ElementsAre("degrade.d.chain[0].static.headers[\"a:\"]: a key must be a token: "
                          "letters, digits and !#$%&'*+-.^_`|~, got \"a:\""));
}

TEST(FieldRules, FieldValuesCannotBreakTheMessage) {
  EXPECT_THAT(ProblemsOf(WithStep("static: {headers: {a: \"x\\r\\ny: z\"}}")),
              ElementsAre("degrade.d.chain[0].static.headers.a: must not hold control characters, "
                          "got \"x\\x0d\\x0ay: z\""));
  EXPECT_THAT(
      ProblemsOf(WithStep("static: {headers: {a: \" x\"}}")),
      ElementsAre("degrade.d.chain[0].static.headers.a: must not begin or end with a space, "
                  "got \" x\""));
}

TEST(FieldRules, ExpressionsAreThoseOfRe2) {
  const auto problem = [](std::string_view regex) {
    return ProblemsOf(
        WithRoute(fmt::format(", match: {{headers: [{{name: a, regex: '{}'}}]}}", regex)));
  };
  EXPECT_THAT(problem("^v[0-9]+$"), IsEmpty());
  EXPECT_THAT(problem("("),
              ElementsAre("routes[0].match.headers[0].regex: must be a regular expression of RE2 "
                          "(missing ): (), got \"(\""));
  EXPECT_THAT(problem("(?=x)"), ElementsAre(testing::HasSubstr("must be a regular expression")));
  EXPECT_THAT(problem(std::string(1025, 'a')),
              ElementsAre(testing::HasSubstr("regex: must have at most 1024 characters, got")));
}

TEST(FieldRules, StatusesAreSingleClassesOrRanges) {
  const LoadOutcome outcome = LoadConfig(
      WithUpstream(", circuit_breaker: {record: {statuses: [503, 5xx, 500-504, \"429\"]}}"),
      "test.yaml");
  ASSERT_EQ(FormatProblems(outcome), "");
  EXPECT_THAT(outcome.config.upstreams.at(0).circuit_breaker->record.statuses,
              ElementsAre(StatusRange{503, 503}, StatusRange{500, 599}, StatusRange{500, 504},
                          StatusRange{429, 429}));
  for (const std::string_view bad : {"6xx", "99", "600", "504-500", "5x", "x", "500-", "-3"}) {
    EXPECT_THAT(ProblemsOf(WithUpstream(
                    fmt::format(", circuit_breaker: {{ignore: {{statuses: [\"{}\"]}}}}", bad))),
                ElementsAre(testing::StartsWith("upstreams[0].circuit_breaker.ignore.statuses[0]: "
                                                "must be a status such as 503, 5xx or 500-504, "
                                                "got ")))
        << bad;
  }
}

TEST(FieldRules, RetryConditionsAreWordsOrStatuses) {
  const LoadOutcome outcome = LoadConfig(
      WithRoute(", retry: {on: [connect_failure, reset, timeout, \"503\", 5xx]}"), "test.yaml");
  ASSERT_EQ(FormatProblems(outcome), "");
  const std::vector<RetryCondition>& on = outcome.config.routes.at(0).retry->on;
  ASSERT_EQ(on.size(), 5U);
  EXPECT_EQ(on[2].on, RetryOn::kTimeout);
  EXPECT_EQ(on[3].statuses, (StatusRange{503, 503}));
  EXPECT_EQ(on[4].statuses, (StatusRange{500, 599}));
  EXPECT_THAT(
      ProblemsOf(WithRoute(", retry: {on: [conect_failure]}")),
      ElementsAre("routes[0].retry.on[0]: must be one of connect_failure, reset, timeout or "
                  "a status such as 503 or 5xx, got \"conect_failure\"; did you mean "
                  "`connect_failure`?"));
}

TEST(FieldRules, AWindowsSizeFollowsItsType) {
  const auto window_of = [](std::string_view text) {
    const LoadOutcome outcome =
        LoadConfig(WithUpstream(fmt::format(", circuit_breaker: {{sliding_window: {{{}}}}}", text)),
                   "test.yaml");
    EXPECT_EQ(FormatProblems(outcome), "");
    return outcome.config.upstreams.at(0).circuit_breaker->sliding_window;
  };
  EXPECT_EQ(window_of("size: 30s").time_size, 30s);
  EXPECT_EQ(window_of("type: count, size: 50").call_size, 50);
  // The order of keys in the text does not matter.
  EXPECT_EQ(window_of("size: 50, type: count").call_size, 50);

  const std::string at = "upstreams[0].circuit_breaker.sliding_window.size: ";
  const auto problem = [](std::string_view text) {
    return ProblemsOf(
        WithUpstream(fmt::format(", circuit_breaker: {{sliding_window: {{{}}}}}", text)));
  };
  EXPECT_THAT(problem("size: 100"),
              ElementsAre(at + "needs a unit such as \"10s\", because type is time, got 100"));
  EXPECT_THAT(problem("type: count, size: 10s"),
              ElementsAre(at + "must be a number of calls, because type is count, got \"10s\""));
  EXPECT_THAT(problem("size: 1ms"), ElementsAre(at + "must be 100ms..1h, got \"1ms\""));
  EXPECT_THAT(problem("type: count, size: 0"), ElementsAre(at + "must be 1..100000, got 0"));
}

TEST(FieldRules, KeysOfALimitAreWordsOrPairs) {
  const LoadOutcome outcome = LoadConfig(
      WithLimit(", key: [ip, {header: x-user}, {cookie: sid}, {generic: all}]"), "test.yaml");
  ASSERT_EQ(FormatProblems(outcome), "");
  EXPECT_THAT(
      outcome.config.rate_limits.at(0).key,
      ElementsAre(RateKeyPart{RateKeyKind::kIp, ""}, RateKeyPart{RateKeyKind::kHeader, "x-user"},
                  RateKeyPart{RateKeyKind::kCookie, "sid"},
                  RateKeyPart{RateKeyKind::kGeneric, "all"}));
  const std::string at = "rate_limits[0].key[0]";
  const auto problem = [](std::string_view part) {
    return ProblemsOf(WithLimit(fmt::format(", key: [{}]", part)));
  };
  EXPECT_THAT(problem("{ip: 24}"), ElementsAre(at + ": takes nothing; write the bare word `ip`"));
  EXPECT_THAT(problem("header"), ElementsAre(at + ": needs a text; write {header: …}"));
  EXPECT_THAT(problem("{header: [a]}"), ElementsAre(at + ": needs a text; write {header: …}"));
  EXPECT_THAT(problem("{hedder: a}"),
              ElementsAre(at + ": must be one of ip, header, cookie, path_param, generic, got "
                               "\"hedder\"; did you mean `header`?"));
  EXPECT_THAT(problem("{header: a, cookie: b}"),
              ElementsAre(at + ": must be one word or a mapping of one key, got a mapping"));
  EXPECT_THAT(problem("{header: \"a b\"}"),
              ElementsAre(at + ".header: must be a token: letters, digits and !#$%&'*+-.^_`|~, got "
                               "\"a b\""));
  EXPECT_THAT(problem("{generic: \"\"}"),
              ElementsAre(at + ".generic: must not be empty, got \"\""));
}

TEST(FieldRules, HealthChecksMayHaveAQuery) {
  EXPECT_THAT(ProblemsOf(WithUpstream(", health_check: {path: \"/up?deep=1\", host: \"a:80\"}")),
              IsEmpty());
  EXPECT_THAT(
      ProblemsOf(WithUpstream(", health_check: {path: \"/up?a b\"}")),
      ElementsAre("upstreams[0].health_check.path: must have a query without spaces, `#` and "
                  "non-ASCII, got \"/up?a b\""));
  EXPECT_THAT(ProblemsOf(WithUpstream(", health_check: {path: /, host: \"a:b\"}")),
              ElementsAre("upstreams[0].health_check.host: must be a host, with a port or without, "
                          "such as \"shop.example.com:8080\", got \"a:b\""));
}

TEST(FieldRules, FilesHaveANameWithoutControlCharacters) {
  EXPECT_THAT(ProblemsOf(WithTop("data_dir: \"\"")),
              ElementsAre("data_dir: must not be empty, got \"\""));
  EXPECT_THAT(ProblemsOf(WithTop("data_dir: \"a\\0b\"")),
              ElementsAre("data_dir: must not hold control characters, got \"a\\x00b\""));
}

TEST(FieldRules, WhatIsShownIsShortAndWhole) {
  const std::string said =
      ProblemsOf(WithRoute(", timeout: \"" + std::string(59, 'x') + "ä\"")).at(0);
  EXPECT_TRUE(said.ends_with("got \"" + std::string(59, 'x') + "…\"")) << said;
}

TEST(FieldRules, CodesOfGrpcAreWritten) {
  const LoadOutcome outcome = LoadConfig(
      WithUpstream(", circuit_breaker: {record: {grpc: [UNKNOWN, DATA_LOSS]}, ignore: {grpc: []}}"),
      "test.yaml");
  ASSERT_TRUE(outcome.ok());
  const BreakerConfig& breaker = *outcome.config.upstreams.at(0).circuit_breaker;
  EXPECT_THAT(breaker.record.grpc, ElementsAre(GrpcStatus::kUnknown, GrpcStatus::kDataLoss));
  EXPECT_THAT(breaker.ignore.grpc, IsEmpty());
  for (std::size_t i = 0; i < kGrpcStatuses; ++i) {
    const auto status = static_cast<GrpcStatus>(i);
    const LoadOutcome one = LoadConfig(
        WithUpstream(fmt::format(", circuit_breaker: {{record: {{grpc: [{}]}}}}", NameOf(status))),
        "test.yaml");
    ASSERT_TRUE(one.ok()) << NameOf(status);
    EXPECT_THAT(one.config.upstreams.at(0).circuit_breaker->record.grpc, ElementsAre(status));
  }
  EXPECT_THAT(ProblemsOf(WithUpstream(", circuit_breaker: {record: {grpc: [UNAVAILBLE]}}")),
              ElementsAre(::testing::AllOf(
                  ::testing::StartsWith("upstreams[0].circuit_breaker.record.grpc[0]: must be"),
                  ::testing::HasSubstr("UNAVAILABLE"))));
}

TEST(FieldRules, AStreamMayBeSilentForAsLongAsTheRouteSays) {
  const LoadOutcome outcome = LoadConfig(WithRoute(", stream_idle_timeout: 5m"), "test.yaml");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.config.routes.at(0).stream_idle_timeout, 5min);
  EXPECT_THAT(ProblemsOf(WithRoute(", stream_idle_timeout: 0s")),
              ElementsAre("routes[0].stream_idle_timeout: must be 100ms..24h, got \"0s\""));
}

}  // namespace
}  // namespace sluice::gateway::config
