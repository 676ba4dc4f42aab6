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

constexpr std::int64_t kCallsMax = 1'000'000;

constexpr std::array<std::string_view, 4> kLimitAlgorithms{"vegas", "gradient2", "aimd", "fixed"};
constexpr std::array<std::string_view, 2> kOrders{"fifo", "lifo_when_overloaded"};
constexpr std::array<std::string_view, 4> kClasses{"SHEDDABLE", "SHEDDABLE_PLUS", "CRITICAL",
                                                   "CRITICAL_PLUS"};
constexpr std::array<std::string_view, 3> kSignals{"queue_delay", "concurrency", "cpu"};
constexpr std::array<std::string_view, 6> kMonitors{"cgroup_memory", "open_files", "connections",
                                                    "psi_cpu",       "psi_memory", "psi_io"};
constexpr std::array<std::string_view, 5> kSystemActions{
    "stop_accepting_requests", "disable_keepalive", "reduce_timeouts", "stop_accepting_connections",
    "reset_largest_streams"};

template <typename T>
void DescribeMode(FieldVisitor& v, T& x) {
  v.Field({.name = "status", .doc = "Of a refusal."}, Count(x.status, 400, 599));
  v.Field({.name = "mode", .doc = "`shadow` only counts what it would have refused."},
          Mode(x.mode));
  v.Field({.name = "enforce_percent",
           .doc = "This part of the refusals refuses; the rest only counts."},
          Percent(x.enforce_percent));
}

void DescribeAlgorithm(FieldVisitor& v, ConcurrencyLimitConfig& x) {
  v.Field({.name = "algorithm",
           .doc = "How the limit is found: `vegas` by latency against its baseline, `aimd` by "
                  "drops, `gradient2` as Netflix's; `fixed` is `limit`."},
          Word(x.algorithm, {.now = kLimitAlgorithms}));
  v.Field({.name = "limit",
           .doc = "Requests at once, with `algorithm: fixed`; required there.",
           .default_text = "none"},
          CountOr("none", x.limit, kCallsMax));
  v.Field({.name = "initial_limit", .doc = "Where an adaptive limit begins."},
          Count(x.initial_limit, 1, kCallsMax));
  v.Field({.name = "min_limit", .doc = "Never below. `auto`: 4, or as many as workers if more."},
          CountOr("auto", x.min_limit, kCallsMax));
  v.Field({.name = "max_limit", .doc = "Never above."}, Count(x.max_limit, 1, kCallsMax));
  v.Field({.name = "window", .doc = "How often an adaptive limit is judged."}, Object(x.window));
  v.Field({.name = "quantile", .doc = "Of the latencies of a window is its latency."},
          Number(x.quantile, 0.01, 0.999));
  v.Field({.name = "baseline_window", .doc = "Windows that the baseline of `vegas` averages."},
          Number(x.baseline_window, 1, 1000));
  v.Field({.name = "max_limit_factor",
           .doc = "`vegas` leaves, step by step, more than so many times the requests at once."},
          Number(x.max_limit_factor, 1, 100));
  v.Field({.name = "smoothing",
           .doc = "Part of a change that is made at once. 0: 1, with `gradient2` 0.2."},
          Ratio(x.smoothing));
  v.Field({.name = "backoff_ratio", .doc = "What a window with timeouts leaves of the limit."},
          Number(x.backoff_ratio, 0.1, 0.99));
}

}  // namespace

void Describe(FieldVisitor& v, ConcurrencyLimitConfig& x) {
  v.Field({.name = "name",
           .doc = "What routes and upstreams call it; refusals say `concurrency/<name>`.",
           .required = true},
          Text(x.name, kNameRule));
  DescribeAlgorithm(v, x);
  v.Field({.name = "queue", .doc = "Who finds no slot may wait here. Absent: is refused."},
          OptionalObject(x.queue));
  v.Field({.name = "partitions",
           .doc = "Parts of the limit by name that others cannot take; together at most 1."},
          Map(x.partitions, kNameRule.check, [](double& value) { return Ratio(value); }));
  v.Field({.name = "partition_by",
           .doc = "Whose value names a request's partition: `{header: name}`, `{cookie: name}`, "
                  "`path`. Absent: the route's name."},
          Optional(x.partition_by, [](HashOn& value) { return HashOnSlot(value); }));
  DescribeMode(v, x);
}

