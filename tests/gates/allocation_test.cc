// Promise: a proxied request in steady state allocates nothing on its worker's thread, with a keyed
// rate limit, a breaker, histograms and the access log on.
//
// The gateway runs on real loops and sockets; client and upstream are plain blocking sockets on
// threads of their own. `new` counts per thread, so only the worker's own allocations are seen.

#include <array>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/gateway/config/load.h"
#include "sluice/gateway/gateway.h"
#include "sluice/platform/linux/file_sink.h"
#include "sluice/platform/linux/loop_thread.h"

namespace sluice::gateway {
namespace {

constexpr int kWarmUpRequests = 2'000;
constexpr int kCountedRequests = 5'000;

struct Socket {
  explicit Socket(int its_fd) : fd(its_fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd); }
  int fd;
};

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Receives until `needle` has come; false at the end of the stream.
bool ReceiveUntil(int fd, std::string_view needle) {
  std::array<char, 4096> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::recv(fd, buffer.data() + size, buffer.size() - size, 0);
    if (got <= 0) return false;
    size += static_cast<std::size_t>(got);
    if (std::string_view(buffer.data(), size).ends_with(needle)) return true;
  }
  return false;
}

bool SendAll(int fd, std::string_view text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// Answers every request on every connection, one connection after the other.
void Serve(int listener, std::size_t connections) {
  for (std::size_t i = 0; i < connections; ++i) {
    const Socket connection(::accept(listener, nullptr, nullptr));
    while (ReceiveUntil(connection.fd, "\r\n\r\n")) {
      if (!SendAll(connection.fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")) break;
    }
  }
}

void Ask(int fd, int times) {
  constexpr std::string_view kRequest =
      "GET /search?q=lisbon HTTP/1.1\r\nHost: shop.example.com\r\nx-user-id: ann\r\n"
      "Accept: */*\r\nUser-Agent: gate\r\n\r\n";
  for (int i = 0; i < times; ++i) {
    ASSERT_TRUE(SendAll(fd, kRequest));
    ASSERT_TRUE(ReceiveUntil(fd, "hello"));
  }
}

std::uint64_t AllocationsOf(Loop& loop) {
  std::promise<std::uint64_t> count;
  loop.Post([&count] { count.set_value(ThreadAllocationCount()); });
  return count.get_future().get();
}

Task<void> Apply(Gateway& gateway, config::Config config, std::promise<bool>& done) {
  const Result<void> applied = co_await gateway.Apply(std::move(config));
  done.set_value(applied.has_value());
}

Task<void> StopGateway(Gateway& gateway, std::promise<bool>& done) {
  const std::uint64_t killed = co_await gateway.Drain();
  co_await gateway.Stop();
  done.set_value(killed == 0);
}

TEST(SteadyState, AProxiedRequestAllocatesNothing) {
  const Socket origin(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(origin.fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(origin.fd, 16), 0);
  ASSERT_EQ(::getsockname(origin.fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  std::jthread upstream(&Serve, origin.fd, 1U);

  const config::LoadOutcome outcome = config::LoadConfig(fmt::format(R"(
listeners: [{{name: public, listen: "127.0.0.1:0"}}]
upstreams:
  - {{name: origin, endpoints: ["127.0.0.1:{}"], circuit_breaker: {{}}}}
routes:
  - {{name: search, match: {{path_prefix: /search}}, upstream: origin, rate_limits: [per-user]}}
rate_limits:
  - {{name: per-user, key: [{{header: x-user-id}}], limit: 1000000, period: 1s, burst: 1000000}}
telemetry: {{access_log: {{path: /dev/null}}}}
)",
                                                                     ntohs(address.sin_port)),
                                                         "gate");
  ASSERT_TRUE(outcome.ok()) << config::FormatProblems(outcome);

  const auto control = *platform::LoopThread::Start({.name = "control"});
  const auto worker = *platform::LoopThread::Start({.name = "worker"});
  GatewayWorld world;
  world.control = &control->loop();
  world.workers = {&worker->loop()};
  world.open_access_log = [](const std::string& path) -> Result<std::shared_ptr<ByteSink>> {
    return std::shared_ptr<ByteSink>(*platform::FileSink::Open(path));
  };
  std::unique_ptr<Gateway> gateway;
  TaskGroup tasks;
  std::promise<bool> applied;
  control->loop().Post([&] {
    gateway = std::make_unique<Gateway>(std::move(world));
    tasks.Spawn(Apply(*gateway, outcome.config, applied));
  });
  ASSERT_TRUE(applied.get_future().get());

  {
    const Socket client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in target = Loopback(gateway->bound().front().address.port());
    ASSERT_EQ(::connect(client.fd, reinterpret_cast<sockaddr*>(&target), sizeof target), 0);
    Ask(client.fd, kWarmUpRequests);
    const std::uint64_t before = AllocationsOf(worker->loop());
    Ask(client.fd, kCountedRequests);
    // The post that asks allocates: once for each of the two.
    EXPECT_LE(AllocationsOf(worker->loop()) - before, 2U);
  }

  std::promise<bool> stopped;
  control->loop().Post([&] { tasks.Spawn(StopGateway(*gateway, stopped)); });
  EXPECT_TRUE(stopped.get_future().get());
  std::promise<void> forgotten;
  control->loop().Post([&] {
    gateway.reset();
    forgotten.set_value();
  });
  forgotten.get_future().get();
}

}  // namespace
}  // namespace sluice::gateway
