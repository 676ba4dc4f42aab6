#include "sluice/traffic/load_balancer.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr SteadyTime kStart{1h};
constexpr std::uint64_t kSeed = 20'240'607;

// An upstream with a gate, the balancer of its worker 0, and chance.
struct Bench {
  explicit Bench(UpstreamOptions options)
      : upstream(*Upstream::Create(std::move(options), /*workers=*/4)),
        gate(std::make_shared<ScriptedGate>()),
        balancer(upstream, /*worker=*/0) {
    upstream->AddGate(gate);
  }
  Bench(LoadBalancing balancing, const std::vector<std::uint32_t>& weights)
      : Bench(OptionsOf(balancing, weights)) {}

  // The port of the endpoint picked; 0 for nobody.
  int Pick(SteadyTime now = kStart, const PickRequest& request = {}) {
    const Selection selection = balancer.Pick(request, now, random);
    return selection ? selection->address().port() : 0;
  }
  std::vector<int> Picks(int count, SteadyTime now = kStart) {
    std::vector<int> ports;
    for (int i = 0; i < count; ++i) {
      ports.push_back(Pick(now));
    }
    return ports;
  }
  // Picks by port, over `count` picks; [0] counts nobody.
  std::vector<int> Shares(int count, SteadyTime now = kStart) {
    std::vector<int> shares(upstream->Endpoints()->members.size() + 1, 0);
    for (int i = 0; i < count; ++i) {
      ++shares[static_cast<std::size_t>(Pick(now))];
    }
    return shares;
  }
  Endpoint& At(std::size_t index) const { return *upstream->Endpoints()->members[index].endpoint; }

  std::shared_ptr<Upstream> upstream;
  std::shared_ptr<ScriptedGate> gate;
  LoadBalancer balancer;
  Random random{kSeed};
};

// Five standard deviations of a binomial share: a wrong algorithm fails, chance does not.
void ExpectShare(int got, int count, double probability) {
  const double mean = count * probability;
  const double deviation = std::sqrt(count * probability * (1 - probability));
  EXPECT_NEAR(got, mean, 5 * deviation) << "seed " << kSeed;
}

TEST(LoadBalancerRoundRobin, TakesTurnsWithEqualWeights) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1});
  EXPECT_THAT(bench.Picks(7), ElementsAre(1, 2, 3, 1, 2, 3, 1));
}

TEST(LoadBalancerRoundRobin, StartsEachWorkerAtAnotherEndpoint) {
  const Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1});
  Random random(kSeed);
  LoadBalancer second(bench.upstream, /*worker=*/1);
  LoadBalancer fourth(bench.upstream, /*worker=*/3);
  EXPECT_EQ(second.Pick({}, kStart, random)->address().port(), 2);
  EXPECT_EQ(fourth.Pick({}, kStart, random)->address().port(), 1);
}

TEST(LoadBalancerRoundRobin, MixesWeightsAsSmoothlyAsNginx) {
  // The example of nginx's commit 52327e0627f4: {5, 1, 1} gives a a b a c a a.
  Bench bench(LoadBalancing::kRoundRobin, {5, 1, 1});
  EXPECT_THAT(bench.Picks(14), ElementsAre(1, 1, 2, 1, 3, 1, 1, 1, 1, 2, 1, 3, 1, 1));
}

TEST(LoadBalancerRoundRobin, GivesExactSharesForWholeWeights) {
  Bench bench(LoadBalancing::kRoundRobin, {7, 2, 1});
  EXPECT_THAT(bench.Shares(1000), ElementsAre(0, 700, 200, 100));
}

TEST(LoadBalancerRoundRobin, GivesExactSharesBehindGates) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 2});
  bench.gate->Set(0, 0.5);
  EXPECT_THAT(bench.Shares(700), ElementsAre(0, 100, 200, 400));
}

TEST(LoadBalancerRoundRobin, TakesTurnsAmongTheAvailable) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1, 1});
  bench.gate->Set(1, 0);
  EXPECT_THAT(bench.Picks(6), ElementsAre(1, 3, 4, 1, 3, 4));
}

TEST(LoadBalancerRoundRobin, SkipsWhatWasTriedAndGoesOnWithTheRound) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1});
  TriedEndpoints tried;
  tried.Add(bench.At(0));
  EXPECT_EQ(bench.Pick(kStart, {.tried = &tried}), 2);
  EXPECT_EQ(bench.Pick(), 3);
}

