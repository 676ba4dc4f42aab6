// Exchange: one request and its answer, from the first byte of the head to the last of the body.
//
// Plain data that the parts of the request path fill in, each its own section. Exchanges come from
// a pool of their worker and keep their buffers, so a request in steady state allocates nothing; an
// idle connection holds none. Belongs to one loop.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/contract/address.h"
#include "sluice/contract/event.h"
#include "sluice/contract/guard.h"
#include "sluice/contract/loop.h"
#include "sluice/contract/stream.h"
#include "sluice/contract/task_group.h"
#include "sluice/contract/time.h"
#include "sluice/contract/timer.h"
#include "sluice/degrade/refusal.h"
#include "sluice/gateway/admission_wait.h"
#include "sluice/gateway/reason.h"
#include "sluice/gateway/recording_tap.h"
#include "sluice/gateway/router.h"
#include "sluice/gateway/snapshot.h"
#include "sluice/gateway/upstream_client.h"
#include "sluice/limit/retry_budget.h"
#include "sluice/release/decision.h"
#include "sluice/release/event_rule.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/pool.h"
#include "sluice/wire/http1_body.h"
#include "sluice/wire/http1_head_reader.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/http_head.h"

namespace sluice::gateway {

struct WorkerContext;
struct WorkerListener;

// How far the client's body has come, and where it goes. See request_body.h.
struct RequestBodyState {
  enum class Place : std::uint8_t {
    kWhole,      // No body, or all of it is in `received`: an attempt can send it again.
    kStreaming,  // Some is still on its way: sent once, as it comes.
  };
  Place place = Place::kWhole;
  Bytes prefix_bytes = 0;    // Of `received` that belong to this request's body.
  bool is_complete = false;  // The last byte has been taken from the client.
  bool is_pumping = false;   // A pump reads the client.
  bool is_sending = false;   // The pump is inside a send to the upstream.
  SteadyTime completed_at{};
  std::uint64_t bytes = 0;  // Content taken from the client.
  // Where the pump sends to; null: what comes is dropped, within bounds.
  traffic::Connection* target = nullptr;
  // Takes the content instead of an upstream; null: it goes to `target`.
  std::string* collected = nullptr;
  std::optional<Error> client_error;  // Why the rest of the body will never come.
};

// A client must take what one send holds (at most a receive buffer) within this.
inline constexpr Nanos kClientSendMax = std::chrono::seconds(60);

// At most a rate limit for each name of a route (the loader bounds them) and two breakers.
inline constexpr std::size_t kRateLimitsMax = 16;
inline constexpr std::size_t kBreakersMax = 2;
// At most so many concurrency limits of a route or an upstream (the loader bounds them), and the
// gateway's own rules.
inline constexpr std::size_t kConcurrencyMax = 4;
inline constexpr std::size_t kLoadPermitsMax = kConcurrencyMax + 1;
inline constexpr std::size_t kThrottlesMax = 2;

// What a rate limit let in, to be given back when a later guard refuses.
struct TakenTokens {
  limit::RateLimit* guard = nullptr;
  limit::Taken taken;
};

// Which upstream attempts go to, and how long they may take.
struct AskedUpstream {
  const UpstreamPlan* plan = nullptr;
  UpstreamClient* client = nullptr;
  SteadyTime deadline = kNever;         // Of an alternative; else the route's timeout counts.
  std::shared_ptr<UpstreamClient> pin;  // Keeps the client of an unknown host; see egress_hosts.h.
  traffic::TriedEndpoints* tried = nullptr;  // Of several alternatives in a row; may be null.
  std::optional<bool> is_idempotent = {};    // Absent: what the method says.
};

// Whom GiveUp() tells, beside the waits that an exchange knows of.
struct GiveUpHook {
  void (*call)(void* owner) = nullptr;
  void* owner = nullptr;
};

// The attempt whose end outlier detection has yet to hear of.
struct JudgedAttempt {
  breaker::OutlierDetector* detector = nullptr;  // Null: of none.
  std::size_t slot = 0;                          // Of the endpoint asked.
};

// How far the body that a release's judge asks for has come; see judged_body.h.
enum class JudgedBodyState : std::uint8_t { kNone, kKeeping, kWhole, kUnread };

// Which version was chosen, why, and what the judge is to know of its answer. See choose.h.
struct ReleaseUse {
  const ReleasePlan* plan = nullptr;  // Null: the route's upstream is in no release.
  bool is_live = false;
  release::Decision decision;
  std::uint64_t key_hash = 0;
  bool is_random = false;  // The key is nobody's.
  bool has_answer = false;
  release::AnswerFacts answer;
  JudgedBodyState body = JudgedBodyState::kNone;
  std::string identity;  // Given to the client with the response; empty: none.
};

// What `buffer` holds: its bytes; where it has grown beyond what is kept for the next exchange, all
// that ending this one would free.
[[nodiscard]] Bytes BytesHeldBy(const std::string& buffer);

struct Exchange {
  Exchange(WorkerContext& its_worker, const wire::HeadLimits& limits);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Forgets everything of the request and keeps the memory. `received` keeps what belongs to the
  // next request.
  void Reset();

  // The client went away: every wait for an upstream ends at once.
  void GiveUp();

  // Gives back what a large message has made of the buffers.
  void Shrink();

  // What it holds in memory: the head, buffers, an answer that is being kept.
  [[nodiscard]] Bytes HeldBytes() const;

  WorkerContext& worker;
  const wire::HeadLimits head_limits;  // Of its reader.

