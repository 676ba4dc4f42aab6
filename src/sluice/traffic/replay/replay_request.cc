#include "sluice/traffic/replay/replay_request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/wire/ascii.h"
#include "sluice/wire/recording/sendable.h"

namespace sluice::traffic::replay {
namespace {

using wire::EqualsIgnoringCase;
using wire::recording::HeaderLine;
using wire::recording::IsSendable;
using wire::recording::OverridesMethod;
using wire::recording::RecordedExchange;

constexpr std::array<std::string_view, 10> kOfTheHop{
    "host", "content-length", "transfer-encoding", "connection",       "keep-alive",
    "te",   "expect",         "upgrade",           "proxy-connection", "x-sluice-purpose"};

bool IsReplaced(const RewriteOptions& options, std::string_view name) {
  const auto is_name = [name](std::string_view one) { return EqualsIgnoringCase(one, name); };
  return std::ranges::any_of(kOfTheHop, is_name) ||
         std::ranges::any_of(options.drop_headers, is_name) ||
         std::ranges::any_of(options.set_headers,
                             [&is_name](const auto& set) { return is_name(set.first); });
}

}  // namespace

std::string_view NameOf(Skip skip) {
  switch (skip) {
    case Skip::kNone:
      return "none";
    case Skip::kWrite:
      return "write";
    case Skip::kTruncated:
      return "truncated";
    case Skip::kMalformed:
      return "malformed";
  }
  return "unknown";
}

ReplayRequest PrepareRequest(const RecordedExchange& exchange, const RewriteOptions& options) {
  ReplayRequest request{.method = wire::IdentifyMethod(exchange.method)};
  if (!IsSendable(exchange)) {
    request.skip = Skip::kMalformed;
  } else if (options.writes == Writes::kRefuse &&
             (!wire::IsSafe(request.method) || OverridesMethod(exchange))) {
    request.skip = Skip::kWrite;
  } else if (exchange.request.is_truncated || exchange.request.is_opaque) {
    request.skip = Skip::kTruncated;
  }
  if (request.skip != Skip::kNone) return request;
  std::string& out = request.bytes;
  const std::string& host = options.host.empty() ? exchange.host : options.host;
  out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", exchange.method, exchange.target, host);
  for (const HeaderLine& field : wire::recording::FieldsOf(exchange.request.head)) {
    if (IsReplaced(options, field.name)) continue;
    out += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  for (const auto& [name, value] : options.set_headers)
    out += fmt::format("{}: {}\r\n", name, value);
  out += "x-sluice-purpose: replay\r\n";
  const std::string& body = exchange.request.body;
  if (!body.empty() || !wire::IsSafe(request.method))
    out += fmt::format("Content-Length: {}\r\n", body.size());
  out += "\r\n";
  out += body;
  return request;
}

}  // namespace sluice::traffic::replay