TEST(LoadBalancerRoundRobin, GoesOnWithWhoseTurnItIsWhenTheListChanges) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints = {NameSpec("a", 80)};
  Bench bench(std::move(options));
  const std::vector<Upstream::Resolved> four = {
      {0, LocalAddress(1)}, {0, LocalAddress(2)}, {0, LocalAddress(3)}, {0, LocalAddress(4)}};
  const std::vector<Upstream::Resolved> three = {
      {0, LocalAddress(1)}, {0, LocalAddress(3)}, {0, LocalAddress(4)}};
  bench.upstream->Publish(four, kStart);
  EXPECT_THAT(bench.Picks(2), ElementsAre(1, 2));
  bench.upstream->Publish(three, kStart);
  EXPECT_THAT(bench.Picks(3), ElementsAre(3, 4, 1));
}

TEST(LoadBalancerRandom, DrawsByWeight) {
  Bench bench(LoadBalancing::kRandom, {1, 3});
  const std::vector<int> shares = bench.Shares(40'000);
  ExpectShare(shares[1], 40'000, 0.25);
  EXPECT_EQ(shares[0], 0);
}

TEST(LoadBalancerRandom, DrawsEvenlyWithEqualWeights) {
  Bench bench(LoadBalancing::kRandom, {2, 2, 2, 2});
  const std::vector<int> shares = bench.Shares(40'000);
  for (std::size_t port = 1; port <= 4; ++port) {
    ExpectShare(shares[port], 40'000, 0.25);
  }
}

TEST(LoadBalancerRandom, DrawsEvenlyAmongTheAvailable) {
  Bench bench(LoadBalancing::kRandom, {1, 1, 1, 1});
  bench.gate->Set(1, 0);
  const std::vector<int> shares = bench.Shares(40'000);
  ExpectShare(shares[1], 40'000, 1.0 / 3);
  EXPECT_EQ(shares[2], 0);
  ExpectShare(shares[4], 40'000, 1.0 / 3);
}

TEST(LoadBalancerRandom, DrawsByWeightAmongTheUntried) {
  Bench bench(LoadBalancing::kRandom, {1, 5, 3});
  TriedEndpoints tried;
  tried.Add(bench.At(1));
  std::array<int, 4> shares{};
  for (int i = 0; i < 40'000; ++i) {
    ++shares[static_cast<std::size_t>(bench.Pick(kStart, {.tried = &tried}))];
  }
  ExpectShare(shares[1], 40'000, 0.25);
  EXPECT_EQ(shares[2], 0);
}

TEST(LoadBalancerLeastRequest, TakesTheLessBusyOfTwo) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 1});
  bench.At(0).load(0).active.Add(1);
  EXPECT_THAT(bench.Shares(100), ElementsAre(0, 0, 100));
  bench.At(0).load(0).active.Add(-1);
}

TEST(LoadBalancerLeastRequest, LooksAtTheRequestsOfItsOwnWorker) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 1});
  bench.At(0).load(1).active.Add(1);
  ExpectShare(bench.Shares(40'000)[1], 40'000, 0.5);
}

TEST(LoadBalancerLeastRequest, NeverPicksTheBusiestOfMany) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 1, 1, 1, 1});
  for (std::size_t i = 0; i < 5; ++i) {
    bench.At(i).load(0).active.Add(static_cast<std::int64_t>(i));
  }
  // Of two drawn of five, the smaller index wins: 4/10, 3/10, 2/10, 1/10 and never the last.
  const std::vector<int> shares = bench.Shares(40'000);
  ExpectShare(shares[1], 40'000, 0.4);
  ExpectShare(shares[2], 40'000, 0.3);
  ExpectShare(shares[3], 40'000, 0.2);
  ExpectShare(shares[4], 40'000, 0.1);
  EXPECT_EQ(shares[5], 0);
}

TEST(LoadBalancerLeastRequest, SharesByWeightWhileAllAreIdle) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 3});
  ExpectShare(bench.Shares(40'000)[1], 40'000, 0.25);
}

TEST(LoadBalancerLeastRequest, ComparesRequestsPerWeight) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 4});
  bench.At(0).load(0).active.Add(2);
  bench.At(1).load(0).active.Add(7);
  EXPECT_THAT(bench.Shares(100), ElementsAre(0, 0, 100));
  bench.At(1).load(0).active.Add(2);
  EXPECT_THAT(bench.Shares(100), ElementsAre(0, 100, 0));
}

