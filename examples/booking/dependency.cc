#include "booking/dependency.h"

#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/bytes.h"
#include "sluice/traffic/whole_exchange.h"

namespace booking {

using namespace std::chrono_literals;
using sluice::Result;
using sluice::Task;
namespace traffic = sluice::traffic;
namespace wire = sluice::wire;

namespace {

constexpr sluice::Bytes kAnswerBytesMax = 64 * sluice::kKiB;

// Whatever goes into it is ours or was checked: no field can break out of its line.
void Write(const CallRequest& request,
           std::string_view authority,
           const std::string& key,
           std::string& out) {
  fmt::format_to(std::back_inserter(out), "{} {} HTTP/1.1\r\nHost: {}\r\n",
                 wire::NameOf(request.method), request.path, authority);
  if (!key.empty()) fmt::format_to(std::back_inserter(out), "Idempotency-Key: {}\r\n", key);
  if (request.method == wire::Method::kPost) {
    fmt::format_to(std::back_inserter(out),
                   "Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.size());
  }
  out += "\r\n";
  out += request.body;
}

}  // namespace

Result<std::unique_ptr<Dependency>> Dependency::Create(sluice::Loop& loop,
                                                       std::string_view name,
                                                       const sluice::Address& address) {
  traffic::UpstreamOptions options;
  options.name = std::string(name);
  options.endpoints.push_back({.address = address, .authority = address.ToString()});
  options.connect_timeout = 200ms;
  Result<std::shared_ptr<traffic::Upstream>> upstream =
      traffic::Upstream::Create(std::move(options), /*workers=*/1);
  if (!upstream) return std::unexpected(upstream.error());
  return std::unique_ptr<Dependency>(new Dependency(loop, std::move(*upstream)));
}

Dependency::Dependency(sluice::Loop& loop, std::shared_ptr<traffic::Upstream> upstream)
    : endpoint_(upstream->Endpoints()->members.front().endpoint),
      pool_(loop, std::move(upstream), /*worker=*/0) {}

Task<Result<CallAnswer>> Dependency::Call(CallRequest request, CallOptions options) {
  traffic::Cancellation* waiting = options.abort == nullptr ? nullptr : &options.abort->waiting_;
  Result<traffic::Lease> lease = co_await pool_.Acquire(*endpoint_, options.deadline, waiting);
  if (!lease) co_return std::unexpected(lease.error());
  traffic::Connection& connection = **lease;
  Write(request, endpoint_->authority(), options.key, connection.output());
  if (options.abort != nullptr) options.abort->stream_ = &connection.stream();
  Result<std::string> body = co_await traffic::ExchangeWhole(connection, request.method,
                                                             options.deadline, kAnswerBytesMax);
  if (options.abort != nullptr) options.abort->stream_ = nullptr;
  if (!body) co_return std::unexpected(body.error());
  co_return CallAnswer{.status = connection.head().status, .body = std::move(*body)};
}

}  // namespace booking
