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
using std::chrono::seconds;

constexpr std::array<std::string_view, 3> kMissingKey{"issue_cookie", "random", "stable"};
constexpr std::array<std::string_view, 2> kNoEndpoint{"stable", "503"};
constexpr std::array<std::string_view, 2> kApprovals{"auto", "manual"};
constexpr std::array<std::string_view, 2> kOnFail{"instant", "stepwise"};
constexpr std::array<std::string_view, 3> kOnHold{"pause", "abort", "promote"};
constexpr std::array<std::string_view, 3> kMoments{"pre", "during", "post"};
constexpr std::array<std::string_view, 2> kOnHookFailure{"hold", "abort"};

// What happens on bad news.
void DescribeEnds(FieldVisitor& v, release::PlanOptions& x) {
  v.Field({.name = "on_fail",
           .doc = "`instant` takes all traffic away at once, as a guard-rail and a critical metric "
                  "always do; `stepwise` goes back by the steps."},
          Word(x.on_fail, {.now = kOnFail}));
  v.Field({.name = "rollback_interval", .doc = "`stepwise`: between two steps back."},
          Duration(x.rollback_interval, seconds(1), hours(1)));
  v.Field({.name = "hold_timeout",
           .doc = "How long a release that the judge holds waits for a person."},
          Duration(x.hold_timeout, seconds(1), hours(720)));
  v.Field({.name = "on_hold_timeout", .doc = "What happens then. `pause`: it goes on waiting."},
          Word(x.on_hold, {.now = kOnHold}));
  v.Field({.name = "rollback_window", .doc = "After the end: so long `undo` is one command."},
          Duration(x.rollback_window, Nanos(0), hours(720)));
}

}  // namespace

