#include "sluice/traffic/health_checker.h"

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/network_fixture.h"
#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;
using Server = SimulatedServer<sim::World>;

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);
const Address kOther = Address::Ipv4({10, 0, 0, 2}, 80);

constexpr std::string_view kSick = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

class HealthCheckerTest : public testing::Test {
 protected:
  HealthCheckerTest() : server_(client_.world, kServer), other_(client_.world, kOther) {
    server_.answer = kOk;
    other_.answer = kOk;
    Use({.path = "/healthz"});
  }
  ~HealthCheckerTest() override {
    Stop();
    server_.CloseAll();
    other_.CloseAll();
    client_.Settle();
  }

  // Begins anew with these options; Start() follows.
  void Use(const HealthCheckOptions& check) {
    UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
    options.endpoints = {NameSpec("a.test", 80)};
    options.health_check = check;
    upstream_ = *Upstream::Create(std::move(options), /*workers=*/1);
    balancer_ = std::make_unique<LoadBalancer>(upstream_, /*worker=*/0);
    checker_ = std::make_unique<HealthChecker>(
        client_.loop, upstream_, [this](const HealthTransition& transition) { Note(transition); });
    Publish({kServer, kOther});
  }
  void Start() {
    const auto start = [&] { checker_->Start(client_.tasks); };
    client_.Enter(start);
  }
  void Stop() {
    const auto stop = [&] { checker_->RequestStop(); };
    client_.Enter(stop);
    client_.world.RunFor(1s);
    EXPECT_EQ(client_.tasks.running(), 0U);
  }
  void Publish(const std::vector<Address>& addresses) {
    std::vector<Upstream::Resolved> resolved;
    for (const Address& address : addresses) {
      resolved.push_back({.spec = 0, .address = address});
    }
    const auto publish = [&] { upstream_->Publish(resolved, client_.world.now()); };
    client_.Enter(publish);
  }
  void Note(const HealthTransition& transition) {
    transitions_.push_back(
        fmt::format("{} {} {}", transition.endpoint, NameOf(transition.health), transition.detail));
    last_at_ = transition.at;
  }
  [[nodiscard]] std::shared_ptr<Endpoint> At(const Address& address) const {
    for (const EndpointMember& member : upstream_->Endpoints()->members) {
      if (member.endpoint->address() == address) return member.endpoint;
    }
    return nullptr;
  }
  [[nodiscard]] Health HealthOf(const Address& address) const { return At(address)->health(); }
  [[nodiscard]] double WeightOf(const Address& address) const {
    return upstream_->Endpoints()->GateWeight(*At(address), client_.world.now());
  }

  Client client_;
  Server server_;
  Server other_;
  std::shared_ptr<Upstream> upstream_;
  std::unique_ptr<LoadBalancer> balancer_;
  std::unique_ptr<HealthChecker> checker_;
  std::vector<std::string> transitions_;
  SteadyTime last_at_{};
};

TEST_F(HealthCheckerTest, TakesEndpointsForHealthyBeforeTheFirstVerdict) {
  Start();
  EXPECT_EQ(HealthOf(kServer), Health::kUnknown);
  EXPECT_EQ(WeightOf(kServer), 1);
  EXPECT_EQ(checker_->checked(), 2U);
}

TEST_F(HealthCheckerTest, FindsThemHealthyWithinOneInterval) {
  Start();
  client_.world.RunFor(2s + 1ms);
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
  EXPECT_THAT(transitions_,
              testing::UnorderedElementsAre("10.0.0.1:80 healthy ", "10.0.0.2:80 healthy "));
  EXPECT_EQ(checker_->unhealthy(), 0U);
}

TEST_F(HealthCheckerTest, AsksForThePathWithTheHostOfTheEndpoint) {
  Start();
  client_.world.RunFor(2s + 1ms);
  EXPECT_EQ(server_.peer(0).received,
            "GET /healthz HTTP/1.1\r\nHost: a.test:80\r\nUser-Agent: sluice-health\r\n"
            "Connection: close\r\n\r\n");
}

TEST_F(HealthCheckerTest, AsksWithTheConfiguredHost) {
  Use({.path = "/", .host = "shop.test"});
  Start();
  client_.world.RunFor(2s + 1ms);
  EXPECT_THAT(server_.peer(0).received, testing::HasSubstr("\r\nHost: shop.test\r\n"));
}

TEST_F(HealthCheckerTest, ClosesEachConnectionAfterItsCheck) {
  Start();
  client_.world.RunFor(20s);
  EXPECT_GE(server_.accepted(), 9U);
  EXPECT_LE(client_.loop.open_streams(), 2U);
}

