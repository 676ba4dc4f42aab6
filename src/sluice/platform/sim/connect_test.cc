// Who reaches whom: listening (listener.h, network.h) and connecting (connector.h).

#include <chrono>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/platform/sim/connected_pair.h"
#include "sluice/platform/sim/connector.h"
#include "sluice/platform/sim/listener.h"
#include "sluice/platform/sim/network.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLatency = 50us;
const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);
const Address kSocket = Address::Unix("/run/pay.sock");

class NetworkTest : public testing::Test {
 protected:
  std::unique_ptr<sluice::Listener> Listen(const Address& address,
                                           const ListenOptions& options = {}) {
    return std::move(server.Listen(address, options).value());
  }
  ErrorCode ListenFails(const Address& address, const ListenOptions& options = {}) {
    return server.Listen(address, options).error().code;
  }
  void Connect(const Address& address,
               std::unique_ptr<sluice::Stream>& stream,
               Report& report,
               SteadyTime deadline = kNever) {
    const auto start = [&, this] {
      tasks.Spawn(ConnectOnce(client, address, deadline, stream, report));
    };
    client.Enter(start);
  }
  void Accept(sluice::Listener& listener, std::unique_ptr<sluice::Stream>& stream, Report& report) {
    const auto start = [&, this] { tasks.Spawn(AcceptOnce(server, listener, stream, report)); };
    server.Enter(start);
  }
  void CancelAccept(sluice::Listener& listener) {
    const auto cancel = [&listener] { listener.Cancel(); };
    server.Enter(cancel);
  }

  World world{/*seed=*/1};
  Loop& client = world.AddLoop({.name = "client", .host = Address::Ipv4({10, 0, 0, 2}, 0)});
  Loop& server = world.AddLoop({.name = "server", .host = Address::Ipv4({10, 0, 0, 1}, 0)});
  TaskGroup tasks;
};

TEST_F(NetworkTest, ConnectsInOneRoundTrip) {
  const auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  Report connected;
  Report accepted;
  const SteadyTime start = world.now();

  Accept(*listener, theirs, accepted);
  Connect(kServer, ours, connected);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(connected.at, start + 2 * kLatency);
  EXPECT_EQ(accepted.at, start + 3 * kLatency);
}

TEST_F(NetworkTest, RefusesWhereNobodyListens) {
  std::unique_ptr<sluice::Stream> ours;
  Report connected;
  const SteadyTime start = world.now();

  Connect(kServer, ours, connected);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(connected.error, ErrorCode::kConnectFailed);
  EXPECT_EQ(connected.at, start + 2 * kLatency);
}

Task<void> ConnectForError(Loop& loop, Address address, Error& error) {
  const Result<std::unique_ptr<sluice::Stream>> connected = co_await loop.Connect(address, kNever);
  error = connected.error();
}

TEST_F(NetworkTest, SaysThatARefusedConnectIsSafeToRetry) {
  Error error;
  const auto start = [&, this] { tasks.Spawn(ConnectForError(client, kServer, error)); };
  client.Enter(start);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(error.side, Side::kUpstream);
  EXPECT_EQ(error.retry, RetryAdvice::kSafe);
  EXPECT_EQ(error.detail, "connecting to 10.0.0.1:80: refused");
}

TEST_F(NetworkTest, AnswersConnectsToUnixAddressesWithinTheCall) {
  const auto listener = Listen(kSocket);
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> none;
  std::unique_ptr<sluice::Stream> theirs;
  Report connected;
  Report refused;
  Report accepted;

  Connect(kSocket, ours, connected);
  Connect(Address::Unix("/run/nobody.sock"), none, refused);
  EXPECT_TRUE(connected.done && !connected.error);
  EXPECT_EQ(refused.error, ErrorCode::kConnectFailed);

  Accept(*listener, theirs, accepted);
  ASSERT_TRUE(world.RunUntilIdle());
  EXPECT_EQ(theirs->local(), kSocket);
  EXPECT_EQ(theirs->peer().family(), Address::Family::kUnix);
}

TEST_F(NetworkTest, KeepsConnectionsUntilTheyAreAccepted) {
  const auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  Report connected;
  Report accepted;
  Connect(kServer, ours, connected);
  ASSERT_TRUE(world.RunUntilIdle());

  Accept(*listener, theirs, accepted);

  EXPECT_TRUE(accepted.done);
  EXPECT_NE(theirs, nullptr);
}

TEST_F(NetworkTest, RetriesAgainstAFullBacklogAsTcpDoes) {
  const auto listener = Listen(kServer, {.backlog = 1});
  std::vector<std::unique_ptr<sluice::Stream>> ours(2);
  std::vector<std::unique_ptr<sluice::Stream>> theirs(2);
  std::vector<Report> connected(2);
  std::vector<Report> accepted(2);
  const SteadyTime start = world.now();
  Connect(kServer, ours[0], connected[0]);
  Connect(kServer, ours[1], connected[1]);
  world.RunFor(500ms);
  EXPECT_TRUE(connected[0].done);
  EXPECT_FALSE(connected[1].done);

  Accept(*listener, theirs[0], accepted[0]);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(connected[1].at, start + 1s + 2 * kLatency);
}

