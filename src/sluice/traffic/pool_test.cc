#include "sluice/traffic/pool.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/network_fixture.h"
#include "sluice/traffic/upstream_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;
using Server = SimulatedServer<sim::World>;

using namespace std::chrono_literals;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);
const Address kOther = Address::Ipv4({10, 0, 0, 2}, 80);

// One Acquire(), and the lease it gave.
struct Wait {
  Lease lease;
  Outcome outcome;
  Cancellation cancellation;
};

Task<void> AcquireOne(Loop& loop, Pool& pool, Endpoint& endpoint, SteadyTime deadline, Wait& wait) {
  Result<Lease> lease = co_await pool.Acquire(endpoint, deadline, &wait.cancellation);
  wait.outcome.Take(lease, loop.now());
  if (lease) wait.lease = std::move(*lease);
}

// A whole exchange; the server has an `answer` without body.
Task<void> ExchangeOn(Connection& connection) {
  const std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::array<ByteView, 1> segments{request};
  const Result<void> sent = co_await connection.stream().Send(segments, kNever);
  if (sent) connection.MarkRequestSent();
  const Result<void> head = co_await connection.ReceiveHead(wire::Method::kGet, kNever);
  EXPECT_TRUE(head.has_value());
}

UpstreamOptions PoolUpstream(const PoolOptions& pool) {
  UpstreamOptions options = OptionsOf(LoadBalancing::kRoundRobin, {});
  options.endpoints = {NameSpec("a", 80)};
  options.pool = pool;
  options.connect_timeout = 250ms;
  return options;
}

class PoolTest : public testing::Test {
 protected:
  explicit PoolTest(const PoolOptions& options = {})
      : server_(client_.world, kServer),
        other_(client_.world, kOther),
        upstream_(*Upstream::Create(PoolUpstream(options), /*workers=*/1)) {
    server_.answer = "HTTP/1.1 204 No Content\r\n\r\n";
    other_.answer = server_.answer;
    Publish({kServer, kOther});
    pool_ = std::make_unique<Pool>(client_.loop, upstream_, /*worker=*/0);
  }
  ~PoolTest() override {
    const auto destroy = [&] {
      waits_.clear();
      pool_.reset();
    };
    client_.Enter(destroy);
    server_.CloseAll();
    other_.CloseAll();
    client_.Settle();
  }

  void Publish(const std::vector<Address>& addresses) {
    std::vector<Upstream::Resolved> resolved;
    for (const Address& address : addresses) {
      resolved.push_back({.spec = 0, .address = address});
    }
    upstream_->Publish(resolved, client_.world.now());
  }
  // By address: "server" is the first listed.
  std::shared_ptr<Endpoint> At(const Address& address) {
    for (const EndpointMember& member : upstream_->Endpoints()->members) {
      if (member.endpoint->address() == address) return member.endpoint;
    }
    return nullptr;
  }

  // Begins an Acquire() and lets it get as far as it can within a millisecond.
  Wait& Acquire(SteadyTime deadline = kNever, const Address& address = kServer) {
    Wait& wait = Begin(deadline, address);
    client_.Settle();
    return wait;
  }
  Wait& Begin(SteadyTime deadline = kNever, const Address& address = kServer) {
    waits_.push_back(std::make_unique<Wait>());
    endpoints_.push_back(At(address));
    client_.Spawn(AcquireOne(client_.loop, *pool_, *endpoints_.back(), deadline, *waits_.back()));
    return *waits_.back();
  }
  void Serve(Wait& wait) {
    client_.Spawn(ExchangeOn(*wait.lease));
    client_.Settle();
  }
  void Release(Wait& wait) {
    const auto release = [&] { wait.lease.Release(); };
    client_.Enter(release);
  }
  // Acquire, exchange, give back.
  void ServeOne(const Address& address = kServer) {
    Wait& wait = Acquire(kNever, address);
    Serve(wait);
    Release(wait);
  }
  void Cancel(Wait& wait) {
    const auto cancel = [&] { wait.cancellation.Cancel(); };
    client_.Enter(cancel);
  }
  void Drain() {
    const auto drain = [&] { pool_->Drain(); };
    client_.Enter(drain);
  }
  void Sync() {
    const auto sync = [&] { pool_->Sync(); };
    client_.Enter(sync);
  }
  [[nodiscard]] const PoolMetrics& metrics() const { return pool_->metrics(); }
  [[nodiscard]] std::int64_t idle() const { return metrics().idle.value(); }
  [[nodiscard]] std::int64_t connections() const { return metrics().connections.value(); }

