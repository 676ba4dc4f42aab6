#include "sluice/platform/sim/stream.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "sluice/platform/sim/connected_pair.h"
#include "sluice/platform/sim/connection.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLatency = 50us;

LinkOptions Narrow() {
  return {.send_buffer_bytes = 10, .receive_buffer_bytes = 20, .segment_bytes_max = 5};
}

struct Watcher final : HangupWatcher {
  void OnHangup() override { ++calls; }
  int calls = 0;
};

TEST(Stream, DeliversSegmentsInOrderOneLatencyLater) {
  ConnectedPair pair;
  Report sent;
  Report received;
  const SteadyTime start = pair.world.now();

  pair.Spawn(pair.client_loop,
             SendOnce(pair.client_loop, *pair.client, {"one ", "two ", "three"}, kNever, sent));
  EXPECT_TRUE(sent.done);
  pair.ServerReceives(received);
  EXPECT_FALSE(received.done);
  pair.RunUntilIdle();

  EXPECT_EQ(received.bytes, "one two three");
  EXPECT_EQ(received.at, start + kLatency);
}

TEST(Stream, ReceivesAtOnceWhatIsThere) {
  ConnectedPair pair;
  Report sent;
  Report received;
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();

  pair.ServerReceives(received);

  EXPECT_TRUE(received.done);
  EXPECT_EQ(received.bytes, "hello");
}

TEST(Stream, ReceivesAtMostWhatWasAskedFor) {
  ConnectedPair pair;
  Report sent;
  Report first;
  Report rest;
  pair.ClientSends("hello", sent);
  pair.RunUntilIdle();

  pair.ServerReceives(first, kNever, /*bytes_max=*/2);
  pair.ServerReceives(rest);

  EXPECT_EQ(first.bytes, "he");
  EXPECT_EQ(rest.bytes, "llo");
}

TEST(Stream, SendsNothingAtOnce) {
  ConnectedPair pair;
  Report sent;

  pair.Spawn(pair.client_loop, SendOnce(pair.client_loop, *pair.client, {}, kNever, sent));

  EXPECT_TRUE(sent.done);
  EXPECT_FALSE(sent.error);
}

TEST(Stream, SendsBothWaysAtOnce) {
  ConnectedPair pair;
  Report client_sent;
  Report server_sent;
  Report client_received;
  Report server_received;

  pair.ClientReceives(client_received);
  pair.ServerReceives(server_received);
  pair.ClientSends("ping", client_sent);
  pair.ServerSends("pong", server_sent);
  pair.RunUntilIdle();

  EXPECT_EQ(server_received.bytes, "ping");
  EXPECT_EQ(client_received.bytes, "pong");
}

TEST(Stream, HoldsASenderUpWhileItsReaderIsSlow) {
  ConnectedPair pair({.link = Narrow()});
  Report sent;
  Report received;
  const std::string bytes(100, 'x');
  pair.ClientSends(bytes, sent);
  pair.RunUntilIdle();
  EXPECT_FALSE(sent.done);  // 20 lie with the reader, 10 in our buffer.

  pair.Spawn(pair.server_loop, ReceiveAll(pair.server_loop, *pair.server, received));
  pair.RunUntilIdle();

  EXPECT_TRUE(sent.done);
  EXPECT_FALSE(sent.error);
  EXPECT_EQ(received.bytes, bytes);
  pair.CloseClient();
  pair.RunUntilIdle();
}

TEST(Stream, CompletesASendAsSoonAsItsBufferHoldsTheRest) {
  ConnectedPair pair({.link = Narrow()});
  Report sent;
  Report received;
  pair.ClientSends(std::string(31, 'x'), sent);
  pair.RunUntilIdle();
  EXPECT_FALSE(sent.done);

  pair.ServerReceives(received, kNever, /*bytes_max=*/1);
  const SteadyTime read_at = pair.world.now();
  pair.RunUntilIdle();

  EXPECT_TRUE(sent.done);
  EXPECT_EQ(sent.at, read_at + kLatency);  // The reader's grant has to come back.
}

