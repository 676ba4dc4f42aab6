// What the tests of this folder share: a loop turned by the test, connected streams, a folder.
// Part of the tests, not of the library.

#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "sluice/contract/loop.h"
#include "sluice/contract/task.h"
#include "sluice/contract/task_group.h"
#include "sluice/platform/linux/clock.h"
#include "sluice/platform/linux/loop.h"

namespace sluice::platform {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.

// A folder that is gone at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// What became of one operation.
struct Done {
  bool done = false;
  std::string bytes;  // Of a receive; empty at the end of the stream.
  std::optional<Error> error;
  SteadyTime at{};

  [[nodiscard]] bool Failed(ErrorCode code) const {
    return done && error.has_value() && error->code == code;
  }
  [[nodiscard]] bool Ended() const { return done && !error.has_value() && bytes.empty(); }
};

inline Task<void> ReceiveOnce(Loop& loop,
                              Stream& stream,
                              SteadyTime deadline,
                              Done& out,
                              Bytes bytes_max = Stream::kHotBufferBytes) {
  const Result<ByteView> received = co_await stream.Receive(deadline, bytes_max);
  out = {.done = true, .at = loop.now()};
  if (received) {
    out.bytes = std::string(*received);
  } else {
    out.error = received.error();
  }
}

// `text` is the caller's to keep only until this returns.
inline Task<void> SendOnce(
    Loop& loop, Stream& stream, std::vector<ByteView> segments, SteadyTime deadline, Done& out) {
  const Result<void> sent = co_await stream.Send(segments, deadline);
  out = {.done = true, .at = loop.now()};
  if (!sent) out.error = sent.error();
}

struct Connected {
  std::unique_ptr<Stream> stream;
  std::optional<Error> error;
  bool done = false;
};

inline Task<void> ConnectTo(Loop& loop, Address address, SteadyTime deadline, Connected& out) {
  Result<std::unique_ptr<Stream>> stream = co_await loop.Connect(std::move(address), deadline);
  out.done = true;
  if (stream) {
    out.stream = std::move(*stream);
  } else {
    out.error = stream.error();
  }
}

inline Task<void> AcceptFrom(Listener& listener, Connected& out) {
  Result<std::unique_ptr<Stream>> stream = co_await listener.Accept();
  out.done = true;
  if (stream) {
    out.stream = std::move(*stream);
  } else {
    out.error = stream.error();
  }
}

class LoopTest : public testing::Test {
 protected:
  LoopTest() : loop_(*EpollLoop::Create(Options())) {}
  ~LoopTest() override { EXPECT_EQ(group_.running(), 0U) << "a task was never completed"; }

  static EpollLoopOptions Options() { return {}; }

  void Spawn(Task<void> task) {
    loop_->Enter([this, &task] { group_.Spawn(std::move(task)); });
  }

  // Turns the loop until `condition` holds; fails after ten seconds.
  template <typename Condition>
  testing::AssertionResult Until(const Condition& condition) {
    const SteadyTime give_up = ReadSteadyClock() + 10s;
    while (!condition()) {
      if (ReadSteadyClock() > give_up) return testing::AssertionFailure() << "not within 10 s";
      loop_->RunOnce(50ms);
    }
    return testing::AssertionSuccess();
  }

  // A few turns that do not wait: whatever is ready happens.
  void Turn(int times = 3) {
    for (int i = 0; i < times; ++i) {
      loop_->RunOnce(0ms);
    }
  }

  [[nodiscard]] SteadyTime In(Nanos span) const { return ReadSteadyClock() + span; }

  std::unique_ptr<EpollLoop> loop_;
  TaskGroup group_;
};

// Both ends of one connection in one loop, over TCP and over a Unix socket.
enum class Transport : std::uint8_t { kTcp, kUnix };

class PairTest : public LoopTest, public testing::WithParamInterface<Transport> {
 protected:
  void SetUp() override {
    const Address address = GetParam() == Transport::kTcp ? *Address::Parse("127.0.0.1:0")
                                                          : Address::Unix(folder_ / "socket");
    listener_ = *loop_->ListenSocket(address, {});
    MakePair(client_, server_);
  }

  void MakePair(std::unique_ptr<Stream>& client, std::unique_ptr<Stream>& server) {
    Connected connected;
    Connected accepted;
    Spawn(ConnectTo(*loop_, listener_->local(), In(5s), connected));
    Spawn(AcceptFrom(*listener_, accepted));
    ASSERT_TRUE(Until([&] { return connected.done && accepted.done; }));
    ASSERT_FALSE(connected.error.has_value()) << connected.error->detail;
    client = std::move(connected.stream);
    server = std::move(accepted.stream);
  }

  ScratchFolder folder_;
  std::unique_ptr<SocketListener> listener_;
  std::unique_ptr<Stream> client_;
  std::unique_ptr<Stream> server_;
};

inline std::string NameOfTransport(const testing::TestParamInfo<Transport>& info) {
  return info.param == Transport::kTcp ? "Tcp" : "Unix";
}

}  // namespace sluice::platform
