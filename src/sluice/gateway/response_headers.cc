#include "sluice/gateway/response_headers.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sluice/degrade/refusal.h"
#include "sluice/gateway/choose.h"
#include "sluice/gateway/flows/flow_reply.h"
#include "sluice/gateway/priority.h"
#include "sluice/gateway/worker_context.h"

namespace sluice::gateway {
namespace {

// Hands out the exchange's value strings one by one and adds the finished field.
class HeaderWriter {
 public:
  explicit HeaderWriter(Exchange& exchange) : exchange_(exchange) {
    exchange_.extra_headers.clear();
  }

  [[nodiscard]] std::string& NextValue() {
    std::string& value = exchange_.header_values[used_++];
    value.clear();
    return value;
  }
  void Add(std::string_view name, std::string_view value) {
    exchange_.extra_headers.push_back({.name = name, .value = value});
  }
  void AddNumber(std::string_view name, std::int64_t number) {
    std::string& value = NextValue();
    degrade::AppendNumber(number, value);
    Add(name, value);
  }

 private:
  Exchange& exchange_;
  // At most ten: five of quota, two of retry or an age, the upstream's name, the admitted level, an
  // identity.
  std::size_t used_ = 0;
};

void AddQuota(const Exchange& exchange, HeaderWriter& headers) {
  if (exchange.quota_rule == nullptr) return;
  for (const config::RateHeaders kind : exchange.quota_rule->config->headers) {
    if (kind == config::RateHeaders::kRatelimit) {
      std::string& policy = headers.NextValue();
      degrade::AppendRateLimitPolicy(exchange.quota, policy);
      headers.Add("ratelimit-policy", policy);
      std::string& state = headers.NextValue();
      degrade::AppendRateLimit(exchange.quota, state);
      headers.Add("ratelimit", state);
    } else {
      headers.AddNumber("x-ratelimit-limit", exchange.quota.limit);
      headers.AddNumber("x-ratelimit-remaining", exchange.quota.remaining);
      headers.AddNumber("x-ratelimit-reset", degrade::ResetSeconds(exchange.quota.reset_after));
    }
  }
}

void AddUpstream(const Exchange& exchange, const Response& response, HeaderWriter& headers) {
  if (response.is_local() || !exchange.snapshot->snapshot->config.telemetry.debug_headers) return;
  std::string& value = headers.NextValue();
  value += exchange.asked.client->upstream->name();
  const std::string& version = response.upstream.selection->version();
  if (!version.empty()) {
    value += '/';
    value += version;
  }
  headers.Add("x-sluice-upstream", value);
}

void AddAdmitLevel(const Exchange& exchange, const Response& response, HeaderWriter& headers) {
  const wire::ResponseHead* const upstream =
      response.upstream.lease ? &response.upstream.lease->head() : nullptr;
  const std::optional<std::uint32_t> level = AdmitLevel(exchange, upstream);
  if (level) headers.AddNumber(kAdmitLevelName, *level);
}

// RFC 9111 section 5.1; the warning is of RFC 7234 section 5.5.1, which older clients know.
void AddKept(const degrade::KeptAnswer& kept, SteadyTime now, HeaderWriter& headers) {
  for (const degrade::HeaderField& field : kept.headers)
    headers.Add(field.name, field.value);
  headers.AddNumber("age",
                    std::chrono::duration_cast<std::chrono::seconds>(kept.AgeAt(now)).count());
  if (kept.IsStaleAt(now)) headers.Add("warning", R"(110 - "Response is Stale")");
}

// Whoever has no identity of its own keeps this one, and with it its version.
void AddIdentity(const Exchange& exchange, HeaderWriter& headers) {
  if (exchange.release.identity.empty()) return;
  std::string& value = headers.NextValue();
  value += kIdentityCookie;
  value += '=';
  value += exchange.release.identity;
  value += "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax";
  headers.Add("set-cookie", value);
}

// Why the answer is not the upstream's own.
void AddWhy(const Exchange& exchange, HeaderWriter& headers) {
  if (!exchange.degraded_source.empty()) {
    headers.Add("x-sluice-degraded", exchange.degraded_source);
  }
  if (!exchange.refusal_reason.empty()) headers.Add("x-sluice-reason", exchange.refusal_reason);
}

void AddLocal(const Exchange& exchange, const LocalResponse& local, HeaderWriter& headers) {
  if (local.fixed != nullptr) {
    for (const degrade::HeaderField& field : local.fixed->headers) {
      headers.Add(field.name, field.value);
    }
  }
  if (local.grpc) {
    headers.Add("grpc-status", CodeOf(*local.grpc));
    headers.Add("grpc-message", exchange.grpc_message);
  }
  if (local.flow != nullptr) {
    for (const degrade::HeaderField& field : local.flow->headers)
      headers.Add(field.name, field.value);
  }
  if (local.kept != nullptr) AddKept(*local.kept, exchange.worker.loop.now(), headers);
  if (local.retry_after > Nanos(0)) {
    headers.AddNumber("retry-after", degrade::RetryAfterSeconds(local.retry_after));
    headers.AddNumber("x-retry-after-ms", degrade::RetryAfterMillis(local.retry_after));
  }
}

}  // namespace

void CollectHeaders(Exchange& exchange, const Response& response) {
  HeaderWriter headers(exchange);
  AddQuota(exchange, headers);
  AddUpstream(exchange, response, headers);
  AddAdmitLevel(exchange, response, headers);
  if (response.is_local()) AddLocal(exchange, response.local, headers);
  AddWhy(exchange, headers);
  AddIdentity(exchange, headers);
}

}  // namespace sluice::gateway
