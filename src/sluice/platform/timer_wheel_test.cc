#include "sluice/platform/timer_wheel.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/random.h"

namespace sluice::platform {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr SteadyTime kStart{1h};

// A timer that writes its name down when it fires.
struct Alarm {
  Alarm(std::vector<std::string>& fired_names, std::string its_name)
      : names(fired_names), name(std::move(its_name)), timer(&Fire, this) {}
  static void Fire(Timer& timer, SteadyTime /*now*/) {
    auto* alarm = static_cast<Alarm*>(timer.owner);
    alarm->names.push_back(alarm->name);
  }
  std::vector<std::string>& names;
  std::string name;
  Timer timer;
};

class TimerWheelTest : public testing::Test {
 protected:
  TimerWheel wheel_{kStart};
  std::vector<std::string> fired_;
  Alarm a_{fired_, "a"};
  Alarm b_{fired_, "b"};
  Alarm c_{fired_, "c"};
};

TEST_F(TimerWheelTest, FiresAtTheExactDueTimeAndNotBefore) {
  wheel_.Arm(a_.timer, kStart + 5ms);
  wheel_.Advance(kStart + 5ms - 1ns);
  EXPECT_THAT(fired_, IsEmpty());
  wheel_.Advance(kStart + 5ms);
  EXPECT_THAT(fired_, ElementsAre("a"));
  EXPECT_FALSE(a_.timer.armed());
  EXPECT_EQ(wheel_.armed(), 0U);
}

TEST_F(TimerWheelTest, FiresInOrderOfDueTimeWithinOneTick) {
  wheel_.Arm(a_.timer, kStart + 30ns);
  wheel_.Arm(b_.timer, kStart + 10ns);
  wheel_.Arm(c_.timer, kStart + 20ns);
  wheel_.Advance(kStart + 1s);
  EXPECT_THAT(fired_, ElementsAre("b", "c", "a"));
}

TEST_F(TimerWheelTest, EqualDueTimesFireInTheOrderTheyWereArmed) {
  wheel_.Arm(c_.timer, kStart + 10s);
  wheel_.Arm(a_.timer, kStart + 10s);
  wheel_.Advance(kStart + 10s - 1us);  // Now the rest is armed on another level.
  wheel_.Arm(b_.timer, kStart + 10s);
  wheel_.Advance(kStart + 10s);
  EXPECT_THAT(fired_, ElementsAre("c", "a", "b"));
}

TEST_F(TimerWheelTest, ADueTimeInThePastFiresInTheNextAdvance) {
  wheel_.Arm(a_.timer, kStart - 1min);
  EXPECT_LE(wheel_.NextDue(), kStart);
  wheel_.Advance(kStart);
  EXPECT_THAT(fired_, ElementsAre("a"));
}

TEST_F(TimerWheelTest, ATimeBeforeTheEpochOfTheClockIsThePast) {
  wheel_.Arm(a_.timer, SteadyTime::min());
  wheel_.Advance(kStart);
  EXPECT_THAT(fired_, ElementsAre("a"));
}

TEST_F(TimerWheelTest, ADisarmedTimerDoesNotFire) {
  wheel_.Arm(a_.timer, kStart + 1ms);
  wheel_.Arm(b_.timer, kStart + 1ms);
  wheel_.Disarm(a_.timer);
  wheel_.Disarm(a_.timer);  // Again: nothing.
  wheel_.Advance(kStart + 1s);
  EXPECT_THAT(fired_, ElementsAre("b"));
}

TEST_F(TimerWheelTest, ArmingAgainMovesATimer) {
  wheel_.Arm(a_.timer, kStart + 1ms);
  wheel_.Arm(a_.timer, kStart + 3h);
  EXPECT_EQ(wheel_.armed(), 1U);
  wheel_.Advance(kStart + 3h - 1ns);
  EXPECT_THAT(fired_, IsEmpty());
  wheel_.Advance(kStart + 3h);
  EXPECT_THAT(fired_, ElementsAre("a"));
}

TEST_F(TimerWheelTest, NextDueIsExactForNearTimersAndNeverWhenEmpty) {
  EXPECT_EQ(wheel_.NextDue(), kNever);
  wheel_.Arm(a_.timer, kStart + 1ms + 123ns);
  wheel_.Arm(b_.timer, kStart + 2ms + 456ns);
  EXPECT_EQ(wheel_.NextDue(), kStart + 1ms + 123ns);
  wheel_.Advance(wheel_.NextDue());
  EXPECT_EQ(wheel_.NextDue(), kStart + 2ms + 456ns);
  wheel_.Advance(wheel_.NextDue());
  EXPECT_EQ(wheel_.NextDue(), kNever);
}

TEST_F(TimerWheelTest, FollowingNextDueReachesAFarTimerInFewSteps) {
  const SteadyTime due = kStart + std::chrono::hours(24 * 400) + 77ns;
  wheel_.Arm(a_.timer, due);
  int steps = 0;
  while (fired_.empty()) {
    ASSERT_LE(wheel_.NextDue(), due);
    wheel_.Advance(wheel_.NextDue());
    ASSERT_LE(++steps, 9);  // One per level, and the last.
  }
}

TEST_F(TimerWheelTest, ATimerForNeverStaysThroughAHugeJump) {
  wheel_.Arm(a_.timer, kNever);
  wheel_.Arm(b_.timer, kStart + 1h);
  wheel_.Advance(kNever - 1ns);
  EXPECT_THAT(fired_, ElementsAre("b"));
  EXPECT_LE(wheel_.NextDue(), kNever);
  wheel_.Disarm(a_.timer);
}

TEST_F(TimerWheelTest, TimeSteppingBackChangesNothing) {
  wheel_.Advance(kStart + 1s);
  wheel_.Arm(a_.timer, kStart + 2s);
  wheel_.Advance(kStart);
  EXPECT_THAT(fired_, IsEmpty());
  wheel_.Advance(kStart + 2s);
  EXPECT_THAT(fired_, ElementsAre("a"));
}

// What a timer does when it fires, for the tests of re-entry.
struct Chain {
  explicit Chain(TimerWheel& its_wheel) : wheel(its_wheel), timer(&Fire, this) {}
  static void Fire(Timer& timer, SteadyTime now) {
    auto* chain = static_cast<Chain*>(timer.owner);
    ++chain->times;
    if (chain->disarms != nullptr) chain->wheel.Disarm(*chain->disarms);
    if (chain->rearms_for_the_past) chain->wheel.Arm(timer, now - 1s);
  }
  TimerWheel& wheel;
  Timer timer;
  Timer* disarms = nullptr;
  bool rearms_for_the_past = false;
  int times = 0;
};

TEST_F(TimerWheelTest, FiringOneTimerMayDisarmAnotherThatWasDueToo) {
  Chain chain(wheel_);
  chain.disarms = &a_.timer;
  wheel_.Arm(chain.timer, kStart + 10ns);
  wheel_.Arm(a_.timer, kStart + 20ns);
  wheel_.Arm(b_.timer, kStart + 30ns);
  wheel_.Advance(kStart + 1s);
  EXPECT_EQ(chain.times, 1);
  EXPECT_THAT(fired_, ElementsAre("b"));
}

TEST_F(TimerWheelTest, ATimerThatRearmsItselfForThePastFiresOncePerAdvance) {
  Chain chain(wheel_);
  chain.rearms_for_the_past = true;
  wheel_.Arm(chain.timer, kStart);
  wheel_.Advance(kStart + 1s);
  EXPECT_EQ(chain.times, 1);
  EXPECT_LE(wheel_.NextDue(), kStart + 1s);
  wheel_.Advance(kStart + 1s);
  EXPECT_EQ(chain.times, 2);
  wheel_.Disarm(chain.timer);
}

TEST_F(TimerWheelTest, AFiredTimerMayFreeItself) {
  struct OneShot {
    OneShot() : timer(&Fire, this) {}
    static void Fire(Timer& timer, SteadyTime /*now*/) {
      delete static_cast<OneShot*>(timer.owner);
    }
    Timer timer;
  };
  wheel_.Arm((new OneShot)->timer, kStart + 1ms);
  wheel_.Arm(a_.timer, kStart + 1ms);
  wheel_.Advance(kStart + 1ms);
  EXPECT_THAT(fired_, ElementsAre("a"));
}

// One timer of the model: what the wheel must do with it.
struct Expected {
  std::unique_ptr<Timer> timer;
  std::uint64_t order = 0;  // Of its last arming.
  bool fired = false;
};

// Random arming, moving, disarming and advancing, beside a list that is searched from end to end.
class AgainstAList {
 public:
  explicit AgainstAList(std::uint64_t seed) : random_(seed), wheel_(now_) {
    for (std::size_t i = 0; i < 64; ++i) {
      timers_.push_back({.timer = std::make_unique<Timer>(&Note, this)});
    }
  }
  ~AgainstAList() {
    for (Expected& entry : timers_) {
      wheel_.Disarm(*entry.timer);
    }
  }

