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

constexpr std::array<std::string_view, 1> kAlgorithms{"gcra"};
constexpr std::array<std::string_view, 4> kAlgorithmsLater{"sliding_window", "fixed_window",
                                                           "sliding_log", "pacing"};
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
  v.Field({.name = "algorithm", .doc = "`gcra`: a token bucket that keeps one time stamp."},
          Word(x.algorithm, {.now = kAlgorithms, .later = kAlgorithmsLater}));
  v.Field({.name = "limit", .doc = "Tokens in a period.", .required = true, .hint = kRefuseAll},
          Count(x.limit, 1, kLimitMax));
  v.Field({.name = "period", .doc = "What `limit` is per."},
          Duration(x.period, std::chrono::milliseconds(1), std::chrono::hours(768)));
  v.Field({.name = "burst",
           .doc = "Tokens that may be taken at once. `auto`: what one second allows, at least 1."},
          CountOr("auto", x.burst, kLimitMax));
  v.Field({.name = "init_fill_ratio", .doc = "Of the burst is there at the start."},
          Ratio(x.init_fill_ratio));
  v.Field({.name = "drain_on_reject", .doc = "A refused request takes the tokens that are left."},
          Switch(x.drain_on_reject));
  v.Field({.name = "cost", .doc = "Tokens that a request takes."}, Count(x.cost, 1, 1'000'000));
  v.Field(
      {.name = "overrides",
       .doc = "Other limits for some keys, by the key's text. A key of several parts has as many, "
              "joined by `|`."},
      Map(x.overrides, kFileRule.check, [](RateLimitOverride& value) { return Object(value); }));
  v.Field({.name = "max_keys", .doc = "Keys counted at once. Full buckets take no place."},
          Count(x.max_keys, 1, 16'000'000));
  v.Field({.name = "on_table_full", .doc = "What a new key meets when there is no place."},
          Word(x.on_table_full, {.now = kTableFull}));
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
           .doc = "From this part of the burst on a request counts as near the limit."},
          Ratio(x.near_limit_ratio));
  v.Later({"warm_up", "max_queueing_time", "scope", "store", "lease", "on_store_failure"});
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
