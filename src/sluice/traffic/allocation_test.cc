// The steady state of a request costs no heap: a pick, taking an idle connection, giving it back;
// nor does a refusal, for under overload there is nothing to spare.

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/platform/sim/world.h"
#include "sluice/traffic/load_balancer.h"
#include "sluice/traffic/network_fixture.h"
#include "sluice/traffic/pool.h"
#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;
using Server = SimulatedServer<sim::World>;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);

class AnyLoadBalancing : public testing::TestWithParam<LoadBalancing> {};

INSTANTIATE_TEST_SUITE_P(Allocation,
                         AnyLoadBalancing,
                         testing::Values(LoadBalancing::kRoundRobin,
                                         LoadBalancing::kRandom,
                                         LoadBalancing::kLeastRequest,
                                         LoadBalancing::kRingHash));

TEST_P(AnyLoadBalancing, PickAllocatesNothingWhileTheListStays) {
  const auto upstream = *Upstream::Create(OptionsOf(GetParam(), {1, 2, 3}), /*workers=*/1);
  LoadBalancer balancer(upstream, /*worker=*/0);
  Random random(1);
  SteadyTime now{};
  (void)balancer.Pick({}, now, random);
  TriedEndpoints tried;
  tried.Add(*upstream->Endpoints()->members[1].endpoint);
  const std::uint64_t before = AllocationCount();
  for (int i = 0; i < 100; ++i) {
    now += LoadBalancer::kWeightsMaxAge / 2;
    const Selection selection = balancer.Pick({.key_hash = random.Next()}, now, random);
    const Selection retry = balancer.Pick({.tried = &tried}, now, random);
  }
  EXPECT_EQ(AllocationCount(), before);
}

struct Costs {
  std::size_t acquire = 0;
  std::size_t release = 0;
  std::size_t refusal = 0;
  bool reused = false;
  ErrorCode refused = ErrorCode::kInvalidOption;
};

Task<void> ExchangeOn(Connection& connection) {
  const std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::array<ByteView, 1> segments{request};
  const Result<void> sent = co_await connection.stream().Send(segments, kNever);
  if (sent) connection.MarkRequestSent();
  const Result<void> head = co_await connection.ReceiveHead(wire::Method::kGet, kNever);
  EXPECT_TRUE(head.has_value());
}

Task<void> Measure(Pool& pool, Endpoint& endpoint, int rounds, Costs& costs) {
  for (int round = 0; round < rounds; ++round) {
    costs = {};
    std::uint64_t before = AllocationCount();
    Result<Lease> lease = co_await pool.Acquire(endpoint, kNever);
    costs.acquire = AllocationCount() - before;
    if (!lease) co_return;
    costs.reused = lease->reused();

    before = AllocationCount();
    const Result<Lease> refused = co_await pool.Acquire(endpoint, kNever);
    costs.refusal = AllocationCount() - before;
    if (!refused) costs.refused = refused.error().code;

    co_await ExchangeOn(**lease);
    before = AllocationCount();
    lease->Release();
    costs.release = AllocationCount() - before;
  }
}

TEST(Allocation, TakingAnIdleConnectionAndGivingItBackAllocatesNothing) {
  if (!kFramesArePooled) GTEST_SKIP() << "coroutine frames are not pooled in this build";
  Client client;
  Server server(client.world, kServer);
  server.answer = "HTTP/1.1 204 No Content\r\n\r\n";
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints = {{.address = kServer}};
  options.pool = {.connections_max = 1, .waiting_max = 0};
  const auto upstream = *Upstream::Create(std::move(options), /*workers=*/1);
  Pool pool(client.loop, upstream, /*worker=*/0);
  Costs costs;
  Endpoint& endpoint = *upstream->Endpoints()->members[0].endpoint;
  client.Spawn(Measure(pool, endpoint, /*rounds=*/10, costs));
  client.Settle();
  client.Settle();
  EXPECT_TRUE(costs.reused);
  EXPECT_EQ(costs.acquire, 0U);
  EXPECT_EQ(costs.release, 0U);
  EXPECT_EQ(costs.refused, ErrorCode::kOverloaded);
  EXPECT_EQ(costs.refusal, 0U);
  EXPECT_EQ(pool.metrics().reuses.value(), 9U);
  const auto close = [&] { pool.CloseIdle(); };
  client.Enter(close);
  server.CloseAll();
  client.Settle();
}

}  // namespace
}  // namespace sluice::traffic