void Describe(FieldVisitor& v, LimitWindowConfig& x) {
  v.Field({.name = "min",
           .doc = "A window lasts at least so long, and twice the lowest latency where longer."},
          Duration(x.min, milliseconds(10), minutes(10)));
  v.Field({.name = "max", .doc = "Without enough samples by then it begins anew."},
          Duration(x.max, milliseconds(10), minutes(10)));
  v.Field({.name = "min_samples", .doc = "Finished requests that a window needs to be judged."},
          Count(x.min_samples, 1, kCallsMax));
}

void Describe(FieldVisitor& v, AdmissionQueueConfig& x) {
  v.Field(
      {.name = "initial_rejection_factor", .doc = "Up to so many times the limit all may wait."},
      Number(x.initial_rejection_factor, 0, 100));
  v.Field({.name = "max_rejection_factor",
           .doc = "From so many times the limit on none may; in between linearly fewer."},
          Number(x.max_rejection_factor, 0, 100));
  v.Field({.name = "order",
           .doc = "Within a class: the oldest first, or the newest while the queue stands."},
          Word(x.order, {.now = kOrders}));
  v.Field({.name = "max_wait",
           .doc = "Nobody waits longer. 0s: half of what a request takes without a queue, all of "
                  "it where it is critical; `codel.interval` until that is known."},
          Duration(x.max_wait, Nanos(0), minutes(1)));
  v.Field({.name = "codel", .doc = "When the queue counts as standing."}, Object(x.codel));
}

void Describe(FieldVisitor& v, CodelConfig& x) {
  v.Field({.name = "target_delay",
           .doc = "It stands when everybody waited longer; then who waited twice that is refused. "
                  "0s: half of the longest wait."},
          Duration(x.target_delay, Nanos(0), seconds(10)));
  v.Field({.name = "interval", .doc = "Over which that is judged."},
          Duration(x.interval, milliseconds(1), minutes(1)));
}

void Describe(FieldVisitor& v, OverloadConfig& x) {
  v.Field({.name = "priority", .doc = "Which request matters more."}, Object(x.priority));
  v.Field({.name = "controller", .doc = "When there is too much, and how much is shed."},
          Object(x.controller));
  v.Field({.name = "system", .doc = "Bounds of the whole gateway. Refusals say `system/<what>`."},
          Object(x.system));
  v.Field({.name = "resources", .doc = "What happens when memory or descriptors run short."},
          Object(x.resources));
  DescribeMode(v, x);
}

void Describe(FieldVisitor& v, PriorityConfig& x) {
  v.Field({.name = "default",
           .doc = "Class of a request without `x-criticality` from a trusted peer. Routes with "
                  "`critical: false` are SHEDDABLE."},
          Word(x.fallback, {.now = kClasses}));
  v.Field({.name = "user_key",
           .doc = "Who keeps its level within a class for an hour: `source_ip`, `{header: name}`, "
                  "`{cookie: name}`. Without a value the level is drawn."},
          HashOnSlot(x.user_key));
}

void Describe(FieldVisitor& v, ControllerConfig& x) {
  v.Field({.name = "interval", .doc = "How often it is judged."},
          Duration(x.interval, milliseconds(10), seconds(10)));
  v.Field({.name = "signal",
           .doc = "`queue_delay`: loops are late; `concurrency`: limits refuse; "
                  "`cpu`: over `system.cpu.threshold`."},
          List(x.signal, {.min = 1, .max = 3},
               [](OverloadSignal& value) { return Word(value, {.now = kSignals}); }));
  v.Field({.name = "propagate",
           .doc = "Upstreams are sent `x-criticality` and `x-level`; trusted peers are answered "
                  "`x-admit-level`, from which on requests pass."},
          Switch(x.propagate));
}