TEST_F(HealthCheckerTest, VariesTheIntervalByATenthAtMost) {
  Start();
  client_.world.RunFor(1000s);
  EXPECT_GE(server_.accepted(), 480U);
  EXPECT_LE(server_.accepted(), 520U);
}

TEST_F(HealthCheckerTest, FindsAnEndpointSickAfterThreeFailuresInARow) {
  Start();
  client_.world.RunFor(3s);
  transitions_.clear();
  server_.answer = kSick;
  ASSERT_TRUE(
      client_.world.RunUntil([&] { return At(kServer)->health_check_failures() == 2; }, 1min));
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
  EXPECT_EQ(WeightOf(kServer), 1);
  ASSERT_TRUE(
      client_.world.RunUntil([&] { return At(kServer)->health_check_failures() == 3; }, 1min));
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
  EXPECT_EQ(WeightOf(kServer), 0);
  EXPECT_EQ(WeightOf(kOther), 1);
  EXPECT_EQ(checker_->unhealthy(), 1U);
  EXPECT_THAT(transitions_, ElementsAre("10.0.0.1:80 unhealthy status 503"));
  EXPECT_EQ(last_at_, client_.world.now());
}

TEST_F(HealthCheckerTest, CountsFailuresInARowOnly) {
  Start();
  client_.world.RunFor(3s);
  for (int round = 0; round < 4; ++round) {
    server_.answer = kSick;
    const std::uint64_t failures = At(kServer)->health_check_failures() + 2;
    ASSERT_TRUE(client_.world.RunUntil(
        [&] { return At(kServer)->health_check_failures() == failures; }, 1min));
    server_.answer = kOk;
    client_.world.RunFor(3s);
  }
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
}

TEST_F(HealthCheckerTest, FindsAnEndpointWellAgainAfterTwoSuccessesInARow) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  ASSERT_EQ(HealthOf(kServer), Health::kUnhealthy);
  server_.answer = kOk;
  const std::uint64_t checks = At(kServer)->health_checks();
  ASSERT_TRUE(
      client_.world.RunUntil([&] { return At(kServer)->health_checks() == checks + 1; }, 1min));
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
  ASSERT_TRUE(
      client_.world.RunUntil([&] { return At(kServer)->health_checks() == checks + 2; }, 1min));
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
  EXPECT_EQ(WeightOf(kServer), 1);
}

TEST_F(HealthCheckerTest, CountsSuccessesInARowOnly) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  ASSERT_EQ(HealthOf(kServer), Health::kUnhealthy);
  for (int round = 0; round < 4; ++round) {
    for (const std::string_view answer : {kOk, kSick}) {
      server_.answer = answer;
      const std::uint64_t checks = At(kServer)->health_checks() + 1;
      ASSERT_TRUE(
          client_.world.RunUntil([&] { return At(kServer)->health_checks() == checks; }, 1min));
    }
  }
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
}

TEST_F(HealthCheckerTest, SaysWhyAnEndpointIsSick) {
  Use({.path = "/", .timeout = 100ms, .unhealthy_after = 1});
  client_.world.faults().RefuseConnects(kServer);
  other_.answer.clear();
  Start();
  client_.world.RunFor(3s);
  EXPECT_THAT(transitions_,
              testing::UnorderedElementsAre(testing::StartsWith("10.0.0.1:80 unhealthy "),
                                            testing::StartsWith("10.0.0.2:80 unhealthy ")));
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
  EXPECT_EQ(HealthOf(kOther), Health::kUnhealthy);
}

TEST_F(HealthCheckerTest, GivesAWholeCheckItsTimeout) {
  Use({.path = "/", .interval = 1h, .timeout = 100ms, .unhealthy_after = 1});
  client_.world.faults().SetSilence(kServer, sim::Silence::kAll);
  other_.answer.clear();
  Start();
  ASSERT_TRUE(client_.world.RunUntil([&] { return transitions_.size() == 2; }, 2h));
  client_.world.faults().Restore(kServer);
}

TEST_F(HealthCheckerTest, TakesABrokenAnswerForSick) {
  Use({.path = "/", .unhealthy_after = 1});
  server_.answer = "220 smtp.test\r\n\r\n";
  Start();
  client_.world.RunFor(3s);
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
}

TEST_F(HealthCheckerTest, BelievesTheConfiguredStatuses) {
  Use({.path = "/",
       .unhealthy_after = 1,
       .statuses = {{.first = 200, .last = 204}, {.first = 503, .last = 503}}});
  server_.answer = kSick;
  other_.answer = "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n";
  Start();
  client_.world.RunFor(3s);
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
  EXPECT_EQ(HealthOf(kOther), Health::kUnhealthy);
}

