#include "sluice/traffic/upstream.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr SteadyTime kStart{1h};

std::shared_ptr<Upstream> Made(UpstreamOptions options) {
  Result<std::shared_ptr<Upstream>> upstream = Upstream::Create(std::move(options), /*workers=*/2);
  EXPECT_TRUE(upstream.has_value());
  return *upstream;
}

// One name, "a", at index 0.
std::shared_ptr<Upstream> OneName() {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints.push_back(NameSpec("a", 80));
  return Made(std::move(options));
}

std::vector<std::string> Labels(const Upstream& upstream) {
  std::vector<std::string> labels;
  for (const EndpointMember& member : upstream.Endpoints()->members) {
    labels.push_back(member.endpoint->label());
  }
  return labels;
}

class Recorder final : public EndpointWatcher {
 public:
  void OnJoin(const std::shared_ptr<Endpoint>& endpoint, SteadyTime /*now*/) override {
    events.push_back("+" + std::to_string(endpoint->address().port()));
  }
  void OnLeave(const Endpoint& endpoint, SteadyTime /*now*/) override {
    events.push_back("-" + std::to_string(endpoint.address().port()));
  }
  std::vector<std::string> events;
};

TEST(Upstream, HasItsLiteralEndpointsAtOnce) {
  const auto upstream = Made(OptionsOf(LoadBalancing::kRoundRobin, {1, 3}));
  EXPECT_THAT(Labels(*upstream), ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_EQ(upstream->Endpoints()->members[1].weight, 3U);
}

TEST(Upstream, ASuccessorGoesOnWithTheEndpointsItSharesWithItsPredecessor) {
  const auto before = Made(OptionsOf(LoadBalancing::kRoundRobin, {1, 1, 1}));
  before->Endpoints()->members[1].endpoint->set_health(Health::kUnhealthy);
  UpstreamOptions options = OptionsOf(LoadBalancing::kRandom, {1, 5});
  options.endpoints.push_back(LiteralSpec(9));
  const auto after = *Upstream::Create(std::move(options), /*workers=*/2, before.get());
  EXPECT_THAT(Labels(*after), ElementsAre("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:9"));
  EXPECT_EQ(after->Endpoints()->members[1].endpoint, before->Endpoints()->members[1].endpoint);
  EXPECT_EQ(after->Endpoints()->members[1].weight, 5U);
  EXPECT_EQ(after->Endpoints()->members[1].endpoint->health(), Health::kUnhealthy);
  EXPECT_EQ(after->Endpoints()->members[2].endpoint->slot(), 3U) << "the third is still in use";
}

TEST(Upstream, ASuccessorThatCallsAnEndpointOtherwiseMakesItAnew) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {1});
  options.endpoints[0].authority = "old:80";
  const auto before = Made(options);
  options.endpoints[0].authority = "new:80";
  const auto after = *Upstream::Create(options, /*workers=*/2, before.get());
  EXPECT_EQ(after->Endpoints()->members[0].endpoint->authority(), "new:80");
  EXPECT_NE(after->Endpoints()->members[0].endpoint->slot(),
            before->Endpoints()->members[0].endpoint->slot());
}

TEST(Upstream, HasNoEndpointOfANameBeforeItIsPublished) {
  const auto upstream = OneName();
  EXPECT_THAT(Labels(*upstream), IsEmpty());
  const std::vector<Upstream::Resolved> answer = {{.spec = 0, .address = LocalAddress(7)}};
  EXPECT_EQ(upstream->Publish(answer, kStart), 0U);
  EXPECT_THAT(Labels(*upstream), ElementsAre("127.0.0.1:7"));
  EXPECT_EQ(upstream->Endpoints()->members[0].endpoint->authority(), "a:80");
}

