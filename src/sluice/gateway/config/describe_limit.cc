#include <array>

#include "sluice/gateway/config/choice_slots.h"
#include "sluice/gateway/config/describe.h"
#include "sluice/gateway/config/scalar_slots.h"
#include "sluice/gateway/config/slots.h"

namespace sluice::gateway::config {
namespace {

constexpr std::int64_t kLimitMax = 1'000'000'000;
constexpr std::string_view kRefuseAll =
    "to refuse every request set the route's `action: deny` instead";

constexpr std::array<std::string_view, 5> kAlgorithms{"gcra", "sliding_window", "fixed_window",
                                                      "sliding_log", "pacing"};
constexpr std::array<std::string_view, 1> kScopes{"local"};
constexpr std::array<std::string_view, 1> kScopesLater{"global"};
constexpr std::string_view kScopeHint =
    "it arrives with the distributed limits; until then give each gateway its share of the limit";
constexpr std::array<std::string_view, 3> kTableFull{"shared_bucket", "allow", "deny"};
constexpr std::array<std::string_view, 2> kRateHeaders{"ratelimit", "x_ratelimit"};

}  // namespace

void Describe(FieldVisitor& v, RateLimitConfig& x) {
  v.Field({.name = "name",
           .doc = "What routes call it; refusals say `rate_limit/<name>`.",
           .required = true},
          Text(x.name, kNameRule));
  v.Field({.name = "match", .doc = "Which requests of a route count."}, Object(x.match));
  v.Field({.name = "key",
           .doc = "Who is counted apart: `ip`, `{header: name}`, `{cookie: name}`, "
                  "`{path_param: name}`, `{generic: text}`. Several make one key of all.",
           .default_text = "one bucket for all"},
          List(x.key, {.min = 0, .max = 8}, [](RateKeyPart& value) { return RateKeySlot(value); }));
  v.Field({.name = "algorithm",
           .doc = "`gcra`: a token bucket. `sliding_window`: about `limit` in any period. "
                  "`fixed_window`: quotas that begin anew. `sliding_log`: exact, for limits up to "
                  "64. `pacing`: evenly, by making requests wait."},
          Word(x.algorithm, {.now = kAlgorithms}));
  v.Field({.name = "limit",
           .doc = "Tokens in a period; at most 64 with `sliding_log`.",
           .required = true,
           .hint = kRefuseAll},
          Count(x.limit, 1, kLimitMax));
  v.Field(
      {.name = "period",
       .doc = "What `limit` is per. A period of the calendar, in UTC, with `fixed_window` only."},
      Period(x.period, x.calendar, std::chrono::milliseconds(1), std::chrono::hours(768)));
  v.Field({.name = "burst",
           .doc = "`gcra`: tokens that may be taken at once. `auto`: what one second allows, at "
                  "least 1."},
          CountOr("auto", x.burst, kLimitMax));
  v.Field({.name = "max_queueing_time",
           .doc = "`pacing`: a request that would wait longer is refused."},
          Duration(x.max_queueing_time, Nanos(0), std::chrono::minutes(1)));
  v.Field({.name = "warm_up",
           .doc = "`gcra` without `key`: starts slower and rises to the full rate. `{}` takes the "
                  "defaults.",
           .default_text = "none"},
          OptionalObject(x.warm_up));
  v.Field({.name = "learn",
           .doc = "`gcra` with `key`, in `shadow`: no limit at first; then one above what the "
                  "busiest key asked, at least `limit`. `{}` takes the defaults.",
           .default_text = "none"},
          OptionalObject(x.learn));
  v.Field({.name = "init_fill_ratio", .doc = "`gcra`: of the burst is there at the start."},
          Ratio(x.init_fill_ratio));
  v.Field({.name = "drain_on_reject", .doc = "A refused request takes the tokens that are left."},
          Switch(x.drain_on_reject));
  v.Field(
      {.name = "cost",
       .doc = "Tokens that a request takes. `{header: x-cost}`: what that field says, at least 1 "
              "and at most what fits at once; 1 without the field, the most if it is no number."},
      CostSlot(x.cost, x.cost_header));
  v.Field(
      {.name = "overrides",
       .doc = "Other limits for some keys, by the key's text. A key of several parts has as many, "
              "joined by `|`."},
      Map(x.overrides, kFileRule.check, [](RateLimitOverride& value) { return Object(value); }));
  v.Field({.name = "max_keys", .doc = "Keys counted at once. Full buckets take no place."},
          Count(x.max_keys, 1, 16'000'000));
  v.Field({.name = "on_table_full", .doc = "What a new key meets when there is no place."},
          Word(x.on_table_full, {.now = kTableFull}));
  v.Field({.name = "scope", .doc = "Who is counted together: the requests of this gateway."},
          Word(x.scope, {.now = kScopes, .later = kScopesLater, .later_hint = kScopeHint}));
  v.Field({.name = "mode", .doc = "`shadow` only counts what it would have refused."},
          Mode(x.mode));
  v.Field({.name = "enforce_percent",
           .doc = "This part of the refusals refuses; the rest only counts."},
          Percent(x.enforce_percent));
  v.Field({.name = "status", .doc = "Of a refusal."}, Count(x.status, 400, 599));
  v.Field({.name = "headers",
           .doc = "Quota fields on every response: `ratelimit` (RateLimit, RateLimit-Policy), "
                  "`x_ratelimit` (X-RateLimit-*)."},
          List(x.headers, {.min = 0, .max = 2},
               [](RateHeaders& value) { return Word(value, {.now = kRateHeaders}); }));
  v.Field({.name = "near_limit_ratio",
           .doc = "From this part of the burst or limit on a request counts as near it."},
          Ratio(x.near_limit_ratio));
  v.Later({"store", "lease", "on_store_failure"});
}

void Describe(FieldVisitor& v, WarmUpConfig& x) {
  v.Field({.name = "period", .doc = "From cold to the full rate under full load."},
          Duration(x.period, std::chrono::milliseconds(100), std::chrono::hours(1)));
  v.Field({.name = "cold_factor", .doc = "How many times slower it starts; above 1."},
          Number(x.cold_factor, 1, 100));
}

void Describe(FieldVisitor& v, LearnConfig& x) {
  v.Field({.name = "for", .doc = "From the first request on; then the limit is in force."},
          Duration(x.length, std::chrono::seconds(1), std::chrono::hours(24)));
  v.Field({.name = "headroom", .doc = "So many times what the busiest key asked."},
          Number(x.headroom, 1, 100));
}

void Describe(FieldVisitor& v, RateLimitMatch& x) {
  v.Field({.name = "methods", .doc = "Other methods are not counted.", .default_text = "any"},
          List(x.methods, {.min = 0, .max = 32},
               [](std::string& value) { return Text(value, kMethodRule); }));
}

void Describe(FieldVisitor& v, RateLimitOverride& x) {
  v.Field({.name = "limit", .doc = "Tokens in a period.", .required = true},
          Count(x.limit, 1, kLimitMax));
  v.Field({.name = "burst", .doc = "As `rate_limits[].burst`."},
          CountOr("auto", x.burst, kLimitMax));
}

}  // namespace sluice::gateway::config
