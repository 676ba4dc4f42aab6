#include "sluice/platform/linux/socket_stream.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/linux/loop_fixture.h"

namespace sluice::platform {
namespace {

constexpr Bytes kLarge = 8 * kMiB;  // More than any socket buffer here takes at once.

std::string Pattern(Bytes bytes) {
  std::string text(bytes, '\0');
  for (Bytes i = 0; i < bytes; ++i) {
    text[i] = static_cast<char>(i * 31 + i / 997);
  }
  return text;
}

Task<void> ReceiveUntilEnd(Stream& stream, SteadyTime deadline, std::string& bytes, bool& ended) {
  while (true) {
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received) co_return;
    if (received->empty()) break;
    bytes += *received;
  }
  ended = true;
}

Task<void> Echo(Stream& stream, SteadyTime deadline) {
  while (true) {
    const Result<ByteView> received = co_await stream.Receive(deadline);
    if (!received || received->empty()) co_return;
    const std::array<ByteView, 1> back = {*received};
    const Result<void> sent = co_await stream.Send(back, deadline);
    if (!sent) co_return;
  }
}

class Hangups final : public HangupWatcher {
 public:
  void OnHangup() override { ++count; }
  int count = 0;
};

using SocketStreamTest = PairTest;
INSTANTIATE_TEST_SUITE_P(Both,
                         SocketStreamTest,
                         testing::Values(Transport::kTcp, Transport::kUnix),
                         NameOfTransport);

TEST_P(SocketStreamTest, EchoesWhatIsSent) {
  Spawn(Echo(*server_, In(10s)));
  for (const std::string_view text : {"one", "two", "three"}) {
    Done sent;
    Done received;
    Spawn(SendOnce(*loop_, *client_, {text}, In(5s), sent));
    Spawn(ReceiveOnce(*loop_, *client_, In(5s), received));
    ASSERT_TRUE(Until([&] { return received.done; }));
    EXPECT_TRUE(sent.done);
    EXPECT_EQ(received.bytes, text);
  }
  client_.reset();
  EXPECT_TRUE(Until([&] { return group_.running() == 0; }));
}

TEST_P(SocketStreamTest, SendsManySegmentsInOrderAndSkipsEmptyOnes) {
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 50; ++i) {  // More than one sendmsg takes.
    texts.push_back(i % 7 == 3 ? std::string() : "segment " + std::to_string(i) + ";");
    all += texts.back();
  }
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {texts.begin(), texts.end()}, In(5s), sent));
  EXPECT_TRUE(sent.done);
  client_->ShutdownSend();
  std::string received;
  bool ended = false;
  Spawn(ReceiveUntilEnd(*server_, In(5s), received, ended));
  ASSERT_TRUE(Until([&] { return ended; }));
  EXPECT_EQ(received, all);
}

TEST_P(SocketStreamTest, SendingNothingCompletesAtOnce) {
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {}, In(5s), sent));
  EXPECT_TRUE(sent.done);
  EXPECT_FALSE(sent.error.has_value());
}

TEST_P(SocketStreamTest, ASlowReaderGetsAllAndTheSenderWaitsForIt) {
  std::string text = Pattern(kLarge);
  const std::string expected = text;
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {ByteView(text).substr(0, 5), ByteView(text).substr(5)}, In(30s),
                 sent));
  std::fill(text.begin(), text.end(), 'x');  // The segments are the caller's again.
  Turn();
  EXPECT_FALSE(sent.done);
  client_->ShutdownSend();  // Takes effect after what was sent.

  std::string received;
  bool ended = false;
  Spawn(ReceiveUntilEnd(*server_, In(30s), received, ended));
  ASSERT_TRUE(Until([&] { return ended; }));
  EXPECT_TRUE(sent.done);
  EXPECT_FALSE(sent.error.has_value());
  EXPECT_EQ(received.size(), expected.size());
  EXPECT_TRUE(received == expected);
  EXPECT_LE(loop_->reactor().spill_pool().spares(), SpillPool::kSparesMax);
}