TEST_F(NetworkTest, GivesUpConnectingAtTheDeadline) {
  const auto listener = Listen(kServer, {.backlog = 1});
  std::vector<std::unique_ptr<sluice::Stream>> ours(2);
  std::vector<Report> connected(2);
  const SteadyTime deadline = world.now() + 300ms;

  Connect(kServer, ours[0], connected[0]);
  Connect(kServer, ours[1], connected[1], deadline);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(connected[1].error, ErrorCode::kTimeout);
  EXPECT_EQ(connected[1].at, deadline);
}

TEST_F(NetworkTest, ResetsAConnectionWhoseConnectGaveUp) {
  const auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  Report connected;
  Report accepted;
  Report received;
  Accept(*listener, theirs, accepted);

  Connect(kServer, ours, connected, world.now() + kLatency + 1ns);
  ASSERT_TRUE(world.RunUntilIdle());
  ASSERT_EQ(connected.error, ErrorCode::kTimeout);
  ASSERT_NE(theirs, nullptr);
  const auto receive = [&] {
    tasks.Spawn(ReceiveOnce(server, *theirs, kNever, /*bytes_max=*/1, received));
  };
  server.Enter(receive);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(received.error, ErrorCode::kConnectionReset);
}

TEST_F(NetworkTest, ResetsWhatNobodyWillAccept) {
  auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> ours;
  Report connected;
  Report received;
  Connect(kServer, ours, connected);
  ASSERT_TRUE(world.RunUntilIdle());

  listener.reset();
  const auto receive = [&] {
    tasks.Spawn(ReceiveOnce(client, *ours, kNever, /*bytes_max=*/1, received));
  };
  client.Enter(receive);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_EQ(received.error, ErrorCode::kConnectionReset);
}

TEST_F(NetworkTest, FailsPendingAndLaterAcceptsAfterCancel) {
  const auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> none;
  Report pending;
  Report later;
  Accept(*listener, none, pending);

  CancelAccept(*listener);
  Accept(*listener, none, later);

  EXPECT_EQ(pending.error, ErrorCode::kCancelled);
  EXPECT_EQ(later.error, ErrorCode::kCancelled);
}

TEST_F(NetworkTest, AllotsPortsOfItsOwn) {
  const auto first = Listen(Address::Ipv4({10, 0, 0, 1}, 0));
  const auto second = Listen(Address::Ipv4({10, 0, 0, 1}, 0));

  EXPECT_NE(first->local().port(), 0);
  EXPECT_NE(first->local().port(), second->local().port());
}

TEST_F(NetworkTest, TakesAWildcardForTheHostOfTheLoop) {
  const auto listener = Listen(Address::Ipv4({0, 0, 0, 0}, 80));
  std::unique_ptr<sluice::Stream> ours;
  Report connected;

  Connect(kServer, ours, connected);
  ASSERT_TRUE(world.RunUntilIdle());

  EXPECT_FALSE(connected.error);
  EXPECT_EQ(listener->local().ToString(), "0.0.0.0:80");
  EXPECT_EQ(ListenFails(kServer), ErrorCode::kAddressInUse);
}

TEST_F(NetworkTest, RefusesASecondListener) {
  auto first = Listen(kServer);
  EXPECT_EQ(ListenFails(kServer), ErrorCode::kAddressInUse);
  EXPECT_EQ(ListenFails(kServer, {.share_port = true}), ErrorCode::kAddressInUse);

  first.reset();
  EXPECT_NE(Listen(kServer), nullptr);
}

TEST_F(NetworkTest, RefusesListenersItCannotServe) {
  EXPECT_EQ(ListenFails(kServer, {.backlog = 0}), ErrorCode::kInvalidOption);
  EXPECT_EQ(ListenFails(Address::Unix("")), ErrorCode::kInvalidOption);
}

TEST_F(NetworkTest, DealsConnectionsRoundListenersThatShareAPort) {
  const auto first = Listen(kServer, {.share_port = true});
  const auto second = Listen(kServer, {.share_port = true});
  std::vector<std::unique_ptr<sluice::Stream>> ours(4);
  std::vector<std::unique_ptr<sluice::Stream>> theirs(4);
  std::vector<Report> connected(4);
  std::vector<Report> accepted(4);
  for (std::size_t i = 0; i < 4; ++i)
    Connect(kServer, ours[i], connected[i]);
  ASSERT_TRUE(world.RunUntilIdle());

  Accept(*first, theirs[0], accepted[0]);
  Accept(*first, theirs[1], accepted[1]);
  Accept(*second, theirs[2], accepted[2]);
  Accept(*second, theirs[3], accepted[3]);

  for (const Report& report : accepted)
    EXPECT_TRUE(report.done);
}

TEST_F(NetworkTest, CountsWhatIsOpenAndPending) {
  const auto listener = Listen(kServer);
  std::unique_ptr<sluice::Stream> ours;
  std::unique_ptr<sluice::Stream> theirs;
  Report connected;
  Report accepted;
  Accept(*listener, theirs, accepted);
  EXPECT_EQ(world.pending_operations(), 1U);
  Connect(kServer, ours, connected);
  EXPECT_EQ(world.pending_operations(), 2U);
  EXPECT_EQ(world.open_streams(), 0U);

  ASSERT_TRUE(world.RunUntilIdle());
  EXPECT_EQ(world.pending_operations(), 0U);
  EXPECT_EQ(world.open_streams(), 2U);
  EXPECT_EQ(world.open_listeners(), 1U);

  ours.reset();
  theirs.reset();
  EXPECT_EQ(world.open_streams(), 0U);
}

}  // namespace
}  // namespace sluice::sim