  Client client_;
  Server server_;
  Server other_;
  std::shared_ptr<Upstream> upstream_;
  std::unique_ptr<Pool> pool_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Wait>> waits_;
};

void ExpectRefusal(const Wait& wait, ErrorCode code, Side side) {
  ASSERT_TRUE(wait.outcome.done);
  ASSERT_FALSE(wait.outcome.ok);
  EXPECT_EQ(wait.outcome.error.code, code) << NameOf(wait.outcome.error.code);
  EXPECT_EQ(wait.outcome.error.side, side);
  EXPECT_EQ(wait.outcome.error.retry, RetryAdvice::kSafe);
}

TEST_F(PoolTest, ConnectsWhenNothingIsIdle) {
  Wait& wait = Acquire();
  ASSERT_TRUE(wait.outcome.ok);
  EXPECT_FALSE(wait.lease.reused());
  EXPECT_EQ(wait.lease->exchanges(), 1U);
  EXPECT_EQ(wait.lease.endpoint().address(), kServer);
  EXPECT_EQ(metrics().connects.value(), 1U);
  EXPECT_EQ(connections(), 1);
  EXPECT_EQ(endpoints_[0]->connections(), 1);
  EXPECT_EQ(pool_->leases(), 1U);
}

TEST_F(PoolTest, ReusesAConnectionThatWasGivenBack) {
  ServeOne();
  EXPECT_EQ(idle(), 1);
  EXPECT_EQ(pool_->leases(), 0U);
  Wait& again = Acquire();
  EXPECT_TRUE(again.lease.reused());
  EXPECT_EQ(metrics().connects.value(), 1U);
  EXPECT_EQ(metrics().reuses.value(), 1U);
  EXPECT_EQ(idle(), 0);
}

TEST_F(PoolTest, TakesTheConnectionThatWasUsedLast) {
  Wait& first = Acquire();
  Wait& second = Acquire();
  Wait& third = Acquire();
  const Connection* const last = &*second.lease;
  const Connection* const before = &*third.lease;
  for (Wait* wait : {&first, &third, &second}) {
    Serve(*wait);
    Release(*wait);
  }
  EXPECT_EQ(&*Acquire().lease, last);
  EXPECT_EQ(&*Acquire().lease, before);
}

TEST_F(PoolTest, KeepsEndpointsApart) {
  ServeOne(kServer);
  Wait& wait = Acquire(kNever, kOther);
  EXPECT_FALSE(wait.lease.reused());
  EXPECT_EQ(other_.accepted(), 1U);
}

TEST_F(PoolTest, ClosesALeaseThatIsDroppedMidExchange) {
  Wait& wait = Acquire();
  Release(wait);
  client_.Settle();
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(connections(), 0);
  EXPECT_EQ(metrics().closed_used.value(), 1U);
  EXPECT_TRUE(server_.peer(0).ended);
}

TEST_F(PoolTest, LetsGoOfAnIdleConnectionThatTheServerCloses) {
  ServeOne();
  server_.Close(0);
  client_.Settle();
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(connections(), 0);
  EXPECT_EQ(client_.loop.open_streams(), 0U);
  EXPECT_EQ(metrics().closed_by_server.value(), 1U);
  EXPECT_FALSE(Acquire().lease.reused());
}

TEST_F(PoolTest, LetsGoOfAConnectionThatIsClosedInTheTurnItIsGivenBack) {
  Wait& wait = Acquire();
  Serve(wait);
  server_.Close(0);
  client_.Settle();
  Release(wait);
  client_.Settle();
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(connections(), 0);
}