TEST(Stream, KeepsToItsBandwidth) {
  ConnectedPair pair({.link = {.bytes_per_second = 1000, .segment_bytes_max = 100}});
  Report sent;
  Report received;
  const SteadyTime start = pair.world.now();
  pair.Spawn(pair.server_loop, ReceiveAll(pair.server_loop, *pair.server, received));
  pair.ClientSends(std::string(500, 'x'), sent);
  pair.CloseClient();

  pair.RunUntilIdle();

  EXPECT_EQ(received.at, start + 500ms + kLatency);
}

TEST(Stream, FailsAReceiveAtItsDeadline) {
  ConnectedPair pair;
  Report received;
  const SteadyTime deadline = pair.world.now() + 3s;

  pair.ServerReceives(received, deadline);
  pair.RunUntilIdle();

  EXPECT_EQ(received.error, ErrorCode::kTimeout);
  EXPECT_EQ(received.at, deadline);
}

TEST(Stream, ReceivesAgainAfterADeadline) {
  ConnectedPair pair;
  Report late;
  Report received;
  Report sent;
  pair.ServerReceives(late, pair.world.now() + 1s);
  pair.RunUntilIdle();
  ASSERT_EQ(late.error, ErrorCode::kTimeout);

  pair.ClientSends("after all", sent);
  pair.ServerReceives(received, pair.world.now() + 1s);
  pair.RunUntilIdle();

  EXPECT_EQ(received.bytes, "after all");
}

TEST(Stream, FailsASendAtItsDeadlineAndTakesBackTheRest) {
  ConnectedPair pair({.link = Narrow()});
  Report sent;
  Report received;
  const SteadyTime deadline = pair.world.now() + 3s;

  pair.ClientSends(std::string(100, 'x'), sent, deadline);
  pair.RunUntilIdle();
  EXPECT_EQ(sent.error, ErrorCode::kTimeout);
  EXPECT_EQ(sent.at, deadline);

  pair.CloseClient();
  pair.Spawn(pair.server_loop, ReceiveAll(pair.server_loop, *pair.server, received));
  pair.RunUntilIdle();
  EXPECT_EQ(received.bytes.size(), 30U);
}

TEST(Stream, FailsPendingAndLaterOperationsAfterCancel) {
  ConnectedPair pair({.link = Narrow()});
  Report pending_receive;
  Report pending_send;
  Report later_receive;
  Report later_send;
  pair.ClientReceives(pending_receive);
  pair.ClientSends(std::string(100, 'x'), pending_send);
  pair.RunUntilIdle();

  pair.CancelClient();
  EXPECT_EQ(pending_receive.error, ErrorCode::kCancelled);
  EXPECT_EQ(pending_send.error, ErrorCode::kCancelled);

  pair.CancelClient();
  pair.ClientReceives(later_receive);
  pair.ClientSends("x", later_send);
  EXPECT_EQ(later_receive.error, ErrorCode::kCancelled);
  EXPECT_EQ(later_send.error, ErrorCode::kCancelled);
}

TEST(Stream, EndsWithAnEmptyViewAgainAndAgain) {
  ConnectedPair pair;
  Report sent;
  Report received;
  Report first_end;
  Report second_end;
  pair.ClientSends("bye", sent);
  pair.CloseClient();
  pair.RunUntilIdle();

  pair.ServerReceives(received);
  pair.ServerReceives(first_end);
  pair.ServerReceives(second_end);

  EXPECT_EQ(received.bytes, "bye");
  EXPECT_TRUE(first_end.done && first_end.bytes.empty() && !first_end.error);
  EXPECT_TRUE(second_end.done && second_end.bytes.empty() && !second_end.error);
}

TEST(Stream, WakesAReceiverAtTheEnd) {
  ConnectedPair pair;
  Report received;
  pair.ServerReceives(received);

  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_TRUE(received.done);
  EXPECT_FALSE(received.error);
  EXPECT_EQ(received.bytes, "");
}

