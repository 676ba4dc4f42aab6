#include <array>

#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

constexpr std::array<std::string_view, 5> kTriggers{"rate_limited", "breaker_open", "overload",
                                                    "upstream_error", "timeout"};

}  // namespace

void Describe(FieldVisitor& v, DegradeConfig& x) {
  v.Field({.name = "max_concurrent",
           .doc = "Substitutes under way at once; one more gets the plain refusal."},
          Count(x.max_concurrent, 1, 1'000'000));
  v.Field({.name = "chain",
           .doc = "The first step for the request's method answers.",
           .required = true},
          Objects(x.chain, {.min = 1, .max = 16}));
  v.Field({.name = "on",
           .doc = "What is substituted. A client over its rate limit is told so unless "
                  "`rate_limited` is among them."},
          List(x.on, {.min = 1, .max = 5},
               [](DegradeTrigger& value) { return Word(value, {.now = kTriggers}); }));
}

void Describe(FieldVisitor& v, DegradeStep& x) {
  v.Field({.name = "methods",
           .doc = "Requests of other methods go to the next step.",
           .default_text = "any"},
          List(x.methods, {.min = 0, .max = 32},
               [](std::string& value) { return Text(value, kMethodRule); }));
  v.Field({.name = "static", .doc = "A fixed answer."}, OptionalObject(x.static_answer));
  v.Field({.name = "reject", .doc = "A plain refusal."}, OptionalObject(x.reject));
  v.Later({"stale_cache", "upstream", "partial", "queue"});
}

void Describe(FieldVisitor& v, StaticStep& x) {
  v.Field({.name = "status", .doc = "Its status."}, Count(x.status, 200, 599));
  v.Field(
      {.name = "headers", .doc = "Its header fields. Without content-type it is application/json."},
      Map(x.headers, kTokenRule.check,
          [](std::string& value) { return Text(value, kFieldValueRule); }));
  v.Field({.name = "body", .doc = "Its body."},
          Optional(x.body, [](std::string& value) { return Text(value, kBodyRule); }));
  v.Field({.name = "file",
           .doc = "A file that holds its body, read when the configuration is put "
                  "in force."},
          Optional(x.file, [](std::string& value) { return Text(value, kFileRule); }));
  v.Later({"template"});
}

void Describe(FieldVisitor& v, RejectStep& x) {
  v.Field({.name = "status", .doc = "Its status."}, Count(x.status, 400, 599));
  v.Field({.name = "retry_after",
           .doc = "When to come back. `0s`: what the refusing guard says, or 1 s."},
          Duration(x.retry_after, Nanos(0), std::chrono::hours(24)));
}

}  // namespace sluice::gateway::config
