#include "admin_client.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sluice/contract/address.h"
#include "sluice/contract/bytes.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/linux/loop.h"
#include "sluice/traffic/connection.h"
#include "sluice/traffic/whole_exchange.h"
#include "sluice/wire/http_head.h"

namespace sluice::app {
namespace {

constexpr Nanos kCallMax = std::chrono::seconds(30);
constexpr Bytes kAnswerBytesMax = 64 * kMiB;
constexpr std::string_view kLocalhost = "localhost:";

Result<Address> AddressOf(const std::string& text) {
  if (text.starts_with(kLocalhost)) {
    return Address::Parse("127.0.0.1:" + text.substr(kLocalhost.size()));
  }
  return Address::Parse(text);
}

Task<Result<AdminAnswer>> Exchange(Loop& loop, Address address, std::string request, bool is_post) {
  const SteadyTime deadline = loop.now() + kCallMax;
  Result<std::unique_ptr<Stream>> stream = co_await loop.Connect(std::move(address), deadline);
  if (!stream) co_return std::unexpected(stream.error());
  traffic::Connection connection(loop, std::move(*stream), traffic::ConnectionLimits{});
  connection.Begin();
  connection.output() = std::move(request);
  const wire::Method method = is_post ? wire::Method::kPost : wire::Method::kGet;
  Result<std::string> body =
      co_await traffic::ExchangeWhole(connection, method, deadline, kAnswerBytesMax);
  if (!body) co_return std::unexpected(body.error());
  AdminAnswer answer{.status = connection.head().status, .body = std::move(*body)};
  co_return answer;
}

Task<void> Keep(Task<Result<AdminAnswer>> task,
                std::optional<Result<AdminAnswer>>& out,
                platform::EpollLoop& loop) {
  out = co_await task;
  loop.Stop();
}

}  // namespace

Result<AdminAnswer> AdminClient::Call(const AdminCall& call) const {
  Result<Address> address = AddressOf(address_);
  if (!address) return std::unexpected(address.error());
  Result<std::unique_ptr<platform::EpollLoop>> loop = platform::EpollLoop::Create();
  if (!loop) return std::unexpected(loop.error());
  const bool is_unix = address->family() == Address::Family::kUnix;
  std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", call.method, call.path,
                  is_unix ? "localhost" : address->ToString());
  if (!token_.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token_);
  const bool is_post = call.method == "POST";
  if (is_post) {
    request +=
        fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", call.body.size());
  }
  request += "\r\n";
  request += call.body;
  std::optional<Result<AdminAnswer>> answer;
  TaskGroup tasks;
  (*loop)->Enter([&] {
    tasks.Spawn(Keep(Exchange(**loop, *address, std::move(request), is_post), answer, **loop));
  });
  (*loop)->Run();
  return std::move(*answer);
}

}  // namespace sluice::app