TEST(Stream, EndsOneDirectionAndKeepsTheOther) {
  ConnectedPair pair;
  Report end;
  Report sent;
  Report received;

  pair.client->ShutdownSend();
  pair.client->ShutdownSend();
  pair.ServerReceives(end);
  pair.RunUntilIdle();
  EXPECT_TRUE(end.done && end.bytes.empty() && !end.error);

  pair.ServerSends("still here", sent);
  pair.ClientReceives(received);
  pair.RunUntilIdle();
  EXPECT_EQ(received.bytes, "still here");
}

TEST(Stream, EndsBehindASendThatIsStillPending) {
  ConnectedPair pair({.link = Narrow()});
  Report sent;
  Report received;
  pair.ClientSends(std::string(100, 'x'), sent);
  pair.client->ShutdownSend();

  pair.Spawn(pair.server_loop, ReceiveAll(pair.server_loop, *pair.server, received));
  pair.RunUntilIdle();

  EXPECT_TRUE(sent.done && !sent.error);
  EXPECT_EQ(received.bytes.size(), 100U);
}

TEST(Stream, RefusesToSendAfterItsEnd) {
  ConnectedPair pair;
  Report sent;

  pair.client->ShutdownSend();
  pair.ClientSends("too late", sent);

  EXPECT_EQ(sent.error, ErrorCode::kConnectionReset);
}

TEST(Stream, ResetsOnCloseWhenTold) {
  ConnectedPair pair;
  Report received;
  Report sent;
  pair.ServerReceives(received);

  pair.client->ResetOnClose();
  pair.CloseClient();
  pair.RunUntilIdle();
  EXPECT_EQ(received.error, ErrorCode::kConnectionReset);

  pair.ServerSends("anybody?", sent);
  EXPECT_EQ(sent.error, ErrorCode::kConnectionReset);
}

TEST(Stream, ReadsWhatArrivedBeforeAReset) {
  ConnectedPair pair;
  Report sent;
  Report received;
  Report then;
  pair.ClientSends("last words", sent);
  pair.client->ResetOnClose();
  pair.CloseClient();
  pair.RunUntilIdle();

  pair.ServerReceives(received);
  pair.ServerReceives(then);

  EXPECT_EQ(received.bytes, "last words");
  EXPECT_EQ(then.error, ErrorCode::kConnectionReset);
}

TEST(Stream, LosesWhatArrivedBeforeAResetWhereTheLinkSaysSo) {
  ConnectedPair pair({.link = {.reset_discards_received = true}});
  Report sent;
  Report received;
  pair.ClientSends("last words", sent);
  pair.client->ResetOnClose();
  pair.CloseClient();
  pair.RunUntilIdle();

  pair.ServerReceives(received);

  EXPECT_EQ(received.error, ErrorCode::kConnectionReset);
}

TEST(Stream, FailsAPendingSendAtAReset) {
  ConnectedPair pair({.link = Narrow()});
  Report sent;
  pair.ClientSends(std::string(100, 'x'), sent);
  pair.RunUntilIdle();
  ASSERT_FALSE(sent.done);

  pair.server->ResetOnClose();
  pair.CloseServer();
  pair.RunUntilIdle();

  EXPECT_EQ(sent.error, ErrorCode::kConnectionReset);
}

TEST(Stream, ClosingWithBytesUnreadResets) {
  ConnectedPair pair;
  Report sent;
  Report received;
  pair.ClientSends("never read", sent);
  pair.RunUntilIdle();

  pair.CloseServer();
  pair.ClientReceives(received);
  pair.RunUntilIdle();

  EXPECT_EQ(received.error, ErrorCode::kConnectionReset);
}

TEST(Stream, BytesToAClosedEndReset) {
  ConnectedPair pair;
  Report first;
  Report end;
  Report second;
  pair.CloseServer();
  pair.RunUntilIdle();

  pair.ClientSends("into the void", first);  // Nobody knows yet.
  EXPECT_FALSE(first.error);
  pair.RunUntilIdle();
  pair.ClientSends("again", second);
  pair.ClientReceives(end);

  EXPECT_EQ(second.error, ErrorCode::kConnectionReset);
  EXPECT_TRUE(end.done && !end.error && end.bytes.empty());  // The end had come before the reset.
}

