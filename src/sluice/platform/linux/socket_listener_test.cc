#include "sluice/platform/linux/socket_listener.h"

#include <climits>
#include <filesystem>
#include <fstream>
#include <future>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/platform/linux/loop_fixture.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/linux/socket_address.h"

namespace sluice::platform {
namespace {

// Of an accepted or connected stream, what a test needs to know.
class SocketListenerTest : public LoopTest {
 protected:
  static Address AnyPort() { return *Address::Parse("127.0.0.1:0"); }

  static OwnedFd RawConnect(const Address& address) {
    const SocketAddress target = *ToSocketAddress(address);
    OwnedFd fd(::socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), target.get(), target.length), 0);
    return fd;
  }

  ErrorCode ListenError(const Address& address) {
    const auto listener = loop_->ListenSocket(address, {});
    EXPECT_FALSE(listener.has_value());
    return listener ? ErrorCode::kInvalidConfig : listener.error().code;
  }

  ScratchFolder folder_;
};

TEST_F(SocketListenerTest, TellsTheRealPort) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  EXPECT_NE(listener->local().port(), 0);
}

TEST_F(SocketListenerTest, ListensOnIpv6) {
  const auto listener = loop_->ListenSocket(*Address::Parse("[::1]:0"), {});
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().detail;
  const OwnedFd client = RawConnect((*listener)->local());
  Connected accepted;
  Spawn(AcceptFrom(**listener, accepted));
  ASSERT_TRUE(Until([&] { return accepted.done; }));
  EXPECT_EQ(accepted.stream->peer().family(), Address::Family::kIpv6);
}

TEST_F(SocketListenerTest, APortInUseIsAnError) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  EXPECT_EQ(ListenError(listener->local()), ErrorCode::kAddressInUse);
}

TEST_F(SocketListenerTest, SharedPortsAreListenedOnTwice) {
  const auto first = *loop_->ListenSocket(AnyPort(), {.share_port = true});
  const auto second = loop_->ListenSocket(first->local(), {.share_port = true});
  ASSERT_TRUE(second.has_value()) << second.error().detail;
  EXPECT_EQ((*second)->local(), first->local());
}

TEST_F(SocketListenerTest, AnAddressOfAnotherMachineIsAnInvalidOption) {
  EXPECT_EQ(ListenError(*Address::Parse("192.0.2.1:0")), ErrorCode::kInvalidOption);
}

TEST_F(SocketListenerTest, AUnixPathInNoFolderIsAnInvalidOption) {
  EXPECT_EQ(ListenError(Address::Unix(folder_ / "none/socket")), ErrorCode::kInvalidOption);
}

TEST_F(SocketListenerTest, AUnixPathThatIsTooLongIsAnInvalidOption) {
  EXPECT_EQ(ListenError(Address::Unix(std::string(200, 'x'))), ErrorCode::kInvalidOption);
}

TEST_F(SocketListenerTest, ALiveUnixSocketIsInUse) {
  const Address address = Address::Unix(folder_ / "socket");
  const auto listener = *loop_->ListenSocket(address, {});
  EXPECT_EQ(ListenError(address), ErrorCode::kAddressInUse);
}

TEST_F(SocketListenerTest, AFileThatIsNoSocketIsInUseAndSurvives) {
  std::ofstream(folder_ / "socket") << "precious";
  EXPECT_EQ(ListenError(Address::Unix(folder_ / "socket")), ErrorCode::kAddressInUse);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "socket"));
}

TEST_F(SocketListenerTest, TheSocketFileOfADeadProcessIsReplaced) {
  const Address address = Address::Unix(folder_ / "socket");
  {
    const auto dead = *loop_->ListenSocket(address, {});
    dead->KeepFile();  // A process that dies unlinks nothing.
  }
  ASSERT_TRUE(std::filesystem::exists(folder_ / "socket"));
  const auto listener = loop_->ListenSocket(address, {});
  ASSERT_TRUE(listener.has_value()) << listener.error().detail;
  const OwnedFd client = RawConnect(address);
  Connected accepted;
  Spawn(AcceptFrom(**listener, accepted));
  EXPECT_TRUE(Until([&] { return accepted.done; }));
}

TEST_F(SocketListenerTest, TheSocketFileGoesWithItsListener) {
  auto listener = *loop_->ListenSocket(Address::Unix(folder_ / "socket"), {});
  listener.reset();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "socket"));
}

TEST_F(SocketListenerTest, ASocketFileThatSomebodyElsePutThereStays) {
  auto listener = *loop_->ListenSocket(Address::Unix(folder_ / "socket"), {});
  std::filesystem::rename(folder_ / "socket", folder_ / "moved");
  std::ofstream(folder_ / "socket") << "a successor's";
  listener.reset();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "socket"));
}

