#include "tests/sim/config_writer.h"

#include "tests/sim/parse.h"
#include <gtest/gtest.h>

namespace sluice::scenario {
namespace {

TEST(ConfigWriter, WritesWhatTheSentencesSay) {
  const Result<Scenario> scenario = Parse("x.scenario", R"(
given upstream pay with 2 endpoints answers 200
given upstream search answers 200
given breaker pay opens after 5 failures, probes after 2s
given fallback for /pay is 200 {"it's":"queued"}
given timeout for /search is 1500us
given limit for /search is 8 per 1s, burst 3
)");
  ASSERT_TRUE(scenario) << scenario.error().detail;

  EXPECT_EQ(WriteConfig(*scenario), R"(admin: {listen: "127.0.0.1:7070"}
workers: 1
telemetry: {access_log: {path: "off"}}
listeners:
  - {name: public, listen: "10.0.0.1:8080"}
upstreams:
  - name: pay
    endpoints: ["10.0.1.1:80", "10.0.1.2:80"]
    circuit_breaker:
      consecutive_failures: 5
      wait_duration_in_open_state: 2000ms
      wait_backoff: {jitter: 0}
      permitted_number_of_calls_in_half_open_state: 1
      recovery_ramp: {window: 0s}
  - name: search
    endpoints: ["10.0.2.1:80"]
routes:
  - name: pay
    match: {path_prefix: /pay}
    upstream: pay
    timeout: 1000ms
    degrade: pay-fallback
  - name: search
    match: {path_prefix: /search}
    upstream: search
    timeout: 1500us
    rate_limits: [search-limit]
rate_limits:
  - {name: search-limit, limit: 8, period: 1000ms, burst: 3}
degrade:
  pay-fallback: {chain: [{static: {status: 200, body: '{"it''s":"queued"}'}}]}
)");
}

}  // namespace
}  // namespace sluice::scenario
