#include "sluice/traffic/endpoint_refresh.h"

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/network_fixture.h"
#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class EndpointRefreshTest : public testing::Test {
 protected:
  EndpointRefreshTest() { Use({NameSpec("a.test", 80)}); }
  ~EndpointRefreshTest() override { Stop(); }

  // Begins anew with these endpoints; Start() follows.
  void Use(std::vector<EndpointSpec> specs) {
    UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
    options.endpoints = std::move(specs);
    upstream_ = *Upstream::Create(std::move(options), /*workers=*/1);
    refresh_ = std::make_unique<EndpointRefresh>(
        client_.loop, upstream_, [this](const RefreshEvent& event) { Note(event); });
  }
  void Start() {
    const auto start = [&] { refresh_->Start(client_.tasks); };
    client_.Enter(start);
    client_.Settle();
    client_.Settle();
  }
  void Stop() {
    const auto stop = [&] { refresh_->RequestStop(); };
    client_.Enter(stop);
    client_.world.RunFor(5s);
    EXPECT_EQ(client_.tasks.running(), 0U);
  }
  void Note(const RefreshEvent& event) {
    events_.push_back(event.error == nullptr
                          ? fmt::format("{} has {}", event.host, event.addresses)
                          : fmt::format("{} {}", event.host, NameOf(event.error->code)));
  }
  void Answer(std::string_view host, std::vector<std::uint8_t> last_bytes, Nanos ttl = 30s) {
    sim::NameAnswer answer{.time_to_live = ttl};
    for (const std::uint8_t byte : last_bytes) {
      answer.addresses.push_back(Address::Ipv4({10, 0, 0, byte}, 0));
    }
    client_.world.names().Set(host, std::move(answer));
  }
  [[nodiscard]] std::vector<std::string> Labels() const {
    std::vector<std::string> labels;
    for (const EndpointMember& member : upstream_->Endpoints()->members) {
      labels.push_back(member.endpoint->label());
    }
    return labels;
  }
  [[nodiscard]] std::uint64_t asked() { return client_.world.names().asked("a.test"); }

  Client client_;
  std::shared_ptr<Upstream> upstream_;
  std::unique_ptr<EndpointRefresh> refresh_;
  std::vector<std::string> events_;
};