TEST_F(SocketListenerTest, CancelEndsThePendingAcceptAndLaterOnes) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  Connected pending;
  Spawn(AcceptFrom(*listener, pending));
  Turn();
  EXPECT_FALSE(pending.done);
  listener->Cancel();
  Turn(1);
  ASSERT_TRUE(pending.error.has_value());
  EXPECT_EQ(pending.error->code, ErrorCode::kCancelled);
  Connected later;
  Spawn(AcceptFrom(*listener, later));
  ASSERT_TRUE(later.error.has_value());
  EXPECT_EQ(later.error->code, ErrorCode::kCancelled);
}

TEST_F(SocketListenerTest, CancelGivesOutWhatWaitsInTheQueueFirst) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  const OwnedFd first_client = RawConnect(listener->local());
  const OwnedFd second_client = RawConnect(listener->local());
  listener->Cancel();
  Connected first;
  Connected second;
  Connected none;
  Spawn(AcceptFrom(*listener, first));
  Spawn(AcceptFrom(*listener, second));
  Spawn(AcceptFrom(*listener, none));
  EXPECT_NE(first.stream, nullptr);
  EXPECT_NE(second.stream, nullptr);
  ASSERT_TRUE(none.error.has_value());
  EXPECT_EQ(none.error->code, ErrorCode::kCancelled);
}

TEST_F(SocketListenerTest, AcceptsABoundedNumberOfConnectionsPerTurn) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  std::vector<OwnedFd> clients;
  for (int i = 0; i < SocketListener::kAcceptsPerTurn + 10; ++i) {
    clients.push_back(RawConnect(listener->local()));
  }
  struct Acceptor {
    std::vector<std::unique_ptr<Stream>> streams;
    static Task<void> Run(Listener& listener, Acceptor& acceptor) {
      while (true) {
        Result<std::unique_ptr<Stream>> stream = co_await listener.Accept();
        if (!stream) co_return;
        acceptor.streams.push_back(std::move(*stream));
      }
    }
  } acceptor;
  Spawn(Acceptor::Run(*listener, acceptor));
  EXPECT_LE(acceptor.streams.size(), static_cast<std::size_t>(SocketListener::kAcceptsPerTurn));
  ASSERT_TRUE(Until([&] { return acceptor.streams.size() == clients.size(); }));
  listener->Cancel();
  Turn(1);
}

// Lowers the limit of descriptors to those in use, and back at the end.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const OwnedFd next(::dup(0));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next.get());
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(SocketListenerTest, PausesWithoutSpinningWhenDescriptorsRunOutAndGoesOnAfterwards) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  const OwnedFd client = RawConnect(listener->local());
  Connected accepted;
  SteadyTime paused_at{};
  {
    const NoMoreDescriptors limit;
    Spawn(AcceptFrom(*listener, accepted));
    paused_at = loop_->now();
    Turn(50);
    EXPECT_FALSE(accepted.done);
    EXPECT_EQ(listener->pauses_total(), 1U);
  }
  ASSERT_TRUE(Until([&] { return accepted.done; }));
  EXPECT_GE(loop_->now() - paused_at, SocketListener::kPause);
  EXPECT_EQ(listener->pauses_total(), 1U);
  EXPECT_NE(accepted.stream, nullptr);
}

TEST_F(SocketListenerTest, LeavesTheDescriptorsFromItsBoundOnToOthers) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  const OwnedFd first_client = RawConnect(listener->local());
  const OwnedFd second_client = RawConnect(listener->local());
  loop_->reactor().set_descriptor_bound(OwnedFd(::dup(0)).get());
  Connected first;
  Connected second;
  Spawn(AcceptFrom(*listener, first));
  ASSERT_TRUE(Until([&] { return first.done; }));  // The last one that is served.
  Spawn(AcceptFrom(*listener, second));
  Turn(50);
  EXPECT_FALSE(second.done);
  ASSERT_TRUE(Until([&] { return listener->pauses_total() == 2; }));  // Still none is free.
  EXPECT_FALSE(second.done);
  first.stream.reset();
  loop_->reactor().set_descriptor_bound(INT_MAX);
  EXPECT_TRUE(Until([&] { return second.done; }));
}

TEST_F(SocketListenerTest, ConnectsLeaveThemToOthersToo) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  loop_->reactor().set_descriptor_bound(OwnedFd(::dup(0)).get());
  Connected refused;
  Spawn(ConnectTo(*loop_, listener->local(), In(5s), refused));
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code, ErrorCode::kOutOfDescriptors);
  EXPECT_EQ(refused.error->side, Side::kSelf);
  loop_->reactor().set_descriptor_bound(INT_MAX);
  Connected made;
  Spawn(ConnectTo(*loop_, listener->local(), In(5s), made));
  EXPECT_TRUE(Until([&] { return made.done; }));
  EXPECT_NE(made.stream, nullptr);
}

TEST_F(SocketListenerTest, NothingCanBeOpenedWithoutDescriptors) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {});
  const NoMoreDescriptors limit;
  EXPECT_EQ(ListenError(AnyPort()), ErrorCode::kOutOfDescriptors);
  EXPECT_EQ(listener->Duplicate().error().code, ErrorCode::kOutOfDescriptors);
  EXPECT_EQ(EpollLoop::Create().error().code, ErrorCode::kOutOfDescriptors);
  Connected connected;
  Spawn(ConnectTo(*loop_, listener->local(), In(5s), connected));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kOutOfDescriptors);
  EXPECT_EQ(connected.error->side, Side::kSelf);
}