TEST(Upstream, KeepsTheObjectOfAnEndpointThatStays) {
  const auto upstream = OneName();
  const std::vector<Upstream::Resolved> first = {{0, LocalAddress(1)}, {0, LocalAddress(2)}};
  upstream->Publish(first, kStart);
  const std::shared_ptr<Endpoint> kept = upstream->Endpoints()->members[1].endpoint;
  kept->load(0).requests.Add(5);
  const std::vector<Upstream::Resolved> second = {{0, LocalAddress(2)}, {0, LocalAddress(3)}};
  upstream->Publish(second, kStart);
  EXPECT_THAT(Labels(*upstream), testing::UnorderedElementsAre("127.0.0.1:2", "127.0.0.1:3"));
  EXPECT_EQ(kept->requests_total(), 5U);
  bool is_there = false;
  for (const EndpointMember& member : upstream->Endpoints()->members) {
    is_there = is_there || member.endpoint == kept;
  }
  EXPECT_TRUE(is_there);
}

TEST(Upstream, FindsAnEndpointAgainThatLeftAndIsStillInUse) {
  const auto upstream = OneName();
  const std::vector<Upstream::Resolved> both = {{0, LocalAddress(1)}, {0, LocalAddress(2)}};
  const std::vector<Upstream::Resolved> one = {{0, LocalAddress(1)}};
  upstream->Publish(both, kStart);
  const std::shared_ptr<Endpoint> in_use = upstream->Endpoints()->members[1].endpoint;
  upstream->Publish(one, kStart);
  upstream->Publish(both, kStart);
  EXPECT_EQ(upstream->Endpoints()->members[1].endpoint, in_use);
}

TEST(Upstream, GivesASlotAwayAgainOnlyWhenNobodyHoldsItsEndpoint) {
  const auto upstream = OneName();
  const std::vector<Upstream::Resolved> first = {{0, LocalAddress(1)}};
  const std::vector<Upstream::Resolved> second = {{0, LocalAddress(2)}};
  const std::vector<Upstream::Resolved> third = {{0, LocalAddress(3)}};
  upstream->Publish(first, kStart);
  std::shared_ptr<Endpoint> held = upstream->Endpoints()->members[0].endpoint;
  upstream->Publish(second, kStart);
  EXPECT_EQ(held->slot(), 0U);
  EXPECT_EQ(upstream->Endpoints()->members[0].endpoint->slot(), 1U);
  held.reset();
  upstream->Publish(third, kStart);
  EXPECT_EQ(upstream->Endpoints()->members[0].endpoint->slot(), 0U);
}

TEST(Upstream, LeavesOutWhatIsBeyondItsSlotsAndSaysHowMany) {
  const auto upstream = OneName();
  std::vector<Upstream::Resolved> many;
  for (std::size_t i = 0; i < Upstream::kSlotsMax + 3; ++i) {
    many.push_back({0, LocalAddress(static_cast<std::uint16_t>(i + 1))});
  }
  EXPECT_EQ(upstream->Publish(many, kStart), 3U);
  EXPECT_EQ(upstream->Endpoints()->members.size(), Upstream::kSlotsMax);
}

TEST(Upstream, MakesOneEndpointOfAnAddressThatTwoNamesHave) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints = {NameSpec("a", 80), NameSpec("b", 80)};
  options.endpoints[1].weight = 4;
  const auto upstream = Made(std::move(options));
  const std::vector<Upstream::Resolved> answers = {{0, LocalAddress(1)}, {1, LocalAddress(1)}};
  upstream->Publish(answers, kStart);
  ASSERT_EQ(upstream->Endpoints()->members.size(), 1U);
  EXPECT_EQ(upstream->Endpoints()->members[0].weight, 5U);
}

TEST(Upstream, KeepsItsGenerationWhileNothingChanges) {
  const auto upstream = OneName();
  const std::vector<Upstream::Resolved> answer = {{0, LocalAddress(1)}};
  upstream->Publish(answer, kStart);
  const std::uint64_t generation = upstream->generation();
  upstream->Publish(answer, kStart);
  EXPECT_EQ(upstream->generation(), generation);
  upstream->Publish({}, kStart);
  EXPECT_EQ(upstream->generation(), generation + 1);
  EXPECT_EQ(upstream->Endpoints()->generation, generation + 1);
}

