// How text becomes a Config: places, keys, references to the environment, JSON, reports.

#include "sluice/gateway/config/load.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/findings.h"
#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(LoadConfig, TheSampleIsRightAndHasTheDefaults) {
  const LoadOutcome outcome = LoadConfig(Sample{}.Text(), "test.yaml");
  EXPECT_EQ(FormatProblems(outcome), "");
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.config.admin.listen, "127.0.0.1:7070");
  ASSERT_THAT(outcome.config.listeners, SizeIs(1));
  EXPECT_EQ(outcome.config.listeners[0].limits.idle_timeout, 60s);
  EXPECT_EQ(outcome.config.listeners[0].limits.body_min_rate, 500U);
  ASSERT_THAT(outcome.config.routes, SizeIs(1));
  EXPECT_EQ(outcome.config.routes[0].timeout, 15s);
  EXPECT_EQ(outcome.config.workers, 0);
}

TEST(LoadConfig, ReportsAllProblemsAtOnceInTheOrderOfTheirPlaces) {
  const LoadOutcome outcome = LoadConfig(
      "routes:\n"
      "  - name: r\n"
      "    upstream: bokking\n"
      "    timeout: 800\n"
      "listeners:\n"
      "  - {name: l, listen: here}\n"
      "upstreams:\n"
      "  - {name: booking, endpoints: [\"127.0.0.1:9001\"], brust: 1}\n",
      "sluice.yaml");
  EXPECT_EQ(FormatProblems(outcome),
            "sluice.yaml:3:15: routes[0].upstream: must name one of `upstreams`, got \"bokking\"; "
            "did you mean `booking`?\n"
            "sluice.yaml:4:14: routes[0].timeout: needs a unit such as \"250ms\", got 800\n"
            "sluice.yaml:6:23: listeners[0].listen: must be an address such as "
            "\"127.0.0.1:8080\", \"[::1]:8080\" or \"unix:/path\", got \"here\"\n"
            "sluice.yaml:8:52: upstreams[0].brust: unknown key; known here are name, endpoints, "
            "load_balancing, hash_on, health_check, healthy_panic_threshold, connect_timeout, "
            "max_connections, max_pending, idle_timeout, max_requests_per_connection, "
            "circuit_breaker, outlier_detection, slow_start, admission_control, "
            "concurrency_limits, retry_budget, critical, host_header\n");
}

TEST(LoadConfig, SyntaxErrorsHaveTheirPlace) {
  const LoadOutcome outcome = LoadConfig("a: {\n", "x.yaml");
  EXPECT_EQ(FormatProblems(outcome), "x.yaml:2:1: is no YAML: end of map flow not found\n");
}

TEST(LoadConfig, NothingIsNoConfiguration) {
  const LoadOutcome outcome = LoadConfig("# later\n", "x.yaml");
  EXPECT_EQ(FormatProblems(outcome),
            "x.yaml: is empty; a configuration needs listeners, upstreams and routes\n");
  EXPECT_THAT(ProblemsOf("[]"), ElementsAre("must be a mapping, got a list"));
  EXPECT_THAT(ProblemsOf("hello"), ElementsAre("must be a mapping, got \"hello\""));
}

TEST(LoadConfig, WhatIsRequiredIsMissedWhereItShouldStand) {
  EXPECT_THAT(ProblemsOf("{}"), ElementsAre("listeners: is required", "routes: is required"));
  EXPECT_THAT(ProblemsOf("listeners: [{}]\nroutes: [{}]\nupstreams: [{}]"),
              ElementsAre("listeners[0].name: is required", "listeners[0].listen: is required",
                          "routes[0].name: is required",
                          "routes[0].upstream: is required unless `action: deny`",
                          "upstreams[0].name: is required", "upstreams[0].endpoints: is required"));
}