TEST_P(SocketStreamTest, ASendTimesOutWhenNobodyReads) {
  const std::string text = Pattern(kLarge);
  Done sent;
  const SteadyTime deadline = In(20ms);
  Spawn(SendOnce(*loop_, *client_, {text}, deadline, sent));
  ASSERT_TRUE(Until([&] { return sent.done; }));
  EXPECT_TRUE(sent.Failed(ErrorCode::kTimeout));
  EXPECT_GE(sent.at, deadline);
}

TEST_P(SocketStreamTest, AReceiveTimesOutAtItsDeadline) {
  Done received;
  const SteadyTime deadline = In(10ms);
  Spawn(ReceiveOnce(*loop_, *server_, deadline, received));
  ASSERT_TRUE(Until([&] { return received.done; }));
  EXPECT_TRUE(received.Failed(ErrorCode::kTimeout));
  EXPECT_GE(received.at, deadline);
}

TEST_P(SocketStreamTest, ATimedOutReceiveLosesNothing) {
  Done first;
  Spawn(ReceiveOnce(*loop_, *server_, In(1ms), first));
  ASSERT_TRUE(Until([&] { return first.done; }));
  Done sent;
  Done second;
  Spawn(SendOnce(*loop_, *client_, {"late"}, In(5s), sent));
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), second));
  ASSERT_TRUE(Until([&] { return second.done; }));
  EXPECT_EQ(second.bytes, "late");
}

TEST_P(SocketStreamTest, TheDeadlineOfAnEarlierReceiveDoesNotEndALaterOne) {
  Done sent;
  Done first;
  Done second;
  Spawn(SendOnce(*loop_, *client_, {"x"}, In(5s), sent));
  Spawn(ReceiveOnce(*loop_, *server_, In(5ms), first));
  ASSERT_TRUE(Until([&] { return first.done; }));
  const SteadyTime deadline = In(40ms);
  Spawn(ReceiveOnce(*loop_, *server_, deadline, second));
  ASSERT_TRUE(Until([&] { return second.done; }));
  EXPECT_TRUE(second.Failed(ErrorCode::kTimeout));
  EXPECT_GE(second.at, deadline);
}

TEST_P(SocketStreamTest, AnEarlierDeadlineMovesTheTimerForward) {
  Done sent;
  Done first;
  Done second;
  Spawn(ReceiveOnce(*loop_, *server_, In(1h), first));
  Turn();
  Spawn(SendOnce(*loop_, *client_, {"x"}, In(5s), sent));
  ASSERT_TRUE(Until([&] { return first.done; }));
  Spawn(ReceiveOnce(*loop_, *server_, In(5ms), second));
  ASSERT_TRUE(Until([&] { return second.done; }));
  EXPECT_TRUE(second.Failed(ErrorCode::kTimeout));
}

TEST_P(SocketStreamTest, ARequestMovesNoTimerInSteadyState) {
  Spawn(Echo(*server_, In(1h)));
  Done warm;
  Done received;
  Spawn(SendOnce(*loop_, *client_, {"x"}, In(1h), warm));
  Spawn(ReceiveOnce(*loop_, *client_, In(1h), received));
  ASSERT_TRUE(Until([&] { return received.done; }));
  const std::size_t armed = loop_->reactor().timers().armed();
  const SteadyTime next = loop_->reactor().timers().NextDue();
  for (int i = 0; i < 10; ++i) {
    Done sent;
    received = {};
    Spawn(SendOnce(*loop_, *client_, {"x"}, In(2h), sent));
    Spawn(ReceiveOnce(*loop_, *client_, In(2h), received));
    ASSERT_TRUE(Until([&] { return received.done; }));
  }
  EXPECT_EQ(loop_->reactor().timers().armed(), armed);
  EXPECT_EQ(loop_->reactor().timers().NextDue(), next);
  client_.reset();
  EXPECT_TRUE(Until([&] { return group_.running() == 0; }));
}

