#include "sluice/gateway/choose.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/gateway/forwarder.h"
#include "sluice/gateway/judged_body.h"
#include "sluice/gateway/jwt_claim.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/release/lane_order.h"
#include "sluice/wire/authority.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kLaneHeader = "x-sluice-lane";
constexpr std::string_view kLaneCookie = std::string_view("=sluice_lane").substr(1);
constexpr std::string_view kLaneKey = "sluice.lane=";
constexpr std::uint32_t kKeysChannel = 63;  // Beside the metrics' channels in the filter.

AskedUpstream UpstreamAt(const Exchange& exchange, std::size_t index) {
  return {.plan = &exchange.snapshot->snapshot->upstreams[index],
          .client = exchange.snapshot->clients[index]};
}

// 128 bits in the letters of base64url (RFC 4648 section 5), without padding.
void MakeIdentity(Random& random, std::string& out) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  out.clear();
  std::uint64_t bits = 0;
  for (int i = 0; i < 22; ++i) {
    if (i % 10 == 0) bits = random.Next();
    out += kLetters[bits & 63U];
    bits >>= 6U;
  }
}

std::string_view HeaderValue(const wire::RequestHead& head, std::string_view name) {
  const wire::HeaderField* const field = head.headers.Find(name);
  return field == nullptr ? std::string_view() : field->value;
}

// The value of `sluice.lane` in the baggage; empty: none.
std::string_view LaneOfBaggage(const wire::RequestHead& head) {
  std::string_view rest = head.headers.ValueOf(wire::HeaderId::kBaggage);
  while (!rest.empty()) {
    std::string_view member = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), member.size() + 1));
    while (member.starts_with(' '))
      member.remove_prefix(1);
    if (!member.starts_with(kLaneKey)) continue;
    member.remove_prefix(kLaneKey.size());
    return member.substr(0, member.find_first_of("; "));
  }
  return {};
}

class ExchangeFacts final : public release::RequestFacts {
 public:
  ExchangeFacts(Exchange& exchange, const ReleasePlan& plan) : exchange_(exchange), plan_(plan) {}

  std::optional<release::Arm> Forced() override {
    const wire::RequestHead& head = exchange_.request();
    std::string_view order = HeaderValue(head, kLaneHeader);
    // A proxy answers for the header fields that it sets, not for the cookies that it passes on.
    bool is_trusted = exchange_.peer_is_trusted;
    if (order.empty() && head.headers.Has(wire::HeaderId::kCookie)) {
      order = CookieValue(head, kLaneCookie);
      is_trusted = false;
    }
    if (order.empty()) return std::nullopt;
    return release::ReadLaneOrder(order,
                                  {.release = plan_.config->plan.name,
                                   .secret = plan_.order_secret,
                                   .is_trusted = is_trusted},
                                  exchange_.worker.loop.wall_now());
  }

  std::optional<release::Arm> Lane() override {
    if (!exchange_.peer_is_trusted) return std::nullopt;
    return release::ArmOfLane(LaneOfBaggage(exchange_.request()));
  }

  bool IsDenied() override {
    for (const RouteMatcher& rule : plan_.never) {
      if (rule.Matches(Query(), captures_)) return true;
    }
    return false;
  }

  bool IsMatched() override {
    for (const ReleaseMatch& rule : plan_.match) {
      if (!rule.matcher.Matches(Query(), captures_)) continue;
      if (rule.sample_buckets == release::kBuckets) return true;
      const std::optional<std::uint32_t> bucket = Bucket();
      if (bucket && *bucket < rule.sample_buckets) return true;
    }
    return false;
  }

  std::optional<std::uint32_t> Bucket() override {
    if (!is_hashed_) {
      is_hashed_ = true;
      FindKey();
    }
    if (source_ == KeySourceKind::kNone) return std::nullopt;
    return release::BucketOfHash(exchange_.release.key_hash);
  }

  // kNone until a bucket was asked for.
  [[nodiscard]] KeySourceKind source() const { return source_; }
  [[nodiscard]] bool is_hashed() const { return is_hashed_; }

 private:
  [[nodiscard]] RouteQuery Query() {
    return {
        .head = &exchange_.request(), .path = exchange_.path, .scratch = &exchange_.query_scratch};
  }

  void Take(KeySourceKind source, std::string_view key) {
    source_ = source;
    exchange_.release.key_hash = release::KeyHash(key, plan_.salt_seed);
  }

