// Load on a simulated network: who is due when, and whom a change meets.

#include "demo/load.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/network_fixture.h"

namespace sluice::demo {
namespace {

using namespace std::chrono_literals;
using Users = traffic::SimulatedClient<sim::World>;
using Server = traffic::SimulatedServer<sim::World>;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);

Question Simple(std::size_t /*number*/) {
  return {.target = "/x"};
}

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    server_.answer = std::string(traffic::kOk);
    const auto make = [&] { client_ = *HttpClient::Create(users_.loop, kServer); };
    users_.Enter(make);
  }
  ~LoadTest() override {
    const auto close = [&] { client_.reset(); };
    users_.Enter(close);
    server_.CloseAll();
    users_.Settle();
  }
  std::vector<Sample> Run(const LoadPlan& plan) {
    std::vector<Sample> samples;
    LoadRun run(users_.loop, *client_, plan, samples);
    users_.Spawn(run.Run());
    EXPECT_TRUE(users_.world.RunUntil([&] { return run.is_done(); }, 10min));
    return samples;
  }

  Users users_;
  Server server_{users_.world, kServer};
  std::unique_ptr<HttpClient> client_;
};

TEST_F(LoadTest, AsksAtItsRateWhateverBecameOfEarlierOnes) {
  server_.answer.clear();  // Nobody is answered.
  const std::vector<Sample> samples =
      Run({.phases = {{.per_second = 10, .length = 1s}}, .question = &Simple, .patience = 3s});
  ASSERT_EQ(samples.size(), 10U);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].due, i * 100ms);
    EXPECT_EQ(samples[i].answer.status, 0);
    EXPECT_EQ(samples[i].answer.failure, "upstream_timeout");
    EXPECT_EQ(samples[i].answer.latency, 3s);
  }
}

TEST_F(LoadTest, EachPhaseHasItsRate) {
  const std::vector<Sample> samples =
      Run({.phases = {{.per_second = 2, .length = 1s}, {.per_second = 5, .length = 1s}},
           .question = &Simple});
  ASSERT_EQ(samples.size(), 7U);
  EXPECT_EQ(samples[1].phase, 0U);
  EXPECT_EQ(samples[2].phase, 1U);
  EXPECT_EQ(samples[2].due, 0s);
  EXPECT_EQ(samples[6].answer.status, 200);
  EXPECT_EQ(samples[6].answer.body, "ok");
}

TEST_F(LoadTest, APhaseMayWaitUntilEarlierOnesAreAnswered) {
  server_.answer.clear();
  std::vector<SteadyTime> begun;
  const auto note = [&] { begun.push_back(users_.loop.now()); };
  Run({.phases =
           {{.per_second = 1, .length = 1s, .at_begin = note},
            {.per_second = 1, .length = 1s, .at_begin = note},
            {.per_second = 1, .length = 1s, .start = PhaseStart::kWhenAnswered, .at_begin = note}},
       .question = &Simple,
       .patience = 5s});
  EXPECT_EQ(begun[1] - begun[0], 1s);
  EXPECT_EQ(begun[2] - begun[0], 6s) << "the second one was asked at 1 s and gave up at 6 s";
}

TEST_F(LoadTest, SendsWhatIsAskedAndReadsWhatTheDemoShows) {
  server_.answer =
      "HTTP/1.1 503 Service Unavailable\r\nX-Sluice-Reason: overload/shed\r\nRetry-After: 2\r\n"
      "X-Instance: a\r\nServer-Timing: user;dur=1\r\nX-Sluice-Degraded: static\r\n"
      "Content-Length: 2\r\n\r\n{}";
  const auto ask = [](std::size_t) -> Question {
    return {.method = wire::Method::kPost, .target = "/bookings", .body = "{}", .user = "ann"};
  };
  const std::vector<Sample> samples =
      Run({.phases = {{.per_second = 1, .length = 1s}}, .question = ask});
  EXPECT_EQ(server_.peer(0).received,
            "POST /bookings HTTP/1.1\r\nHost: 10.0.0.1:80\r\nx-user-id: ann\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const Answer& answer = samples.at(0).answer;
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.reason, "overload/shed");
  EXPECT_EQ(answer.retry_after, "2");
  EXPECT_EQ(answer.instance, "a");
  EXPECT_EQ(answer.degraded, "static");
  EXPECT_EQ(answer.server_timing, "user;dur=1");
}

TEST_F(LoadTest, TellsWhyThereIsNoAnswer) {
  const auto ask_nobody = [&] { client_ = *HttpClient::Create(users_.loop, kServer.WithPort(81)); };
  users_.Enter(ask_nobody);
  const std::vector<Sample> samples =
      Run({.phases = {{.per_second = 1, .length = 1s}}, .question = &Simple});
  EXPECT_EQ(samples.at(0).answer.failure, "connect_failed");
}

}  // namespace
}  // namespace sluice::demo
