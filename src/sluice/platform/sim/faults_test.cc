#include "sluice/platform/sim/faults.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "sluice/platform/sim/connected_pair.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLatency = 50us;

TEST(FaultPoint, NeverStrikesUnarmed) {
  World world(/*seed=*/1);

  EXPECT_FALSE(world.faults().Strikes("archive.write"));
  EXPECT_EQ(world.faults().asked("archive.write"), 1U);
  EXPECT_EQ(world.faults().struck("archive.write"), 0U);
  EXPECT_EQ(world.faults().asked("elsewhere"), 0U);
  EXPECT_EQ(world.faults().struck("elsewhere"), 0U);
}

TEST(FaultPoint, StrikesAsOftenAsArmedAndNotBefore) {
  World world(/*seed=*/1);
  Faults& faults = world.faults();
  faults.Arm("archive.write", {.after = 1, .times = 2});

  EXPECT_FALSE(faults.Strikes("archive.write"));
  EXPECT_TRUE(faults.Strikes("archive.write"));
  EXPECT_TRUE(faults.Strikes("archive.write"));
  EXPECT_FALSE(faults.Strikes("archive.write"));
  EXPECT_EQ(faults.struck("archive.write"), 2U);
}

TEST(FaultPoint, StrikesNoMoreOnceDisarmed) {
  World world(/*seed=*/1);
  Faults& faults = world.faults();
  faults.Arm("archive.write", {});
  ASSERT_TRUE(faults.Strikes("archive.write"));

  faults.Disarm("archive.write");

  EXPECT_FALSE(faults.Strikes("archive.write"));
}

TEST(FaultPoint, StrikesWithItsProbability) {
  World world(/*seed=*/3);
  Faults& faults = world.faults();
  faults.Arm("archive.write", {.probability = 0.25});
  int struck = 0;
  for (int i = 0; i < 1000; ++i)
    struck += faults.Strikes("archive.write") ? 1 : 0;

  EXPECT_GT(struck, 200);
  EXPECT_LT(struck, 300);
}

class NetworkFault : public testing::Test {
 protected:
  void Connect(std::unique_ptr<sluice::Stream>& stream,
               Report& report,
               SteadyTime deadline = kNever) {
    pair.Spawn(pair.client_loop,
               ConnectOnce(pair.client_loop, pair.server_address, deadline, stream, report));
  }

  ConnectedPair pair;
  Faults& faults = pair.world.faults();
};

TEST_F(NetworkFault, RefusesNewConnectsAndLeavesOldOnesAlone) {
  Report refused;
  Report sent;
  Report received;
  Report again;
  std::unique_ptr<sluice::Stream> stream;
  faults.RefuseConnects(pair.server_address);

  Connect(stream, refused);
  pair.ServerReceives(received);
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();
  EXPECT_EQ(refused.error, ErrorCode::kConnectFailed);
  EXPECT_EQ(received.bytes, "hello");

  faults.Restore(pair.server_address);
  Connect(stream, again);
  pair.RunUntilIdle();
  EXPECT_FALSE(again.error);
}

TEST_F(NetworkFault, SilenceOfDataLetsConnectsThroughAndHoldsBytes) {
  Report connected;
  Report sent;
  Report received;
  std::unique_ptr<sluice::Stream> stream;
  faults.SetSilence(pair.server_address, Silence::kData);

  Connect(stream, connected);
  pair.ServerReceives(received);
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();
  EXPECT_TRUE(connected.done && !connected.error);
  EXPECT_TRUE(sent.done && !sent.error);
  EXPECT_FALSE(received.done);

  pair.world.RunFor(10s);
  faults.Restore(pair.server_address);
  pair.RunUntilIdle();
  EXPECT_EQ(received.bytes, "hello");
}

TEST_F(NetworkFault, SilenceOfAllLetsConnectsRunIntoTheirDeadline) {
  Report connected;
  std::unique_ptr<sluice::Stream> stream;
  const SteadyTime deadline = pair.world.now() + 5s;
  faults.SetSilence(pair.server_address, Silence::kAll);

  Connect(stream, connected, deadline);
  pair.RunUntilIdle();

  EXPECT_EQ(connected.error, ErrorCode::kTimeout);
  EXPECT_EQ(connected.at, deadline);
}

TEST_F(NetworkFault, AConnectOutlastsAShortSilence) {
  Report connected;
  std::unique_ptr<sluice::Stream> stream;
  const SteadyTime start = pair.world.now();
  faults.SetSilence(pair.server_address, Silence::kAll);

  Connect(stream, connected);
  pair.world.RunFor(2s);
  faults.Restore(pair.server_address);
  pair.RunUntilIdle();

  EXPECT_EQ(connected.at, start + 3s + 2 * kLatency);  // The third packet, after 1 s and 2 s.
}

