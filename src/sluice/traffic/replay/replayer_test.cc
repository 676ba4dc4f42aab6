// The replayer against a server in simulated time.

#include "sluice/traffic/replay/replayer.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"

namespace sluice::traffic::replay {
namespace {

using namespace std::chrono_literals;
using wire::recording::RecordedExchange;

const Address kServer = *Address::Parse("10.0.0.2:80");

// Answers every request after `delay`; keeps when each came.
struct Server {
  Server(sim::World& its_world, Nanos its_delay)
      : world(its_world),
        loop(world.AddLoop({.host = *Address::Parse("10.0.0.2:1")})),
        delay(its_delay) {
    loop.Enter([this] {
      listener = *loop.Listen(kServer, {});
      tasks.Spawn(Accept());
    });
  }
  ~Server() {
    loop.Enter([this] {
      listener->Cancel();
      for (Stream* stream : streams)
        stream->Cancel();
    });
    EXPECT_TRUE(world.RunUntil([this] { return tasks.running() == 0; }, 1min));
    loop.Enter([this] { listener.reset(); });
  }

  Task<void> Accept() {
    for (;;) {
      Result<std::unique_ptr<Stream>> stream = co_await listener->Accept();
      if (!stream) co_return;
      ++connections;
      tasks.Spawn(Serve(std::move(*stream)));
    }
  }

  Task<void> Serve(std::unique_ptr<Stream> stream) {
    streams.push_back(stream.get());
    std::string received;
    for (;;) {
      const Result<ByteView> got = co_await stream->Receive(kNever);
      if (!got || got->empty()) break;
      received += *got;
      while (received.find("\r\n\r\n") != std::string::npos) {
        arrived.push_back(loop.now());
        requests.push_back(received.substr(0, received.find("\r\n\r\n") + 4));
        received.erase(0, requests.back().size());
        co_await loop.SleepUntil(loop.now() + delay);
        const std::array<ByteView, 1> reply = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
        const std::span<const ByteView> list(reply);
        const Result<void> sent = co_await stream->Send(list, kNever);
        static_cast<void>(sent);
      }
    }
    std::erase(streams, stream.get());
  }

