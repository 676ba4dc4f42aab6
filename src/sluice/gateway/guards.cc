#include "sluice/gateway/guards.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sluice/gateway/overload.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

bool Concerns(const config::RateLimitConfig& rule, const wire::RequestHead& head) {
  return rule.match.methods.empty() ||
         std::ranges::find(rule.match.methods, head.method_text) != rule.match.methods.end();
}

// For people: a month is told as 31 days.
Nanos PeriodOf(const config::RateLimitConfig& rule) {
  const auto calendar = static_cast<limit::Calendar>(rule.calendar);
  return calendar == limit::Calendar::kNone ? rule.period : limit::PeriodLengthMax(calendar);
}

// The response tells the quota that will run out first.
void NoteQuota(Exchange& exchange, const RatePlan& rule, const limit::RateDecision& decision) {
  if (rule.config->headers.empty()) return;
  const std::int64_t remaining = decision.level().remaining();
  if (exchange.quota_rule != nullptr && exchange.quota.remaining <= remaining) return;
  const bool is_gcra = rule.config->algorithm == config::RateAlgorithm::kGcra;
  exchange.quota_rule = &rule;
  exchange.quota = {.limit = rule.config->limit,
                    .period = PeriodOf(*rule.config),
                    .burst = is_gcra ? rule.config->burst : rule.config->limit,
                    .remaining = remaining,
                    .reset_after = decision.level().reset_after()};
}

Error RateLimited(const RatePlan& rule, Nanos retry_after) {
  return {.code = ErrorCode::kRateLimited,
          .side = Side::kSelf,
          .guard = "rate_limit",
          .rule = rule.config->name,
          .retry_after = retry_after};
}

// Asks every rate limit of the route, in its order. Returns for how long the request has to wait:
// the longest that one of them asks for.
Result<Nanos> AskRateLimits(Exchange& exchange) {
  const wire::RequestHead& head = exchange.request();
  const KeySource source{head, exchange.client_address, exchange.captures, exchange.path};
  const Loop& loop = exchange.worker.loop;
  limit::Moment moment{
      .now = loop.now(),
      .deadline = SaturatingAdd(exchange.started, exchange.route->config->timeout)};
  Nanos wait(0);
  for (const std::size_t index : exchange.route->rate_limits) {
    const RatePlan& rule = exchange.snapshot->snapshot->rate_limits[index];
    if (!Concerns(*rule.config, head)) continue;
    if (rule.config->calendar != config::CalendarPeriod::kNone) moment.wall = loop.wall_now();
    const std::uint64_t key = RateKeyHash(rule.config->key, source, exchange.worker.key_hasher);
    const std::uint32_t cost =
        rule.config->cost_header.empty()
            ? 1
            : CostOf(rule.config->cost_header, head, rule.guard->CostMax(key));
    const limit::RateDecision decision = rule.guard->Decide(key, cost, moment);
    NoteQuota(exchange, rule, decision);
    if (decision.wants_key_text) {
      rule.guard->NoteKeyText(key, KeyText(rule.config->key, source, exchange.worker.key_hasher));
    }
    if (!decision.admitted) {
      RefundAdmission(exchange);
      exchange.refusal_status = static_cast<int>(rule.config->status);
      return std::unexpected(RateLimited(rule, decision.retry_after));
    }
    exchange.taken[exchange.taken_count++] = {.guard = rule.guard.get(), .taken = decision.taken};
    wait = std::max(wait, decision.wait);
  }
  return wait;
}

// Waits until the request's slot has come. A client that goes away meanwhile gives back what it had
// taken; a slot with others behind it passes unused.
Task<Result<void>> WaitForSlot(Exchange& exchange, Nanos wait) {
  Loop& loop = exchange.worker.loop;
  const SteadyTime until = loop.now() + wait;
  while (!exchange.client_is_gone && loop.now() < until) {
    co_await exchange.wait_ended.Wait(until);
  }
  if (!exchange.client_is_gone) co_return Result<void>();
  RefundAdmission(exchange);
  Error gone{.code = ErrorCode::kCancelled,
             .side = Side::kClient,
             .detail = "the client went away while it waited"};
  co_return std::unexpected(std::move(gone));
}

}  // namespace

Task<Result<void>> Admit(Exchange& exchange) {
  if (HasLoadGuards(exchange)) {
    Result<void> entered = co_await AdmitUnderLoad(exchange);
    if (!entered) co_return entered;
  }
  const Result<Nanos> wait = AskRateLimits(exchange);
  if (!wait) co_return std::unexpected(wait.error());
  if (*wait > Nanos(0)) co_return co_await WaitForSlot(exchange, *wait);
  co_return Result<void>();
}

void RefundAdmission(Exchange& exchange) {
  RefundLoad(exchange);
  const SteadyTime now = exchange.worker.loop.now();
  while (exchange.taken_count > 0) {
    const TakenTokens& tokens = exchange.taken[--exchange.taken_count];
    tokens.guard->GiveBack(tokens.taken, now);
  }
}

}  // namespace sluice::gateway