TEST_F(EndpointRefreshTest, PublishesWhatANameMeansWithTheAskedPort) {
  Answer("a.test", {1, 2});
  EXPECT_FALSE(refresh_->settled());
  Start();
  EXPECT_TRUE(refresh_->settled());
  EXPECT_THAT(Labels(), UnorderedElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  EXPECT_THAT(events_, ElementsAre("a.test has 2"));
}

TEST_F(EndpointRefreshTest, AsksAgainWhenTheTimeToLiveIsAlmostOver) {
  Answer("a.test", {1}, 30s);
  Start();
  client_.world.RunFor(26s);
  EXPECT_EQ(asked(), 1U);
  Answer("a.test", {2}, 30s);
  client_.world.RunFor(4s);
  EXPECT_EQ(asked(), 2U);
  EXPECT_THAT(Labels(), ElementsAre("10.0.0.2:80"));
}

TEST_F(EndpointRefreshTest, AsksAtMostOnceASecondHoweverShortTheTimeToLive) {
  Answer("a.test", {1}, 1ms);
  Start();
  client_.world.RunFor(10s);
  EXPECT_GE(asked(), 10U);
  EXPECT_LE(asked(), 11U);
}

TEST_F(EndpointRefreshTest, AsksAtLeastEveryFiveMinutesHoweverLongTheTimeToLive) {
  Answer("a.test", {1}, std::chrono::hours(24));
  Start();
  client_.world.RunFor(4min + 20s);
  EXPECT_EQ(asked(), 1U);
  client_.world.RunFor(40s);
  EXPECT_EQ(asked(), 2U);
}

TEST_F(EndpointRefreshTest, KeepsTheLastGoodAnswerWhileTheNameFails) {
  Answer("a.test", {1}, 1s);
  Start();
  client_.world.names().Fail("a.test");
  client_.world.RunFor(1min);
  EXPECT_THAT(Labels(), ElementsAre("10.0.0.1:80"));
  EXPECT_GT(refresh_->failures(), 3U);
  EXPECT_THAT(events_, ElementsAre("a.test has 1", "a.test resolve_failed"));
}

TEST_F(EndpointRefreshTest, KeepsTheLastGoodAnswerWhenTheNameIsNoMore) {
  Answer("a.test", {1}, 1s);
  Start();
  client_.world.names().Remove("a.test");
  client_.world.RunFor(1min);
  EXPECT_THAT(Labels(), ElementsAre("10.0.0.1:80"));
}

TEST_F(EndpointRefreshTest, TellsOfARecoveryThoughTheAnswerIsTheOldOne) {
  Answer("a.test", {1}, 1s);
  Start();
  client_.world.names().Fail("a.test");
  client_.world.RunFor(3s);
  Answer("a.test", {1}, 1s);
  client_.world.RunFor(10s);
  EXPECT_THAT(events_, ElementsAre("a.test has 1", "a.test resolve_failed", "a.test has 1"));
}

TEST_F(EndpointRefreshTest, TellsNothingWhileNothingChanges) {
  Answer("a.test", {1, 2}, 1s);
  Start();
  const std::uint64_t generation = upstream_->generation();
  client_.world.RunFor(20s);
  EXPECT_EQ(events_.size(), 1U);
  EXPECT_EQ(upstream_->generation(), generation);
  EXPECT_GE(refresh_->successes(), 20U);
}

TEST_F(EndpointRefreshTest, BacksOffFromOneToThirtySecondsWhileTheNameFails) {
  client_.world.names().Fail("a.test");
  Start();
  EXPECT_TRUE(refresh_->settled());
  EXPECT_THAT(Labels(), IsEmpty());
  // Waits of 1, 2, 4, 8, 16, then 30 s, each up to a tenth shorter.
  client_.world.RunFor(31s + 100ms);
  EXPECT_EQ(asked(), 6U);
  client_.world.RunFor(5min);
  EXPECT_GE(asked(), 6U + 10U);
  EXPECT_LE(asked(), 6U + 12U);
}

TEST_F(EndpointRefreshTest, GivesAQuestionFiveSeconds) {
  client_.world.names().Silence("a.test");
  Start();
  EXPECT_FALSE(refresh_->settled());
  client_.world.RunFor(5s);
  EXPECT_TRUE(refresh_->settled());
  EXPECT_THAT(events_, ElementsAre("a.test timeout"));
}

TEST_F(EndpointRefreshTest, MergesTheAnswersOfSeveralNamesAndLiterals) {
  Use({NameSpec("a.test", 80), LiteralSpec(7), NameSpec("b.test", 81)});
  Answer("a.test", {1});
  client_.world.names().Fail("b.test");
  Start();
  EXPECT_THAT(Labels(), UnorderedElementsAre("10.0.0.1:80", "127.0.0.1:7"));
  Answer("b.test", {2});
  client_.world.RunFor(2s);
  EXPECT_THAT(Labels(), UnorderedElementsAre("10.0.0.1:80", "127.0.0.1:7", "10.0.0.2:81"));
}

TEST_F(EndpointRefreshTest, HasNothingToDoForLiterals) {
  Use({LiteralSpec(7)});
  EXPECT_TRUE(refresh_->settled());
  Start();
  EXPECT_EQ(client_.tasks.running(), 0U);
}

TEST_F(EndpointRefreshTest, PublishesNothingThatIsAnsweredAfterTheStop) {
  sim::NameAnswer answer{.addresses = {Address::Ipv4({10, 0, 0, 1}, 0)}, .delay = 2s};
  client_.world.names().Set("a.test", answer);
  Start();
  Stop();
  EXPECT_THAT(Labels(), IsEmpty());
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(EndpointRefreshTest, StopsAtOnceBetweenQuestions) {
  Answer("a.test", {1});
  Start();
  EXPECT_EQ(client_.tasks.running(), 1U);
  const auto stop = [&] { refresh_->RequestStop(); };
  client_.Enter(stop);
  EXPECT_EQ(client_.tasks.running(), 0U);
}

}  // namespace
}  // namespace sluice::traffic