TEST_F(NetworkFault, ResetsBothEndsAtOnce) {
  Report client;
  Report server;
  const SteadyTime start = pair.world.now();
  pair.ClientReceives(client);
  pair.ServerReceives(server);

  faults.ResetConnections(pair.server_address);
  pair.RunUntilIdle();

  EXPECT_EQ(client.error, ErrorCode::kConnectionReset);
  EXPECT_EQ(server.error, ErrorCode::kConnectionReset);
  EXPECT_EQ(client.at, start);
}

TEST_F(NetworkFault, ChangesTheLatencyOfExistingConnections) {
  Report sent;
  Report received;
  LinkOptions link = faults.link(pair.server_address);
  link.latency = 200ms;
  faults.SetLink(pair.server_address, link);
  const SteadyTime start = pair.world.now();

  pair.ServerReceives(received);
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();

  EXPECT_EQ(received.at, start + 200ms);
}

TEST_F(NetworkFault, BytesNeverOvertakeWhenTheLatencyShrinks) {
  Report sent;
  Report received;
  LinkOptions link = faults.link(pair.server_address);
  link.latency = 1s;
  faults.SetLink(pair.server_address, link);
  pair.ClientSends("first ", sent);
  link.latency = 1ms;
  faults.SetLink(pair.server_address, link);
  pair.ClientSends("second", sent);
  pair.CloseClient();

  pair.Spawn(pair.server_loop, ReceiveAll(pair.server_loop, *pair.server, received));
  pair.RunUntilIdle();

  EXPECT_EQ(received.bytes, "first second");
}

TEST_F(NetworkFault, DropsAHostWithAllItsConnections) {
  for (const Address& host : {pair.server_loop.host(), pair.client_loop.host()}) {
    SCOPED_TRACE(host.ToString());
    Report connected;
    Report sent;
    Report received;
    std::unique_ptr<sluice::Stream> stream;
    faults.DropHost(host);
    Connect(stream, connected, pair.world.now() + 5s);
    pair.ServerReceives(received);
    pair.ClientSends("hello", sent);
    pair.RunUntilIdle();
    EXPECT_EQ(connected.error, ErrorCode::kTimeout);
    EXPECT_FALSE(received.done);

    faults.RestoreHost(host);
    pair.RunUntilIdle();
    EXPECT_EQ(received.bytes, "hello");
  }
}

TEST_F(NetworkFault, PausesAcceptingWhileDescriptorsAreOutAndCountsIt) {
  Report connected;
  Report accepted;
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  faults.LimitStreams(pair.server_loop, 1);  // The pair's own has it.
  pair.Spawn(pair.server_loop, AcceptOnce(pair.server_loop, *pair.listener, theirs, accepted));
  Connect(ours, connected);
  pair.RunUntilIdle();
  EXPECT_FALSE(accepted.done);
  EXPECT_EQ(pair.listener->pauses_total(), 1U);

  pair.CloseServer();
  pair.RunUntilIdle();

  EXPECT_TRUE(accepted.done && !accepted.error);
  EXPECT_EQ(pair.listener->pauses_total(), 1U);
}

TEST_F(NetworkFault, GoesOnAcceptingWhenTheLimitIsRaised) {
  Report connected;
  Report accepted;
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  faults.LimitStreams(pair.server_loop, 0);
  pair.Spawn(pair.server_loop, AcceptOnce(pair.server_loop, *pair.listener, theirs, accepted));
  Connect(ours, connected);
  pair.RunUntilIdle();
  ASSERT_FALSE(accepted.done);

  faults.LimitStreams(pair.server_loop, 10);
  pair.RunUntilIdle();

  EXPECT_TRUE(accepted.done);
}

TEST_F(NetworkFault, FailsConnectsAtOnceWhileDescriptorsAreOut) {
  Report connected;
  std::unique_ptr<sluice::Stream> stream;
  faults.LimitStreams(pair.client_loop, 1);

  Connect(stream, connected);

  EXPECT_EQ(connected.error, ErrorCode::kOutOfDescriptors);
}

TEST_F(NetworkFault, DeniesListening) {
  const Address address = Address::Ipv4({10, 0, 0, 1}, 443);
  faults.DenyListen(address);

  EXPECT_EQ(pair.server_loop.Listen(address, {}).error().code, ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace sluice::sim