  sim::World& world;
  sim::Loop& loop;
  Nanos delay;
  std::unique_ptr<Listener> listener;
  std::vector<Stream*> streams;
  TaskGroup tasks;
  int connections = 0;
  std::vector<SteadyTime> arrived;
  std::vector<std::string> requests;
};

class ReplayerTest : public testing::Test {
 protected:
  RecordedExchange& Add(Nanos since, const std::string& method = "GET") {
    RecordedExchange exchange;
    exchange.started = WallTime(std::chrono::seconds(1'767'225'600) + since);
    exchange.duration = 3ms;
    exchange.request.head =
        method + " /" + std::to_string(recorded_.size()) + " HTTP/1.1\r\nHost: x.test\r\n";
    exchange.response.head = "HTTP/1.1 200 OK\r\n";
    FillFromHeads(exchange);
    recorded_.push_back(std::move(exchange));
    return recorded_.back();
  }

  Task<void> Drive(Replayer& replayer, Schedule schedule, std::optional<Result<void>>& probed) {
    Result<void> probe = co_await replayer.Probe(patience_);
    const bool is_there = probe.has_value();
    probed.emplace(std::move(probe));
    if (is_there) co_await replayer.Run(std::move(schedule));
    done_ = true;
  }

  ReplayOutcome Play(ReplayerOptions options = {}, const ScheduleOptions& how = {}) {
    options.target = kServer;
    std::vector<WallTime> begun;
    for (const RecordedExchange& exchange : recorded_)
      begun.push_back(exchange.started);
    Replayer replayer(client_, options, [this](std::size_t index) -> Result<RecordedExchange> {
      if (index == broken_) return Fail(ErrorCode::kBadResponse, "damaged");
      return recorded_[index];
    });
    done_ = false;
    std::optional<Result<void>> probed;
    client_.Enter([&] { tasks_.Spawn(Drive(replayer, *Schedule::Create(begun, how), probed)); });
    start_ = world_.now();
    if (late_) {
      world_.RunFor(500ms);
      late_();
    }
    EXPECT_TRUE(world_.RunUntil([this] { return done_; }, 10min));
    probe_failed_ = !probed || !*probed;
    return replayer.outcome();
  }

  sim::World world_{{.seed = 1, .link = {.latency = Nanos(0)}}};
  sim::Loop& client_{world_.AddLoop({.host = *Address::Parse("10.0.0.1:1")})};
  TaskGroup tasks_;
  std::vector<RecordedExchange> recorded_;
  std::size_t broken_ = SIZE_MAX;
  bool done_ = false;
  bool probe_failed_ = false;
  Nanos patience_{0};
  std::function<void()> late_;  // Called half a second after the beginning.
  SteadyTime start_{};
};

TEST_F(ReplayerTest, SendsEachRequestWhenItIsDueWhateverBecomesOfOthers) {
  Server server(world_, 700ms);  // Slower than the requests come.
  for (const Nanos since : {0ms, 100ms, 250ms, 300ms})
    Add(since);
  const ReplayOutcome outcome = Play();
  ASSERT_EQ(server.arrived.size(), 4U);
  EXPECT_EQ(server.arrived[1] - server.arrived[0], 100ms);
  EXPECT_EQ(server.arrived[2] - server.arrived[0], 250ms);
  EXPECT_EQ(server.arrived[3] - server.arrived[0], 300ms);
  EXPECT_EQ(outcome.answered, 4U);
  EXPECT_EQ(outcome.by_class[2], 4U);
  EXPECT_EQ(outcome.other_class, 0U);
  EXPECT_EQ(outcome.lag.max(), 0ns);
  EXPECT_EQ(outcome.latency.max(), 700ms);
  EXPECT_EQ(outcome.recorded.max(), 3ms);
  EXPECT_EQ(outcome.response_bytes, 8U);
  ASSERT_EQ(outcome.seconds.size(), 1U);
  EXPECT_EQ(outcome.seconds[0].answered, 4U);
}

TEST_F(ReplayerTest, ALongScheduleIsKeptExactlyBesideASlowServer) {
  Server server(world_, 50ms);
  std::vector<Nanos> due;
  for (int i = 0; i < 3000; ++i) {
    // Uneven distances of 0 to 2 ms, and each third is in the file before its time.
    due.push_back(1ms * i + Nanos(i * 7919 % 1'000'000));
    Add(due.back());
  }
  std::swap(recorded_[10], recorded_[2000]);
  const ReplayOutcome outcome = Play({}, {.speed = 2});
  ASSERT_EQ(server.arrived.size(), due.size());
  EXPECT_EQ(outcome.lag.max(), 0ns);
  std::ranges::sort(due);
  for (std::size_t i = 0; i < due.size(); ++i)
    ASSERT_EQ(server.arrived[i] - server.arrived[0], (due[i] - due[0]) / 2) << i;
}

TEST_F(ReplayerTest, ConnectionsAreUsedAgain) {
  Server server(world_, 10ms);
  for (int i = 0; i < 50; ++i)
    Add(i * 20ms);
  EXPECT_EQ(Play().answered, 50U);
  EXPECT_EQ(server.connections, 1);
}

TEST_F(ReplayerTest, RecordedConnectionsArePreserved) {
  Server server(world_, 30ms);
  for (int i = 0; i < 12; ++i)
    Add(i * 10ms).connection = static_cast<std::uint64_t>(1 + i % 3);
  const ReplayOutcome outcome = Play({.preserve_connections = true});
  EXPECT_EQ(outcome.answered, 12U);
  // The three recorded ones, and the one that asked whether anybody is there.
  EXPECT_EQ(server.connections, 4);
}

TEST_F(ReplayerTest, WritesAreNotSent) {
  Server server(world_, 1ms);
  Add(0ms);
  Add(1ms, "DELETE");
  ReplayOutcome outcome = Play();
  EXPECT_EQ(outcome.sent, 1U);
  EXPECT_EQ(outcome.skipped[static_cast<std::size_t>(Skip::kWrite)], 1U);
  outcome = Play({.rewrite = {.writes = Writes::kAllow}});
  EXPECT_EQ(outcome.sent, 2U);
}

TEST_F(ReplayerTest, LatencyCountsFromTheDueTimeAndEndsAtTheTimeout) {
  Server server(world_, 1min);
  Add(0ms);
  const ReplayOutcome outcome = Play({.timeout = 2s});
  EXPECT_EQ(outcome.answered, 0U);
  EXPECT_EQ(outcome.failures[static_cast<std::size_t>(Failure::kTimeout)], 1U);
  EXPECT_EQ(outcome.failed(), 1U);
  EXPECT_EQ(outcome.seconds[0].failed, 1U);
}

TEST_F(ReplayerTest, TooMuchInFlightIsGivenUpAndCounted) {
  Server server(world_, 10s);
  for (int i = 0; i < 5; ++i)
    Add(i * 1ms);
  const ReplayOutcome outcome = Play({.in_flight_max = 3});
  EXPECT_EQ(outcome.answered, 3U);
  EXPECT_EQ(outcome.failures[static_cast<std::size_t>(Failure::kOverflow)], 2U);
}

TEST_F(ReplayerTest, WhatCannotBeReadIsCounted) {
  Server server(world_, 1ms);
  Add(0ms);
  Add(1ms);
  broken_ = 0;
  const ReplayOutcome outcome = Play();
  EXPECT_EQ(outcome.answered, 1U);
  EXPECT_EQ(outcome.failures[static_cast<std::size_t>(Failure::kUnreadable)], 1U);
}

TEST_F(ReplayerTest, LoopsAndSpeedAreThoseOfTheSchedule) {
  Server server(world_, 1ms);
  Add(0s);
  Add(10s);
  EXPECT_EQ(Play({}, {.speed = 10, .loops = 3}).answered, 6U);
  EXPECT_EQ(server.arrived[1] - server.arrived[0], 1s);
}

TEST_F(ReplayerTest, ATargetThatIsNotThereIsToldBeforeAnythingIsSent) {
  Add(0s);
  EXPECT_EQ(Play().due, 0U);
  EXPECT_TRUE(probe_failed_);
}

TEST_F(ReplayerTest, ATargetThatIsStillStartingIsAskedAgain) {
  Add(0s);
  patience_ = 2s;
  std::optional<Server> server;
  late_ = [this, &server] { server.emplace(world_, 1ms); };
  EXPECT_EQ(Play().answered, 1U);
  EXPECT_FALSE(probe_failed_);
}

}  // namespace
}  // namespace sluice::traffic::replay