TEST_P(SocketStreamTest, CancelEndsBothPendingOperationsAndAllLaterOnes) {
  const std::string text = Pattern(kLarge);
  Done sent;
  Done received;
  Spawn(SendOnce(*loop_, *client_, {text}, kNever, sent));
  Spawn(ReceiveOnce(*loop_, *client_, kNever, received));
  Turn();
  EXPECT_FALSE(sent.done || received.done);
  client_->Cancel();
  client_->Cancel();
  EXPECT_FALSE(sent.done || received.done);  // Through the run queue, not within the call.
  Turn(1);
  EXPECT_TRUE(sent.Failed(ErrorCode::kCancelled));
  EXPECT_TRUE(received.Failed(ErrorCode::kCancelled));
  Done later_send;
  Done later_receive;
  Spawn(SendOnce(*loop_, *client_, {"x"}, kNever, later_send));
  Spawn(ReceiveOnce(*loop_, *client_, kNever, later_receive));
  EXPECT_TRUE(later_send.Failed(ErrorCode::kCancelled));
  EXPECT_TRUE(later_receive.Failed(ErrorCode::kCancelled));
}

TEST_P(SocketStreamTest, TheEndOfStreamComesAfterAllBytesAndAgainWhenAskedAgain) {
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"last words"}, In(5s), sent));
  client_->ShutdownSend();
  client_->ShutdownSend();
  Done first;
  Done second;
  Done third;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), first));
  ASSERT_TRUE(Until([&] { return first.done; }));
  EXPECT_EQ(first.bytes, "last words");
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), second));
  ASSERT_TRUE(Until([&] { return second.done; }));
  EXPECT_TRUE(second.Ended());
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), third));
  EXPECT_TRUE(third.Ended());
}

TEST_P(SocketStreamTest, AHalfClosedPeerCanStillBeAnswered) {
  client_->ShutdownSend();
  Done end;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), end));
  ASSERT_TRUE(Until([&] { return end.done; }));
  Done sent;
  Done answer;
  Spawn(SendOnce(*loop_, *server_, {"answer"}, In(5s), sent));
  Spawn(ReceiveOnce(*loop_, *client_, In(5s), answer));
  ASSERT_TRUE(Until([&] { return answer.done; }));
  EXPECT_EQ(answer.bytes, "answer");
}

TEST_P(SocketStreamTest, BytesMaxBoundsOneReceiveAndTheRestComesNext) {
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"abcdef"}, In(5s), sent));
  std::string all;
  while (all.size() < 6) {
    Done part;
    Spawn(ReceiveOnce(*loop_, *server_, In(5s), part, /*bytes_max=*/4));
    ASSERT_TRUE(Until([&] { return part.done; }));
    ASSERT_FALSE(part.error.has_value());
    EXPECT_LE(part.bytes.size(), 4U);
    all += part.bytes;
  }
  EXPECT_EQ(all, "abcdef");
}

TEST_P(SocketStreamTest, SendingToAPeerThatIsGoneFails) {
  server_.reset();
  Turn();
  Done sent;
  // TCP learns it from the answer to the first bytes.
  ASSERT_TRUE(Until([&] {
    if (!sent.error) Spawn(SendOnce(*loop_, *client_, {"x"}, In(5s), sent));
    return sent.error.has_value();
  }));
  EXPECT_TRUE(sent.Failed(ErrorCode::kConnectionReset));
}

TEST_P(SocketStreamTest, APendingSendFailsWhenThePeerGoes) {
  const std::string text = Pattern(kLarge);
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {text}, In(5s), sent));
  Turn();
  ASSERT_FALSE(sent.done);
  server_.reset();
  ASSERT_TRUE(Until([&] { return sent.done; }));
  EXPECT_TRUE(sent.Failed(ErrorCode::kConnectionReset));
}