TEST(LoadBalancerLeastRequest, DrawsTwoDifferentOnesByWeight) {
  Bench bench(LoadBalancing::kLeastRequest, {1, 2, 3});
  bench.At(2).load(0).active.Add(1);
  // The third is picked only if drawn twice, which must not happen.
  EXPECT_EQ(bench.Shares(20'000)[3], 0);
}

TEST(LoadBalancerLeastRequest, PicksTheOnlyOne) {
  Bench bench(LoadBalancing::kLeastRequest, {1});
  EXPECT_THAT(bench.Shares(10), ElementsAre(0, 10));
}

TEST(LoadBalancerRing, GivesAKeyTheSameEndpointEveryTime) {
  Bench bench(LoadBalancing::kRingHash, {1, 1, 1, 1});
  for (int key = 0; key < 1000; ++key) {
    const PickRequest request{.key_hash = HashKey(fmt::format("user-{}", key))};
    EXPECT_EQ(bench.Pick(kStart, request), bench.Pick(kStart, request));
  }
}

TEST(LoadBalancerRing, MovesOnlyTheKeysOfAnUnavailableEndpoint) {
  Bench bench(LoadBalancing::kRingHash, {1, 1, 1, 1});
  std::vector<int> before;
  for (int key = 0; key < 1000; ++key) {
    before.push_back(bench.Pick(kStart, {.key_hash = HashKey(fmt::format("user-{}", key))}));
  }
  bench.gate->Set(2, 0);
  const SteadyTime later = kStart + 1s;
  for (int key = 0; key < 1000; ++key) {
    const int now_at = bench.Pick(later, {.key_hash = HashKey(fmt::format("user-{}", key))});
    EXPECT_NE(now_at, 3);
    if (before[static_cast<std::size_t>(key)] != 3) {
      EXPECT_EQ(now_at, before[static_cast<std::size_t>(key)]);
    }
  }
}

TEST(LoadBalancerRing, GivesAWarmingEndpointAGrowingPartOfItsOwnKeys) {
  Bench bench(LoadBalancing::kRingHash, {1, 1, 1});
  const auto owners = [&](SteadyTime now) {
    std::vector<int> ports;
    for (int key = 0; key < 3000; ++key) {
      ports.push_back(bench.Pick(now, {.key_hash = HashKey(fmt::format("user-{}", key))}));
    }
    return ports;
  };
  const std::vector<int> full = owners(kStart);
  bench.gate->Set(0, 0.2);
  const std::vector<int> fifth = owners(kStart + 1s);
  bench.gate->Set(0, 0.6);
  const std::vector<int> most = owners(kStart + 2s);
  int own = 0;
  int at_fifth = 0;
  int at_most = 0;
  for (std::size_t key = 0; key < full.size(); ++key) {
    if (full[key] != 1) {
      EXPECT_EQ(fifth[key], full[key]);
      EXPECT_EQ(most[key], full[key]);
      continue;
    }
    ++own;
    at_fifth += fifth[key] == 1 ? 1 : 0;
    at_most += most[key] == 1 ? 1 : 0;
    if (fifth[key] == 1) {
      EXPECT_EQ(most[key], 1) << "a key went back";
    }
  }
  ExpectShare(at_fifth, own, 0.2);
  ExpectShare(at_most, own, 0.6);
}

TEST(LoadBalancerRing, SendsARetryToTheNextEndpointOfTheKey) {
  Bench bench(LoadBalancing::kRingHash, {1, 1, 1});
  const std::uint64_t key = HashKey("user-1");
  const int first = bench.Pick(kStart, {.key_hash = key});
  TriedEndpoints tried;
  tried.Add(bench.At(static_cast<std::size_t>(first - 1)));
  const int second = bench.Pick(kStart, {.key_hash = key, .tried = &tried});
  EXPECT_NE(second, first);
  EXPECT_EQ(bench.Pick(kStart, {.key_hash = key, .tried = &tried}), second);
}

TEST(LoadBalancerRing, ServesAKeyThoughEverybodyIsBarelyWarm) {
  Bench bench(LoadBalancing::kRingHash, {1, 1, 1});
  for (std::size_t slot = 0; slot < 3; ++slot) {
    bench.gate->Set(slot, 1e-9);
  }
  EXPECT_EQ(bench.Shares(200)[0], 0);
}

class AnyLoadBalancing : public testing::TestWithParam<LoadBalancing> {};

INSTANTIATE_TEST_SUITE_P(All,
                         AnyLoadBalancing,
                         testing::Values(LoadBalancing::kRoundRobin,
                                         LoadBalancing::kRandom,
                                         LoadBalancing::kLeastRequest,
                                         LoadBalancing::kRingHash));

TEST_P(AnyLoadBalancing, NeverPicksWhatAGateClosed) {
  Bench bench(GetParam(), {1, 1, 1, 1});
  bench.gate->Set(1, 0);
  const std::vector<int> shares = bench.Shares(500);
  EXPECT_EQ(shares[0], 0);
  EXPECT_EQ(shares[2], 0);
  EXPECT_EQ(bench.balancer.available(), 3U);
  EXPECT_FALSE(bench.balancer.panicking());
}

TEST_P(AnyLoadBalancing, IgnoresGatesWhenFewerThanTheThresholdAreAvailable) {
  Bench bench(GetParam(), {1, 1, 1, 1});
  for (std::size_t slot = 0; slot < 3; ++slot) {
    bench.gate->Set(slot, 0);
  }
  std::vector<int> shares(5, 0);
  for (int key = 0; key < 400; ++key) {
    ++shares[static_cast<std::size_t>(
        bench.Pick(kStart, {.key_hash = HashKey(std::to_string(key))}))];
  }
  EXPECT_TRUE(bench.balancer.panicking());
  EXPECT_EQ(bench.balancer.available(), 1U);
  EXPECT_EQ(shares[0], 0);
  for (std::size_t port = 1; port <= 4; ++port) {
    EXPECT_GT(shares[port], 40);
  }
  EXPECT_EQ(bench.balancer.panic_picks().value(), 400U);
}

TEST_P(AnyLoadBalancing, D49_AQuarterLeftMakesPanicAndSeventyTwoPercentDoNot) {
  Bench few(GetParam(), {1, 1, 1, 1});
  for (const std::size_t index : {0U, 1U, 2U})
    few.gate->Set(few.At(index).slot(), 0);
  const Selection picked = few.balancer.Pick({}, kStart, few.random);
  EXPECT_TRUE(few.balancer.panicking());

  Bench most(GetParam(), std::vector<std::uint32_t>(25, 1));
  for (std::size_t index = 0; index < 7; ++index)
    most.gate->Set(most.At(index).slot(), 0);
  const Selection other = most.balancer.Pick({}, kStart, most.random);
  EXPECT_FALSE(most.balancer.panicking());
  EXPECT_EQ(most.balancer.available(), 18U);
}

TEST_P(AnyLoadBalancing, DoesNotPanicAtTheThresholdItself) {
  Bench bench(GetParam(), {1, 1, 1, 1});
  bench.gate->Set(0, 0);
  bench.gate->Set(1, 0);
  const std::vector<int> shares = bench.Shares(200);
  EXPECT_FALSE(bench.balancer.panicking());
  EXPECT_EQ(shares[1] + shares[2], 0);
}

TEST_P(AnyLoadBalancing, PicksNobodyWhenAllAreClosedAndPanicIsOff) {
  UpstreamOptions options = OptionsOf(GetParam(), {1, 1});
  options.panic_threshold_percent = 0;
  Bench bench(std::move(options));
  bench.gate->Set(0, 0);
  EXPECT_EQ(bench.Pick(), 2);
  bench.gate->Set(1, 0);
  EXPECT_EQ(bench.Pick(kStart + 1s), 0);
  EXPECT_EQ(bench.balancer.no_endpoint().value(), 1U);
}

TEST_P(AnyLoadBalancing, PicksNobodyOfAnEmptyList) {
  UpstreamOptions options = OptionsOf(GetParam(), {});
  options.endpoints = {NameSpec("a", 80)};
  Bench bench(std::move(options));
  EXPECT_EQ(bench.Pick(), 0);
  EXPECT_EQ(bench.balancer.no_endpoint().value(), 1U);
}

TEST_P(AnyLoadBalancing, AvoidsWhatWasTried) {
  Bench bench(GetParam(), {1, 2, 3});
  TriedEndpoints tried;
  tried.Add(bench.At(0));
  tried.Add(bench.At(2));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(bench.Pick(kStart, {.key_hash = HashKey(std::to_string(i)), .tried = &tried}), 2);
  }
}

TEST_P(AnyLoadBalancing, PicksAmongTheTriedWhenThereIsNobodyElse) {
  Bench bench(GetParam(), {1, 1, 1});
  bench.gate->Set(2, 0);
  TriedEndpoints tried;
  tried.Add(bench.At(0));
  tried.Add(bench.At(1));
  for (int i = 0; i < 100; ++i) {
    const int port = bench.Pick(kStart, {.key_hash = HashKey(std::to_string(i)), .tried = &tried});
    EXPECT_TRUE(port == 1 || port == 2) << port;
  }
}

TEST(LoadBalancer, AsksGatesAgainAfterAMillisecondAndNotBefore) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1});
  EXPECT_EQ(bench.Pick(kStart), 1);
  bench.gate->Set(1, 0);
  const int asked = bench.gate->asked();
  EXPECT_EQ(bench.Pick(kStart + LoadBalancer::kWeightsMaxAge - 1ns), 2);
  EXPECT_EQ(bench.gate->asked(), asked);
  EXPECT_THAT(bench.Picks(4, kStart + LoadBalancer::kWeightsMaxAge),
              testing::Not(testing::Contains(2)));
}

