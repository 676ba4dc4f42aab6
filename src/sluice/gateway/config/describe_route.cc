#include <array>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::array<std::string_view, 2> kActions{"forward", "deny"};

auto OptionalText(std::optional<std::string>& value, const TextRule& rule) {
  return Optional(value, [&rule](std::string& text) { return Text(text, rule); });
}

auto OptionalSwitch(std::optional<bool>& value) {
  return Optional(value, [](bool& on) { return Switch(on); });
}

}  // namespace

void Describe(FieldVisitor& v, RouteConfig& x) {
  v.Field({.name = "name",
           .doc = "Stands in logs and metrics. Its circuit breaker bears the same name.",
           .required = true},
          Text(x.name, kNameRule));
  v.Field(
      {.name = "listeners",
       .doc = "Names of the listeners whose requests it takes. An egress listener must be named.",
       .default_text = "all ingress listeners"},
      List(x.listeners, {.min = 0, .max = 100},
           [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "match", .doc = "All its parts must hold. Without any every request matches."},
          Object(x.match));
  v.Field({.name = "action", .doc = "`deny` answers 403 without asking anybody."},
          Word(x.action, {.now = kActions}));
  v.Field({.name = "upstream",
           .doc = "A name from `upstreams[]`. This or `flow` is required unless `action: deny`.",
           .default_text = "none"},
          Text(x.upstream, kNameRule));
  v.Field({.name = "flow",
           .doc = "A name from `flows[]`, instead of `upstream`.",
           .default_text = "none"},
          Text(x.flow, kNameRule));
  v.Field(
      {.name = "timeout", .doc = "From the request's head to the response's, retries included."},
      Duration(x.timeout, milliseconds(1), hours(24)));
  v.Field({.name = "stream_idle_timeout",
           .doc = "How long the upstream may be silent in the middle of a response body: more for "
                  "server-sent events that are rarer."},
          Duration(x.stream_idle_timeout, milliseconds(100), hours(24)));
  v.Field({.name = "retry", .doc = "When to send again. Absent: never."}, OptionalObject(x.retry));
  v.Field({.name = "rate_limits", .doc = "Names from `rate_limits[]`; all must admit."},
          List(x.rate_limits, {.min = 0, .max = 16},
               [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "degrade",
           .doc = "A name from `degrade`: what is answered instead of a refusal or failure.",
           .default_text = "none"},
          Text(x.degrade, kNameRule));
  v.Field({.name = "circuit_breaker", .doc = "One for this route, beside its upstream's."},
          OptionalObject(x.circuit_breaker));
  v.Field({.name = "admission_control", .doc = "One for this route, beside its upstream's."},
          OptionalObject(x.admission_control));
  v.Field({.name = "concurrency_limits",
           .doc = "Names from `concurrency_limits[]`; a request takes a slot of all."},
          List(x.concurrency_limits, {.min = 0, .max = 4},
               [](std::string& value) { return Text(value, kNameRule); }));
  v.Field({.name = "critical", .doc = "false: its requests may be given up first."},
          Switch(x.critical));
  v.Field({.name = "prefix_rewrite", .doc = "Stands for the matched `path_prefix` upstream."},
          OptionalText(x.prefix_rewrite, kPathRule));
  v.Field({.name = "upgrade", .doc = "Lets WebSockets through."}, Switch(x.upgrade));
  v.Field({.name = "max_body_bytes", .doc = "Instead of the listener's."},
          Optional(x.max_body_bytes, [](Bytes& value) { return Size(value, 0, kMiB * kMiB); }));
  v.Later({"outlier_detection", "retry_budget", "slow_start", "release", "mirror", "mirrors",
           "record", "diff"});
}

void Describe(FieldVisitor& v, MatchConfig& x) {
  v.Field({.name = "host",
           .doc = "`shop.example.com`, or `*.example.com` for every name below it. Without a port.",
           .default_text = "any"},
          Text(x.host, kHostRule));
  v.Field({.name = "path_exact", .doc = "The whole path.", .default_text = "none"},
          Text(x.path_exact, kPathRule));
  v.Field({.name = "path_prefix",
           .doc = "`/search` matches itself and all below `/search/`, but not `/searching`.",
           .default_text = "none"},
          Text(x.path_prefix, kPathRule));
  v.Field({.name = "path_template",
           .doc = "`/users/{id}/orders`: each name stands for one whole segment.",
           .default_text = "none"},
          Text(x.path_template, kTemplateRule));
  v.Field({.name = "methods", .doc = "`GET`, `POST`, …", .default_text = "any"},
          List(x.methods, {.min = 0, .max = 32},
               [](std::string& value) { return Text(value, kMethodRule); }));
  v.Field({.name = "headers", .doc = "Header fields that the request must have."},
          Objects(x.headers, {.min = 0, .max = 32}));
  v.Field({.name = "query", .doc = "Parameters that the query must have."},
          Objects(x.query, {.min = 0, .max = 32}));
}

void Describe(FieldVisitor& v, HeaderMatch& x) {
  v.Field({.name = "name", .doc = "The field's name; case does not matter.", .required = true},
          Text(x.name, kTokenRule));
  v.Field({.name = "exact", .doc = "The whole value."}, OptionalText(x.exact, kFieldValueRule));
  v.Field({.name = "prefix", .doc = "How the value begins."},
          OptionalText(x.prefix, kFieldValueRule));
  v.Field({.name = "regex", .doc = "RE2 that the whole value matches."},
          OptionalText(x.regex, kRegexRule));
  v.Field({.name = "present", .doc = "false: the field must be absent."},
          OptionalSwitch(x.present));
}

void Describe(FieldVisitor& v, QueryMatch& x) {
  v.Field({.name = "name", .doc = "The parameter's name, decoded.", .required = true},
          Text(x.name, kFileRule));
  v.Field({.name = "exact", .doc = "The whole value, decoded."}, OptionalText(x.exact, kPlainRule));
  v.Field({.name = "present", .doc = "false: the parameter must be absent."},
          OptionalSwitch(x.present));
}

void Describe(FieldVisitor& v, RetryConfig& x) {
  v.Field({.name = "attempts", .doc = "Sends in all, the first included."},
          Count(x.attempts, 1, 10));
  v.Field({.name = "on",
           .doc = "What is tried again. But for `connect_failure` only idempotent requests are."},
          List(x.on, {.min = 1, .max = 32},
               [](RetryCondition& value) { return RetryConditionSlot(value); }));
  v.Field({.name = "per_try_timeout", .doc = "For one try. `0s`: only the route's timeout."},
          Duration(x.per_try_timeout, Nanos(0), hours(1)));
  v.Field({.name = "backoff", .doc = "How long to wait between two tries."}, Object(x.backoff));
}

void Describe(FieldVisitor& v, RetryBackoff& x) {
  v.Field({.name = "base", .doc = "Before the second try; doubles from try to try."},
          Duration(x.base, Nanos(0), minutes(1)));
  v.Field({.name = "max", .doc = "Never longer than this."}, Duration(x.max, Nanos(0), minutes(1)));
}

}  // namespace sluice::gateway::config
