// Config: everything a configuration file can say, as plain data with defaults.
//
// LoadConfig() (load.h) makes one from text, having checked every range and reference named here;
// whoever builds one by hand keeps the same rules. Names, ranges and docs that a user sees are
// declared once more, for machines, in describe.cc; a test keeps docs/configuration.md equal to it.
// Immutable once loaded, so it is shared between loops as `shared_ptr<const Config>`.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/contract/bytes.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/time.h"
#include "sluice/gateway/config/flow_config.h"
#include "sluice/gateway/config/match_config.h"
#include "sluice/gateway/config/overload_config.h"
#include "sluice/gateway/config/record_config.h"
#include "sluice/gateway/config/release_config.h"
#include "sluice/gateway/config/retry_config.h"
#include "sluice/gateway/config/upstream_config.h"

namespace sluice::gateway::config {

struct AdminConfig {
  // "ip:port", "unix:/path" or "off". Anything but loopback or unix needs `token_file`.
  std::string listen = "127.0.0.1:7070";
  std::string token_file;  // Path of a file whose first line is the bearer token. Empty: none.
};

struct ListenerLimits {
  std::int64_t max_connections = 100'000;           // 1 .. 10'000'000, per listener over all loops.
  Nanos idle_timeout = std::chrono::seconds(60);    // 1 ms .. 24 h between two requests.
  Nanos header_timeout = std::chrono::seconds(10);  // 1 ms .. 10 min for a whole request head.
  Bytes body_min_rate = 500;           // Bytes per second over 10 s, 0 .. 1 GiB; 0: not watched.
  Bytes max_request_line = 8 * kKiB;   // 64 B .. 1 MiB; beyond it 414.
  Bytes max_header_bytes = 32 * kKiB;  // 256 B .. 1 MiB for all fields together; beyond it 431.
  std::int64_t max_headers = 100;      // 1 .. 10'000 fields; beyond it 431.
  Bytes max_body_bytes = 10 * kMiB;    // 0 .. 1 TiB; beyond it 413. A route may override it.
};

enum class ListenerKind : std::uint8_t { kIngress, kEgress };

// What becomes of calls to a host that no route of the listener takes.
enum class UnknownHosts : std::uint8_t { kRefuse, kPass };

// Read only with kind egress.
struct EgressConfig {
  UnknownHosts unknown_hosts = UnknownHosts::kRefuse;
  // Ports that a CONNECT to an unknown host may name, each 1 .. 65'535.
  std::vector<std::int64_t> connect_ports = {443};
  // Unknown hosts with a loopback, link-local, multicast or unspecified address are passed, too.
  bool local_addresses = false;
  std::int64_t max_hosts = 256;              // 1 .. 10'000 unknown hosts at once, per worker.
  Nanos timeout = std::chrono::seconds(15);  // 1 ms .. 24 h until an unknown host's response head.
};

struct ListenerConfig {
  std::string name;    // Required, unique.
  std::string listen;  // "ip:port" or "unix:/path". Required, unique.
  ListenerKind kind = ListenerKind::kIngress;
  EgressConfig egress;
  std::vector<std::string> trusted_proxies;  // AddressBlocks whose X-Forwarded-* are believed.
  ListenerLimits limits;
};

enum class RouteAction : std::uint8_t { kForward, kDeny };

struct RouteConfig {
  std::string name;                    // Required, unique.
  std::vector<std::string> listeners;  // Whose requests it takes; empty: of all ingress listeners.
  MatchConfig match;
  RouteAction action = RouteAction::kForward;  // deny answers 403.
  std::string upstream;                        // A name from `upstreams[]`; or `flow`.
  std::string flow;                            // A name from `flows[]`; neither for deny.
  Nanos timeout = std::chrono::seconds(15);    // 1 ms .. 24 h until the response head is there.
  Nanos stream_idle_timeout = std::chrono::seconds(60);  // 100 ms .. 24 h of silence in its body.
  std::optional<RetryConfig> retry;                      // Absent: one send.
  std::vector<std::string> rate_limits;          // Names from `rate_limits[]`, asked in this order.
  std::string degrade;                           // A name from `degrade`; empty: plain refusals.
  std::optional<BreakerConfig> circuit_breaker;  // Bears the route's name.
  std::optional<AdmissionControlConfig> admission_control;  // Bears the route's name.
  std::vector<std::string> concurrency_limits;  // Names, asked in this order, before rate limits.
  bool critical = true;                         // false: may be given up first under overload.
  std::optional<std::string> prefix_rewrite;    // Replaces the matched `path_prefix`.
  bool upgrade = true;                          // Lets `Upgrade: websocket` through.
  std::optional<Bytes> max_body_bytes;          // 0 .. 1 TiB, instead of the listener's.
};

enum class RateAlgorithm : std::uint8_t {
  kGcra,
  kSlidingWindow,
  kFixedWindow,
  kSlidingLog,
  kPacing,
};

// UTC.
enum class CalendarPeriod : std::uint8_t { kNone, kMinute, kHour, kDay, kWeek, kMonth, kYear };

// Who is counted together: the requests of this gateway.
enum class RateScope : std::uint8_t { kLocal };

// What a new key gets when `max_keys` are live.
enum class OnTableFull : std::uint8_t { kSharedBucket, kAllow, kDeny };

enum class RateHeaders : std::uint8_t { kRatelimit, kXRatelimit };

struct RateLimitOverride {
  std::int64_t limit = 0;  // 1 .. 1'000'000'000 per period. Required.
  std::int64_t burst = 0;  // As RateLimitConfig::burst.
};

struct WarmUpConfig {
  Nanos period = std::chrono::seconds(10);  // 100 ms .. 1 h from cold to the full rate.
  double cold_factor = 3;                   // Above 1, up to 100: how much slower it starts.
};

// Of a rule in shadow: it has no limit until one is learnt from who comes.
struct LearnConfig {
  Nanos length = std::chrono::minutes(5);  // 1 s .. 24 h from the first request on.
  double headroom = 2;                     // 1 .. 100 times what the busiest key asked.
};

struct RateLimitMatch {
  std::vector<std::string> methods;  // Upper case; empty: any. Other methods are not counted.
};

struct RateLimitConfig {
  std::string name;              // Required, unique.
  RateLimitMatch match;          // Which requests of a route count.
  std::vector<RateKeyPart> key;  // Empty: one bucket for all requests.
  RateAlgorithm algorithm = RateAlgorithm::kGcra;
  // 1 .. 1'000'000'000 per period; sliding_log: 64. Required.
  std::int64_t limit = 0;
  Nanos period = std::chrono::seconds(1);           // 1 ms .. 768 h.
  CalendarPeriod calendar = CalendarPeriod::kNone;  // fixed_window: instead of `period`.
  // gcra: 1 .. 1'000'000'000 at once. LoadConfig replaces 0 by what one second allows, at least 1.
  std::int64_t burst = 0;
  Nanos max_queueing_time = std::chrono::milliseconds(500);  // pacing: 0 .. 1 min.
  std::optional<WarmUpConfig> warm_up;                       // gcra without key.
  std::optional<LearnConfig> learn;  // gcra with key, in shadow: `limit` is the least.
  double init_fill_ratio = 1.0;      // 0 .. 1 of the burst is there at the start.
  bool drain_on_reject = false;      // A refused request takes what is left.
  std::int64_t cost = 1;             // 1 .. 1'000'000, at most the burst: tokens a request takes.
  std::string cost_header;           // Lower case: the field that tells the cost instead; or empty.
  // By the key's text; the parts of a key of several are joined by "|".
  std::map<std::string, RateLimitOverride> overrides;
  std::int64_t max_keys = 100'000;  // 1 .. 16'000'000 live keys.
  OnTableFull on_table_full = OnTableFull::kSharedBucket;
  RateScope scope = RateScope::kLocal;
  GuardMode mode = GuardMode::kEnforce;
  double enforce_percent = 100;      // 0 .. 100 of the refusals that refuse; the rest only count.
  std::int64_t status = 429;         // 400 .. 599.
  std::vector<RateHeaders> headers;  // Which quota fields every response carries.
  double near_limit_ratio = 0.8;     // 0 .. 1 of the burst used: counted as near the limit.
};

struct StaticStep {
  std::int64_t status = 200;  // 200 .. 599.
  // Names lower-cased by LoadConfig. Without content-type it is application/json.
  std::map<std::string, std::string> headers;
  // At most one of body, template and file.
  std::optional<std::string> body;
  std::optional<std::string> body_template;  // `template:` a body with {{variables}}.
  std::optional<std::string> file;  // At most 1 MiB, read when the configuration is put in force.
};

struct RejectStep {
  std::int64_t status = 503;  // 400 .. 599.
  Nanos retry_after{0};       // 0 .. 24 h; 0: what the refused guard says, or 1 s.
};

// What of RFC 9111 a cache looks past.
enum class CacheIgnore : std::uint8_t { kCacheControl, kAuthorization, kCookie, kSetCookie };

struct StaleCacheStep {
  Nanos max_stale = std::chrono::seconds(60);        // 1 ms .. 168 h beyond its freshness.
  Bytes max_bytes = 64 * kMiB;                       // 1 MiB .. 64 GiB for all kept answers.
  Bytes max_answer_bytes = 256 * kKiB;               // 1 KiB .. max_bytes / 8 for one body.
  Nanos refresh_interval = std::chrono::seconds(1);  // 0 .. 1 h between two copies of one key.
  std::vector<std::string> key_headers;  // 0 .. 8 names, lower-cased by LoadConfig; beside Vary.
  std::vector<CacheIgnore> ignore;
};

struct UpstreamStep {
  std::string name;                         // A name from `upstreams[]`. Required.
  Nanos timeout = std::chrono::seconds(1);  // 1 ms .. 1 h until its response head is there.
};

// Exactly one of the answers is set.
struct DegradeStep {
  // Upper case; empty: any, for stale_cache GET and HEAD. Others go to the next step.
  std::vector<std::string> methods;
  std::int64_t max_concurrent = 0;  // 1 .. 1'000'000; 0 ("auto"): see DegradeConfig.
  std::optional<StaleCacheStep> stale_cache;
  std::optional<UpstreamStep> upstream;
  std::optional<StaticStep> static_answer;  // `static:`
  std::optional<RejectStep> reject;
};

enum class DegradeTrigger : std::uint8_t {
  kRateLimited,
  kBreakerOpen,
  kOverload,
  kUpstreamError,
  kTimeout,
};

struct DegradeConfig {
  // 1 .. 1'000'000 at once in each step that does work (stale_cache, upstream); beyond it the next
  // step answers.
  std::int64_t max_concurrent = 10;
  std::vector<DegradeStep> chain;     // Required, 1 .. 16; the first that can answer does.
  std::vector<StatusRange> statuses;  // Within 500 .. 599: answers of the upstream that are errors.
  // rate_limited is not among them by default: a client over its limit should learn so.
  std::vector<DegradeTrigger> on = {DegradeTrigger::kBreakerOpen, DegradeTrigger::kOverload,
                                    DegradeTrigger::kUpstreamError, DegradeTrigger::kTimeout};
};

struct AccessLogConfig {
  std::string path = "stdout";  // "stdout", "stderr", "off" or a file that is appended to.
};

struct TelemetryConfig {
  AccessLogConfig access_log;
  bool debug_headers = false;  // Adds x-sluice-upstream to proxied responses.
  std::string via = "off";     // Our name in Via (RFC 9110 section 7.6.3); "off" sends none.
};

struct DrainConfig {
  Nanos lame_duck{0};                              // 0 .. 10 min of still accepting.
  Nanos drain_timeout = std::chrono::seconds(30);  // 0 .. 24 h for what is in flight.
};

struct Config {
  AdminConfig admin;
  std::string data_dir = "./sluice-data";
  std::int64_t workers = 0;               // 1 .. 1024 event loops; 0 ("auto"): one per core.
  std::vector<ListenerConfig> listeners;  // At least one.
  std::vector<UpstreamConfig> upstreams;  // At least one, unless every route denies.
  std::vector<RouteConfig> routes;        // At least one; the first match wins.
  std::vector<RateLimitConfig> rate_limits;
  std::vector<ConcurrencyLimitConfig> concurrency_limits;
  std::optional<OverloadConfig> overload;
  std::map<std::string, DegradeConfig> degrade;
  std::vector<ReleaseConfig> releases;
  std::vector<FlowConfig> flows;
  std::optional<RecordConfig> record;
  TelemetryConfig telemetry;
  DrainConfig drain;
};

}  // namespace sluice::gateway::config