void Describe(FieldVisitor& v, SystemConfig& x) {
  v.Field({.name = "cpu",
           .doc = "Processor time of the control group, or the machine. Sheds by priority where "
                  "the controller has the signal `cpu`, else refuses whoever comes."},
          Object(x.cpu));
  v.Field({.name = "load1", .doc = "Load average of a minute. 0: not watched."},
          Number(x.load1, 0, 100'000));
  v.Field({.name = "max_concurrency", .doc = "Requests at once. 0: no bound."},
          Count(x.max_concurrency, 0, kCallsMax));
  v.Field({.name = "max_qps", .doc = "Requests a second. 0: no bound."}, Number(x.max_qps, 0, 1e9));
  v.Field({.name = "avg_rt", .doc = "Mean time of a request in the last second. 0: not watched."},
          Duration(x.avg_rt, Nanos(0), hours(1)));
}

void Describe(FieldVisitor& v, CpuRuleConfig& x) {
  v.Field({.name = "threshold",
           .doc = "Percent of what the gateway may use, averaged over some 10 s. 0: not watched."},
          Percent(x.threshold));
  v.Field({.name = "bbr",
           .doc = "Refuses only while more requests are under way than were seen to be finished."},
          Switch(x.bbr));
}

void Describe(FieldVisitor& v, ResourcesConfig& x) {
  v.Field({.name = "refresh_interval", .doc = "How often the machine is looked at."},
          Duration(x.refresh_interval, milliseconds(10), minutes(1)));
  v.Field({.name = "triggers", .doc = "What to do at which pressure."},
          Objects(x.triggers, {.min = 0, .max = 32}));
}

void Describe(FieldVisitor& v, ResourceTriggerConfig& x) {
  v.Field({.name = "monitor",
           .doc = "Part in use of the control group's memory, of the descriptors, of "
                  "`max_connections`; or the part of the last 10 s that something stalled (PSI).",
           .required = true},
          Word(x.monitor, {.now = kMonitors}));
  v.Field({.name = "threshold", .doc = "From here on the action is taken at once."},
          Optional(x.threshold, [](double& value) { return Ratio(value); }));
  v.Field({.name = "scaled", .doc = "Instead: it begins, and grows linearly."},
          OptionalObject(x.scaled));
  v.Field({.name = "action", .doc = "What is done.", .required = true},
          Word(x.action, {.now = kSystemActions}));
  v.Field({.name = "min_timeout", .doc = "`reduce_timeouts` leaves at least so much."},
          Duration(x.min_timeout, milliseconds(1), hours(1)));
}

void Describe(FieldVisitor& v, ScaledTriggerConfig& x) {
  v.Field({.name = "scaling_threshold", .doc = "Here it begins."}, Ratio(x.scaling_threshold));
  v.Field({.name = "saturation_threshold", .doc = "Here it is complete."},
          Ratio(x.saturation_threshold));
}

void Describe(FieldVisitor& v, AdmissionControlConfig& x) {
  v.Field({.name = "sampling_window", .doc = "Calls of the last so long are counted."},
          Duration(x.sampling_window, seconds(1), minutes(10)));
  v.Field({.name = "success_rate_threshold", .doc = "With fewer successes calls are refused."},
          Percent(x.success_rate_threshold, 1));
  v.Field({.name = "aggression", .doc = "Above 1 refuses more as soon as calls fail."},
          Number(x.aggression, 0.1, 10));
  v.Field({.name = "rps_threshold", .doc = "With fewer calls a second none is refused."},
          Number(x.rps_threshold, 0, 1e6));
  v.Field({.name = "max_rejection_probability", .doc = "Never more of the calls are refused."},
          Percent(x.max_rejection_probability));
  v.Field({.name = "force_pass_interval", .doc = "One call in so long is sent in any case."},
          Duration(x.force_pass_interval, Nanos(0), minutes(1)));
  DescribeMode(v, x);
}

}  // namespace sluice::gateway::config