TEST_F(SocketListenerTest, ADuplicateOfAUnixListenerAcceptsOnAnotherLoop) {
  const auto listener = *loop_->ListenSocket(Address::Unix(folder_ / "socket"), {});
  const auto other_loop = *EpollLoop::Create();
  auto other = *other_loop->Adopt(*listener->Duplicate(), SocketFile::kTheirs);
  const OwnedFd client = RawConnect(listener->local());
  Connected accepted;
  TaskGroup group;
  other_loop->Enter([&] { group.Spawn(AcceptFrom(*other, accepted)); });
  for (int i = 0; i < 100 && !accepted.done; ++i) {
    other_loop->RunOnce(50ms);
  }
  EXPECT_TRUE(accepted.done);
  accepted.stream.reset();
  other.reset();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "socket"));
}

// A successor accepts from the same socket: a wake-up that went to the one that does not accept any
// more would be lost.
TEST_F(SocketListenerTest, ACancelledListenerTakesNoWakeUpsFromOthersOfTheSameSocket) {
  std::unique_ptr<SocketListener> first;
  std::promise<OwnedFd> duplicate;
  const auto thread = *LoopThread::Start();
  thread->loop().Post([&] {
    first = *thread->loop().ListenSocket(AnyPort(), {});
    duplicate.set_value(*first->Duplicate());
  });
  const auto second = *loop_->Adopt(duplicate.get_future().get());
  std::promise<void> cancelled;
  thread->loop().Post([&] {
    first->Cancel();
    cancelled.set_value();
  });
  cancelled.get_future().wait();

  for (int i = 0; i < 20; ++i) {
    Connected accepted;
    Spawn(AcceptFrom(*second, accepted));
    EXPECT_FALSE(accepted.done);
    const OwnedFd client = RawConnect(second->local());
    ASSERT_TRUE(Until([&] { return accepted.done; }));
  }
  thread->loop().Post([&] { first.reset(); });
  thread->StopAndJoin();
}

TEST_F(SocketListenerTest, OnlyAListeningSocketIsAdopted) {
  const auto not_listening =
      loop_->Adopt(OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  ASSERT_FALSE(not_listening.has_value());
  EXPECT_EQ(not_listening.error().code, ErrorCode::kInvalidOption);
  EXPECT_FALSE(loop_->Adopt(OwnedFd()).has_value());
}

class ConnectTest : public SocketListenerTest {};

TEST_F(ConnectTest, APortThatNobodyListensOnRefuses) {
  Address address = AnyPort();
  {
    const auto listener = *loop_->ListenSocket(AnyPort(), {});
    address = listener->local();
  }
  Connected connected;
  Spawn(ConnectTo(*loop_, address, In(5s), connected));
  ASSERT_TRUE(Until([&] { return connected.done; }));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kConnectFailed);
  EXPECT_EQ(connected.error->side, Side::kUpstream);
  EXPECT_EQ(connected.error->retry, RetryAdvice::kSafe);
  EXPECT_EQ(loop_->reactor().timers().armed(), 0U);
}

TEST_F(ConnectTest, AUnixPathWithoutASocketFails) {
  Connected connected;
  Spawn(ConnectTo(*loop_, Address::Unix(folder_ / "none"), In(5s), connected));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kConnectFailed);
}

TEST_F(ConnectTest, AUnixPathThatIsTooLongFails) {
  Connected connected;
  Spawn(ConnectTo(*loop_, Address::Unix(std::string(200, 'x')), In(5s), connected));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kConnectFailed);
}

TEST_F(ConnectTest, AUnixSocketWithAFullQueueFails) {
  const auto listener = *loop_->ListenSocket(Address::Unix(folder_ / "socket"), {.backlog = 0});
  const OwnedFd in_queue = RawConnect(listener->local());
  Connected connected;
  Spawn(ConnectTo(*loop_, listener->local(), In(5s), connected));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kConnectFailed);
}

// A listener whose queue is full drops the SYNs of whoever comes next.
TEST_F(ConnectTest, TimesOutWhenNobodyAnswers) {
  const auto listener = *loop_->ListenSocket(AnyPort(), {.backlog = 0});
  const OwnedFd in_queue = RawConnect(listener->local());
  Connected connected;
  const SteadyTime deadline = In(20ms);
  Spawn(ConnectTo(*loop_, listener->local(), deadline, connected));
  ASSERT_TRUE(Until([&] { return connected.done; }));
  ASSERT_TRUE(connected.error.has_value());
  EXPECT_EQ(connected.error->code, ErrorCode::kTimeout);
  EXPECT_EQ(connected.error->retry, RetryAdvice::kSafe);
  EXPECT_GE(loop_->now(), deadline);
}

}  // namespace
}  // namespace sluice::platform
