#include "sluice/platform/linux/reactor.h"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sluice/platform/linux/clock.h"

namespace sluice::platform {
namespace {

using namespace std::chrono_literals;

// A descriptor that is ready whenever Ring() was called.
class Bell final : public EventSource {
 public:
  explicit Bell(Reactor& reactor) : reactor_(reactor), fd_(::eventfd(0, EFD_NONBLOCK)) {
    EXPECT_TRUE(reactor_.Register(fd_.get(), EPOLLIN | EPOLLET, *this).has_value());
  }
  ~Bell() override { reactor_.Unregister(*this); }

  void Ring() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(fd_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  }
  void OnReady(std::uint32_t events) override {
    (events == 0 ? deferrals : rings) += 1;
    if (on_ready) on_ready();
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

  std::function<void()> on_ready;
  int rings = 0;
  int deferrals = 0;

 private:
  Reactor& reactor_;
  OwnedFd fd_;
};

class ReactorTest : public testing::TestWithParam<SleepPrecision> {
 protected:
  Reactor reactor_{std::move(*Reactor::CreateEpoll()), GetParam(), /*spare_buffers_max=*/1};
  RunQueue::Binding binding_{reactor_.run_queue()};
};

INSTANTIATE_TEST_SUITE_P(Sleeps,
                         ReactorTest,
                         testing::Values(SleepPrecision::kNanoseconds,
                                         SleepPrecision::kMilliseconds));

TEST_P(ReactorTest, TellsASourceOncePerRing) {
  Bell bell(reactor_);
  bell.Ring();
  reactor_.Turn(reactor_.now());
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(bell.rings, 1);
  bell.Ring();
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(bell.rings, 2);
}

TEST_P(ReactorTest, AnEventOfASourceThatWentAwayInTheSameBatchIsDropped) {
  auto first = std::make_unique<Bell>(reactor_);
  auto second = std::make_unique<Bell>(reactor_);
  std::unique_ptr<Bell> successor;
  int told = 0;
  // Whichever is told first removes the other, and a third takes its place.
  const auto remove = [&](std::unique_ptr<Bell>& other) {
    ++told;
    other.reset();
    successor = std::make_unique<Bell>(reactor_);
  };
  first->on_ready = [&] { remove(second); };
  second->on_ready = [&] { remove(first); };
  first->Ring();
  second->Ring();
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(told, 1);
  ASSERT_NE(successor, nullptr);
  EXPECT_EQ(successor->rings, 0);
  successor->Ring();
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(successor->rings, 1);
}

TEST_P(ReactorTest, ADescriptorThatIsHeldElsewhereTellsNobodyAfterItsSourceIsGone) {
  auto bell = std::make_unique<Bell>(reactor_);
  const OwnedFd held(::dup(bell->fd()));  // As a forked child holds it until it executes.
  bell->Ring();
  bell.reset();
  const Bell successor(reactor_);
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(successor.rings, 0);
}

TEST_P(ReactorTest, ASourceMayDestroyItselfWhenTold) {
  auto bell = std::make_unique<Bell>(reactor_);
  bell->on_ready = [&] { bell.reset(); };
  bell->Ring();
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(bell, nullptr);
  EXPECT_EQ(reactor_.registered(), 0U);
}

TEST_P(ReactorTest, ADeferredSourceIsCalledOnceInTheNextTurnWhichDoesNotSleep) {
  Bell bell(reactor_);
  reactor_.Defer(bell);
  reactor_.Defer(bell);
  reactor_.Turn(kNever);
  EXPECT_EQ(bell.deferrals, 1);
  reactor_.Turn(reactor_.now());
  EXPECT_EQ(bell.deferrals, 1);
}

TEST_P(ReactorTest, ASourceThatDefersItselfAgainWaitsForAnotherTurn) {
  Bell bell(reactor_);
  bell.on_ready = [&] { reactor_.Defer(bell); };
  reactor_.Defer(bell);
  reactor_.Turn(kNever);
  EXPECT_EQ(bell.deferrals, 1);
  reactor_.Turn(kNever);
  EXPECT_EQ(bell.deferrals, 2);
}

TEST_P(ReactorTest, ADeferredSourceMayGoAway) {
  auto first = std::make_unique<Bell>(reactor_);
  auto second = std::make_unique<Bell>(reactor_);
  first->on_ready = [&] { second.reset(); };
  reactor_.Defer(*first);
  reactor_.Defer(*second);
  reactor_.Turn(kNever);
  EXPECT_EQ(first->deferrals, 1);
  EXPECT_EQ(second, nullptr);
}

TEST_P(ReactorTest, RegisteringABadDescriptorFailsAndLeavesNothingBehind) {
  class Deaf final : public EventSource {
    void OnReady(std::uint32_t /*events*/) override {}
  } source;
  const Result<void> registered = reactor_.Register(-1, EPOLLIN, source);
  ASSERT_FALSE(registered.has_value());
  EXPECT_EQ(registered.error().code, ErrorCode::kInputOutput);
  EXPECT_EQ(reactor_.registered(), 0U);
  reactor_.Unregister(source);  // Idempotent.
}

void CountFire(Timer& timer, SteadyTime /*now*/) {
  ++*static_cast<int*>(timer.owner);
}

TEST_P(ReactorTest, SleepsUntilATimerIsDueAndNotLess) {
  int fired = 0;
  Timer timer(&CountFire, &fired);
  reactor_.ReadClocks();
  const SteadyTime due = reactor_.now() + 3ms;
  reactor_.timers().Arm(timer, due);
  while (fired == 0) {
    reactor_.Turn(kNever);
  }
  EXPECT_GE(ReadSteadyClock(), due);
}

TEST_P(ReactorTest, SleepsNoLongerThanAsked) {
  reactor_.ReadClocks();
  const SteadyTime until = reactor_.now() + 2ms;
  reactor_.Turn(until);
  EXPECT_GE(reactor_.now(), until);
}

TEST_P(ReactorTest, KeepsAtMostSoManySpareBuffers) {
  ReceiveBuffers& buffers = reactor_.buffers();
  {
    const ReceiveBuffer first = buffers.Keep();
    const ReceiveBuffer second = buffers.Keep();
    EXPECT_EQ(buffers.kept(), 2U);
    EXPECT_EQ(buffers.spares(), 0U);
  }
  EXPECT_EQ(buffers.kept(), 0U);
  EXPECT_EQ(buffers.spares(), 1U);
}

TEST_P(ReactorTest, TheBufferThatCameBackIsTheNextHotOne) {
  ReceiveBuffers& buffers = reactor_.buffers();
  char* const first = buffers.hot();
  ReceiveBuffer kept = buffers.Keep();
  EXPECT_NE(buffers.hot(), first);
  kept.Release();
  const ReceiveBuffer other = buffers.Keep();
  EXPECT_EQ(buffers.hot(), first);
}

}  // namespace
}  // namespace sluice::platform
