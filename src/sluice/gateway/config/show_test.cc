#include "sluice/gateway/config/show.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sluice/gateway/config/load.h"
#include "sluice/gateway/config/sample_text.h"

namespace sluice::gateway::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Every kind of setting with another value than its default, and texts that want care.
constexpr std::string_view kRich = R"(
admin: {listen: "unix:/run/sluice.sock", token_file: /etc/token}
data_dir: "my data"
workers: 3
listeners:
  - {name: a, listen: "[::1]:8080", trusted_proxies: [10.0.0.0/8], limits: {idle_timeout: 1500ms}}
upstreams:
  - name: "on"
    endpoints: ["a:1", "unix:/x"]
    load_balancing: ring_hash
    hash_on: {header: x-user}
    health_check: {path: "/up?x=1", statuses: [2xx, 304, 400-404]}
    circuit_breaker:
      sliding_window: {type: count, size: 50}
      failure_rate_threshold: 12.5
      mode: shadow
routes:
  - name: r
    match:
      host: "*.example.com"
      path_template: "/users/{id}"
      methods: [GET]
      headers: [{name: a, exact: ""}, {name: b, present: false}, {name: c, regex: "^$${x}$"}]
      query: [{name: "ä ö", exact: "true"}]
    upstream: "on"
    retry: {attempts: 3, on: [timeout, 5xx]}
    rate_limits: [x]
    degrade: d
    max_body_bytes: 0B
  - {name: s, match: {path_prefix: /a}, upstream: "on", prefix_rewrite: /b, critical: false}
rate_limits:
  - name: x
    key: [ip, {path_param: id}]
    limit: 5
    overrides: {"::1|: c": {limit: 7}}
    headers: [x_ratelimit]
degrade:
  d:
    on: [rate_limited]
    chain:
      - {methods: [GET], static: {headers: {a: "1"}, body: "line\n\"quoted\" $${x}\t\u0001"}}
      - {methods: [PUT], static: {body: ""}}
      - {reject: {retry_after: 2s}}
telemetry: {access_log: {path: "off"}, via: "off"}
)";

TEST(Show, YamlIsReadBackAsTheSameConfiguration) {
  const LoadOutcome first = LoadConfig(kRich, "rich.yaml");
  ASSERT_EQ(FormatProblems(first), "");
  const std::string shown = ToYaml(first.config);
  const LoadOutcome second = LoadConfig(shown, "shown.yaml");
  ASSERT_EQ(FormatProblems(second), "") << shown;
  EXPECT_EQ(ToYaml(second.config), shown);
  EXPECT_EQ(second.config.degrade.at("d").chain.at(0).static_answer->body,
            "line\n\"quoted\" ${x}\t\x01");
  EXPECT_EQ(second.config.degrade.at("d").chain.at(1).static_answer->body, "");
  EXPECT_EQ(second.config.routes.at(0).match.headers.at(0).exact, "");
  EXPECT_EQ(second.config.routes.at(0).match.headers.at(2).regex, "^${x}$");
  EXPECT_EQ(second.config.routes.at(0).max_body_bytes, Bytes(0));
  EXPECT_EQ(second.config.upstreams.at(0).name, "on");
}

TEST(Show, JsonIsReadBackAsTheSameConfiguration) {
  const LoadOutcome first = LoadConfig(kRich, "rich.yaml");
  const std::string shown = ToJson(first.config);
  const LoadOutcome second = LoadConfig(shown, "shown.json");
  ASSERT_EQ(FormatProblems(second), "") << shown;
  EXPECT_EQ(ToJson(second.config), shown);
  EXPECT_EQ(ToYaml(second.config), ToYaml(first.config));
}

TEST(Show, DefaultsAreShownAndWhatIsNotSetIsNot) {
  const std::string shown = ToYaml(LoadConfig(Sample{}.Text(), "test.yaml").config);
  EXPECT_THAT(shown, HasSubstr("      idle_timeout: 1m\n"));
  EXPECT_THAT(shown, HasSubstr("workers: auto\n"));
  EXPECT_THAT(shown, Not(HasSubstr("circuit_breaker")));
  EXPECT_THAT(shown, Not(HasSubstr("token_file")));
}

TEST(Show, TheQuickConfigurationIsOneThatCouldBeWritten) {
  const LoadOutcome outcome = LoadConfig(ToYaml(*QuickConfig("http://booking:9000")), "quick.yaml");
  EXPECT_EQ(FormatProblems(outcome), "");
}

TEST(Show, WhatIsChangedAloneIsTheSameConfiguration) {
  for (const Config& config :
       {LoadConfig(Sample{}.Text(), "test.yaml").config, LoadConfig(kRich, "rich.yaml").config,
        *QuickConfig("http://booking:9000")}) {
    const std::string shown = ToYaml(config, Detail::kChanged);
    const LoadOutcome outcome = LoadConfig(shown, "short.yaml");
    EXPECT_TRUE(outcome.ok()) << FormatProblems(outcome) << shown;
    EXPECT_EQ(ToJson(outcome.config), ToJson(config)) << shown;
  }
}

TEST(Show, WhatIsNotChangedIsLeftOut) {
  const std::string shown = ToYaml(*QuickConfig("http://booking:9000"), Detail::kChanged);
  EXPECT_THAT(shown, HasSubstr("    circuit_breaker:\n      mode: shadow\n"));
  EXPECT_THAT(shown, HasSubstr("    learn: {}\n"));
  EXPECT_THAT(shown, Not(HasSubstr(" idle_timeout")));
  EXPECT_THAT(shown, Not(HasSubstr("workers")));
}

TEST(Show, TheSchemaDescribesEveryField) {
  const nlohmann::json schema = nlohmann::json::parse(JsonSchema());
  EXPECT_EQ(schema.at("required"), nlohmann::json({"listeners", "routes"}));
  const nlohmann::json& limit = schema.at("/properties/rate_limits/items"_json_pointer);
  EXPECT_FALSE(limit.at("additionalProperties").get<bool>());
  EXPECT_EQ(limit.at("/properties/limit/anyOf/0"_json_pointer),
            nlohmann::json::parse(R"({"type":"integer","minimum":1,"maximum":1000000000})"));
  EXPECT_EQ(limit.at("/properties/period/default"_json_pointer), "1s");
  EXPECT_FALSE(limit.at("properties").contains("store"));
  // A number, or a mapping of one key.
  EXPECT_EQ(limit.at("/properties/cost/default"_json_pointer), 1);
  EXPECT_EQ(limit.at("/properties/cost/anyOf/0/required/0"_json_pointer), "header");
  EXPECT_EQ(limit.at("/properties/cost/anyOf/1/maximum"_json_pointer), 1'000'000);
}

}  // namespace
}  // namespace sluice::gateway::config
