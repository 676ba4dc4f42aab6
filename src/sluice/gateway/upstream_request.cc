#include "sluice/gateway/upstream_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <string_view>

#include "sluice/gateway/priority.h"
#include "sluice/limit/criticality.h"
#include "sluice/wire/http1_write.h"
#include "sluice/wire/traceparent.h"

namespace sluice::gateway {
namespace {

constexpr wire::HeaderSet kLevelHeaders{wire::HeaderId::kXCriticality, wire::HeaderId::kXLevel};
constexpr std::string_view kLaneMember = "sluice.lane";

// The fields we always write ourselves.
constexpr wire::HeaderSet kReplaced{wire::HeaderId::kXForwardedFor, wire::HeaderId::kTraceparent};

class ExtraHeaders {
 public:
  void Add(std::string_view name, std::string_view value) {
    headers_[count_++] = {.name = name, .value = value};
  }
  [[nodiscard]] std::span<const wire::ExtraHeader> all() const { return {headers_.data(), count_}; }

 private:
  std::array<wire::ExtraHeader, 8> headers_;
  std::size_t count_ = 0;
};

std::string_view RewrittenPath(const Exchange& exchange, std::string& scratch) {
  const config::RouteConfig& route = *exchange.route->config;
  if (!route.prefix_rewrite) return exchange.path;
  std::string_view rest = exchange.path.substr(route.match.path_prefix.size());
  scratch.assign(*route.prefix_rewrite);
  if (scratch.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
  scratch += rest;
  if (!scratch.starts_with('/')) scratch.insert(scratch.begin(), '/');
  return scratch;
}

// Only WebSocket is let through (RFC 6455 section 4.1). Behind an `Upgrade: h2c` every further
// request would walk past routes and guards.
bool WantsWebSocket(const wire::RequestHead& head) {
  constexpr std::string_view kWebSocket = "websocket";
  // A handshake has no body (RFC 6455 section 4.1); one still on its way would have two readers.
  return head.wants_upgrade && head.framing == wire::BodyFraming::kNone &&
         std::ranges::equal(head.upgrade_protocol, kWebSocket, [](char got, char want) {
           return (got >= 'A' && got <= 'Z' ? got - 'A' + 'a' : got) == want;
         });
}

// The baggage of an untrusted client without its choice of lane.
void AppendBaggage(const wire::RequestHead& head, std::string& out) {
  for (const wire::HeaderField& field : head.headers) {
    if (field.id != wire::HeaderId::kBaggage) continue;
    const std::size_t before = out.size();
    if (before > 0) out += ',';
    const std::size_t start = out.size();
    wire::AppendBaggageWithout(field.value, kLaneMember, out);
    if (out.size() == start) out.resize(before);
  }
}

}  // namespace

Result<void> AppendUpstreamRequest(Exchange& exchange,
                                   const traffic::Endpoint& endpoint,
                                   std::string& out) {
  const wire::RequestHead& head = exchange.request();
  const Snapshot& snapshot = *exchange.snapshot->snapshot;
  const config::UpstreamConfig& upstream = *exchange.asked.plan->config;
  ExtraHeaders extra;
  wire::RequestRewrite rewrite;
  rewrite.drop = kReplaced;
  if (!exchange.peer_is_trusted) rewrite.drop = rewrite.drop | wire::kIdentityHeaders;

  rewrite.path = RewrittenPath(exchange, exchange.value_text);
  const bool wants_endpoint = upstream.host_header == config::HostHeader::kEndpoint;
  rewrite.authority = wants_endpoint || head.authority.empty()
                          ? std::string_view(endpoint.authority())
                          : head.authority;
  const bool keeps_theirs = exchange.peer_is_trusted;
  const bool is_egress = exchange.listener->is_egress();
  if (!is_egress) extra.Add("x-forwarded-for", exchange.forwarded_for);
  if (is_egress) {
    // A service's own call: whom it forwards for is its business.
    rewrite.drop = wire::HeaderSet{wire::HeaderId::kTraceparent};
  } else if (!keeps_theirs || !head.headers.Has(wire::HeaderId::kXForwardedProto)) {
    extra.Add("x-forwarded-proto", "http");
  }
  if (wants_endpoint && !is_egress && !head.authority.empty() &&
      (!keeps_theirs || !head.headers.Has(wire::HeaderId::kXForwardedHost))) {
    extra.Add("x-forwarded-host", head.authority);
  }
  extra.Add("traceparent", exchange.trace_parent);
  exchange.baggage.clear();
  if (!keeps_theirs && head.headers.Has(wire::HeaderId::kBaggage)) {
    rewrite.drop.Insert(wire::HeaderId::kBaggage);
    AppendBaggage(head, exchange.baggage);
    if (!exchange.baggage.empty()) extra.Add("baggage", exchange.baggage);
  }
  std::array<char, 8> level_text{};
  if (TellsLevel(exchange)) {
    rewrite.drop = rewrite.drop | kLevelHeaders;
    const std::uint32_t level = LevelOf(exchange);
    const char* const written =
        std::to_chars(level_text.data(), level_text.data() + level_text.size(), level).ptr;
    extra.Add("x-criticality", limit::NameOf(limit::CriticalityOf(level)));
    extra.Add("x-level",
              {level_text.data(), static_cast<std::size_t>(written - level_text.data())});
  }
  if (!snapshot.via.empty()) extra.Add("via", snapshot.via);
  rewrite.extra = extra.all();
  rewrite.pass_upgrade = exchange.route->config->upgrade && WantsWebSocket(head);
  exchange.asked_upgrade = rewrite.pass_upgrade;

  Result<void> written = wire::AppendRequestHead(head, rewrite, out);
  if (!written) {
    return std::unexpected(Error{.code = ErrorCode::kBadRequest,
                                 .side = Side::kClient,
                                 .detail = std::move(written.error().detail)});
  }
  return {};
}

}  // namespace sluice::gateway
