// Question: what does one request and its answer cost on a loop that is both client and server, in
// time and in turns? Budget: 10 µs over TCP with 64 connections (four system calls and the kernel's
// loopback; a proxy spends the same calls), 6 µs over a Unix socket.
//
// `turns_per_trip` shows how far the calls of epoll_pwait2 are shared. For the calls themselves:
//   strace -f -c platform_linux_bench --benchmark_filter=pairs:64

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include "sluice/contract/task_group.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/loop.h"

namespace sluice::platform {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMessageBytes = 128;

struct Shared {
  std::vector<std::unique_ptr<Stream>> clients;
  std::vector<std::unique_ptr<Stream>> servers;
  std::int64_t trips = 0;
  bool failed = false;
};

Task<void> MakePair(Loop& loop, Listener& listener, Shared& shared) {
  const SteadyTime deadline = loop.now() + 5s;
  Result<std::unique_ptr<Stream>> client = co_await loop.Connect(listener.local(), deadline);
  Result<std::unique_ptr<Stream>> server = co_await listener.Accept();
  shared.failed = shared.failed || !client || !server;
  if (shared.failed) co_return;
  shared.clients.push_back(std::move(*client));
  shared.servers.push_back(std::move(*server));
}

Task<void> Answer(Loop& loop, Stream& stream) {
  while (true) {
    const SteadyTime deadline = loop.now() + 60s;
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received || received->empty()) co_return;
    const std::array<ByteView, 1> back = {*received};
    const Result<void> sent = co_await stream.Send(back, deadline);
    if (!sent) co_return;
  }
}

Task<void> Ask(Loop& loop, Stream& stream, Shared& shared) {
  const std::string message(kMessageBytes, 'x');
  const std::array<ByteView, 1> segments = {message};
  while (true) {
    const SteadyTime deadline = loop.now() + 10s;
    const Result<void> sent = co_await stream.Send(segments, deadline);
    if (!sent) co_return;
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received || received->empty()) co_return;
    ++shared.trips;
  }
}

void RunPairs(benchmark::State& state, const Address& address) {
  const auto loop = *EpollLoop::Create();
  const auto listener = *loop->Listen(address, {});
  Shared shared;
  TaskGroup group;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    loop->Enter([&] { group.Spawn(MakePair(*loop, *listener, shared)); });
    while (group.running() > 0) {
      loop->RunOnce(1s);
    }
  }
  if (shared.failed) {
    state.SkipWithError("cannot connect");
    return;
  }
  loop->Enter([&] {
    for (std::size_t i = 0; i < shared.clients.size(); ++i) {
      group.Spawn(Answer(*loop, *shared.servers[i]));
      group.Spawn(Ask(*loop, *shared.clients[i], shared));
    }
  });
  const std::int64_t trips_before = shared.trips;
  const std::uint32_t turns_before = loop->reactor().turn();
  std::int64_t wanted = trips_before;
  for (auto _ : state) {
    // One iteration is one trip; with many pairs a turn completes many.
    ++wanted;
    while (shared.trips < wanted) {
      loop->RunOnce(1s);
    }
  }
  const auto trips = static_cast<double>(shared.trips - trips_before);
  state.counters["turns_per_trip"] = (loop->reactor().turn() - turns_before) / trips;
  for (const auto& stream : shared.clients) {
    stream->Cancel();
  }
  for (const auto& stream : shared.servers) {
    stream->Cancel();
  }
  while (group.running() > 0) {
    loop->RunOnce(1s);
  }
}

void BM_PingPongTcp(benchmark::State& state) {
  RunPairs(state, *Address::Parse("127.0.0.1:0"));
}
BENCHMARK(BM_PingPongTcp)->ArgName("pairs")->Arg(1)->Arg(64);

void BM_PingPongUnix(benchmark::State& state) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  RunPairs(state, Address::Unix(folder / "socket"));
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_PingPongUnix)->ArgName("pairs")->Arg(1)->Arg(64);

// A turn in which nothing happens: the system call, two clocks and our own work.
void BM_EmptyTurn(benchmark::State& state) {
  const auto loop = *EpollLoop::Create();
  for (auto _ : state) {
    loop->RunOnce(0ns);
  }
}
BENCHMARK(BM_EmptyTurn);

}  // namespace
}  // namespace sluice::platform