  // --- The client (session.cc).
  Stream* client = nullptr;
  const ListenerPlan* listener = nullptr;
  const WorkerListener* accepted_by = nullptr;
  wire::RequestHeadReader reader;
  std::string received;  // Bytes behind the head: the body's beginning, then the next request.
  std::string_view peer_text;  // The connection's other end without port; a view of the session.
  Address client_address;
  std::string client_text;  // The address without port.
  bool peer_is_trusted = false;
  bool client_is_gone = false;
  bool was_shed = false;  // Ended for its memory; the client is gone by our own doing.
  GiveUpHook on_give_up;  // Of a flow under way.
  SteadyTime started{};
  WallTime started_wall{};
  std::uint64_t sequence = 0;    // Order of beginning, on this worker.
  std::uint64_t connection = 0;  // Of the client; equal for what it sends on it.

  [[nodiscard]] const wire::RequestHead& request() const { return reader.head(); }

  // --- The route (guards.cc).
  SnapshotUse snapshot;
  const RoutePlan* route = nullptr;
  std::string_view path;  // Normal form; a view of the head or of `path_scratch`.
  PathCaptures captures;
  std::string path_scratch;
  std::string query_scratch;
  bool speaks_grpc = false;  // A refusal is told in its words: see grpc.h.

  // --- Guards.
  std::array<TakenTokens, kRateLimitsMax> taken;
  std::size_t taken_count = 0;
  Event wait_ended;                                  // Set by GiveUp(); ends waits by the clock.
  std::array<Permit, kBreakersMax> breaker_permits;  // Of the current attempt.
  std::array<const breaker::ClassifyOptions*, kBreakersMax> classifiers{};
  std::size_t breaker_count = 0;
  const RatePlan* quota_rule = nullptr;  // Whose quota the response's header fields tell.
  degrade::RateLimitStatus quota;
  int refusal_status = 0;       // Of the rule that refused, where it has one of its own.
  std::string_view shed_cause;  // What made the gate shed that refused; empty: none did.
  std::optional<limit::RetryBudget::Token> retry_token;

  // --- Overload (overload.cc).
  AdmissionWait admission_wait;
  std::array<Permit, kLoadPermitsMax> load_permits;  // Held until the end.
  std::size_t load_count = 0;
  std::array<Permit, kConcurrencyMax> attempt_permits;  // Of the current attempt.
  std::size_t attempt_count = 0;
  std::array<Permit, kThrottlesMax> throttle_permits;
  std::optional<std::uint32_t> level;  // Once it was asked for: how much the request matters.
  SteadyTime entered{};                // When the limits had let it in.

  ReleaseUse release;  // (choose.cc)

  // --- The upstream (forwarder.cc).
  AskedUpstream asked;
  bool is_substitute = false;  // An alternative is asked, or nobody is: see substitute.h.
  traffic::TriedEndpoints tried;
  JudgedAttempt judged;
  std::optional<traffic::Cancellation> acquiring;
  Stream* upstream_stream = nullptr;  // Of the attempt under way, so that GiveUp() can end it.
  RequestBodyState body;
  wire::BodyDecoder body_decoder;
  // Ends the wait for a response head once a streamed body is complete; see forwarder.cc.
  Timer head_timer;
  bool head_timed_out = false;
  bool awaits_head = false;
  TaskGroup pumps;
  Event pump_changed;
  std::string pump_output;             // Chunk lines of the pump.
  std::string pump_content;            // Content that came in several chunks.
  std::uint32_t attempts = 0;          // All sends.
  std::uint32_t counted_attempts = 0;  // Those that count against the route's bound.
  // The last attempt met the race with the server's idle timeout: it closed a connection that was
  // kept from before just as we used it.
  bool stale_connection = false;
  bool stale_retry_used = false;
  bool was_sent = false;       // Some upstream may have got some of it, whatever came of that.
  bool flow_failed = false;    // Its error bears a node's name, and is no refusal.
  bool asked_upgrade = false;  // The request as sent asked for another protocol.
  std::string upstream_label;  // Of the endpoint asked last.
  SteadyTime upstream_started{};
  Nanos upstream_duration{0};  // Until the response head, of the last attempt.

  // --- The answer (delivery.cc, substitute.cc).
  std::string output;                            // Response heads and small bodies.
  std::string chunk_head;                        // Chunk size lines.
  std::string chunk_tail;                        // The last chunk, with trailers.
  std::string response_content;                  // Content that came in several chunks.
  std::string judged_body;                       // What a release's judge reads of it.
  std::string local_body;                        // Of an answer of our own.
  std::string grpc_message;                      // Why a gRPC call was refused.
  std::string value_text;                        // A rewritten path.
  std::vector<wire::ExtraHeader> extra_headers;  // Added to the response; see response_headers.cc.
  std::array<std::string, 10> header_values;     // What they point at.
  std::string trace_parent;
  std::string baggage;  // Without what an untrusted client may not say.
  std::string forwarded_for;
  bool keep_alive = true;  // The client's connection goes on after this exchange.
  bool head_sent = false;
  int status = 0;  // As sent to the client; 0: nothing was.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  Reason reason = Reason::kOk;
  std::string_view refusal_guard;  // "rate_limit", "breaker", …; empty unless a guard refused.
  std::string_view refusal_rule;
  std::string refusal_reason;        // Value of x-sluice-reason; empty when nothing was refused.
  std::string_view degraded_source;  // "static", …; empty: not degraded.
  std::size_t next_step = 0;         // Of the degrade chain, should it be asked again.
  std::optional<degrade::StaleCache::Fill> keeping;  // The answer under way; see stale_keeping.h.
  std::string cache_key;
  ExchangeCopy recording;  // See recording_tap.h.
};

}  // namespace sluice::gateway
