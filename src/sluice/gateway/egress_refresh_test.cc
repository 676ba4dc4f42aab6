#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/gateway/egress_hosts.h"
#include "sluice/platform/sim/world.h"

namespace sluice::gateway {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

struct Found {
  bool done = false;
  bool ok = false;
  ErrorCode code{};
  SteadyTime at{};
};

// Somebody who calls a host, and may go.
struct Caller {
  explicit Caller(Loop& loop) : wake(loop) {}
  void Leave() {
    is_gone = true;
    wake.Set();
  }

  Event wake;
  bool is_gone = false;
  Found found;
};

Task<void> FindHost(EgressHosts& hosts,
                    Loop& loop,
                    const config::ListenerConfig& listener,
                    Caller& caller,
                    std::string host) {
  const SteadyTime deadline = loop.now() + 3s;
  const EgressCaller who{.wake = caller.wake, .is_gone = caller.is_gone};
  const Result<std::shared_ptr<UpstreamClient>> client =
      co_await hosts.Find(std::move(host), 80, listener, who, deadline);
  caller.found = {.done = true,
                  .ok = client.has_value(),
                  .code = client ? ErrorCode{} : client.error().code,
                  .at = loop.now()};
}

Task<void> DialHost(EgressHosts& hosts, Loop& loop, Address address, Caller& caller) {
  const SteadyTime deadline = loop.now() + 3s;
  const EgressCaller who{.wake = caller.wake, .is_gone = caller.is_gone};
  const Result<std::unique_ptr<Stream>> stream =
      co_await hosts.Dial(std::move(address), who, deadline);
  caller.found = {.done = true,
                  .ok = stream.has_value(),
                  .code = stream ? ErrorCode{} : stream.error().code,
                  .at = loop.now()};
}

class EgressRefresh : public testing::Test {
 protected:
  EgressRefresh() {
    world_.names().Set("other.test",
                       {.addresses = {Address::Ipv4({10, 0, 9, 1}, 0)}, .time_to_live = 5s});
  }
  ~EgressRefresh() override {
    EXPECT_TRUE(world_.RunUntilIdle());
    EXPECT_TRUE(hosts_->is_quiet());
    const auto end = [this] { hosts_.reset(); };
    loop_.Enter(end);
  }

  // Whether the call went on at once.
  bool FindsAtOnce() {
    Caller caller(loop_);
    Find(caller);
    const bool at_once = caller.found.done && caller.found.ok;
    EXPECT_TRUE(world_.RunUntil([&] { return caller.found.done; }, 10s));
    is_found_ = caller.found.ok;
    return at_once;
  }

  void Find(Caller& caller, const std::string& host = "other.test") {
    const auto start = [&] { calls_.Spawn(FindHost(*hosts_, loop_, listener_, caller, host)); };
    loop_.Enter(start);
  }

  void Leave(Caller& caller) {
    const auto leave = [&] { caller.Leave(); };
    loop_.Enter(leave);
  }

