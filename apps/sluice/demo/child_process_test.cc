#include "demo/child_process.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/files.h"

namespace sluice::demo {
namespace {

class ChildProcessTest : public testing::Test {
 protected:
  ChildProcessTest() {
    std::string pattern = testing::TempDir() + "child-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ChildProcessTest() override { std::filesystem::remove_all(folder_); }

  Result<ChildProcess> Shell(const std::string& script) {
    return ChildProcess::Start({.program = "/bin/sh",
                                .arguments = {"-c", script},
                                .environment = {{"SPOKEN", "hello"}},
                                .log_file = log()});
  }
  [[nodiscard]] std::string log() const { return folder_ + "/log"; }
  [[nodiscard]] std::string Said() const {
    return platform::ReadWholeFile(log(), 1 << 20).value_or("?");
  }
  static bool Exists(pid_t pid) { return ::kill(pid, 0) == 0; }

  std::string folder_;
};

TEST_F(ChildProcessTest, WritesWhatItSaysToItsLog) {
  Result<ChildProcess> child = Shell("echo $SPOKEN; echo trouble >&2");
  ASSERT_TRUE(child) << child.error().detail;
  while (child->IsRunning()) {
  }
  EXPECT_EQ(Said(), "hello\ntrouble\n");
}

TEST_F(ChildProcessTest, AProgramThatIsNotThereIsTold) {
  const Result<ChildProcess> child =
      ChildProcess::Start({.program = "/nonexistent", .log_file = log()});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().detail, "/nonexistent: No such file or directory");
  const Result<ChildProcess> no_log =
      ChildProcess::Start({.program = "/bin/true", .log_file = "/nonexistent/log"});
  EXPECT_FALSE(no_log);
}

TEST_F(ChildProcessTest, KillEndsItAtOnceAndTwiceIsNothing) {
  Result<ChildProcess> child = Shell("sleep 1000");
  const pid_t pid = child->pid();
  EXPECT_TRUE(child->IsRunning());
  child->Kill();
  EXPECT_FALSE(child->IsRunning());
  EXPECT_FALSE(Exists(pid));
  child->Kill();
  child->Signal(SIGTERM);
}

TEST_F(ChildProcessTest, AFrozenOneIsKilledToo) {
  Result<ChildProcess> child = Shell("sleep 1000");
  child->Signal(SIGSTOP);
  EXPECT_TRUE(child->IsRunning());
  child->Kill();
  EXPECT_FALSE(child->IsRunning());
}

TEST_F(ChildProcessTest, EndsWithItsOwner) {
  pid_t first = 0;
  pid_t second = 0;
  {
    Result<ChildProcess> child = Shell("sleep 1000");
    first = child->pid();
    Result<ChildProcess> other = Shell("sleep 1000");
    second = other->pid();
    *child = std::move(*other);
    EXPECT_FALSE(Exists(first)) << "another took its place";
    EXPECT_TRUE(Exists(second));
  }
  EXPECT_FALSE(Exists(second));
}

TEST_F(ChildProcessTest, IsInAProcessGroupOfItsOwn) {
  Result<ChildProcess> child = Shell("sleep 1000");
  EXPECT_EQ(::getpgid(child->pid()), child->pid());
}

}  // namespace
}  // namespace sluice::demo
