#include <array>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

constexpr std::array<std::string_view, 5> kTriggers{"rate_limited", "breaker_open", "overload",
                                                    "upstream_error", "timeout"};
constexpr std::array<std::string_view, 4> kIgnores{"cache_control", "authorization", "cookie",
                                                   "set_cookie"};

}  // namespace

void Describe(FieldVisitor& v, DegradeConfig& x) {
  v.Field(
      {.name = "max_concurrent",
       .doc = "At once in each step that does work (`stale_cache`, `upstream`); one more goes to "
              "the next step."},
      Count(x.max_concurrent, 1, 1'000'000));
  v.Field({.name = "chain", .doc = "The first step that has an answer gives it.", .required = true},
          Objects(x.chain, {.min = 1, .max = 16}));
  v.Field({.name = "on",
           .doc = "What is substituted. A client over its rate limit is told so unless "
                  "`rate_limited` is among them."},
          List(x.on, {.min = 1, .max = 5},
               [](DegradeTrigger& value) { return Word(value, {.now = kTriggers}); }));
  v.Field({.name = "statuses",
           .doc = "Answers of the upstream, of 5xx, that are substituted as an `upstream_error`. "
                  "Where no step has an answer they pass as they are.",
           .default_text = "none"},
          List(x.statuses, {.min = 0, .max = 100},
               [](StatusRange& value) { return StatusRangeSlot(value); }));
}

void Describe(FieldVisitor& v, DegradeStep& x) {
  v.Field({.name = "methods",
           .doc = "Requests of other methods go to the next step.",
           .default_text = "any; for `stale_cache` GET, HEAD"},
          List(x.methods, {.min = 0, .max = 32},
               [](std::string& value) { return Text(value, kMethodRule); }));
  v.Field({.name = "max_concurrent",
           .doc = "At once in this step. `auto`: the chain's bound where the step does work."},
          CountOr("auto", x.max_concurrent, 1'000'000));
  v.Field({.name = "stale_cache", .doc = "The last good answer to the same GET."},
          OptionalObject(x.stale_cache));
  v.Field({.name = "upstream", .doc = "Another upstream is asked."}, OptionalObject(x.upstream));
  v.Field({.name = "static", .doc = "A fixed answer."}, OptionalObject(x.static_answer));
  v.Field({.name = "reject", .doc = "A plain refusal."}, OptionalObject(x.reject));
  v.Later({"partial", "queue"});
}

void Describe(FieldVisitor& v, StaleCacheStep& x) {
  using std::chrono::hours;
  v.Field(
      {.name = "max_stale",
       .doc = "How old a kept answer may be, beyond its freshness (max-age). A stale-if-error of "
              "the upstream may only shorten it."},
      Duration(x.max_stale, std::chrono::milliseconds(1), hours(168)));
  v.Field({.name = "max_bytes", .doc = "Of all kept answers; the one used longest ago goes first."},
          Size(x.max_bytes, kMiB, 64 * kKiB * kMiB));
  v.Field({.name = "max_answer_bytes", .doc = "A longer body is not kept."},
          Size(x.max_answer_bytes, kKiB, 8 * kKiB * kMiB));
  v.Field({.name = "refresh_interval", .doc = "An answer is copied at most so often."},
          Duration(x.refresh_interval, Nanos(0), hours(1)));
  v.Field({.name = "key_headers",
           .doc = "Request fields that tell answers apart, beside what Vary names.",
           .default_text = "none"},
          List(x.key_headers, {.min = 0, .max = 8},
               [](std::string& value) { return Text(value, kTokenRule); }));
  v.Field(
      {.name = "ignore",
       .doc = "What does not forbid keeping: `cache_control` (no-store, private, …), "
              "`authorization` (its value then belongs to the key), `cookie`, `set_cookie` (the "
              "field itself is never kept).",
       .default_text = "none"},
      List(x.ignore, {.min = 0, .max = 4},
           [](CacheIgnore& value) { return Word(value, {.now = kIgnores}); }));
}

void Describe(FieldVisitor& v, UpstreamStep& x) {
  v.Field(
      {.name = "name",
       .doc = "A name from `upstreams[]`. Its own breaker and endpoints decide; a 5xx of it goes "
              "to the next step.",
       .required = true},
      Text(x.name, kNameRule));
  v.Field({.name = "timeout", .doc = "Until its response head is there."},
          Duration(x.timeout, std::chrono::milliseconds(1), std::chrono::hours(1)));
}

void Describe(FieldVisitor& v, StaticStep& x) {
  v.Field({.name = "status", .doc = "Its status."}, Count(x.status, 200, 599));
  v.Field(
      {.name = "headers", .doc = "Its header fields. Without content-type it is application/json."},
      Map(x.headers, kTokenRule.check,
          [](std::string& value) { return Text(value, kFieldValueRule); }));
  v.Field({.name = "body", .doc = "Its body."},
          Optional(x.body, [](std::string& value) { return Text(value, kBodyRule); }));
  v.Field(
      {.name = "template",
       .doc = "Its body with `{{method}}`, `{{path}}`, `{{host}}`, `{{reason}}`, `{{rule}}`, "
              "`{{retry_after_seconds}}`, `{{header.NAME}}`, `{{query.NAME}}` and "
              "`{{capture.NAME}}` filled in, escaped for its content-type."},
      Optional(x.body_template, [](std::string& value) { return Text(value, kBodyTemplateRule); }));
  v.Field({.name = "file",
           .doc = "A file of at most 1 MiB that holds its body, read when the configuration is "
                  "put in force."},
          Optional(x.file, [](std::string& value) { return Text(value, kFileRule); }));
}

void Describe(FieldVisitor& v, RejectStep& x) {
  v.Field({.name = "status", .doc = "Its status."}, Count(x.status, 400, 599));
  v.Field({.name = "retry_after",
           .doc = "When to come back. `0s`: what the refusing guard says, or 1 s."},
          Duration(x.retry_after, Nanos(0), std::chrono::hours(24)));
}

}  // namespace sluice::gateway::config
