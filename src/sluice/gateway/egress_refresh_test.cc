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
  SteadyTime at{};
};

Task<void> FindHost(EgressHosts& hosts,
                    Loop& loop,
                    const config::ListenerConfig& listener,
                    Found& found) {
  std::string host = "other.test";
  const SteadyTime deadline = loop.now() + 3s;
  const Result<std::shared_ptr<UpstreamClient>> client =
      co_await hosts.Find(std::move(host), 80, listener, deadline);
  found = {.done = true, .ok = client.has_value(), .at = loop.now()};
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
    Found found;
    const auto start = [&] { calls_.Spawn(FindHost(*hosts_, loop_, listener_, found)); };
    loop_.Enter(start);
    const bool at_once = found.done && found.ok;
    EXPECT_TRUE(world_.RunUntil([&] { return found.done; }, 10s));
    is_found_ = found.ok;
    return at_once;
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

}  // namespace
}  // namespace sluice::gateway
