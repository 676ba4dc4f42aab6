#include "sluice/platform/linux/signals.h"

#include <csignal>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

using testing::Contains;
using testing::UnorderedElementsAre;

// Restores what BlockSignals() changes.
class SignalTest : public LoopTest {
 protected:
  SignalTest() {
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    ::sigaction(SIGPIPE, nullptr, &pipe_action_);
    BlockSignals();
  }
  ~SignalTest() override {
    ::sigaction(SIGPIPE, &pipe_action_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

  std::unique_ptr<SignalWatcher> Watch() {
    return *SignalWatcher::Create(*loop_, [this](int signal) { seen_.push_back(signal); });
  }

  sigset_t mask_{};
  struct sigaction pipe_action_{};
  std::vector<int> seen_;
};

TEST_F(SignalTest, EachWatchedSignalIsAnEventOfTheLoop) {
  const auto watcher = Watch();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) {
    ::raise(signal);
  }
  ASSERT_TRUE(Until([&] { return seen_.size() == 4; }));
  EXPECT_THAT(seen_, UnorderedElementsAre(SIGTERM, SIGINT, SIGHUP, SIGUSR2));
  ::raise(SIGHUP);
  EXPECT_TRUE(Until([&] { return seen_.size() == 5; }));
}

TEST_F(SignalTest, ASignalFromBeforeTheWatcherIsNotLost) {
  ::raise(SIGHUP);
  const auto watcher = Watch();
  EXPECT_TRUE(Until([&] { return !seen_.empty(); }));
}

TEST_F(SignalTest, TheEndOfAChildIsAnEvent) {
  const auto watcher = Watch();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_TRUE(Until([&] { return !seen_.empty(); }));
  EXPECT_THAT(seen_, Contains(SIGCHLD));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(SignalTest, WritingToABrokenPipeKillsNobody) {
  struct sigaction action{};
  ::sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

}  // namespace
}  // namespace sluice::platform