TEST(Stream, TellsAWatcherOnceThatThePeerEnded) {
  ConnectedPair pair;
  Watcher watcher;
  pair.server->WatchHangup(&watcher);
  pair.RunUntilIdle();
  EXPECT_EQ(watcher.calls, 0);

  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_EQ(watcher.calls, 1);
}

TEST(Stream, TellsAWatcherOfAReset) {
  ConnectedPair pair;
  Watcher watcher;
  pair.server->WatchHangup(&watcher);

  pair.client->ResetOnClose();
  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_EQ(watcher.calls, 1);
}

TEST(Stream, TellsAWatcherInTheCallWhenThePeerIsGoneAlready) {
  ConnectedPair pair;
  Watcher watcher;
  pair.CloseClient();
  pair.RunUntilIdle();

  pair.server->WatchHangup(&watcher);

  EXPECT_EQ(watcher.calls, 1);
}

TEST(Stream, TellsAWatcherThoughBytesAreUnread) {
  ConnectedPair pair;
  Watcher watcher;
  Report sent;
  pair.server->WatchHangup(&watcher);

  pair.ClientSends("one more request", sent);
  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_EQ(watcher.calls, 1);
}

TEST(Stream, TellsNoWatcherThatWasTakenBack) {
  ConnectedPair pair;
  Watcher watcher;
  pair.server->WatchHangup(&watcher);
  pair.server->WatchHangup(nullptr);

  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_EQ(watcher.calls, 0);
}

TEST(Stream, TellsAReceiverRatherThanAWatcher) {
  ConnectedPair pair;
  Watcher watcher;
  Report received;
  pair.server->WatchHangup(&watcher);
  pair.ServerReceives(received);

  pair.CloseClient();
  pair.RunUntilIdle();

  EXPECT_TRUE(received.done);
  EXPECT_EQ(watcher.calls, 0);
}

TEST(Stream, MayBeReadableForBytesAnEndOrAReset) {
  ConnectedPair idle;
  ConnectedPair bytes;
  ConnectedPair ended;
  ConnectedPair reset;
  Report sent;
  bytes.ClientSends("x", sent);
  ended.CloseClient();
  reset.client->ResetOnClose();
  reset.CloseClient();
  for (ConnectedPair* pair : {&idle, &bytes, &ended, &reset})
    pair->RunUntilIdle();

  EXPECT_FALSE(idle.server->MaybeReadable());
  EXPECT_TRUE(bytes.server->MaybeReadable());
  EXPECT_TRUE(ended.server->MaybeReadable());
  EXPECT_TRUE(reset.server->MaybeReadable());
}

TEST(Stream, KnowsBothAddresses) {
  const ConnectedPair pair;

  EXPECT_EQ(pair.client->peer().ToString(), "10.0.0.1:80");
  EXPECT_EQ(pair.client->local(), pair.server->peer());
  EXPECT_EQ(pair.server->local().ToString(), "10.0.0.1:80");
  EXPECT_EQ(pair.server->peer().ToString(), "10.0.0.2:32768");
}

TEST(StreamDeathTest, AllowsOneReceiveAtATime) {
  ConnectedPair pair;
  Report first;
  Report second;
  pair.ServerReceives(first);
  EXPECT_DEATH(pair.ServerReceives(second), "receive_ == nullptr");
  pair.CloseClient();
  pair.RunUntilIdle();
}

TEST(StreamDeathTest, AllowsOneSendAtATime) {
  ConnectedPair pair({.link = Narrow()});
  Report first;
  Report second;
  pair.ClientSends(std::string(100, 'x'), first);
  EXPECT_DEATH(pair.ClientSends("x", second), "send_ == nullptr");
  pair.CancelClient();
}

TEST(StreamDeathTest, MustNotBeDestroyedWhileAnOperationIsPending) {
  ConnectedPair pair;
  Report received;
  pair.ServerReceives(received);
  EXPECT_DEATH(pair.CloseServer(), "receive_ == nullptr");
  pair.CloseClient();
  pair.RunUntilIdle();
}

}  // namespace
}  // namespace sluice::sim