TEST(LoadBalancer, AsksGatesAgainWhenTimeStepsBack) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1, 1});
  EXPECT_EQ(bench.Pick(kStart), 1);
  bench.gate->Set(1, 0);
  EXPECT_EQ(bench.Pick(kStart - 1ns), 3);
}

TEST(LoadBalancer, CountsASelectionAsActiveUntilItIsReleased) {
  Bench bench(LoadBalancing::kRoundRobin, {1});
  Selection selection = bench.balancer.Pick({}, kStart, bench.random);
  EXPECT_EQ(bench.At(0).active(), 1);
  EXPECT_EQ(bench.balancer.in_use(), 1U);
  EXPECT_EQ(bench.At(0).requests_total(), 0U);
  selection.CountRequest();
  selection.CountFailure();
  Selection moved = std::move(selection);
  EXPECT_EQ(bench.At(0).active(), 1);
  moved.Release();
  moved.Release();
  EXPECT_FALSE(moved);
  EXPECT_EQ(bench.At(0).active(), 0);
  EXPECT_EQ(bench.At(0).requests_total(), 1U);
  EXPECT_EQ(bench.At(0).failures_total(), 1U);
  EXPECT_EQ(bench.balancer.in_use(), 0U);
}

TEST(LoadBalancer, ReleasesTheSelectionThatAnAssignmentReplaces) {
  Bench bench(LoadBalancing::kRoundRobin, {1, 1});
  Selection selection = bench.balancer.Pick({}, kStart, bench.random);
  selection = bench.balancer.Pick({}, kStart, bench.random);
  EXPECT_EQ(selection->address().port(), 2);
  EXPECT_EQ(bench.At(0).active(), 0);
  EXPECT_EQ(bench.At(1).active(), 1);
}