TEST(Upstream, TellsAWatcherWhoIsThereAndWhoComesAndGoes) {
  const auto upstream = OneName();
  const std::vector<Upstream::Resolved> first = {{0, LocalAddress(1)}, {0, LocalAddress(2)}};
  const std::vector<Upstream::Resolved> second = {{0, LocalAddress(2)}, {0, LocalAddress(3)}};
  upstream->Publish(first, kStart);
  Recorder recorder;
  upstream->Watch(recorder, kStart);
  EXPECT_THAT(recorder.events, ElementsAre("+1", "+2"));
  recorder.events.clear();
  upstream->Publish(second, kStart);
  EXPECT_THAT(recorder.events, ElementsAre("-1", "+3"));
  recorder.events.clear();
  upstream->Unwatch(recorder);
  upstream->Publish(first, kStart);
  EXPECT_THAT(recorder.events, IsEmpty());
}

TEST(Upstream, MultipliesWhatItsGatesSay) {
  const auto upstream = Made(OptionsOf(LoadBalancing::kRoundRobin, {1}));
  const auto half = std::make_shared<ScriptedGate>();
  const auto tenth = std::make_shared<ScriptedGate>();
  half->Set(0, 0.5);
  tenth->Set(0, 0.1);
  upstream->AddGate(half);
  upstream->AddGate(tenth);
  const auto list = upstream->Endpoints();
  EXPECT_DOUBLE_EQ(list->GateWeight(*list->members[0].endpoint, kStart), 0.05);
  upstream->RemoveGate(half.get());
  const auto without = upstream->Endpoints();
  EXPECT_DOUBLE_EQ(without->GateWeight(*without->members[0].endpoint, kStart), 0.1);
}

