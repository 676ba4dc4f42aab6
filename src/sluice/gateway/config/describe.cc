#include "sluice/gateway/config/describe.h"

#include <array>

#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::array<std::string_view, 2> kListenerKinds{"ingress", "egress"};
constexpr std::array<std::string_view, 2> kUnknownHosts{"refuse", "pass"};

}  // namespace

void Describe(FieldVisitor& v, Config& x) {
  v.Field({.name = "admin", .doc = "The admin API, metrics and health of the gateway itself."},
          Object(x.admin));
  v.Field(
      {.name = "data_dir",
       .doc =
           "Directory for recordings and the state of releases (in `state`). Relative to where the "
           "gateway was started. With releases, another one takes a restart."},
      Text(x.data_dir, kFileRule));
  v.Field({.name = "workers",
           .doc = "Event loops, each on a thread of its own. `auto` is one per core."},
          CountOr("auto", x.workers, 1024));
  v.Field({.name = "listeners", .doc = "Where clients connect.", .required = true},
          Objects(x.listeners, {.min = 1, .max = 100}));
  v.Field({.name = "upstreams", .doc = "The services that requests are forwarded to."},
          Objects(x.upstreams, {.min = 0, .max = 1'000}));
  v.Field({.name = "routes",
           .doc = "Which request goes where. The first route that matches wins.",
           .required = true},
          Objects(x.routes, {.min = 1, .max = 10'000}));
  v.Field({.name = "rate_limits", .doc = "Limits that routes name."},
          Objects(x.rate_limits, {.min = 0, .max = 1'000}));
  v.Field({.name = "concurrency_limits",
           .doc = "Bounds of requests at once, which routes and upstreams name."},
          Objects(x.concurrency_limits, {.min = 0, .max = 1'000}));
  v.Field({.name = "overload", .doc = "What is shed when there is too much. Absent: nothing."},
          OptionalObject(x.overload));
  v.Field({.name = "degrade", .doc = "Substitute answers by name, which routes name."},
          Map(x.degrade, kNameRule.check, [](DegradeConfig& value) { return Object(value); }));
  v.Field({.name = "flows", .doc = "Answers composed of several calls, which routes name."},
          Objects(x.flows, {.min = 0, .max = 1'000}));
  v.Field({.name = "record", .doc = "What is recorded of the traffic. Absent: nothing."},
          OptionalObject(x.record));
  v.Field({.name = "telemetry", .doc = "What the gateway says about requests."},
          Object(x.telemetry));
  v.Field({.name = "drain", .doc = "How the gateway stops."}, Object(x.drain));
  v.Field({.name = "releases", .doc = "New versions that take over step by step, on evidence."},
          Objects(x.releases, {.min = 0, .max = 100}));
  v.Later({"warmups", "mirrors", "diffs", "stores", "mode"});
}

void Describe(FieldVisitor& v, AdminConfig& x) {
  v.Field(
      {.name = "listen",
       .doc = "`ip:port`, `unix:/path` or `off`. An address that other machines can reach needs "
              "`token_file`."},
      Text(x.listen, kListenOrOffRule));
  v.Field({.name = "token_file",
           .doc = "File whose first line is the token that requests must carry as "
                  "`Authorization: Bearer …`.",
           .default_text = "none"},
          Text(x.token_file, kFileRule));
  v.Later({"tls"});
}

void Describe(FieldVisitor& v, ListenerConfig& x) {
  v.Field({.name = "name", .doc = "Stands in logs and metrics.", .required = true},
          Text(x.name, kNameRule));
  v.Field({.name = "listen", .doc = "`ip:port` or `unix:/path`.", .required = true},
          Text(x.listen, kListenRule));
  v.Field({.name = "kind",
           .doc = "`ingress`: requests to the services behind the gateway. `egress`: calls of the "
                  "service beside it, as a forward proxy (`http_proxy`, CONNECT) or by Host."},
          Word(x.kind, {.now = kListenerKinds}));
  v.Field({.name = "egress", .doc = "With `kind: egress`: where calls may go."}, Object(x.egress));
  v.Field({.name = "trusted_proxies",
           .doc = "Addresses and blocks whose X-Forwarded-* fields are believed. From anyone else "
                  "these fields, x-sluice-* and x-criticality are removed."},
          List(x.trusted_proxies, {.min = 0, .max = 1'000},
               [](std::string& value) { return Text(value, kAddressBlockRule); }));
  v.Field({.name = "limits", .doc = "What one client, or all of them, may take."},
          Object(x.limits));
  v.Later({"tls", "http2"});
}

void Describe(FieldVisitor& v, EgressConfig& x) {
  v.Field({.name = "unknown_hosts",
           .doc = "Hosts that no route of this listener takes: `refuse` answers 403, `pass` sends "
                  "the call on, without guards."},
          Word(x.unknown_hosts, {.now = kUnknownHosts}));
  v.Field({.name = "connect_ports", .doc = "Which ports of unknown hosts CONNECT may name."},
          List(x.connect_ports, {.min = 0, .max = 100},
               [](std::int64_t& value) { return Count(value, 1, 65'535); }));
  v.Field({.name = "local_addresses",
           .doc = "Passes calls to unknown hosts even where their address is loopback, link-local, "
                  "multicast or unspecified: this machine's own services, and the metadata service "
                  "of a cloud."},
          Switch(x.local_addresses));
  v.Field({.name = "max_hosts", .doc = "Unknown hosts that a worker has connections to at once."},
          Count(x.max_hosts, 1, 10'000));
  v.Field({.name = "timeout", .doc = "As a route's, for unknown hosts."},
          Duration(x.timeout, milliseconds(1), hours(24)));
}

void Describe(FieldVisitor& v, ListenerLimits& x) {
  v.Field({.name = "max_connections", .doc = "Connections open at once, over all workers."},
          Count(x.max_connections, 1, 10'000'000));
  v.Field({.name = "idle_timeout", .doc = "How long a connection may wait for its next request."},
          Duration(x.idle_timeout, milliseconds(1), hours(24)));
  v.Field({.name = "header_timeout", .doc = "How long a request head may take as a whole."},
          Duration(x.header_timeout, milliseconds(1), minutes(10)));
  v.Field({.name = "body_min_rate",
           .doc = "Slower bodies, measured over 10 s, are cut off. `0B/s` does not watch."},
          SizePerSecond(x.body_min_rate, kKiB * kMiB));
  v.Field({.name = "max_request_line", .doc = "A longer request line is answered 414."},
          Size(x.max_request_line, 64, kMiB));
  v.Field({.name = "max_header_bytes", .doc = "More bytes of header fields are answered 431."},
          Size(x.max_header_bytes, 256, kMiB));
  v.Field({.name = "max_headers", .doc = "More header fields are answered 431."},
          Count(x.max_headers, 1, 10'000));
  v.Field({.name = "max_body_bytes", .doc = "A longer request body is answered 413."},
          Size(x.max_body_bytes, 0, kMiB * kMiB));
}

void Describe(FieldVisitor& v, TelemetryConfig& x) {
  v.Field({.name = "access_log", .doc = "One JSON line per request."}, Object(x.access_log));
  v.Field({.name = "debug_headers", .doc = "Adds `x-sluice-upstream` to every proxied response."},
          Switch(x.debug_headers));
  v.Field({.name = "via",
           .doc = "The gateway's name in `Via` (RFC 9110 section 7.6.3). `off` sends none."},
          Text(x.via, kTokenRule));
}

void Describe(FieldVisitor& v, AccessLogConfig& x) {
  v.Field({.name = "path", .doc = "`stdout`, `stderr`, `off`, or a file that is appended to."},
          Text(x.path, kFileRule));
}

void Describe(FieldVisitor& v, DrainConfig& x) {
  v.Field({.name = "lame_duck",
           .doc = "After SIGTERM `/readyz` answers 503 at once, and for this long connections are "
                  "still accepted."},
          Duration(x.lame_duck, Nanos(0), minutes(10)));
  v.Field({.name = "drain_timeout", .doc = "What is in flight then has this long to finish."},
          Duration(x.drain_timeout, Nanos(0), hours(24)));
}

}  // namespace sluice::gateway::config
