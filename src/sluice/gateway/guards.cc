#include "sluice/gateway/guards.h"

#include <algorithm>
#include <vector>

#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

bool Concerns(const config::RateLimitConfig& rule, const wire::RequestHead& head) {
  return rule.match.methods.empty() ||
         std::ranges::find(rule.match.methods, head.method_text) != rule.match.methods.end();
}

// The response tells the quota that will run out first.
void NoteQuota(Exchange& exchange, const RatePlan& rule, const limit::RateDecision& decision) {
  if (rule.config->headers.empty()) return;
  const std::int64_t remaining = decision.level.remaining();
  if (exchange.quota_rule != nullptr && exchange.quota.remaining <= remaining) return;
  exchange.quota_rule = &rule;
  exchange.quota = {.limit = rule.config->limit,
                    .period = rule.config->period,
                    .burst = rule.config->burst,
                    .remaining = remaining,
                    .reset_after = decision.level.reset_after()};
}

Error RateLimited(const RatePlan& rule, Nanos retry_after) {
  return {.code = ErrorCode::kRateLimited,
          .side = Side::kSelf,
          .guard = "rate_limit",
          .rule = rule.config->name,
          .retry_after = retry_after};
}

}  // namespace

Task<Result<void>> Admit(Exchange& exchange) {
  const KeySource source{exchange.request(), exchange.client_address, exchange.captures,
                         exchange.path};
  const SteadyTime now = exchange.worker.loop.now();
  for (const std::size_t index : exchange.route->rate_limits) {
    const RatePlan& rule = exchange.snapshot->snapshot->rate_limits[index];
    if (!Concerns(*rule.config, exchange.request())) continue;
    const std::uint64_t key = RateKeyHash(rule.config->key, source, exchange.worker.key_hasher);
    const limit::RateDecision decision = rule.guard->Decide(key, /*cost=*/1, now);
    NoteQuota(exchange, rule, decision);
    if (!decision.admitted) {
      RefundAdmission(exchange);
      exchange.refusal_status = static_cast<int>(rule.config->status);
      co_return std::unexpected(RateLimited(rule, decision.retry_after));
    }
    exchange.taken[exchange.taken_count++] = {.guard = rule.guard.get(), .taken = decision.taken};
  }
  co_return Result<void>();
}

void RefundAdmission(Exchange& exchange) {
  const SteadyTime now = exchange.worker.loop.now();
  while (exchange.taken_count > 0) {
    const TakenTokens& tokens = exchange.taken[--exchange.taken_count];
    tokens.guard->GiveBack(tokens.taken, now);
  }
}

}  // namespace sluice::gateway