TEST(LoadConfig, UnknownKeysNameTheNearestKnownOne) {
  EXPECT_THAT(ProblemsOf(WithLimit(", brust: 20")),
              ElementsAre("rate_limits[0].brust: unknown key; did you mean `burst`?"));
  EXPECT_THAT(ProblemsOf(WithTop("drain: {zzz: 1}")),
              ElementsAre("drain.zzz: unknown key; known here are lame_duck, drain_timeout"));
  EXPECT_THAT(ProblemsOf(WithTop("drain: {\"a.b\\n\": 1}")),
              ElementsAre("drain[\"a.b\\x0a\"]: unknown key; known here are lame_duck, "
                          "drain_timeout"));
  EXPECT_THAT(ProblemsOf(WithTop("drain: {<<: {}}")),
              ElementsAre("drain[\"<<\"]: merge keys are not read; repeat the settings"));
}

TEST(LoadConfig, KeysOfLaterVersionsAreNotCalledUnknown) {
  for (const std::string key : {"warmups", "mirrors", "diffs", "stores"}) {
    EXPECT_THAT(ProblemsOf(WithTop(key + ": {}")),
                ElementsAre(key + ": is not available yet; remove it"));
  }
  for (const std::string key : {"tls", "http2"}) {
    EXPECT_THAT(ProblemsOf(WithUpstream(", " + key + ": {}")),
                ElementsAre("upstreams[0]." + key + ": is not available yet; remove it"));
  }
  for (const std::string key : {"store", "lease", "on_store_failure"}) {
    EXPECT_THAT(ProblemsOf(WithLimit(", " + key + ": x")),
                ElementsAre("rate_limits[0]." + key + ": is not available yet; remove it"));
  }
  EXPECT_THAT(ProblemsOf(WithListener(", tls: {}")),
              ElementsAre("listeners[0].tls: is not available yet; remove it"));
  EXPECT_THAT(ProblemsOf(WithStep("reject: {}, partial: {}")),
              ElementsAre("degrade.d.chain[0].partial: is not available yet; remove it"));
}

TEST(LoadConfig, WordsOfLaterVersionsAreNotCalledWrong) {
  EXPECT_THAT(ProblemsOf(WithLimit(", scope: global")),
              ElementsAre("rate_limits[0].scope: \"global\" is not available yet: it arrives with "
                          "the distributed limits; until then give each gateway its share of the "
                          "limit"));
  EXPECT_THAT(ProblemsOf(WithLimit(", key: [{jwt_claim: sub}]")),
              ElementsAre("rate_limits[0].key[0]: \"jwt_claim\" is not available yet"));
}

TEST(LoadConfig, ADuplicateKeyNamesTheFirst) {
  EXPECT_THAT(ProblemsOf("drain: {}\n" + WithTop("drain: {}")),
              ElementsAre("drain: duplicate key; it stands in line 1 already"));
  EXPECT_THAT(
      ProblemsOf(WithLimit(", key: [{header: h}], overrides: {a: {limit: 1}, a: {limit: 2}}")),
      ElementsAre("rate_limits[0].overrides.a: duplicate key; it stands in line 4 already"));
}

TEST(LoadConfig, KeysAreTexts) {
  EXPECT_THAT(ProblemsOf(WithTop("drain: {[a]: 1}")),
              ElementsAre("drain: a key must be a text, got a list"));
}

