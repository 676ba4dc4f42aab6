// The promises that make a failing seed a bug report: same seed, same run; any seed, same answers.

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/platform/sim/connected_pair.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);

// What the runs of one program have to agree on, and what they need not.
struct EchoRun {
  std::vector<std::string> answers;
  std::uint64_t trace_hash = 0;
  std::uint64_t received_pieces = 0;
  SteadyTime end{};
};

Task<void> EchoOne(std::unique_ptr<sluice::Stream> stream) {
  std::string echo;
  while (true) {
    const Result<ByteView> received = co_await stream->Receive(kNever);
    if (!received || received->empty()) co_return;
    echo = *received;
    const std::vector<ByteView> segments{echo};
    const Result<void> sent = co_await stream->Send(segments, kNever);
    if (!sent) co_return;
  }
}

Task<void> Serve(sluice::Listener& listener, TaskGroup& connections) {
  while (true) {
    Result<std::unique_ptr<sluice::Stream>> accepted = co_await listener.Accept();
    if (!accepted) co_return;
    connections.Spawn(EchoOne(std::move(*accepted)));
  }
}

// Asks `count` times on one connection; each answer has to be complete before the next question.
Task<void> AskInTurn(Loop& loop, int client, int count, std::string& answers) {
  Result<std::unique_ptr<sluice::Stream>> connected = co_await loop.Connect(kServer, kNever);
  sluice::Stream& stream = **connected;
  for (int i = 0; i < count; ++i) {
    const std::string question = "client " + std::to_string(client) + " asks " + std::to_string(i);
    const std::vector<ByteView> segments{question};
    const Result<void> sent = co_await stream.Send(segments, loop.now() + 10s);
    SLUICE_ASSERT(sent.has_value());
    const std::size_t complete = answers.size() + question.size();
    while (answers.size() < complete) {
      const Result<ByteView> received = co_await stream.Receive(loop.now() + 10s);
      SLUICE_ASSERT(received.has_value());
      answers += *received;
    }
  }
}

EchoRun RunEcho(const WorldOptions& options, int clients, int requests_each) {
  World world(options);
  Loop& server = world.AddLoop({.name = "server"});
  TaskGroup tasks;
  std::unique_ptr<sluice::Listener> listener = std::move(server.Listen(kServer, {}).value());
  const auto serve = [&] { tasks.Spawn(Serve(*listener, tasks)); };
  server.Enter(serve);
  EchoRun run;
  run.answers.resize(static_cast<std::size_t>(clients));
  for (int i = 0; i < clients; ++i) {
    Loop& client = world.AddLoop();
    const auto ask = [&, i] {
      tasks.Spawn(AskInTurn(client, i, requests_each, run.answers[static_cast<std::size_t>(i)]));
    };
    client.Enter(ask);
  }
  const auto only_the_acceptor = [&tasks] { return tasks.running() == 1; };
  EXPECT_TRUE(world.RunUntil(only_the_acceptor, 1h));
  run.end = world.now();
  const auto stop = [&listener] { listener->Cancel(); };
  server.Enter(stop);
  EXPECT_TRUE(world.RunUntilIdle());
  EXPECT_EQ(world.open_streams(), 0U);
  EXPECT_EQ(world.pending_operations(), 0U);
  run.trace_hash = world.trace().hash();
  run.received_pieces = world.trace().count(Step::kReceived);
  return run;
}

TEST(Determinism, TheSameSeedGivesTheSameTrace) {
  const WorldOptions options{.seed = 42, .shuffle = true, .recut = true};

  const EchoRun first = RunEcho(options, /*clients=*/5, /*requests_each=*/20);
  const EchoRun second = RunEcho(options, /*clients=*/5, /*requests_each=*/20);

  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.answers, second.answers);
  EXPECT_EQ(first.end, second.end);
}

TEST(Determinism, OtherSeedsTakeOtherWaysToTheSameAnswers) {
  const EchoRun straight = RunEcho({.seed = 1}, /*clients=*/5, /*requests_each=*/20);
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const EchoRun shuffled =
        RunEcho({.seed = seed, .shuffle = true, .recut = true}, /*clients=*/5, 20);
    EXPECT_EQ(shuffled.answers, straight.answers);
    hashes.insert(shuffled.trace_hash);
  }
  EXPECT_EQ(hashes.size(), 20U);
}

TEST(Determinism, RecuttingMakesReadersSeeMorePieces) {
  const EchoRun straight = RunEcho({.seed = 1}, /*clients=*/1, /*requests_each=*/50);
  const EchoRun recut = RunEcho({.seed = 1, .recut = true}, /*clients=*/1, /*requests_each=*/50);

  EXPECT_EQ(straight.received_pieces, 100U);
  EXPECT_GT(recut.received_pieces, 300U);
  EXPECT_EQ(straight.answers, recut.answers);
  EXPECT_EQ(straight.end, recut.end);  // Cutting costs no time: bounds stay exact.
}

TEST(Determinism, TheTraceSeesAChangedByte) {
  const auto send = [](std::string bytes) {
    ConnectedPair pair;
    Report sent;
    Report received;
    pair.ServerReceives(received);
    pair.ClientSends(std::move(bytes), sent);
    pair.RunUntilIdle();
    return pair.world.trace().hash();
  };

  EXPECT_EQ(send("hello"), send("hello"));
  EXPECT_NE(send("hello"), send("hellp"));
}

TEST(Determinism, TheTraceKeepsItsLastEntries) {
  ConnectedPair pair({.trace_entries_max = 3});
  Report sent;

  pair.ClientSends("hello", sent);

  ASSERT_EQ(pair.world.trace().entries().size(), 3U);
  const TraceEntry& last = pair.world.trace().entries().back();
  EXPECT_EQ(last.step, Step::kSent);
  EXPECT_EQ(last.detail, 5U);
  EXPECT_EQ(NameOf(last.step), "sent");
}

// Simulated time is free, and real time nearly so: thousands of requests belong in every test.
TEST(Determinism, TenThousandRequestsOverAHundredConnections) {
  const EchoRun run = RunEcho({.seed = 1}, /*clients=*/100, /*requests_each=*/100);

  EXPECT_EQ(run.received_pieces, 20'000U);
  // A connect, the requests in turn, and the end: all clients at once, as on real wires.
  EXPECT_EQ(run.end - SteadyTime(1h), 100us + 100 * 100us + 50us);
}

}  // namespace
}  // namespace sluice::sim
