// The promise that steady state allocates nothing, in an executable of its own: it replaces the
// global operator new.

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sluice/contract/allocation_count.h"
#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

// What one side does again and again; `rounds` counts how often it was answered.
struct Player {
  std::string message;
  int rounds = 0;
};

Task<void> Ask(Loop& loop, Stream& stream, Player& player) {
  const std::array<ByteView, 2> segments = {player.message, "!"};
  while (true) {
    const SteadyTime deadline = loop.now() + 5s;
    const Result<void> sent = co_await stream.Send(segments, deadline);
    if (!sent) co_return;
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received || received->empty()) co_return;
    ++player.rounds;
  }
}

// Answers one byte to every message of `bytes` bytes.
Task<void> Answer(Loop& loop, Stream& stream, Bytes bytes) {
  const std::array<ByteView, 1> answer = {"k"};
  while (true) {
    const SteadyTime deadline = loop.now() + 60s;
    for (Bytes got = 0; got < bytes;) {
      const Result<ByteView> received = co_await stream.Receive(deadline);
      if (!received || received->empty()) co_return;
      got += received->size();
    }
    const Result<void> sent = co_await stream.Send(answer, deadline);
    if (!sent) co_return;
  }
}

Task<void> SleepAgainAndAgain(Loop& loop, int& naps, int naps_max) {
  while (naps < naps_max) {
    co_await loop.SleepUntil(loop.now() + 100us);
    ++naps;
  }
}

class AllocationTest : public PairTest {
 protected:
  // Allocations of `rounds` more round trips of `message`.
  std::int64_t AllocationsOf(std::string message, int rounds) {
    Player player{.message = std::move(message)};
    Spawn(Answer(*loop_, *server_, player.message.size() + 1));
    Spawn(Ask(*loop_, *client_, player));
    EXPECT_TRUE(Until([&] { return player.rounds > 10; }));
    const std::uint64_t before = AllocationCount();
    const int wanted = player.rounds + rounds;
    EXPECT_TRUE(Until([&] { return player.rounds >= wanted; }));
    const std::uint64_t after = AllocationCount();
    client_->Cancel();
    server_->Cancel();
    EXPECT_TRUE(Until([&] { return group_.running() == 0; }));
    return after - before;
  }
};
INSTANTIATE_TEST_SUITE_P(Both,
                         AllocationTest,
                         testing::Values(Transport::kTcp, Transport::kUnix),
                         NameOfTransport);

TEST_P(AllocationTest, ARoundTripAllocatesNothing) {
  EXPECT_EQ(AllocationsOf(std::string(128, 'x'), 1'000), 0);
}

TEST_P(AllocationTest, ASendThatTheKernelTakesInPartsAllocatesNothing) {
  // Accepted sockets inherit the small buffer; so it is the accepted side that asks here.
  const int buffer_bytes = 64 * 1024;
  ASSERT_EQ(
      ::setsockopt(listener_->fd(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes)), 0);
  MakePair(server_, client_);
  EXPECT_EQ(AllocationsOf(std::string(kMiB, 'x'), 20), 0);
  EXPECT_GT(loop_->reactor().spill_pool().spares(), 0U);
}

TEST_P(AllocationTest, TimersAllocateNothing) {
  int naps = 0;
  Spawn(SleepAgainAndAgain(*loop_, naps, 100));
  ASSERT_TRUE(Until([&] { return naps > 10; }));
  const std::uint64_t before = AllocationCount();
  ASSERT_TRUE(Until([&] { return naps == 100; }));
  EXPECT_EQ(AllocationCount() - before, 0);
}

Task<void> ReceiveAndKeep(Loop& loop, Stream& stream, int& kept) {
  while (true) {
    const SteadyTime deadline = loop.now() + 5s;
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received || received->empty()) co_return;
    const ReceiveBuffer buffer = loop.KeepReceiveBuffer();
    const std::array<ByteView, 1> back = {*received};
    const Result<void> sent = co_await stream.Send(back, deadline);
    if (!sent) co_return;
    ++kept;
  }
}

TEST_P(AllocationTest, KeepingTheReceiveBufferAllocatesNothing) {
  Player player{.message = "keep"};
  int kept = 0;
  Spawn(ReceiveAndKeep(*loop_, *server_, kept));
  Spawn(Ask(*loop_, *client_, player));
  ASSERT_TRUE(Until([&] { return kept > 10; }));
  const std::uint64_t before = AllocationCount();
  ASSERT_TRUE(Until([&] { return kept > 200; }));
  EXPECT_EQ(AllocationCount() - before, 0);
  client_->Cancel();
  server_->Cancel();
  EXPECT_TRUE(Until([&] { return group_.running() == 0; }));
}

}  // namespace
}  // namespace sluice::platform