  sim::World world_{/*seed=*/1};
  sim::Loop& loop_ = world_.AddLoop();
  StatsBook stats_{1};
  config::ListenerConfig listener_{.name = "out"};
  std::unique_ptr<EgressHosts> hosts_ = std::make_unique<EgressHosts>(loop_, 0, stats_);
  TaskGroup calls_;
  bool is_found_ = false;
};

TEST_F(EgressRefresh, AHostWithoutAnAnswerWaitsForIt) {
  world_.names().Silence("other.test");
  EXPECT_FALSE(FindsAtOnce());
  EXPECT_FALSE(is_found_);
  EXPECT_EQ(hosts_->size(), 0U);
}

TEST_F(EgressRefresh, OneQuestionIsUnderWayForAHostThatGoesOn) {
  EXPECT_FALSE(FindsAtOnce());
  EXPECT_TRUE(is_found_);
  world_.names().Silence("other.test");
  world_.RunFor(6s);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(FindsAtOnce());
  EXPECT_EQ(world_.names().asked("other.test"), 2U);
  EXPECT_FALSE(hosts_->is_quiet());
}

TEST_F(EgressRefresh, AQuestionThatFailedIsRepeatedAfterASecond) {
  EXPECT_FALSE(FindsAtOnce());
  world_.names().Fail("other.test");
  world_.RunFor(6s);
  EXPECT_TRUE(FindsAtOnce());
  world_.RunFor(900ms);  // The failure came after 1 ms.
  EXPECT_TRUE(FindsAtOnce());
  EXPECT_EQ(world_.names().asked("other.test"), 2U);
  world_.RunFor(200ms);
  EXPECT_TRUE(FindsAtOnce());
  EXPECT_EQ(world_.names().asked("other.test"), 3U);
}

TEST_F(EgressRefresh, AnAnswerThatMayNotBeCalledEndsWhatWasKnown) {
  EXPECT_FALSE(FindsAtOnce());
  world_.names().Set("other.test", {.addresses = {Address::Ipv4({127, 0, 0, 1}, 0)}});
  world_.RunFor(6s);
  EXPECT_TRUE(FindsAtOnce());  // By the last good answer, while the new one comes.
  world_.RunFor(1s);
  EXPECT_FALSE(FindsAtOnce());
  EXPECT_FALSE(is_found_);
}

TEST_F(EgressRefresh, WhoLeavesWaitsNoLongerForTheFirstAnswer) {
  world_.names().Silence("other.test");
  Caller caller(loop_);
  Find(caller);
  world_.RunFor(100ms);
  EXPECT_FALSE(caller.found.done);
  Leave(caller);
  world_.RunFor(0s);
  EXPECT_TRUE(caller.found.done);
  EXPECT_EQ(caller.found.code, ErrorCode::kCancelled);
  EXPECT_FALSE(hosts_->is_quiet());  // The question goes on, until its deadline.
}

TEST_F(EgressRefresh, AllWhoAskForAHostWaitForOneQuestion) {
  Caller stays(loop_);
  Caller leaves(loop_);
  Caller comes_later(loop_);
  Find(stays);
  Find(leaves);
  Leave(leaves);
  Find(comes_later);
  EXPECT_TRUE(world_.RunUntil([&] { return stays.found.done && comes_later.found.done; }, 10s));
  EXPECT_TRUE(stays.found.ok);
  EXPECT_TRUE(comes_later.found.ok);
  EXPECT_FALSE(leaves.found.ok);
  EXPECT_EQ(world_.names().asked("other.test"), 1U);
}

TEST_F(EgressRefresh, QuestionsAreBoundedByTheHosts) {
  listener_.egress.max_hosts = 2;
  Caller first(loop_);
  Caller second(loop_);
  Caller third(loop_);
  Find(first, "one.test");
  Find(second, "two.test");
  Find(third, "three.test");
  EXPECT_EQ(third.found.code, ErrorCode::kOverloaded);
  EXPECT_TRUE(world_.RunUntil([&] { return second.found.done; }, 10s));
  EXPECT_EQ(second.found.code, ErrorCode::kResolveFailed);
}

TEST_F(EgressRefresh, TheHostCalledLongestAgoMakesRoom) {
  listener_.egress.max_hosts = 2;
  for (const std::string host : {"10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"}) {
    Caller caller(loop_);
    Find(caller, host);
    EXPECT_TRUE(caller.found.ok) << host;
  }
  EXPECT_EQ(hosts_->size(), 2U);
  Caller kept(loop_);
  Find(kept, "10.0.0.1");
  EXPECT_TRUE(kept.found.ok);
}

TEST_F(EgressRefresh, ALocalAddressIsRefusedWithAReasonForTheClient) {
  Caller caller(loop_);
  Find(caller, "127.0.0.1");
  EXPECT_EQ(caller.found.code, ErrorCode::kPermissionDenied);
}

TEST_F(EgressRefresh, WhoLeavesWaitsNoLongerForATunnel) {
  world_.faults().DropHost(*Address::Parse("10.0.9.9:443"));
  Caller caller(loop_);
  const auto start = [&] {
    calls_.Spawn(DialHost(*hosts_, loop_, *Address::Parse("10.0.9.9:443"), caller));
  };
  loop_.Enter(start);
  world_.RunFor(100ms);
  EXPECT_FALSE(caller.found.done);
  Leave(caller);
  world_.RunFor(0s);
  EXPECT_TRUE(caller.found.done);
  EXPECT_EQ(caller.found.code, ErrorCode::kCancelled);
  EXPECT_FALSE(hosts_->is_quiet());
}

TEST_F(EgressRefresh, StoppedNobodyWaitsForAnAnswer) {
  EXPECT_FALSE(FindsAtOnce());
  world_.names().Silence("other.test");
  world_.RunFor(6s);
  EXPECT_TRUE(FindsAtOnce());
  EXPECT_FALSE(hosts_->is_quiet());
  const auto stop = [this] { loop_.resolver().CancelAll(); };
  loop_.Enter(stop);
  world_.RunFor(0s);
  EXPECT_TRUE(hosts_->is_quiet());
}

}  // namespace
}  // namespace sluice::gateway