TEST_P(SocketStreamTest, HangupIsToldOnceWhileNobodyReceives) {
  Hangups watcher;
  server_->WatchHangup(&watcher);
  Turn();
  EXPECT_EQ(watcher.count, 0);
  client_.reset();
  ASSERT_TRUE(Until([&] { return watcher.count > 0; }));
  Turn();
  EXPECT_EQ(watcher.count, 1);
}

TEST_P(SocketStreamTest, AHangupThatIsKnownAlreadyIsToldWithinTheCall) {
  client_.reset();
  ASSERT_TRUE(Until([&] { return server_->MaybeReadable(); }));
  Turn();
  Hangups watcher;
  server_->WatchHangup(&watcher);
  EXPECT_EQ(watcher.count, 1);
}

TEST_P(SocketStreamTest, HangupBehindUnreadBytesIsToldToo) {
  Hangups watcher;
  server_->WatchHangup(&watcher);
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"pipelined"}, In(5s), sent));
  client_.reset();
  ASSERT_TRUE(Until([&] { return watcher.count > 0; }));
  Done received;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), received));
  EXPECT_EQ(received.bytes, "pipelined");
}

TEST_P(SocketStreamTest, HangupThatArrivesWithBytesIsToldWhenTheReceiverStops) {
  Hangups watcher;
  server_->WatchHangup(&watcher);
  Done received;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), received));
  Turn();
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {"bye"}, In(5s), sent));
  client_.reset();
  ASSERT_TRUE(Until([&] { return watcher.count > 0; }));
  EXPECT_EQ(received.bytes, "bye");
  EXPECT_EQ(watcher.count, 1);
}

TEST_P(SocketStreamTest, AWatcherThatWasTakenBackHearsNothing) {
  Hangups watcher;
  server_->WatchHangup(&watcher);
  server_->WatchHangup(nullptr);
  client_.reset();
  ASSERT_TRUE(Until([&] { return server_->MaybeReadable(); }));
  Turn();
  EXPECT_EQ(watcher.count, 0);
}

TEST_P(SocketStreamTest, AConnectedStreamIsMaybeReadableOnlyWhenThePeerSentSomething) {
  Turn();
  EXPECT_FALSE(client_->MaybeReadable());
  Done sent;
  Spawn(SendOnce(*loop_, *server_, {"unasked"}, In(5s), sent));
  EXPECT_TRUE(Until([&] { return client_->MaybeReadable(); }));
}

TEST_P(SocketStreamTest, AStreamWithManyOperationsReadyLetsOthersGoFirst) {
  std::unique_ptr<Stream> other_client;
  std::unique_ptr<Stream> other_server;
  MakePair(other_client, other_server);
  Done sent;
  const std::string text = Pattern(64 * kKiB);
  Spawn(SendOnce(*loop_, *client_, {text}, In(5s), sent));
  struct Counter {
    int receives = 0;
    static Task<void> Count(Stream& stream, SteadyTime deadline, Counter& counter) {
      while (true) {
        const Result<ByteView> received = co_await stream.Receive(deadline, 1);
        if (!received || received->empty()) co_return;
        ++counter.receives;
      }
    }
  } counter;
  Spawn(Counter::Count(*server_, In(10s), counter));
  Turn(1);
  int turns = 1;
  Done other_sent;
  Done other;
  Spawn(ReceiveOnce(*loop_, *other_server, In(5s), other));
  Spawn(SendOnce(*loop_, *other_client, {"small"}, In(5s), other_sent));
  for (; !other.done && turns < 10; ++turns) {
    loop_->RunOnce(0ms);
  }
  EXPECT_EQ(other.bytes, "small");
  EXPECT_LE(counter.receives, (turns + 1) * SocketStream::kOperationsPerTurn);
  EXPECT_GE(counter.receives, turns);
  client_->ShutdownSend();
  ASSERT_TRUE(Until([&] { return group_.running() == 0; }));
  EXPECT_EQ(counter.receives, static_cast<int>(text.size()));  // Nothing was lost on the way.
}