  void Step() {
    Expected& entry = timers_[random_.Below(timers_.size())];
    const std::uint64_t kind = random_.Below(10);
    if (kind < 5) {
      // From nanoseconds to days: every level of the wheel, and the past now and then.
      const auto reach = static_cast<std::int64_t>(random_.Next() >> (16 + random_.Below(48)));
      wheel_.Arm(*entry.timer, now_ + Nanos(reach) - (random_.Below(8) == 0 ? 50us : 0us));
      entry.order = ++orders_;
    } else if (kind < 6) {
      wheel_.Disarm(*entry.timer);
    } else {
      AdvanceAndCompare();
    }
  }

 private:
  static void Note(Timer& timer, SteadyTime /*now*/) {
    static_cast<AgainstAList*>(timer.owner)->fired_.push_back(&timer);
  }

  void AdvanceAndCompare() {
    std::vector<Expected*> due;
    SteadyTime earliest = kNever;
    for (Expected& entry : timers_) {
      if (entry.timer->armed()) earliest = std::min(earliest, entry.timer->due);
    }
    ASSERT_LE(wheel_.NextDue(), earliest);
    const auto leap = static_cast<std::int64_t>(random_.Next() >> (16 + random_.Below(48)));
    now_ = random_.Below(3) == 0 ? std::max(now_, std::min(wheel_.NextDue(), now_ + 1000h))
                                 : now_ + Nanos(leap);
    for (Expected& entry : timers_) {
      if (entry.timer->armed() && entry.timer->due <= now_) due.push_back(&entry);
    }
    std::ranges::sort(due, [](const Expected* left, const Expected* right) {
      if (left->timer->due != right->timer->due) return left->timer->due < right->timer->due;
      return left->order < right->order;
    });
    fired_.clear();
    wheel_.Advance(now_);
    ASSERT_EQ(fired_.size(), due.size());
    for (std::size_t i = 0; i < due.size(); ++i) {
      // Timers of one tick that lay in the past when they were armed keep their due order too.
      ASSERT_EQ(fired_[i], due[i]->timer.get()) << "position " << i;
    }
  }

  Random random_;
  SteadyTime now_ = kStart;
  TimerWheel wheel_;
  std::vector<Expected> timers_;
  std::vector<Timer*> fired_;
  std::uint64_t orders_ = 0;
};

TEST(TimerWheelProperty, FiresExactlyWhatAListSearchedFromEndToEndWouldFire) {
  const char* given = std::getenv("SLUICE_TEST_SEED");
  const std::uint64_t first =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 50; ++seed) {
    SCOPED_TRACE("SLUICE_TEST_SEED=" + std::to_string(seed));
    AgainstAList run(seed);
    for (int i = 0; i < 2'000 && !testing::Test::HasFatalFailure(); ++i) {
      run.Step();
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::platform