TEST(LoadConfig, ShapesAreCalledByTheirNames) {
  EXPECT_THAT(ProblemsOf(WithTop("drain:")),
              ElementsAre("drain: must be a mapping, got nothing; write {} for the defaults"));
  EXPECT_THAT(ProblemsOf(WithTop("drain: 5")), ElementsAre("drain: must be a mapping, got 5"));
  EXPECT_THAT(ProblemsOf(WithTop("rate_limits:")),
              ElementsAre("rate_limits: must be a list, got nothing; write [] for none"));
  EXPECT_THAT(ProblemsOf(WithRoute(", match: {methods: GET}")),
              ElementsAre("routes[0].match.methods: must be a list, got \"GET\"; write it in [ ]"));
  EXPECT_THAT(ProblemsOf(WithTop("degrade: []")),
              ElementsAre("degrade: must be a mapping, got a list"));
  EXPECT_THAT(ProblemsOf(WithTop("degrade:")),
              ElementsAre("degrade: must be a mapping, got nothing; write {} for none"));
  EXPECT_THAT(ProblemsOf(WithTop("data_dir: [x]")),
              ElementsAre("data_dir: must be a file, got a list"));
  EXPECT_THAT(ProblemsOf(WithTop("workers: {}")),
              ElementsAre("workers: must be a count (1..1024 or auto), got a mapping"));
  EXPECT_THAT(ProblemsOf(WithTop("data_dir:")),
              ElementsAre("data_dir: must be a file, got nothing"));
}

TEST(LoadConfig, ListsHaveBounds) {
  EXPECT_THAT(ProblemsOf("listeners: []\nroutes: [{name: r, action: deny}]"),
              ElementsAre("listeners: must have 1..100 entries, got 0"));
  std::string limits;
  for (int i = 0; i < 17; ++i)
    limits += "x,";
  EXPECT_THAT(ProblemsOf(WithRoute(", rate_limits: [" + limits + "]")),
              ElementsAre("routes[0].rate_limits: must have 0..16 entries, got 17"));
}

TEST(LoadConfig, ARefusedValueIsNotBlamedTwice) {
  EXPECT_THAT(ProblemsOf(WithRoute(", degrade: \"no name\"")),
              ElementsAre("routes[0].degrade: must be 1..64 letters, digits, `-`, `_` or `.`, the "
                          "first a letter or digit, got \"no name\""));
}

TEST(LoadConfig, ReferencesToTheEnvironmentWorkInEveryValue) {
  LoadOptions options;
  options.environment = [](const std::string& name) {
    return name == "N" ? std::optional<std::string>("7") : std::nullopt;
  };
  const LoadOutcome outcome =
      LoadConfig(WithLimit(", burst: \"${N}\", period: \"${P:-2s}\", key: [{header: \"x-${N}\"}]"),
                 "test.yaml", options);
  ASSERT_EQ(FormatProblems(outcome), "");
  EXPECT_EQ(outcome.config.rate_limits[0].burst, 7);
  EXPECT_EQ(outcome.config.rate_limits[0].period, 2s);
  EXPECT_EQ(outcome.config.rate_limits[0].key[0].name, "x-7");
}

TEST(LoadConfig, AMissingVariableIsAProblemOfItsValue) {
  const LoadOutcome outcome = LoadConfig(WithTop("data_dir: ${SLUICE_DIR}"), "test.yaml");
  EXPECT_EQ(FormatProblems(outcome),
            "test.yaml:4:11: data_dir: needs the environment variable SLUICE_DIR, which is not "
            "set; set it or write ${SLUICE_DIR:-default}\n");
}

TEST(LoadConfig, JsonIsReadAlike) {
  const LoadOutcome outcome = LoadConfig(
      R"({"listeners":[{"name":"l","listen":"127.0.0.1:8080"}],
          "upstreams":[{"name":"u","endpoints":["127.0.0.1:9001"],"critical":true}],
          "routes":[{"name":"r","upstream":"u","timeout":"1s","match":{"methods":["GET"]}}],
          "workers":2})",
      "body");
  ASSERT_EQ(FormatProblems(outcome), "");
  EXPECT_EQ(outcome.config.workers, 2);
  EXPECT_EQ(outcome.config.routes[0].timeout, 1s);
}

