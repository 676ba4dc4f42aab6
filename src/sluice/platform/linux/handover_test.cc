#include "sluice/platform/linux/handover.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

struct Awaited {
  bool done = false;
  Result<void> result{};
};

Task<void> AwaitInto(Successor& successor, SteadyTime deadline, Awaited& out) {
  out.result = co_await successor.AwaitReady(deadline);
  out.done = true;
}

class HandoverTest : public LoopTest {
 protected:
  Result<void> Await(Successor& successor, Nanos time) {
    Awaited awaited;
    Spawn(AwaitInto(successor, In(time), awaited));
    EXPECT_TRUE(Until([&] { return awaited.done; }));
    return std::move(awaited.result);
  }

  // Connects and reads what the successor's process says until it ends the stream.
  std::string AskSuccessor(const Address& address) {
    Connected connected;
    Spawn(ConnectTo(*loop_, address, In(5s), connected));
    EXPECT_TRUE(Until([&] { return connected.done; }));
    Done received;
    Spawn(ReceiveOnce(*loop_, *connected.stream, In(5s), received));
    EXPECT_TRUE(Until([&] { return received.done; }));
    return received.bytes;
  }
};

TEST_F(HandoverTest, ASuccessorServesOnTheSocketsItInherited) {
  ScratchFolder folder;
  auto tcp = *loop_->ListenSocket(*Address::Parse("127.0.0.1:0"), {});
  auto unix = *loop_->ListenSocket(Address::Unix(folder / "socket"), {});
  const Address tcp_address = tcp->local();
  const auto spawned = Successor::Spawn(*loop_, {SLUICE_TEST_SUCCESSOR, "public", "sidecar"},
                                        {{.name = "public", .worker = 0, .fd = tcp->fd()},
                                         {.name = "sidecar", .worker = 1, .fd = unix->fd()}});
  ASSERT_TRUE(spawned.has_value()) << spawned.error().detail;
  Successor& successor = **spawned;
  const Result<void> ready = Await(successor, 10s);
  ASSERT_TRUE(ready.has_value()) << ready.error().detail;
  EXPECT_TRUE(successor.is_ready());
  EXPECT_TRUE(Await(successor, 0ms).has_value());  // Known already.

  unix->KeepFile();
  tcp.reset();
  unix.reset();
  EXPECT_EQ(AskSuccessor(tcp_address), "successor: public");
  EXPECT_EQ(AskSuccessor(Address::Unix(folder / "socket")), "successor: sidecar");
  int status = 0;
  EXPECT_EQ(::waitpid(successor.pid(), &status, 0), successor.pid());
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "socket"));  // The file is the successor's now.
}

TEST_F(HandoverTest, ASuccessorThatEndsBeforeItIsReadyIsAnError) {
  const auto successor = *Successor::Spawn(*loop_, {"/bin/false"}, {});
  const Result<void> ready = Await(*successor, 10s);
  ASSERT_FALSE(ready.has_value());
  EXPECT_EQ(ready.error().code, ErrorCode::kConnectionClosed);
}

TEST_F(HandoverTest, ASuccessorThatIsNeverReadyTimesOutAndIsKilledAndReaped) {
  auto successor = *Successor::Spawn(*loop_, {"/bin/sleep", "1000"}, {});
  const pid_t pid = successor->pid();
  const Result<void> ready = Await(*successor, 20ms);
  ASSERT_FALSE(ready.has_value());
  EXPECT_EQ(ready.error().code, ErrorCode::kTimeout);
  successor.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(HandoverTest, WhatCannotBeExecutedIsAnErrorAtOnce) {
  const auto missing = Successor::Spawn(*loop_, {"/no/such/binary"}, {});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto folder = Successor::Spawn(*loop_, {"/tmp"}, {});
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(HandoverTest, BadArgumentsAreRefused) {
  EXPECT_EQ(Successor::Spawn(*loop_, {}, {}).error().code, ErrorCode::kInvalidOption);
  for (const char* name : {"", "a:b", "a;b"}) {
    const auto successor = Successor::Spawn(*loop_, {"/bin/true"}, {{.name = name, .fd = 0}});
    ASSERT_FALSE(successor.has_value());
    EXPECT_EQ(successor.error().code, ErrorCode::kInvalidOption);
  }
}

// The child's side, with an environment that the test writes.
class InheritedTest : public HandoverTest {
 protected:
  ~InheritedTest() override {
    ::unsetenv("SLUICE_LISTENERS");
    ::unsetenv("SLUICE_READY_FD");
  }
  static void Set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
};

TEST_F(InheritedTest, AnOrdinaryStartInheritsNothing) {
  Result<InheritedListeners> inherited = InheritedListeners::FromEnvironment();
  ASSERT_TRUE(inherited.has_value());
  EXPECT_FALSE(inherited->Take("public", 0));
  EXPECT_FALSE(inherited->has_predecessor());
  inherited->ReportReady();
}

TEST_F(InheritedTest, ASocketIsTakenOnceByNameAndWorker) {
  const auto listener = *loop_->ListenSocket(*Address::Parse("127.0.0.1:0"), {});
  const int fd = listener->Duplicate()->Release();
  Set("SLUICE_LISTENERS", "public:2:" + std::to_string(fd) + ";");
  Result<InheritedListeners> inherited = InheritedListeners::FromEnvironment();
  ASSERT_TRUE(inherited.has_value()) << inherited.error().detail;
  EXPECT_EQ(::getenv("SLUICE_LISTENERS"), nullptr);
  EXPECT_FALSE(inherited->Take("public", 1));
  EXPECT_FALSE(inherited->Take("other", 2));
  const OwnedFd taken = inherited->Take("public", 2);
  EXPECT_EQ(taken.get(), fd);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(inherited->Take("public", 2));
}

TEST_F(InheritedTest, WhatNobodyTakesIsClosed) {
  const auto listener = *loop_->ListenSocket(*Address::Parse("127.0.0.1:0"), {});
  const int fd = listener->Duplicate()->Release();
  Set("SLUICE_LISTENERS", "public:0:" + std::to_string(fd));
  EXPECT_TRUE(InheritedListeners::FromEnvironment().has_value());
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST_F(InheritedTest, MalformedVariablesAreRefused) {
  for (const char* text : {"public", "public:0", "public:x:1", "public:0:x", "public:0:-1",
                           "public:0:999999", "public:0:0"}) {
    Set("SLUICE_LISTENERS", text);
    const Result<InheritedListeners> inherited = InheritedListeners::FromEnvironment();
    ASSERT_FALSE(inherited.has_value()) << text;
    EXPECT_EQ(inherited.error().code, ErrorCode::kInvalidOption);
  }
  Set("SLUICE_READY_FD", "999999");
  EXPECT_FALSE(InheritedListeners::FromEnvironment().has_value());
}

TEST_F(InheritedTest, TheAcceptQueueOfAnAdoptedSocketIsNotLost) {
  auto listener = *loop_->ListenSocket(*Address::Parse("127.0.0.1:0"), {});
  Connected waiting;  // In the queue before anybody takes the socket over.
  Spawn(ConnectTo(*loop_, listener->local(), In(5s), waiting));
  ASSERT_TRUE(Until([&] { return waiting.done; }));
  const auto adopted = *loop_->Adopt(*listener->Duplicate());
  listener.reset();
  Connected accepted;
  Spawn(AcceptFrom(*adopted, accepted));
  ASSERT_TRUE(Until([&] { return accepted.done; }));
  EXPECT_NE(accepted.stream, nullptr);
}

}  // namespace
}  // namespace sluice::platform