TEST(LoadBalancer, KeepsASelectedEndpointAliveThatLeftTheList) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints = {NameSpec("a", 80)};
  Bench bench(std::move(options));
  const std::vector<Upstream::Resolved> first = {{0, LocalAddress(1)}};
  const std::vector<Upstream::Resolved> second = {{0, LocalAddress(2)}};
  bench.upstream->Publish(first, kStart);
  Selection selection = bench.balancer.Pick({}, kStart, bench.random);
  const std::weak_ptr<Endpoint> watched = selection->weak_from_this();
  bench.upstream->Publish(second, kStart);
  EXPECT_EQ(bench.Pick(), 2);
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(selection->label(), "127.0.0.1:1");
  selection.Release();
  EXPECT_TRUE(watched.expired());
}

TEST(TriedEndpoints, RemembersTheLastEight) {
  const Bench bench(LoadBalancing::kRoundRobin, std::vector<std::uint32_t>(9, 1));
  TriedEndpoints tried;
  EXPECT_TRUE(tried.empty());
  for (std::size_t i = 0; i < 9; ++i) {
    tried.Add(bench.At(i));
  }
  EXPECT_FALSE(tried.Contains(0));
  for (std::size_t slot = 1; slot < 9; ++slot) {
    EXPECT_TRUE(tried.Contains(slot));
  }
}

}  // namespace
}  // namespace sluice::traffic