TEST(LoadConfig, NamesWithoutCaseBecomeLowerCase) {
  const LoadOutcome outcome = LoadConfig(
      Sample{.top = "rate_limits: [{name: x, limit: 1, key: [{header: X-User}, {cookie: Sid}]}]\n"
                    "degrade: {d: {chain: [{static: {headers: {Content-Type: a/B}}}]}}",
             .upstream = ", load_balancing: ring_hash, hash_on: {header: X-User}",
             .route = ", rate_limits: [x], degrade: d, match: {host: Shop.Example.COM, "
                      "headers: [{name: X-A, exact: B}]}"}
          .Text(),
      "test.yaml");
  ASSERT_EQ(FormatProblems(outcome), "");
  const Config& config = outcome.config;
  EXPECT_EQ(config.rate_limits[0].key[0].name, "x-user");
  EXPECT_EQ(config.rate_limits[0].key[1].name, "Sid");
  EXPECT_EQ(config.upstreams[0].hash_on->name, "x-user");
  EXPECT_EQ(config.routes[0].match.host, "shop.example.com");
  EXPECT_EQ(config.routes[0].match.headers[0].name, "x-a");
  EXPECT_EQ(config.routes[0].match.headers[0].exact, "B");
  EXPECT_EQ(config.degrade.at("d").chain[0].static_answer->headers.at("content-type"), "a/B");
}

TEST(LoadConfig, AnAutomaticBurstIsWhatOneSecondAllows) {
  const auto burst_of = [](std::string_view extra) {
    return LoadConfig(WithLimit(extra), "test.yaml").config.rate_limits.at(0).burst;
  };
  EXPECT_EQ(burst_of(""), 10);
  EXPECT_EQ(burst_of(", burst: auto"), 10);
  EXPECT_EQ(burst_of(", period: 1h"), 1);
  EXPECT_EQ(burst_of(", period: 100ms"), 100);
  EXPECT_EQ(burst_of(", burst: 3"), 3);
  const LoadOutcome outcome =
      LoadConfig(WithLimit(", key: [{header: h}], overrides: {vip: {limit: 50}}"), "test.yaml");
  EXPECT_EQ(outcome.config.rate_limits.at(0).overrides.at("vip").burst, 50);
}

TEST(LoadConfig, NonsenseIsAnsweredWithItsBeginning) {
  std::string keys;
  for (int i = 0; i < 300; ++i)
    keys += "zzzzzzzz" + std::to_string(i) + ": 1\n";
  const LoadOutcome outcome = LoadConfig(WithTop(keys), "test.yaml");
  ASSERT_THAT(outcome.problems, SizeIs(kFindingsMax + 1));
  EXPECT_EQ(outcome.problems.back().text, "100 more are not shown");
}

TEST(LoadConfig, MachinesReadTheSameReport) {
  const LoadOutcome refused = LoadConfig(WithTop("workers: 0"), "test.yaml");
  EXPECT_EQ(nlohmann::json::parse(FormatProblemsJson(refused)), nlohmann::json::parse(R"({
    "ok": false,
    "problems": [{"file": "test.yaml", "line": 4, "column": 10, "path": "workers",
                  "message": "must be 1..1024 or auto, got 0"}],
    "warnings": []})"));
  const LoadOutcome taken =
      LoadConfig(WithTop("degrade: {d: {chain: [{reject: {}}]}}"), "test.yaml");
  EXPECT_EQ(nlohmann::json::parse(FormatProblemsJson(taken)), nlohmann::json::parse(R"({
    "ok": true,
    "problems": [],
    "warnings": [{"file": "test.yaml", "line": 4, "column": 14, "path": "degrade.d",
                  "message": "chain \"d\" is not used by any route"}]})"));
}

// What should name it is often just what was refused.
TEST(LoadConfig, ThatNothingNamesASettingIsNotToldBesideProblems) {
  const std::string text = WithTop("degrade: {d: {chain: [{reject: {}}]}}");
  EXPECT_THAT(LoadConfig(text, "test.yaml").warnings, SizeIs(1));
  EXPECT_THAT(LoadConfig(text + "\nworkers: 0", "test.yaml").warnings, IsEmpty());
}

