#include <array>

#include "sluice/gateway/config/choice_slots.h"
#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 2> kOnKeysFull{"shared_breaker", "allow"};
constexpr std::array<std::string_view, 2> kWindowTypes{"time", "count"};
constexpr std::array<std::string_view, 2> kThresholdModes{"gte", "gt"};
// A rate of nothing would trip on the first good call.
constexpr double kThresholdMin = 0.1;

auto StatusList(std::vector<StatusRange>& statuses) {
  return List(statuses, {.min = 0, .max = 100},
              [](StatusRange& value) { return StatusRangeSlot(value); });
}

constexpr std::array<std::string_view, kGrpcStatuses> kGrpcWords{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

auto GrpcList(std::vector<GrpcStatus>& statuses) {
  return List(statuses, {.min = 0, .max = kGrpcStatuses},
              [](GrpcStatus& value) { return Word(value, {.now = kGrpcWords}); });
}

}  // namespace

void Describe(FieldVisitor& v, BreakerConfig& x) {
  v.Field({.name = "key",
           .doc = "A breaker for each: `{header: x-tenant}`, `ip`, `{cookie: name}`, "
                  "`{path_param: name}`, `{generic: text}`. Several make one key of all.",
           .default_text = "one breaker for all"},
          List(x.key, {.min = 0, .max = 8}, [](RateKeyPart& value) { return RateKeySlot(value); }));
  v.Field({.name = "max_keys",
           .doc = "Breakers at once. A healthy, idle one makes room for a new key; one that has "
                  "failures never does."},
          Count(x.max_keys, 1, 100'000));
  v.Field(
      {.name = "on_keys_full",
       .doc = "What a new key meets where none makes room: one breaker that all such keys share, "
              "or none."},
      Word(x.on_keys_full, {.now = kOnKeysFull}));
  v.Field({.name = "sliding_window", .doc = "Which calls the rates are taken from."},
          Object(x.sliding_window));
  v.Field({.name = "minimum_number_of_calls", .doc = "Fewer are not judged."},
          Count(x.minimum_number_of_calls, 1, 100'000));
  v.Field({.name = "failure_rate_threshold", .doc = "Opens at this percentage of failures."},
          Percent(x.failure_rate_threshold, kThresholdMin));
  v.Field({.name = "slow_call_rate_threshold", .doc = "Opens at this percentage of slow calls."},
          Percent(x.slow_call_rate_threshold, kThresholdMin));
  v.Field({.name = "slow_call_duration_threshold",
           .doc = "A call that takes longer is slow. `0s`: none is."},
          Duration(x.slow_call_duration_threshold, Nanos(0), hours(1)));
  v.Field({.name = "threshold_mode",
           .doc = "`gte`: a rate that reaches its threshold opens; `gt`: one that exceeds it."},
          Word(x.threshold_mode, {.now = kThresholdModes}));
  v.Field({.name = "consecutive_failures",
           .doc = "Opens after so many failures in a row, too. 0 does not count them."},
          Count(x.consecutive_failures, 0, 100'000));
  v.Field({.name = "wait_duration_in_open_state", .doc = "Before the first probe is let through."},
          Duration(x.wait_duration_in_open_state, milliseconds(10), hours(1)));
  v.Field({.name = "wait_backoff", .doc = "How that wait grows from opening to opening."},
          Object(x.wait_backoff));
  v.Field({.name = "permitted_number_of_calls_in_half_open_state",
           .doc = "Probes that decide whether to close."},
          Count(x.permitted_number_of_calls_in_half_open_state, 1, 1'000));
  v.Field({.name = "max_wait_duration_in_half_open_state",
           .doc = "Probes that are not decided by then open it again."},
          Duration(x.max_wait_duration_in_half_open_state, milliseconds(10), hours(1)));
  v.Field({.name = "automatic_transition",
           .doc = "Half-opens when the wait is over, without waiting for a call to do so."},
          Switch(x.automatic_transition));
  v.Field({.name = "recovery_ramp", .doc = "How traffic comes back after good probes."},
          Object(x.recovery_ramp));
  v.Field({.name = "record", .doc = "What counts as a failure."}, Object(x.record));
  v.Field({.name = "ignore", .doc = "What counts as nothing; wins over `record`."},
          Object(x.ignore));
  v.Field({.name = "mode", .doc = "`shadow` only counts what it would have refused."},
          Mode(x.mode));
  v.Field({.name = "enforce_percent",
           .doc = "This part of the refusals refuses; the rest only counts."},
          Percent(x.enforce_percent));
  v.Later({"degrade"});
}

void Describe(FieldVisitor& v, SlidingWindowConfig& x) {
  v.Field({.name = "type", .doc = "`time`: the last seconds; `count`: the last calls."},
          Word(x.type, {.now = kWindowTypes}));
  v.Field({.name = "size",
           .doc = "A duration for `time`, a number of calls for `count`.",
           .default_text = "10s, or 100 calls"},
          WindowSizeSlot(x));
  v.Field({.name = "buckets", .doc = "Parts of a time window; it slides by one of them."},
          Count(x.buckets, 1, 120));
}

void Describe(FieldVisitor& v, WaitBackoffConfig& x) {
  v.Field({.name = "multiplier", .doc = "Each opening in a row waits so many times longer."},
          Number(x.multiplier, 1, 10));
  v.Field({.name = "max", .doc = "Never longer than this."},
          Duration(x.max, milliseconds(10), hours(1)));
  v.Field({.name = "jitter", .doc = "The wait varies by this ratio up and down."},
          Number(x.jitter, 0, 0.5));
}

void Describe(FieldVisitor& v, RecoveryRampConfig& x) {
  v.Field({.name = "window", .doc = "Until all calls are admitted again. `0s` closes at once."},
          Duration(x.window, Nanos(0), hours(1)));
  v.Field({.name = "min_percent", .doc = "Of the calls are admitted at its start."},
          Percent(x.min_percent));
  v.Field({.name = "aggression", .doc = "1 rises evenly; more rises faster at first."},
          Number(x.aggression, 0.1, 10));
}

void Describe(FieldVisitor& v, BreakerRecordConfig& x) {
  v.Field({.name = "statuses", .doc = "Answers that are failures."}, StatusList(x.statuses));
  v.Field({.name = "grpc",
           .doc = "Ends of gRPC calls (`grpc-status`, as a trailer or a header) that are failures. "
                  "Their HTTP status is not looked at."},
          GrpcList(x.grpc));
  v.Field({.name = "timeouts", .doc = "No answer in time is a failure."}, Switch(x.timeouts));
  v.Field({.name = "connect_errors", .doc = "A connection that fails or breaks is a failure."},
          Switch(x.connect_errors));
}

void Describe(FieldVisitor& v, BreakerIgnoreConfig& x) {
  v.Field({.name = "statuses", .doc = "Answers that say nothing about the upstream."},
          StatusList(x.statuses));
  v.Field({.name = "grpc", .doc = "Ends of gRPC calls that say nothing about the upstream."},
          GrpcList(x.grpc));
}

}  // namespace sluice::gateway::config
