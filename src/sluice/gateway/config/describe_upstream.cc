#include <array>

#include "sluice/gateway/config/choice_slots.h"
#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::array<std::string_view, 4> kLoadBalancings{"round_robin", "random", "least_request",
                                                          "ring_hash"};
constexpr std::array<std::string_view, 2> kHostHeaders{"pass", "endpoint"};

}  // namespace

void Describe(FieldVisitor& v, UpstreamConfig& x) {
  v.Field({.name = "name",
           .doc = "What routes call it. Its circuit breaker bears the same name.",
           .required = true},
          Text(x.name, kNameRule));
  v.Field({.name = "endpoints",
           .doc = "`ip:port`, `host:port`, `[v6]:port`, `http://host:port` or `unix:/path`. Every "
                  "address of a host counts.",
           .required = true},
          List(x.endpoints, {.min = 1, .max = 1'000},
               [](std::string& value) { return Text(value, kEndpointRule); }));
  v.Field({.name = "load_balancing",
           .doc = "Who gets the next request. `least_request` takes the less busy of two random "
                  "endpoints; `ring_hash` sends equal keys to the same one."},
          Word(x.load_balancing, {.now = kLoadBalancings}));
  v.Field({.name = "hash_on", .doc = "The key of `ring_hash`, which needs one."},
          Optional(x.hash_on, [](HashOn& value) { return HashOnSlot(value); }));
  v.Field({.name = "health_check", .doc = "Asks every endpoint whether it is well."},
          OptionalObject(x.health_check));
  v.Field(
      {.name = "healthy_panic_threshold",
       .doc =
           "Percent. With fewer endpoints healthy all are asked again, since a sick check is "
           "then likelier than so many sick endpoints. 0 never does, and so it is of the candidate "
           "of a release: stable answers instead."},
      Count(x.healthy_panic_threshold, 0, 100));
  v.Field({.name = "connect_timeout", .doc = "For one connection to be there."},
          Duration(x.connect_timeout, milliseconds(1), minutes(1)));
  v.Field({.name = "max_connections",
           .doc = "To one endpoint, over all workers. Each has its share, at least one: with fewer "
                  "connections than workers there is one a worker."},
          Count(x.max_connections, 1, 1'000'000));
  v.Field({.name = "max_pending",
           .doc = "Requests that wait for a connection; one more is refused. Shared as "
                  "`max_connections`."},
          Count(x.max_pending, 0, 1'000'000));
  v.Field({.name = "idle_timeout",
           .doc = "How long a pooled connection is kept. Less than the upstream keeps it."},
          Duration(x.idle_timeout, milliseconds(1), hours(1)));
  v.Field({.name = "max_requests_per_connection",
           .doc = "After so many a pooled connection is closed. 0: never for that reason."},
          Count(x.max_requests_per_connection, 0, 1'000'000'000));
  v.Field({.name = "circuit_breaker", .doc = "When to stop asking. `{}` takes the defaults."},
          OptionalObject(x.circuit_breaker));
  v.Field({.name = "outlier_detection",
           .doc = "When a single endpoint gets no traffic for a while. `{}` takes the defaults."},
          OptionalObject(x.outlier_detection));
  v.Field({.name = "slow_start",
           .doc = "A growing share for endpoints that come later, or come back. `{}` takes the "
                  "defaults."},
          OptionalObject(x.slow_start));
  v.Field({.name = "admission_control",
           .doc = "Sends less the more calls fail. `{}` takes the defaults."},
          OptionalObject(x.admission_control));
  v.Field({.name = "concurrency_limits",
           .doc = "Names from `concurrency_limits[]`; each attempt takes a slot of all."},
          List(x.concurrency_limits, {.min = 0, .max = 4},
               [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "retry_budget", .doc = "How many retries this upstream may see at once."},
          Object(x.retry_budget));
  v.Field({.name = "critical",
           .doc = "false: requests must survive its loss, so its routes should have a `degrade`."},
          Switch(x.critical));
  v.Field({.name = "host_header",
           .doc = "`pass` forwards the client's Host, `endpoint` sends the endpoint's."},
          Word(x.host_header, {.now = kHostHeaders}));
  v.Later({"tls", "http2"});
}

void Describe(FieldVisitor& v, HealthCheckConfig& x) {
  v.Field({.name = "path", .doc = "What is asked for with GET.", .required = true},
          Text(x.path, kTargetRule));
  v.Field({.name = "interval", .doc = "Between two checks of an endpoint."},
          Duration(x.interval, milliseconds(10), hours(1)));
  v.Field({.name = "timeout", .doc = "For one check as a whole."},
          Duration(x.timeout, milliseconds(1), minutes(1)));
  v.Field({.name = "unhealthy_after", .doc = "So many failures in a row take it out."},
          Count(x.unhealthy_after, 1, 100));
  v.Field({.name = "healthy_after", .doc = "So many successes in a row bring it back."},
          Count(x.healthy_after, 1, 100));
  v.Field({.name = "statuses", .doc = "What a success answers."},
          List(x.statuses, {.min = 1, .max = 100},
               [](StatusRange& value) { return StatusRangeSlot(value); }));
  v.Field({.name = "host", .doc = "The Host field.", .default_text = "the endpoint"},
          Text(x.host, kAuthorityRule));
}

void Describe(FieldVisitor& v, RetryBudgetConfig& x) {
  v.Field({.name = "budget_percent", .doc = "Of the requests in flight may be retries."},
          Percent(x.budget_percent));
  v.Field({.name = "min_retry_concurrency", .doc = "So many are allowed in any case."},
          Count(x.min_retry_concurrency, 0, 10'000));
}

}  // namespace sluice::gateway::config