TEST_F(HealthCheckerTest, KeepsSickEndpointsOutOfTheBalance) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  Random random(1);
  for (int i = 0; i < 10; ++i) {
    const Selection selection = balancer_->Pick({}, client_.world.now(), random);
    EXPECT_EQ(selection->address(), kOther);
  }
}

TEST_F(HealthCheckerTest, IsIgnoredInThePanicOfAllBeingSick) {
  server_.answer = kSick;
  other_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  EXPECT_EQ(checker_->unhealthy(), 2U);
  Random random(1);
  EXPECT_TRUE(balancer_->Pick({}, client_.world.now(), random));
  EXPECT_TRUE(balancer_->panicking());
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy) << "the state stays as found";
}

TEST_F(HealthCheckerTest, ChecksAnEndpointThatJoinsLater) {
  Publish({kOther});
  Start();
  EXPECT_EQ(checker_->checked(), 1U);
  Publish({kServer, kOther});
  EXPECT_EQ(checker_->checked(), 2U);
  client_.world.RunFor(3s);
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
}

TEST_F(HealthCheckerTest, ForgetsAnEndpointThatLeaves) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  const std::shared_ptr<Endpoint> left = At(kServer);
  ASSERT_EQ(left->health(), Health::kUnhealthy);
  Publish({kOther});
  EXPECT_EQ(checker_->checked(), 1U);
  EXPECT_EQ(client_.tasks.running(), 1U);
  EXPECT_EQ(left->health(), Health::kUnknown);
  const std::size_t accepted = server_.accepted();
  client_.world.RunFor(10s);
  EXPECT_EQ(server_.accepted(), accepted);
  // The slot's next owner begins with the benefit of the doubt.
  EXPECT_EQ(upstream_->Endpoints()->GateWeight(*left, client_.world.now()), 1);
}

TEST_F(HealthCheckerTest, EndsAtOnceWhenStoppedInTheMiddleOfACheck) {
  server_.answer.clear();
  other_.answer.clear();
  Start();
  ASSERT_TRUE(client_.world.RunUntil(
      [&] { return server_.accepted() == 1 && !server_.peer(0).received.empty(); }, 1min));
  const auto stop = [&] { checker_->RequestStop(); };
  client_.Enter(stop);
  EXPECT_EQ(client_.tasks.running(), 0U);
  EXPECT_EQ(client_.loop.open_streams(), 0U);
}

TEST_F(HealthCheckerTest, HandedOverWhatWasFoundHoldsForTheSuccessorBeforeItsFirstCheck) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  ASSERT_EQ(WeightOf(kServer), 0);
  const std::shared_ptr<Upstream> before = upstream_;
  const auto hand_over = [&] {
    checker_->RequestStop(HealthChecker::Stop::kHandOver);
    UpstreamOptions options = before->options();
    options.connect_timeout = 2s;
    upstream_ = *Upstream::Create(std::move(options), /*workers=*/1, before.get());
  };
  client_.Enter(hand_over);
  client_.world.RunFor(1s);
  EXPECT_EQ(before->Endpoints()->gates.size(), 1U) << "who still serves by it goes on to avoid";
  Publish({kServer, kOther});
  EXPECT_EQ(HealthOf(kServer), Health::kUnhealthy);
  balancer_ = std::make_unique<LoadBalancer>(upstream_, /*worker=*/0);
  checker_ = std::make_unique<HealthChecker>(
      client_.loop, upstream_, [this](const HealthTransition& transition) { Note(transition); });
  Start();
  EXPECT_EQ(WeightOf(kServer), 0);
  EXPECT_EQ(WeightOf(kOther), 1);
  server_.answer = kOk;
  client_.world.RunFor(10s);
  EXPECT_EQ(HealthOf(kServer), Health::kHealthy);
  EXPECT_EQ(WeightOf(kServer), 1);
}

TEST_F(HealthCheckerTest, TakesItsGateAwayWhenStopped) {
  server_.answer = kSick;
  Start();
  client_.world.RunFor(10s);
  ASSERT_EQ(WeightOf(kServer), 0);
  Stop();
  EXPECT_EQ(WeightOf(kServer), 1);
  EXPECT_EQ(HealthOf(kServer), Health::kUnknown);
  EXPECT_THAT(upstream_->Endpoints()->gates, IsEmpty());
}

}  // namespace
}  // namespace sluice::traffic
