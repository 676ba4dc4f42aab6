// The promises about views of received bytes: how long they live, and that a dead one is seen.

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "sluice/platform/sim/connected_pair.h"
#include "sluice/platform/sim/poison.h"

namespace sluice::sim {
namespace {

// Dead memory reads as 0xDD, and under AddressSanitizer must not be read at all.
bool IsDead(ByteView view) {
  if (IsPoisoned(view.data())) return true;
  return view.front() == static_cast<char>(kDeadByte);
}

Task<void> TakeView(sluice::Stream& stream, ByteView& view) {
  const Result<ByteView> received = co_await stream.Receive(kNever);
  view = *received;
}

Task<void> KeepView(Loop& loop, sluice::Stream& stream, ByteView& view, ReceiveBuffer& kept) {
  const Result<ByteView> received = co_await stream.Receive(kNever);
  view = *received;
  kept = loop.KeepReceiveBuffer();
}

Task<void> TakeTwoViews(sluice::Stream& stream, bool& first_is_dead) {
  const Result<ByteView> first = co_await stream.Receive(kNever, /*bytes_max=*/1);
  const Result<ByteView> second = co_await stream.Receive(kNever, /*bytes_max=*/1);
  first_is_dead = IsDead(*first) && !IsDead(*second);
}

TEST(ReceiveBuffer, DiesWithTheTurn) {
  ConnectedPair pair;
  Report sent;
  ByteView view;
  pair.Spawn(pair.server_loop, TakeView(*pair.server, view));
  pair.ClientSends("hello", sent);

  pair.RunUntilIdle();

  ASSERT_EQ(view.size(), 5U);
  EXPECT_TRUE(IsDead(view));
}

TEST(ReceiveBuffer, DiesWithTheNextReceive) {
  ConnectedPair pair;
  Report sent;
  bool first_is_dead = false;
  pair.ClientSends("ab", sent);
  pair.RunUntilIdle();

  pair.Spawn(pair.server_loop, TakeTwoViews(*pair.server, first_is_dead));

  EXPECT_TRUE(first_is_dead);
}

TEST(ReceiveBuffer, LivesAsLongAsItIsKept) {
  ConnectedPair pair;
  Report sent;
  Report received;
  ByteView view;
  ReceiveBuffer kept;
  pair.Spawn(pair.server_loop, KeepView(pair.server_loop, *pair.server, view, kept));
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();
  EXPECT_EQ(pair.server_loop.kept_buffers(), 1U);

  pair.ClientSends("other", sent);
  pair.ServerReceives(received);
  pair.RunUntilIdle();

  EXPECT_EQ(received.bytes, "other");
  EXPECT_EQ(view, "hello");
  kept.Release();
  EXPECT_EQ(pair.server_loop.kept_buffers(), 0U);
  EXPECT_TRUE(IsDead(view));
}

TEST(ReceiveBufferDeathTest, CannotBeKeptAfterTheTurn) {
  ConnectedPair pair;
  Report sent;
  ByteView view;
  pair.Spawn(pair.server_loop, TakeView(*pair.server, view));
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();

  EXPECT_DEATH((void)pair.server_loop.KeepReceiveBuffer(), "last_filled_");
}

}  // namespace
}  // namespace sluice::sim