TEST_P(SocketStreamTest, AStreamThatSendsWithoutEndLetsTheLoopTurn) {
  struct Sender {
    int sends = 0;
    static Task<void> Run(Stream& stream, SteadyTime deadline, Sender& sender) {
      const std::array<ByteView, 1> segments = {"x"};
      while (true) {
        const Result<void> sent = co_await stream.Send(segments, deadline);
        if (!sent) co_return;
        ++sender.sends;
      }
    }
  } sender;
  Spawn(Sender::Run(*client_, In(10s), sender));
  EXPECT_LE(sender.sends, SocketStream::kOperationsPerTurn);
  const int before = sender.sends;
  loop_->RunOnce(0ms);
  EXPECT_GT(sender.sends, before);
  EXPECT_LE(sender.sends, before + SocketStream::kOperationsPerTurn + 1);
  client_->Cancel();
  Turn();
}

TEST_P(SocketStreamTest, KnowsBothOfItsAddresses) {
  if (GetParam() == Transport::kUnix) {
    EXPECT_EQ(client_->peer(), listener_->local());
    EXPECT_EQ(server_->local(), listener_->local());
    return;
  }
  EXPECT_EQ(client_->peer(), listener_->local());
  EXPECT_EQ(server_->local(), listener_->local());
  EXPECT_EQ(server_->peer(), client_->local());
  EXPECT_NE(client_->local().port(), 0);
}

using SocketResetTest = PairTest;  // Unix sockets know no reset.
INSTANTIATE_TEST_SUITE_P(Tcp, SocketResetTest, testing::Values(Transport::kTcp), NameOfTransport);

TEST_P(SocketResetTest, ResetOnCloseResetsThePeer) {
  Done received;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), received));
  client_->ResetOnClose();
  client_.reset();
  ASSERT_TRUE(Until([&] { return received.done; }));
  EXPECT_TRUE(received.Failed(ErrorCode::kConnectionReset));
  Done again;
  Spawn(ReceiveOnce(*loop_, *server_, In(5s), again));
  EXPECT_TRUE(again.Failed(ErrorCode::kConnectionReset));  // And not a clean end.
}

TEST_P(SocketResetTest, AResetIsAHangup) {
  Hangups watcher;
  server_->WatchHangup(&watcher);
  client_->ResetOnClose();
  client_.reset();
  EXPECT_TRUE(Until([&] { return watcher.count == 1; }));
}

TEST_P(SocketResetTest, AnEarlyAnswerCanBeReadAfterTheSendFailed) {
  const std::string text = Pattern(kLarge);
  Done sent;
  Spawn(SendOnce(*loop_, *client_, {text}, In(5s), sent));
  Done answered;
  Spawn(SendOnce(*loop_, *server_, {"413"}, In(5s), answered));
  Turn();
  server_.reset();  // With bytes unread: a reset.
  ASSERT_TRUE(Until([&] { return sent.done; }));
  Done first;
  Done second;
  Spawn(ReceiveOnce(*loop_, *client_, In(5s), first));
  ASSERT_TRUE(Until([&] { return first.done; }));
  Spawn(ReceiveOnce(*loop_, *client_, In(5s), second));
  ASSERT_TRUE(Until([&] { return second.done; }));
  EXPECT_EQ(first.bytes, "413");
  EXPECT_TRUE(second.Failed(ErrorCode::kConnectionReset));
}

TEST(SocketStream, AnIdleStreamIsSmall) {
  RecordProperty("sizeof_stream", static_cast<int>(sizeof(SocketStream)));
  EXPECT_LE(sizeof(SocketStream), 384U);
}

}  // namespace
}  // namespace sluice::platform