void Describe(FieldVisitor& v, ReleaseConfig& x) {
  release::PlanOptions& plan = x.plan;
  v.Field({.name = "name",
           .doc = "Stands in logs and metrics, and is the salt of the buckets.",
           .required = true},
          Text(plan.name, kNameRule));
  v.Field({.name = "stable",
           .doc = "An upstream. The release applies to every route that has it.",
           .required = true},
          Text(plan.stable, kNameRule));
  v.Field({.name = "candidate", .doc = "The upstream with the new version.", .required = true},
          Text(plan.candidate, kNameRule));
  v.Field({.name = "version",
           .doc = "Of the candidate, where its endpoints stay the same: an aborted one does not "
                  "start again.",
           .default_text = "its endpoints"},
          Text(plan.version, kNameRule));
  v.Field({.name = "salt",
           .doc = "The same in several releases takes the same users first.",
           .default_text = "the name"},
          Text(plan.salt, kNameRule));
  v.Field(
      {.name = "key",
       .doc = "Who is one user: the first of `{header: name}`, `{cookie: name}`, "
              "`{query: name}`, `{jwt: claim}` (of the bearer's token, unverified), `client_ip` "
              "that the request has."},
      List(x.key, {.min = 1, .max = 8},
           [](ReleaseKeyPart& value) { return ReleaseKeySlot(value); }));
  v.Field({.name = "on_missing_key",
           .doc = "A request with none: `issue_cookie` gives it an identity (`sluice_uid`), "
                  "`random` decides each request by itself, `stable` keeps stable."},
          Word(x.on_missing_key, {.now = kMissingKey}));
  v.Field({.name = "on_no_endpoint",
           .doc = "The candidate has no usable endpoint: `stable` answers, or `503`."},
          Word(x.on_no_endpoint, {.now = kNoEndpoint}));
  v.Field({.name = "control_percent",
           .doc = "This part of the users is stable, too, and counted apart: whether stable "
                  "differs from itself shows whether the judge can be believed."},
          Number(plan.control_percent, 0, 50));
  v.Field({.name = "protect",
           .doc = "An idempotent request that fails on the candidate before its answer began is "
                  "sent once more, to stable. The judge still counts the failure."},
          Switch(x.protect));
  v.Field({.name = "match", .doc = "Requests that go to the candidate whatever the weight."},
          Objects(x.match, {.min = 0, .max = 32}));
  v.Field({.name = "never", .doc = "Requests that stay with stable whatever the weight."},
          Objects(x.never, {.min = 0, .max = 32}));
  v.Field({.name = "order_secret_file",
           .doc = "File whose first line signs orders (`x-sluice-lane`), by which testers choose a "
                  "version. Trusted proxies need no signature.",
           .default_text = "none"},
          Text(x.order_secret_file, kFileRule));
  v.Field({.name = "steps", .doc = "How much traffic, and for how long.", .required = true},
          Objects(plan.steps, {.min = 1, .max = 100}));
  v.Field({.name = "allow_decrease", .doc = "Weights may go down from one step to the next."},
          Switch(plan.allow_decrease));
  v.Field({.name = "min_ready", .doc = "Endpoints of the candidate that must be ready to begin."},
          Count(plan.min_ready, 1, 10'000));
  v.Field({.name = "ready_timeout", .doc = "How long to wait for them."},
          Duration(plan.ready_timeout, seconds(1), hours(24)));
  v.Field({.name = "judge", .doc = "When a step has passed, and when the candidate has failed."},
          Object(plan.judge));
  DescribeEnds(v, plan);
  v.Later({"on_controller_lost", "mirror", "lanes"});
}

void Describe(FieldVisitor& v, ReleaseMatchConfig& x) {
  Describe(v, x.match);
  v.Field({.name = "sample_percent", .doc = "Only this part of the users that match."},
          Number(x.sample_percent, 0, 100));
}

void Describe(FieldVisitor& v, release::StepOptions& x) {
  v.Field({.name = "weight_percent",
           .doc = "This part of the users gets the candidate; to 0.0001.",
           .required = true},
          Number(x.weight_percent, 0, 100));
  v.Field(
      {.name = "bake", .doc = "How long at least. Only time with the candidate in service counts."},
      Duration(x.bake, Nanos(0), hours(168)));
  v.Field({.name = "approve", .doc = "`manual`: somebody must approve before the next step."},
          Word(x.approve, {.now = kApprovals}));
  v.Field({.name = "hooks", .doc = "Who is asked and must agree, by a POST that 2xx answers."},
          Objects(x.hooks, {.min = 0, .max = 8}));
}

void Describe(FieldVisitor& v, release::HookOptions& x) {
  v.Field({.name = "when",
           .doc = "`pre`: before the step's weight; `during`: every half minute under it; `post`: "
                  "when the step has passed.",
           .required = true},
          Word(x.when, {.now = kMoments}));
  v.Field({.name = "url", .doc = "http://host:port/path.", .required = true},
          Text(x.url, kFieldValueRule));
  v.Field({.name = "timeout", .doc = "Of the whole answer; silence is no agreement."},
          Duration(x.timeout, milliseconds(10), minutes(5)));
  v.Field({.name = "on_failure",
           .doc = "It does not agree: the release is held (`hold`) or rolled back (`abort`)."},
          Word(x.on_failure, {.now = kOnHookFailure}));
}

void Describe(FieldVisitor& v, release::JudgeOptions& x) {
  v.Field({.name = "alpha",
           .doc = "A release of two equal versions is rolled back with this probability at most."},
          Number(x.alpha, 0.000001, 0.2));
  v.Field({.name = "min_samples",
           .doc = "Requests of the candidate that a step needs. Without an error in 3000 of them "
                  "its rate is below 0.1 % with 95 % certainty."},
          Count(x.min_samples, 0, 1'000'000'000));
  v.Field({.name = "max_duration",
           .doc = "A step that has too few requests after this long, and after `bake`, is held."},
          Duration(x.max_duration, seconds(1), hours(168)));
  v.Field({.name = "settle",
           .doc = "In the candidate's first time only the guard-rails count: caches are cold."},
          Duration(x.settle, Nanos(0), hours(24)));
  v.Field({.name = "metrics", .doc = "What is compared.", .default_text = "errors and latency"},
          Objects(x.metrics, {.min = 1, .max = 8}));
  v.Field({.name = "guards", .doc = "What ends a release at once."}, Object(x.guards));
}

void Describe(FieldVisitor& v, release::MetricOptions& x) {
  v.Field({.name = "name", .doc = "Stands in verdicts and metrics.", .required = true},
          Text(x.name, kNameRule));
  v.Field({.name = "event",
           .doc = "Which answers count: `status >= 500 || timeout`. Known are `status`, "
                  "`duration`, `timeout`, `reset`, `connect_failure`, and members of a JSON body "
                  "(`body.code != 0`, `body/error/kind == 'fraud'`), with `&&` and `||`.",
           .default_text = "none"},
          Text(x.event, kFieldValueRule));
  v.Field({.name = "quantiles",
           .doc = "Instead of `event`: slower answers than these quantiles of stable, taken at the "
                  "step's begin for each route, in percent.",
           .default_text = "none"},
          List(x.quantiles, {.min = 0, .max = 4},
               [](double& value) { return Number(value, 1, 99.9); }));
  v.Field({.name = "tolerance_ratio", .doc = "So many times stable's rate is still good."},
          Number(x.tolerance_ratio, 1, 100));
  v.Field({.name = "min_abs_percent",
           .doc = "To fail, the rate must also be this many points above stable's."},
          Number(x.min_abs_percent, 0, 100));
  v.Field({.name = "weight", .doc = "The metric's part of `alpha`."},
          Number(x.weight, 0.001, 1'000));
  v.Field({.name = "critical", .doc = "Its failure takes the traffic away at once."},
          Switch(x.critical));
}

void Describe(FieldVisitor& v, release::GuardRailOptions& x) {
  v.Field({.name = "slo_percent", .doc = "Success that is promised to users."},
          Number(x.slo_percent, 0, 99.9999));
  v.Field({.name = "burn_fast",
           .doc = "So many times what the promise allows, over 1 and 5 minutes, and twice what "
                  "stable has. 0: off."},
          Number(x.burn_fast, 0, 1'000));
  v.Field({.name = "burn_slow", .doc = "The same over 5 and 30 minutes. 0: off."},
          Number(x.burn_slow, 0, 1'000));
  v.Field({.name = "success_floor_percent",
           .doc = "Less success over 10 s, with 20 requests at least, ends it. 0: off."},
          Number(x.success_floor_percent, 0, 100));
  v.Field(
      {.name = "latency_ceiling", .doc = "99 of 100 answers over 30 s must be faster. `0s`: off."},
      Duration(x.latency_ceiling, Nanos(0), hours(1)));
  v.Field({.name = "endpoint_loss_percent",
           .doc = "More than this part of the endpoints that a step began with is gone. 100: off."},
          Number(x.endpoint_loss_percent, 0, 100));
}

}  // namespace sluice::gateway::config