  void FindKey() {
    const wire::RequestHead& head = exchange_.request();
    for (const config::ReleaseKeyPart& part : plan_.config->key) {
      switch (part.kind) {
        case config::ReleaseKeyKind::kClientIp:
          return Take(KeySourceKind::kClientIp, exchange_.client_text);
        case config::ReleaseKeyKind::kHeader: {
          const std::string_view value = HeaderValue(head, part.name);
          if (!value.empty()) return Take(KeySourceKind::kHeader, value);
          break;
        }
        case config::ReleaseKeyKind::kCookie: {
          const std::string_view value = CookieValue(head, part.name);
          if (!value.empty()) return Take(KeySourceKind::kCookie, value);
          break;
        }
        case config::ReleaseKeyKind::kQuery: {
          const std::optional<std::string_view> value =
              wire::FindQueryParameter(head.query, part.name, exchange_.query_scratch);
          if (value && !value->empty()) return Take(KeySourceKind::kQuery, *value);
          break;
        }
        case config::ReleaseKeyKind::kJwt: {
          const std::string_view token = head.headers.ValueOf(wire::HeaderId::kAuthorization);
          const std::optional<std::string_view> claim =
              JwtClaim(token, part.name, exchange_.query_scratch);
          if (claim) return Take(KeySourceKind::kJwt, *claim);
          break;
        }
      }
    }
    FindMissingKey(head);
  }

  void FindMissingKey(const wire::RequestHead& head) {
    switch (plan_.config->on_missing_key) {
      case config::OnMissingKey::kStable:
        return;
      case config::OnMissingKey::kRandom:
        source_ = KeySourceKind::kRandom;
        exchange_.release.key_hash = exchange_.worker.loop.random().Next();
        exchange_.release.is_random = true;
        return;
      case config::OnMissingKey::kIssueCookie:
        break;
    }
    const std::string_view identity = CookieValue(head, kIdentityCookie);
    if (!identity.empty()) return Take(KeySourceKind::kIdentity, identity);
    MakeIdentity(exchange_.worker.loop.random(), exchange_.release.identity);
    Take(KeySourceKind::kIssued, exchange_.release.identity);
  }

  Exchange& exchange_;
  const ReleasePlan& plan_;
  PathCaptures captures_;
  bool is_hashed_ = false;
  KeySourceKind source_ = KeySourceKind::kNone;
};

// Events of one user count once in a step; those of nobody in particular each.
bool IsNew(const Exchange& exchange, std::uint32_t channel) {
  const ReleaseUse& use = exchange.release;
  return use.is_random || use.plan->state->filter().IsNew(use.key_hash, channel);
}

void CountAnswer(const Exchange& exchange, release::Arm arm) {
  const ReleaseUse& use = exchange.release;
  const ReleaseRoute& route = *exchange.route->release_counts;
  ReleaseRouteCounts::ArmCounts& counts =
      route.workers[exchange.worker.index]->arms[static_cast<std::size_t>(arm)];
  const release::AnswerFacts& answer = use.answer;
  counts.requests.Add();
  if (answer.status == 0 || answer.status >= 500) counts.failures.Add();
  const Nanos ceiling = use.plan->config->plan.judge.guards.latency_ceiling;
  if (ceiling > Nanos(0) && answer.duration > ceiling) counts.slow.Add();
  if (IsNew(exchange, kKeysChannel)) counts.keys.Add();
  for (const ReleaseProbe& probe : use.plan->probes) {
    for (std::size_t i = 0; i < probe.channels; ++i) {
      const std::size_t channel = probe.first_channel + i;
      const bool is_event =
          probe.rule ? probe.rule->Counts(answer)
                     : answer.duration.count() >
                           route.thresholds_nanos[channel].load(std::memory_order_relaxed);
      if (is_event && IsNew(exchange, static_cast<std::uint32_t>(channel))) {
        counts.events[channel].Add();
      }
    }
  }
}

// As CountAnswer(), of an answer that was sent to the client: with its body, where rules ask.
void CountWhole(Exchange& exchange) {
  ReleaseUse& use = exchange.release;
  if (use.body == JudgedBodyState::kNone) return CountAnswer(exchange, use.decision.arm);
  const JudgedBody body(exchange);
  if (body.is_known()) {
    use.answer.body = &body;
  } else {
    use.plan->state->worker(exchange.worker.index).bodies_unread.Add();
  }
  CountAnswer(exchange, use.decision.arm);
  use.answer.body = nullptr;
}

}  // namespace

bool IsComparable(const ReleaseUse& use) {
  return use.decision.bucket < release::kBuckets &&
         (use.decision.cause == release::Cause::kHashed ||
          use.decision.cause == release::Cause::kStable);
}

