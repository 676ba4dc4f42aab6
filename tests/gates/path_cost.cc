// Sends N requests through a whole gateway in simulated time; for counting instructions.
//
//   valgrind --tool=callgrind path_cost 1000 [release]
//
// With `release` a gray release is under way.
// The difference between two counts, divided by the difference of N, is the cost of a request over
// the in-memory platform, the platform's own part included.

#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sim/gateway_system.h"
#include "tests/sim/parse.h"
#include "tests/sim/runner.h"
#include <fmt/format.h>

namespace {

constexpr const char* kScenario = R"(
given upstream origin answers 200 "hello"
given upstream next at 10.0.2.1:80 answers 200 "hello"
given gateway config
  admin: {{listen: "127.0.0.1:7070"}}
  listeners: [{{name: public, listen: "10.0.0.1:8080"}}]
  upstreams:
    - {{name: origin, endpoints: ["10.0.1.1:80"], circuit_breaker: {{}}}}
    - {{name: next, endpoints: ["10.0.2.1:80"]}}
  routes:
    - {{name: search, match: {{path_prefix: /search}}, upstream: origin, rate_limits: [per-user]}}
  rate_limits:
    - {{name: per-user, key: [{{header: x-user-id}}], limit: 1000000, burst: 1000000}}
{}at 10s loop {} times every 1ms
  client ann sends GET /search?q=lisbon with header "x-user-id: ann" expect 200 "hello"
)";

constexpr const char* kRelease = R"(  releases:
    - {name: next, stable: origin, candidate: next, key: [{header: x-user-id}],
       steps: [{weight_percent: 10, bake: 1h}]}
at 0s admin POST /api/v1/releases/next/start with body "{}" expect 200
)";

}  // namespace

int main(int argc, char** argv) {
  const int times = argc > 1 ? std::atoi(argv[1]) : 1000;
  const bool has_release = argc > 2 && std::string_view(argv[2]) == "release";
  const std::string text = fmt::format(kScenario, has_release ? kRelease : "", times);
  const sluice::Result<sluice::scenario::Scenario> scenario =
      sluice::scenario::Parse("path_cost", text);
  if (!scenario) {
    fmt::print(stderr, "{}\n", scenario.error().detail);
    return 2;
  }
  const sluice::scenario::RunReport report =
      sluice::scenario::PlayScenario(*scenario, /*seed=*/0, &sluice::scenario::MakeGateway);
  return report.failures.empty() ? 0 : 1;
}
