#include "sluice/platform/linux/service_manager.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sluice/platform/linux/loop_fixture.h"
#include "sluice/platform/linux/owned_fd.h"

namespace sluice::platform {
namespace {

class ServiceManagerTest : public testing::Test {
 protected:
  ~ServiceManagerTest() override { ::unsetenv("NOTIFY_SOCKET"); }

  // Listens where `name` says, as a service manager does, and tells us so.
  void Manage(const std::string& name) {
    sluice::platform::OwnedFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
    manager_ = std::move(fd);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }

  [[nodiscard]] std::string Heard() const {
    std::array<char, 256> buffer{};
    const ssize_t got = ::recv(manager_.get(), buffer.data(), buffer.size(), 0);
    return got < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(got));
  }

  ScratchFolder folder_;
  OwnedFd manager_;
};

TEST_F(ServiceManagerTest, HearsTheStateAtItsPath) {
  Manage(folder_ / "notify");
  ASSERT_TRUE(NotifyServiceManager("READY=1\nMAINPID=42").has_value());
  EXPECT_EQ(Heard(), "READY=1\nMAINPID=42");
}

TEST_F(ServiceManagerTest, HearsTheStateAtItsAbstractName) {
  Manage("@sluice-test-" + std::to_string(::getpid()));
  ASSERT_TRUE(NotifyServiceManager("STOPPING=1").has_value());
  EXPECT_EQ(Heard(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, NothingIsSentWithoutOne) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(NotifyServiceManager("READY=1").has_value());
  ::setenv("NOTIFY_SOCKET", "", 1);
  EXPECT_TRUE(NotifyServiceManager("READY=1").has_value());
}

TEST_F(ServiceManagerTest, AnAddressThatIsNoneIsAnError) {
  for (const std::string& name : {std::string("relative"), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    const Result<void> sent = NotifyServiceManager("READY=1");
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().code, ErrorCode::kInvalidOption);
  }
}

TEST_F(ServiceManagerTest, AManagerThatIsGoneIsAnError) {
  ::setenv("NOTIFY_SOCKET", (folder_ / "none").c_str(), 1);
  const Result<void> sent = NotifyServiceManager("READY=1");
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, ErrorCode::kInputOutput);
}

}  // namespace
}  // namespace sluice::platform
