#include "sluice/gateway/priority.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "sluice/gateway/overload_options.h"
#include "sluice/gateway/request_key.h"
#include "sluice/gateway/worker_context.h"
#include "sluice/limit/criticality.h"

namespace sluice::gateway {
namespace {

const std::array<config::RateKeyPart, 1> kByAddress = {
    config::RateKeyPart{.kind = config::RateKeyKind::kIp, .name = {}}};

std::optional<std::uint32_t> ReadLevel(std::string_view text) {
  std::uint32_t level = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, level);
  if (text.empty() || error != std::errc() || stop != end || level >= limit::kLevelCount) {
    return std::nullopt;
  }
  return level;
}

// 0: the request does not say who it is for.
std::uint64_t UserHash(const Exchange& exchange, const config::HashOn& key) {
  const wire::RequestHead& head = exchange.request();
  std::string_view text;
  switch (key.kind) {
    case config::HashOnKind::kSourceIp: {
      const KeySource source{head, exchange.client_address, exchange.captures, exchange.path};
      return RateKeyHash(kByAddress, source, exchange.worker.key_hasher);
    }
    case config::HashOnKind::kHeader:
      if (const wire::HeaderField* field = head.headers.Find(key.name)) text = field->value;
      break;
    case config::HashOnKind::kCookie:
      text = CookieValue(head, key.name);
      break;
    case config::HashOnKind::kPath:
      text = exchange.path;
      break;
  }
  return text.empty() ? 0 : exchange.worker.key_hasher.Hash(text);
}

}  // namespace

std::uint32_t LevelOf(Exchange& exchange) {
  if (exchange.level) return *exchange.level;
  const wire::HeaderTable& headers = exchange.request().headers;
  if (exchange.peer_is_trusted) {
    exchange.level = ReadLevel(headers.ValueOf(wire::HeaderId::kXLevel));
    if (exchange.level) return *exchange.level;
  }
  const OverloadPlan& plan = exchange.snapshot->snapshot->overload;
  limit::Criticality criticality = limit::Criticality::kSheddablePlus;
  if (plan.config != nullptr) criticality = CriticalityOf(plan.config->priority.fallback);
  if (!exchange.route->config->critical) criticality = limit::Criticality::kSheddable;
  if (exchange.peer_is_trusted) {
    const std::string_view said = headers.ValueOf(wire::HeaderId::kXCriticality);
    criticality = limit::ParseCriticality(said).value_or(criticality);
  }
  std::uint64_t user =
      plan.config != nullptr ? UserHash(exchange, plan.config->priority.user_key) : 0;
  // Nobody in particular: by chance, or all such requests would be shed at once or not at all.
  if (user == 0) user = exchange.worker.loop.random().Next();
  exchange.level = limit::LevelOf(criticality, user, exchange.started_wall);
  return *exchange.level;
}

bool TellsLevel(const Exchange& exchange) {
  const OverloadPlan& plan = exchange.snapshot->snapshot->overload;
  return plan.config != nullptr && plan.config->controller.propagate;
}

std::optional<std::uint32_t> AdmitLevel(const Exchange& exchange,
                                        const wire::ResponseHead* upstream) {
  if (!exchange.peer_is_trusted || exchange.route == nullptr || !TellsLevel(exchange)) return {};
  const Snapshot& snapshot = *exchange.snapshot->snapshot;
  std::uint32_t level = 0;
  if (snapshot.overload.config->mode == GuardMode::kEnforce) {
    level = snapshot.overload.state->gate.threshold();
    if (snapshot.overload.sheds_by_concurrency) {
      for (const std::size_t index : exchange.route->concurrency_limits) {
        level = std::max(level, snapshot.concurrency_limits[index].state->gate.threshold());
      }
    }
  }
  const wire::HeaderField* const told =
      upstream == nullptr ? nullptr : upstream->headers.Find(kAdmitLevelName);
  if (told != nullptr) level = std::max(level, ReadLevel(told->value).value_or(0));
  return level;
}

}  // namespace sluice::gateway