void Choose(Exchange& exchange) {
  const RoutePlan& route = *exchange.route;
  if (route.release == kNoRelease) {
    exchange.asked = UpstreamAt(exchange, route.upstream);
    return;
  }
  const ReleasePlan& plan = exchange.snapshot->snapshot->releases[route.release];
  ReleaseUse& use = exchange.release;
  use.plan = &plan;
  const ReleaseState::Split split = plan.state->split();
  use.is_live = split.is_live;
  if (split.is_live) {
    ExchangeFacts facts(exchange, plan);
    use.decision = release::Decide(facts, split.shares);
    if (facts.is_hashed()) {
      plan.state->worker(exchange.worker.index)
          .key_sources[static_cast<std::size_t>(facts.source())]
          .Add();
    }
  }
  const bool is_candidate = use.decision.arm == release::Arm::kCandidate;
  exchange.asked = UpstreamAt(exchange, is_candidate ? plan.candidate : plan.stable);
}

void NoteAnswer(Exchange& exchange, const Result<Response>& reply) {
  ReleaseUse& use = exchange.release;
  if (use.plan == nullptr || exchange.is_substitute) return;
  use.has_answer = false;
  if (reply) {
    const bool has_head = static_cast<bool>(reply->upstream.lease);
    use.answer = {.status = has_head ? reply->upstream.lease->head().status : 200,
                  .duration = exchange.upstream_duration};
    use.has_answer = true;
    return;
  }
  const Nanos duration = exchange.worker.loop.now() - exchange.upstream_started;
  switch (reply.error().code) {
    case ErrorCode::kConnectFailed:
      use.answer = {.connect_failed = true, .duration = duration};
      break;
    case ErrorCode::kUpstreamTimeout:
      use.answer = {.timed_out = true, .duration = duration};
      break;
    case ErrorCode::kConnectionReset:
    case ErrorCode::kConnectionClosed:
    case ErrorCode::kBadResponse:
      use.answer = {.was_reset = true, .duration = duration};
      break;
    default:
      return;  // Of our own, or the client's: says nothing of the version.
  }
  use.has_answer = true;
}

void NoteBrokenAnswer(Exchange& exchange) {
  ReleaseUse& use = exchange.release;
  if (use.plan == nullptr || !use.has_answer) return;
  use.answer = {.was_reset = true, .duration = use.answer.duration};
}

bool FallsBack(const Exchange& exchange, const Result<Response>& reply) {
  const ReleaseUse& use = exchange.release;
  if (use.plan == nullptr || use.decision.arm != release::Arm::kCandidate) return false;
  if (!MaySendAgain(exchange)) return false;
  if (!reply) {
    const ErrorCode code = reply.error().code;
    if (code == ErrorCode::kNoEndpoint || code == ErrorCode::kBreakerOpen) {
      return use.plan->config->on_no_endpoint == config::OnNoEndpoint::kStable;
    }
    return use.plan->config->protect && use.has_answer;
  }
  const bool is_bad_gateway = use.answer.status >= 502 && use.answer.status <= 504;
  return use.plan->config->protect && use.has_answer && is_bad_gateway &&
         wire::IsIdempotent(exchange.request().method);
}

Task<Result<Response>> ForwardToStable(Exchange& exchange, Result<Response> failed) {
  ReleaseUse& use = exchange.release;
  const bool is_repeat = use.has_answer;
  const bool was_late = is_repeat && use.answer.timed_out;
  // The user sees stable's answer, the judge this one.
  if (is_repeat && IsComparable(use)) CountAnswer(exchange, release::Arm::kCandidate);
  if (failed) co_await DropResponse(exchange, *failed);
  exchange.upstream_stream = nullptr;
  exchange.tried = {};
  exchange.head_timed_out = false;
  exchange.counted_attempts = 0;
  exchange.stale_retry_used = false;
  use.decision.cause = is_repeat ? release::Cause::kRepeated : release::Cause::kFallback;
  use.decision.arm = release::Arm::kStable;
  exchange.asked = UpstreamAt(exchange, use.plan->stable);
  if (was_late) {
    // The candidate has used the time up: that is not stable's fault.
    exchange.asked.deadline =
        SaturatingAdd(exchange.worker.loop.now(), exchange.route->config->timeout);
  }
  Result<Response> reply = co_await Forward(exchange);
  co_return reply;
}

void CountRelease(Exchange& exchange, Delivery delivery) {
  ReleaseUse& use = exchange.release;
  if (use.plan == nullptr) return;
  if (delivery == Delivery::kUpstreamFailed) NoteBrokenAnswer(exchange);
  const auto arm = static_cast<std::size_t>(use.decision.arm);
  if (use.decision.arm != release::Arm::kCandidate && use.has_answer) {
    exchange.route->release_counts->workers[exchange.worker.index]
        ->stable_latency[LatencyPartOf(use.answer.duration)]
        .Add();
  }
  if (!use.is_live) return;
  use.plan->state->worker(exchange.worker.index)
      .decisions[arm][static_cast<std::size_t>(use.decision.cause)]
      .Add();
  if (use.has_answer && IsComparable(use)) CountWhole(exchange);
}

}  // namespace sluice::gateway