TEST(LoadConfig, TheReportIsJsonWhateverTheFileIsCalled) {
  EXPECT_FALSE(FormatProblemsJson(LoadConfig("\x80", "\xff.yaml")).empty());
}

TEST(QuickConfig, ForwardsEverythingToOneUpstream) {
  const Result<Config> config = QuickConfig("http://127.0.0.1:9000");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->listeners.at(0).listen, "127.0.0.1:8080");
  EXPECT_THAT(config->upstreams.at(0).endpoints, ElementsAre("http://127.0.0.1:9000"));
  EXPECT_EQ(config->routes.at(0).match.path_prefix, "/");
  EXPECT_EQ(config->routes.at(0).upstream, config->upstreams.at(0).name);
}

TEST(QuickConfig, LooksForOutliersOnlyWhereThereMayBeSeveralEndpoints) {
  EXPECT_FALSE(QuickConfig("http://127.0.0.1:9000")->upstreams.at(0).outlier_detection);
  EXPECT_TRUE(QuickConfig("http://app.internal:9000")->upstreams.at(0).outlier_detection);
}

TEST(QuickConfig, HasEveryGuardAndNoneOfThemRefuses) {
  const Result<Config> config = QuickConfig("http://app.internal:9000");
  ASSERT_TRUE(config.has_value());
  const UpstreamConfig& upstream = config->upstreams.at(0);
  EXPECT_EQ(upstream.circuit_breaker->mode, GuardMode::kShadow);
  EXPECT_EQ(upstream.admission_control->mode, GuardMode::kShadow);
  EXPECT_EQ(upstream.outlier_detection->mode, GuardMode::kShadow);
  EXPECT_EQ(config->overload->mode, GuardMode::kShadow);
  EXPECT_EQ(config->rate_limits.at(0).mode, GuardMode::kShadow);
  EXPECT_THAT(config->routes.at(0).rate_limits, ElementsAre(config->rate_limits.at(0).name));
  EXPECT_EQ(config->concurrency_limits.at(0).mode, GuardMode::kShadow);
  EXPECT_THAT(upstream.concurrency_limits, ElementsAre(config->concurrency_limits.at(0).name));
}

TEST(QuickConfig, BeginsWhereNobodyWouldBeRefused) {
  const Result<Config> config = QuickConfig("http://127.0.0.1:9000");
  ASSERT_TRUE(config.has_value());
  EXPECT_TRUE(config->rate_limits.at(0).learn);
  const ConcurrencyLimitConfig& calls = config->concurrency_limits.at(0);
  EXPECT_EQ(calls.initial_limit, calls.max_limit);
}

TEST(QuickConfig, BoundsNothingThatWouldRefuseWhatWentThroughBefore) {
  const Result<Config> config = QuickConfig("http://127.0.0.1:9000");
  ASSERT_TRUE(config.has_value());
  EXPECT_GE(config->routes.at(0).timeout, std::chrono::hours(1));
  EXPECT_GE(config->routes.at(0).stream_idle_timeout, std::chrono::hours(24));
  EXPECT_GE(config->routes.at(0).max_body_bytes.value_or(Bytes(0)), 1024 * 1024 * kMiB);
  EXPECT_GE(config->upstreams.at(0).max_pending, 100'000);
}

TEST(QuickConfig, TellsTheUpstreamNothingNew) {
  EXPECT_FALSE(QuickConfig("http://127.0.0.1:9000")->overload->controller.propagate);
}

TEST(QuickConfig, RefusesWhatIsNoUpstream) {
  const Result<Config> config = QuickConfig("http://127.0.0.1:9000/api");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidOption);
  EXPECT_EQ(config.error().detail,
            "--upstream: must be an endpoint without a path (a route's prefix_rewrite changes "
            "paths), got \"http://127.0.0.1:9000/api\"");
}

}  // namespace
}  // namespace sluice::gateway::config