TEST(Upstream, BelievesAGateThatSaysNonsenseToSayNo) {
  const auto upstream = Made(OptionsOf(LoadBalancing::kRoundRobin, {1}));
  const auto gate = std::make_shared<ScriptedGate>();
  upstream->AddGate(gate);
  const auto list = upstream->Endpoints();
  const Endpoint& endpoint = *list->members[0].endpoint;
  gate->Set(0, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(list->GateWeight(endpoint, kStart), 0);
  gate->Set(0, -1);
  EXPECT_EQ(list->GateWeight(endpoint, kStart), 0);
  gate->Set(0, 17);
  EXPECT_EQ(list->GateWeight(endpoint, kStart), 1);
}

TEST(Upstream, LetsAGateLiveAsLongAsASnapshotNamesIt) {
  const auto upstream = Made(OptionsOf(LoadBalancing::kRoundRobin, {1}));
  auto gate = std::make_shared<ScriptedGate>();
  const std::weak_ptr<ScriptedGate> watched = gate;
  upstream->AddGate(gate);
  auto snapshot = upstream->Endpoints();
  upstream->RemoveGate(gate.get());
  gate.reset();
  EXPECT_FALSE(watched.expired());
  snapshot.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(Upstream, SumsTheCountsOfAllWorkers) {
  const auto upstream = Made(OptionsOf(LoadBalancing::kRoundRobin, {1}));
  Endpoint& endpoint = *upstream->Endpoints()->members[0].endpoint;
  endpoint.load(0).active.Add(2);
  endpoint.load(1).active.Add(3);
  endpoint.load(0).connections.Add(1);
  endpoint.load(1).failures.Add(4);
  EXPECT_EQ(endpoint.active(), 5);
  EXPECT_EQ(endpoint.connections(), 1);
  EXPECT_EQ(endpoint.failures_total(), 4U);
}

TEST(Upstream, ShowsAReaderOnAnotherThreadTheListOfTheGenerationItSaw) {
  const auto upstream = OneName();
  std::thread reader([&] {
    std::uint64_t seen = 0;
    while (seen < 200) {
      const std::uint64_t generation = upstream->generation();
      const auto list = upstream->Endpoints();
      if (list->generation < generation) ADD_FAILURE() << "an older list than its generation";
      seen = list->generation;
    }
  });
  const std::vector<Upstream::Resolved> odd = {{0, LocalAddress(1)}};
  const std::vector<Upstream::Resolved> even = {{0, LocalAddress(2)}};
  for (int i = 0; i < 200; ++i) {
    upstream->Publish(i % 2 == 0 ? odd : even, kStart);
  }
  reader.join();
}

// Every way to be refused: what is changed in valid options, and what the error speaks of.
struct Refusal {
  void (*spoil)(UpstreamOptions&);
  const char* says;
};

class UpstreamRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(UpstreamRefuses, OptionsOutOfTheirRange) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {1});
  options.health_check = HealthCheckOptions{.path = "/healthz"};
  GetParam().spoil(options);
  const auto upstream = Upstream::Create(std::move(options), 1);
  ASSERT_FALSE(upstream.has_value());
  EXPECT_EQ(upstream.error().code, ErrorCode::kInvalidOption);
  EXPECT_THAT(upstream.error().detail, testing::HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    UpstreamRefuses,
    testing::Values(
        Refusal{[](UpstreamOptions& o) { o.endpoints.clear(); }, "at least one"},
        Refusal{[](UpstreamOptions& o) { o.endpoints.push_back({}); }, "needs an address"},
        Refusal{[](UpstreamOptions& o) { o.endpoints.push_back(NameSpec("a", 0)); }, "a port"},
        Refusal{[](UpstreamOptions& o) { o.endpoints.push_back(LiteralSpec(1)); }, "twice"},
        Refusal{[](UpstreamOptions& o) { o.endpoints[0].weight = 0; }, "weight"},
        Refusal{[](UpstreamOptions& o) { o.endpoints[0].weight = 1001; }, "weight"},
        Refusal{[](UpstreamOptions& o) { o.connect_timeout = 0ms; }, "connect_timeout"},
        Refusal{[](UpstreamOptions& o) { o.panic_threshold_percent = 101; }, "panic"},
        Refusal{[](UpstreamOptions& o) { o.response_head_max = 1023; }, "response_head_max"},
        Refusal{[](UpstreamOptions& o) { o.informational_max = 101; }, "informational_max"},
        Refusal{[](UpstreamOptions& o) { o.pool.connections_max = 0; }, "connections_max"},
        Refusal{[](UpstreamOptions& o) { o.pool.waiting_max = 1'000'001; }, "waiting_max"},
        Refusal{[](UpstreamOptions& o) { o.pool.idle_max = 1'000'001; }, "idle_max"},
        Refusal{[](UpstreamOptions& o) { o.pool.idle_timeout = 0ms; }, "idle_timeout"},
        Refusal{[](UpstreamOptions& o) { o.refresh.interval_min = 0ms; }, "refresh"},
        Refusal{[](UpstreamOptions& o) { o.refresh.interval_max = 1ms; }, "refresh"},
        Refusal{[](UpstreamOptions& o) { o.refresh.retry_max = 1ms; }, "refresh"},
        Refusal{[](UpstreamOptions& o) { o.refresh.timeout = 0ms; }, "refresh"},
        Refusal{[](UpstreamOptions& o) { o.health_check->path = "healthz"; }, "path"},
        Refusal{[](UpstreamOptions& o) { o.health_check->path = "/a\r\nb"; }, "path"},
        Refusal{[](UpstreamOptions& o) { o.health_check->host = "a b"; }, "host"},
        Refusal{[](UpstreamOptions& o) { o.health_check->interval = 1ms; }, "interval"},
        Refusal{[](UpstreamOptions& o) { o.health_check->timeout = 2min; }, "timeout"},
        Refusal{[](UpstreamOptions& o) { o.health_check->unhealthy_after = 0; }, "unhealthy_after"},
        Refusal{[](UpstreamOptions& o) { o.health_check->healthy_after = 101; }, "healthy_after"},
        Refusal{[](UpstreamOptions& o) { o.health_check->statuses.clear(); }, "statuses"}));

TEST(Upstream, RefusesToServeNoWorker) {
  EXPECT_FALSE(Upstream::Create(OptionsOf(LoadBalancing::kRoundRobin, {1}), 0).has_value());
}

TEST(Upstream, NamesHealthForPeople) {
  EXPECT_EQ(NameOf(Health::kUnknown), "unknown");
  EXPECT_EQ(NameOf(Health::kHealthy), "healthy");
  EXPECT_EQ(NameOf(Health::kUnhealthy), "unhealthy");
}

}  // namespace
}  // namespace sluice::traffic