TEST_F(PoolTest, DoesNotReuseAConnectionWithBytesThatNobodyAskedFor) {
  ServeOne();
  server_.Send(0, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  client_.Settle();
  EXPECT_EQ(idle(), 1);
  Wait& wait = Acquire();
  EXPECT_FALSE(wait.lease.reused());
  EXPECT_EQ(metrics().closed_by_server.value(), 1U);
  EXPECT_EQ(connections(), 1);
}

TEST_F(PoolTest, SaysConnectFailedWhenRefused) {
  client_.world.faults().RefuseConnects(kServer);
  Wait& wait = Acquire();
  ExpectRefusal(wait, ErrorCode::kConnectFailed, Side::kUpstream);
  EXPECT_EQ(metrics().connect_failures.value(), 1U);
  EXPECT_EQ(connections(), 0);
  EXPECT_EQ(pool_->leases(), 0U);
}

TEST_F(PoolTest, SaysConnectFailedWhenNobodyAnswersWithinTheConnectTimeout) {
  client_.world.faults().SetSilence(kServer, sim::Silence::kAll);
  const SteadyTime start = client_.world.now();
  Wait& wait = Acquire(start + 1s);
  client_.world.RunFor(2s);
  ExpectRefusal(wait, ErrorCode::kConnectFailed, Side::kUpstream);
  EXPECT_EQ(wait.outcome.at, start + 250ms);
  EXPECT_EQ(wait.outcome.error.detail, "no answer within 250ms");
}

TEST_F(PoolTest, SaysUpstreamTimeoutWhenTheDeadlineComesBeforeTheConnectTimeout) {
  client_.world.faults().SetSilence(kServer, sim::Silence::kAll);
  const SteadyTime start = client_.world.now();
  Wait& wait = Acquire(start + 100ms);
  client_.world.RunFor(2s);
  ExpectRefusal(wait, ErrorCode::kUpstreamTimeout, Side::kUpstream);
  EXPECT_EQ(wait.outcome.at, start + 100ms);
}

TEST_F(PoolTest, PassesOnThatDescriptorsRanOut) {
  client_.world.faults().LimitStreams(client_.loop, 0);
  Wait& wait = Acquire();
  ExpectRefusal(wait, ErrorCode::kOutOfDescriptors, Side::kSelf);
}

TEST_F(PoolTest, KeepsForOthersWhatACancelledAcquireConnected) {
  Wait& wait = Begin();
  Cancel(wait);
  EXPECT_FALSE(wait.outcome.done);
  client_.Settle();
  ExpectRefusal(wait, ErrorCode::kCancelled, Side::kSelf);
  EXPECT_EQ(idle(), 1);
  Acquire();
  EXPECT_EQ(metrics().connects.value(), 1U);
}

TEST_F(PoolTest, RefusesAnAcquireThatWasCancelledBefore) {
  Wait wait;
  const auto cancel = [&] { wait.cancellation.Cancel(); };
  client_.Enter(cancel);
  const std::shared_ptr<Endpoint> endpoint = At(kServer);
  client_.Spawn(AcquireOne(client_.loop, *pool_, *endpoint, kNever, wait));
  ExpectRefusal(wait, ErrorCode::kCancelled, Side::kSelf);
  EXPECT_EQ(metrics().connects.value(), 0U);
}

TEST_F(PoolTest, ClosesAnIdleConnectionWhenItsTimeIsOver) {
  ServeOne();
  client_.world.RunFor(10s);
  ServeOne(kOther);
  client_.world.RunFor(20s - 3ms);  // Serving the other one took two.
  EXPECT_EQ(idle(), 2);
  client_.world.RunFor(1ms);
  EXPECT_EQ(idle(), 1) << "the other one has ten more seconds";
  EXPECT_EQ(metrics().closed_idle.value(), 1U);
  client_.world.RunFor(10s + 2ms);
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(connections(), 0);
}

TEST_F(PoolTest, CountsTheIdleTimeAnewAfterEachUse) {
  ServeOne();
  client_.world.RunFor(20s);
  ServeOne();
  client_.world.RunFor(20s);
  EXPECT_EQ(idle(), 1);
  client_.world.RunFor(10s);
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(metrics().connects.value(), 1U);
}

TEST_F(PoolTest, ClosesIdleConnectionsOnDemand) {
  ServeOne();
  ServeOne(kOther);
  const auto close = [&] { pool_->CloseIdle(); };
  client_.Enter(close);
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(connections(), 0);
  EXPECT_TRUE(Acquire().outcome.ok) << "it still serves";
}

TEST_F(PoolTest, ClosesIdleConnectionsToAnEndpointThatLeft) {
  ServeOne();
  ServeOne(kOther);
  Publish({kOther});
  Sync();
  EXPECT_EQ(idle(), 1);
  EXPECT_EQ(metrics().closed_idle.value(), 1U);
  EXPECT_TRUE(Acquire(kNever, kOther).lease.reused());
}

TEST_F(PoolTest, ClosesALentConnectionToAnEndpointThatLeftWhenItComesBack) {
  Wait& wait = Acquire();
  Serve(wait);
  Publish({kOther});
  Sync();
  EXPECT_EQ(connections(), 1);
  Release(wait);
  EXPECT_EQ(connections(), 0);
}

TEST_F(PoolTest, ServesAnEndpointThatWasPickedBeforeItLeft) {
  const std::shared_ptr<Endpoint> picked = At(kServer);
  Publish({kOther});
  Wait wait;
  client_.Spawn(AcquireOne(client_.loop, *pool_, *picked, kNever, wait));
  client_.Settle();
  ASSERT_TRUE(wait.outcome.ok);
  Serve(wait);
  Release(wait);
  EXPECT_EQ(idle(), 0);
}

TEST_F(PoolTest, KeepsConnectionsAgainToAnEndpointThatCameBack) {
  Wait& wait = Acquire();
  Serve(wait);
  Publish({kOther});
  Sync();
  Publish({kServer, kOther});
  Sync();
  Release(wait);
  EXPECT_EQ(idle(), 1);
  EXPECT_TRUE(Acquire().lease.reused());
}

TEST_F(PoolTest, HoldsNoEndpointThatLeftAndIsUnused) {
  ServeOne();
  const std::weak_ptr<Endpoint> watched = At(kServer);
  endpoints_.clear();
  Publish({kOther});
  EXPECT_FALSE(watched.expired());
  Sync();
  EXPECT_TRUE(watched.expired());
}

TEST_F(PoolTest, RefusesAndKeepsNothingOnceDraining) {
  ServeOne();
  Wait& lent = Acquire(kNever, kOther);
  Serve(lent);
  Drain();
  EXPECT_EQ(idle(), 0);
  ExpectRefusal(Acquire(), ErrorCode::kDraining, Side::kSelf);
  Release(lent);
  EXPECT_EQ(connections(), 0);
}

TEST_F(PoolTest, RefusesAnAcquireWhoseConnectEndsInADrain) {
  Wait& wait = Begin();
  Drain();
  client_.Settle();
  ExpectRefusal(wait, ErrorCode::kDraining, Side::kSelf);
  EXPECT_EQ(connections(), 0);
}

class PoolOfOne : public PoolTest {
 protected:
  PoolOfOne() : PoolTest({.connections_max = 1, .waiting_max = 2}) {}
};

TEST_F(PoolOfOne, GivesAReturnedConnectionToWhoWaitsLongest) {
  Wait& holder = Acquire();
  Wait& first = Acquire();
  Wait& second = Acquire();
  EXPECT_EQ(pool_->waiting(), 2U);
  Serve(holder);
  Release(holder);
  ASSERT_TRUE(first.outcome.ok);
  EXPECT_TRUE(first.lease.reused());
  EXPECT_FALSE(second.outcome.done);
  Serve(first);
  Release(first);
  EXPECT_TRUE(second.outcome.ok);
  EXPECT_EQ(metrics().connects.value(), 1U);
}

TEST_F(PoolOfOne, LetsAWaiterConnectWhenTheConnectionIsClosed) {
  Wait& holder = Acquire();
  Wait& waiter = Acquire();
  Release(holder);
  client_.Settle();
  ASSERT_TRUE(waiter.outcome.ok);
  EXPECT_FALSE(waiter.lease.reused());
  EXPECT_EQ(connections(), 1);
  EXPECT_EQ(metrics().connects.value(), 2U);
}

TEST_F(PoolOfOne, LetsTheNextWaiterTryWhenAConnectFails) {
  Wait& holder = Acquire();
  Wait& first = Acquire();
  Wait& second = Acquire();
  client_.world.faults().RefuseConnects(kServer);
  Release(holder);
  client_.Settle();
  ExpectRefusal(first, ErrorCode::kConnectFailed, Side::kUpstream);
  ExpectRefusal(second, ErrorCode::kConnectFailed, Side::kUpstream);
  EXPECT_EQ(connections(), 0);
}

TEST_F(PoolOfOne, RefusesAtOnceWhenTheQueueIsFull) {
  Acquire();
  Acquire();
  Acquire();
  Wait& late = Begin();
  ExpectRefusal(late, ErrorCode::kOverloaded, Side::kSelf);
  EXPECT_EQ(late.outcome.error.guard, "pool");
  EXPECT_EQ(late.outcome.error.rule, "booking");
  EXPECT_EQ(metrics().overflows.value(), 1U);
  Drain();
}

TEST_F(PoolOfOne, RefusesAWaiterAtItsDeadline) {
  Wait& holder = Acquire();
  const SteadyTime deadline = client_.world.now() + 100ms;
  Wait& waiter = Acquire(deadline);
  client_.world.RunFor(1s);
  ExpectRefusal(waiter, ErrorCode::kOverloaded, Side::kSelf);
  EXPECT_EQ(waiter.outcome.at, deadline);
  EXPECT_EQ(metrics().wait_timeouts.value(), 1U);
  EXPECT_EQ(pool_->waiting(), 0U);
  Serve(holder);
  Release(holder);
  EXPECT_EQ(idle(), 1) << "nobody waits any more";
}

TEST_F(PoolOfOne, ForgetsTheDeadlineOfAWaiterThatWasServed) {
  Wait& holder = Acquire();
  Wait& waiter = Acquire(client_.world.now() + 100ms);
  Serve(holder);
  Release(holder);
  ASSERT_TRUE(waiter.outcome.ok);
  client_.world.RunFor(1s);
  EXPECT_EQ(metrics().wait_timeouts.value(), 0U);
  Serve(waiter);
  EXPECT_TRUE(waiter.lease->reusable());
}

TEST_F(PoolOfOne, CancelsAWaiterAtOnceAndKeepsTheOrderOfTheOthers) {
  Wait& holder = Acquire();
  Wait& first = Acquire();
  Wait& second = Acquire();
  Cancel(first);
  ExpectRefusal(first, ErrorCode::kCancelled, Side::kSelf);
  Cancel(first);
  Serve(holder);
  Release(holder);
  EXPECT_TRUE(second.outcome.ok);
}

TEST_F(PoolOfOne, CancelsTheLastOfTheQueue) {
  Wait& holder = Acquire();
  Wait& first = Acquire();
  Wait& second = Acquire();
  Cancel(second);
  Wait& third = Acquire();
  Serve(holder);
  Release(holder);
  ASSERT_TRUE(first.outcome.ok);
  Release(first);
  client_.Settle();
  EXPECT_TRUE(third.outcome.ok);
}

TEST_F(PoolOfOne, RefusesWhoWaitsWhenItDrains) {
  Acquire();
  Wait& waiter = Acquire();
  Drain();
  ExpectRefusal(waiter, ErrorCode::kDraining, Side::kSelf);
  EXPECT_EQ(pool_->waiting(), 0U);
}

TEST_F(PoolOfOne, BoundsEachEndpointByItself) {
  Acquire();
  EXPECT_TRUE(Acquire(kNever, kOther).outcome.ok);
}

class PoolOfTwoIdle : public PoolTest {
 protected:
  PoolOfTwoIdle() : PoolTest({.idle_max = 2}) {}
};

TEST_F(PoolOfTwoIdle, ClosesTheOneIdleLongestWhenThereIsOneTooMany) {
  Wait& a = Acquire();
  Wait& b = Acquire(kNever, kOther);
  Wait& c = Acquire();
  for (Wait* wait : {&a, &b, &c}) {
    Serve(*wait);
    Release(*wait);
  }
  client_.Settle();
  EXPECT_EQ(idle(), 2);
  EXPECT_TRUE(server_.peer(0).ended);
  EXPECT_EQ(metrics().closed_idle.value(), 1U);
}

class PoolWithoutIdle : public PoolTest {
 protected:
  PoolWithoutIdle() : PoolTest({.idle_max = 0}) {}
};

TEST_F(PoolWithoutIdle, KeepsNothing) {
  ServeOne();
  EXPECT_EQ(connections(), 0);
}

class PoolOfTwoRequests : public PoolTest {
 protected:
  PoolOfTwoRequests() : PoolTest({.requests_per_connection = 2}) {}
};

TEST_F(PoolOfTwoRequests, ClosesAConnectionAfterItsLastRequest) {
  ServeOne();
  EXPECT_EQ(idle(), 1);
  ServeOne();
  EXPECT_EQ(idle(), 0);
  EXPECT_EQ(metrics().closed_used.value(), 1U);
}

TEST(ShareOf, PartsAddUpToTheBoundAndNoneIsNothing) {
  const auto sum = [](std::size_t bound, std::size_t workers) {
    std::size_t all = 0;
    for (std::size_t worker = 0; worker < workers; ++worker)
      all += ShareOf(bound, workers, worker);
    return all;
  };
  for (const std::size_t workers : {1U, 2U, 3U, 7U, 64U}) {
    EXPECT_EQ(sum(0, workers), 0U);
    EXPECT_EQ(sum(64, workers), 64U);
    EXPECT_EQ(sum(100, workers), 100U);
  }
  EXPECT_EQ(ShareOf(10, 4, 0), 3U);
  EXPECT_EQ(ShareOf(10, 4, 3), 2U);
  EXPECT_EQ(sum(2, 4), 4U);  // One each.
}

}  // namespace
}  // namespace sluice::traffic
