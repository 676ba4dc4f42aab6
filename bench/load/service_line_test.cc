// How many are worked on at once, and in which order they are done.

#include "load/service_line.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::load {
namespace {

using std::chrono::milliseconds;

class ServiceLineTest : public testing::Test, protected ServiceOwner {
 protected:
  ServiceLineTest() : poller_(*Poller::Create()) {}

  void Open(std::int64_t workers, Nanos time) {
    line_ = *ServiceLine::Create(poller_, {.workers = workers, .time = time}, *this);
  }

  void OnServed(std::uint64_t ticket) override { served_.push_back(ticket); }

  void WaitForServed(std::size_t count) {
    for (int turn = 0; turn < 1'000 && served_.size() < count; ++turn)
      poller_.Wait(milliseconds(20));
    EXPECT_EQ(served_.size(), count);
  }

  Poller poller_;
  std::unique_ptr<ServiceLine> line_;
  std::vector<std::uint64_t> served_;
};

TEST_F(ServiceLineTest, SoManyAreWorkedOnAndTheOthersWait) {
  Open(2, std::chrono::hours(1));

  for (std::uint64_t ticket = 0; ticket < 5; ++ticket)
    EXPECT_TRUE(line_->Enter(ticket));

  EXPECT_EQ(line_->working(), 2U);
  EXPECT_EQ(line_->waiting(), 3U);
}

TEST_F(ServiceLineTest, TheyAreServedInTheOrderOfTheirComing) {
  Open(2, milliseconds(2));

  for (std::uint64_t ticket = 0; ticket < 7; ++ticket)
    EXPECT_TRUE(line_->Enter(ticket));
  WaitForServed(7);

  EXPECT_EQ(served_, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(line_->working(), 0U);
}

TEST_F(ServiceLineTest, NobodyIsServedBeforeTheWorkIsDone) {
  Open(1, milliseconds(20));
  const SteadyTime begun = Now();

  EXPECT_TRUE(line_->Enter(1));
  EXPECT_TRUE(line_->Enter(2));
  WaitForServed(2);

  EXPECT_GE(Now() - begun, milliseconds(40));
}

TEST_F(ServiceLineTest, ALineThatWasEmptyWorksAgain) {
  Open(1, milliseconds(1));

  EXPECT_TRUE(line_->Enter(1));
  WaitForServed(1);
  EXPECT_TRUE(line_->Enter(2));
  WaitForServed(2);
}

TEST_F(ServiceLineTest, WhoFindsTooManyWaitingIsTurnedAway) {
  Open(1, std::chrono::hours(1));
  for (std::uint64_t ticket = 0; ticket <= ServiceLine::kWaitingMax; ++ticket)
    ASSERT_TRUE(line_->Enter(ticket));

  EXPECT_FALSE(line_->Enter(1'000'000));
  EXPECT_EQ(line_->waiting(), ServiceLine::kWaitingMax);
}

}  // namespace
}  // namespace sluice::load
