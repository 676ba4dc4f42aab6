#include "sluice/traffic/connection.h"

#include <array>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/network_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;
using Server = SimulatedServer<sim::World>;

using namespace std::chrono_literals;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);

Task<void> Connect(Loop& loop, ConnectionLimits limits, std::unique_ptr<Connection>& connection) {
  Result<std::unique_ptr<Stream>> stream = co_await loop.Connect(kServer, kNever);
  connection = std::make_unique<Connection>(loop, std::move(*stream), limits);
}

Task<void> SendRequest(Connection& connection) {
  connection.output() = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::array<ByteView, 1> segments{connection.output()};
  const Result<void> sent = co_await connection.stream().Send(segments, kNever);
  if (sent) connection.MarkRequestSent();
}

Task<void> ReceiveHead(Loop& loop,
                       Connection& connection,
                       wire::Method method,
                       SteadyTime deadline,
                       Outcome& outcome) {
  const Result<void> head = co_await connection.ReceiveHead(method, deadline);
  outcome.Take(head, loop.now());
}

// Decodes the leftover, then what comes, to the end of the body.
Task<void> ReadBody(Connection& connection, std::string& body, Outcome& outcome) {
  ByteView input = connection.leftover();
  for (;;) {
    while (!input.empty() && !connection.decoder().finished()) {
      const Result<wire::BodyPiece> piece = connection.Decode(input);
      if (!piece) {
        outcome.Take(piece, SteadyTime{});
        co_return;
      }
      body += piece->data;
    }
    connection.ReleaseLeftover();
    if (connection.decoder().finished()) break;
    const Result<ByteView> received = co_await connection.stream().Receive(kNever);
    if (!received || received->empty()) {
      const Result<void> finished = connection.decoder().FinishAtClose();
      outcome.Take(finished, SteadyTime{});
      co_return;
    }
    input = *received;
  }
  const Result<void> whole;
  outcome.Take(whole, SteadyTime{});
}

class ConnectionTest : public testing::Test {
 protected:
  explicit ConnectionTest(ConnectionLimits limits = {}) : server_(client_.world, kServer) {
    client_.Spawn(Connect(client_.loop, limits, connection_));
    client_.Settle();
    connection_->Begin();
  }
  ~ConnectionTest() override {
    const auto close = [&] { connection_.reset(); };
    client_.Enter(close);
    server_.CloseAll();
    client_.Settle();
  }

  void Request() {
    client_.Spawn(SendRequest(*connection_));
    client_.Settle();
  }
  // The server sends `bytes`; the client has asked and receives a head.
  void Exchange(std::string bytes, wire::Method method = wire::Method::kGet) {
    Request();
    client_.Spawn(ReceiveHead(client_.loop, *connection_, method, kNever, head_));
    server_.Send(0, std::move(bytes));
    client_.Settle();
  }
  void Body() {
    client_.Spawn(ReadBody(*connection_, body_, body_outcome_));
    client_.Settle();
  }

  Client client_;
  Server server_;
  std::unique_ptr<Connection> connection_;
  Outcome head_;
  Outcome body_outcome_;
  std::string body_;
};

void ExpectFailure(const Outcome& outcome, ErrorCode code, RetryAdvice retry) {
  ASSERT_TRUE(outcome.done);
  ASSERT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.error.code, code) << NameOf(outcome.error.code);
  EXPECT_EQ(outcome.error.side, Side::kUpstream);
  EXPECT_EQ(outcome.error.retry, retry);
}

TEST_F(ConnectionTest, ReceivesAHeadInOnePiece) {
  Exchange("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n");
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(connection_->head().status, 204);
  EXPECT_EQ(connection_->head().headers.Find("x-a")->value, "b");
  EXPECT_TRUE(connection_->leftover().empty());
  EXPECT_TRUE(connection_->decoder().finished());
  EXPECT_EQ(connection_->head_bytes(), 35U);
}

TEST_F(ConnectionTest, ReceivesAHeadByteByByte) {
  Request();
  client_.Spawn(ReceiveHead(client_.loop, *connection_, wire::Method::kGet, kNever, head_));
  for (const char c : kOk) {
    EXPECT_FALSE(head_.done && c != 'o' && c != 'k');
    server_.Send(0, std::string(1, c));
    client_.Settle();
  }
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(connection_->head().content_length, 2U);
}

TEST_F(ConnectionTest, KeepsASmallLeftoverAcrossSuspensions) {
  Exchange("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nleft");
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(connection_->leftover(), "left");
  EXPECT_EQ(client_.loop.kept_buffers(), 0U);
  server_.Send(0, " over");
  Body();
  EXPECT_TRUE(body_outcome_.ok);
  EXPECT_EQ(body_, "left over");
}

TEST_F(ConnectionTest, KeepsTheReceiveBufferOfALargeLeftoverUntilReleased) {
  const std::string content(Connection::kLeftoverCopyMax + 1, 'x');
  Exchange(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", content.size(), content));
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(client_.loop.kept_buffers(), 1U);
  EXPECT_EQ(connection_->leftover(), content);
  connection_->ReleaseLeftover();
  EXPECT_EQ(client_.loop.kept_buffers(), 0U);
  EXPECT_TRUE(connection_->leftover().empty());
}

TEST_F(ConnectionTest, CopiesALeftoverOfExactlyTheBound) {
  const std::string content(Connection::kLeftoverCopyMax, 'x');
  Exchange(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", content.size(), content));
  EXPECT_EQ(client_.loop.kept_buffers(), 0U);
  EXPECT_EQ(connection_->leftover(), content);
}

TEST_F(ConnectionTest, SkipsInterimHeadsAndNotesTheContinue) {
  Exchange(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(connection_->head().status, 201);
  EXPECT_TRUE(connection_->continued());
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, GoesOnWaitingBehindAnInterimHead) {
  Exchange("HTTP/1.1 102 Processing\r\n\r\n");
  EXPECT_FALSE(head_.done);
  EXPECT_TRUE(connection_->response_begun());
  server_.Send(0, std::string(kOk));
  client_.Settle();
  EXPECT_TRUE(head_.ok);
  EXPECT_FALSE(connection_->continued());
}

TEST_F(ConnectionTest, TakesSwitchingProtocolsAsFinalWithTheBytesOfTheTunnel) {
  Exchange(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81");
  ASSERT_TRUE(head_.ok);
  EXPECT_TRUE(connection_->head().is_upgrade);
  EXPECT_EQ(connection_->leftover(), "\x81");
  EXPECT_FALSE(connection_->reusable());
}

class ConnectionOfTwoInterims : public ConnectionTest {
 protected:
  ConnectionOfTwoInterims() : ConnectionTest({.informational_max = 2}) {}
};

TEST_F(ConnectionOfTwoInterims, TakesTwo) {
  Exchange("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + std::string(kOk));
  EXPECT_TRUE(head_.ok);
}

TEST_F(ConnectionOfTwoInterims, RefusesThree) {
  Exchange("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + std::string(kOk));
  ExpectFailure(head_, ErrorCode::kBadResponse, RetryAdvice::kUnsafe);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, RefusesWhatIsNoResponse) {
  Exchange("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  ExpectFailure(head_, ErrorCode::kBadResponse, RetryAdvice::kUnsafe);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, RefusesAResponseWithTwoFramings) {
  Exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok");
  ExpectFailure(head_, ErrorCode::kBadResponse, RetryAdvice::kUnsafe);
}

class ConnectionOfSmallHeads : public ConnectionTest {
 protected:
  ConnectionOfSmallHeads() : ConnectionTest({.head = {.header_block_max = 64}}) {}
};

TEST_F(ConnectionOfSmallHeads, RefusesALargeOne) {
  Exchange("HTTP/1.1 200 OK\r\nX-Long: " + std::string(100, 'x') + "\r\n\r\n");
  ExpectFailure(head_, ErrorCode::kBadResponse, RetryAdvice::kUnsafe);
}

TEST_F(ConnectionTest, GivesUpAtTheDeadline) {
  Request();
  const SteadyTime deadline = client_.world.now() + 50ms;
  client_.Spawn(ReceiveHead(client_.loop, *connection_, wire::Method::kGet, deadline, head_));
  server_.Send(0, "HTTP/1.1 200 OK\r\n");
  client_.world.RunFor(1s);
  ExpectFailure(head_, ErrorCode::kUpstreamTimeout, RetryAdvice::kIfIdempotent);
  EXPECT_EQ(head_.at, deadline);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, SaysIfIdempotentWhenTheServerClosesBeforeTheFirstByte) {
  Request();
  client_.Spawn(ReceiveHead(client_.loop, *connection_, wire::Method::kGet, kNever, head_));
  server_.Close(0);
  client_.Settle();
  ExpectFailure(head_, ErrorCode::kConnectionClosed, RetryAdvice::kIfIdempotent);
  EXPECT_FALSE(connection_->response_begun());
}

TEST_F(ConnectionTest, SaysUnsafeWhenTheServerClosesAfterTheFirstByte) {
  Exchange("H");
  server_.Close(0);
  client_.Settle();
  ExpectFailure(head_, ErrorCode::kConnectionClosed, RetryAdvice::kUnsafe);
}

TEST_F(ConnectionTest, SaysUnsafeWhenTheServerClosesAfterAnInterimHead) {
  Exchange("HTTP/1.1 100 Continue\r\n\r\n");
  server_.Close(0);
  client_.Settle();
  ExpectFailure(head_, ErrorCode::kConnectionClosed, RetryAdvice::kUnsafe);
}

TEST_F(ConnectionTest, SaysIfIdempotentWhenResetBeforeTheFirstByte) {
  Request();
  client_.Spawn(ReceiveHead(client_.loop, *connection_, wire::Method::kGet, kNever, head_));
  server_.Reset(0);
  client_.Settle();
  ExpectFailure(head_, ErrorCode::kConnectionReset, RetryAdvice::kIfIdempotent);
}

TEST_F(ConnectionTest, SaysUnsafeWhenResetAfterTheFirstByte) {
  Exchange("HTTP/1.1 2");
  server_.Reset(0);
  client_.Settle();
  ExpectFailure(head_, ErrorCode::kConnectionReset, RetryAdvice::kUnsafe);
}

TEST_F(ConnectionTest, FailsAsCancelledOfOurOwnSide) {
  Exchange("");
  const auto cancel = [&] { connection_->stream().Cancel(); };
  client_.Enter(cancel);
  ASSERT_TRUE(head_.done);
  EXPECT_EQ(head_.error.code, ErrorCode::kCancelled);
  EXPECT_EQ(head_.error.side, Side::kSelf);
  EXPECT_FALSE(connection_->reusable());
}

// The rules of reuse, one by one. The base case is that all of them hold.

TEST_F(ConnectionTest, IsReusableBeforeItsFirstExchange) {
  std::unique_ptr<Connection> fresh;
  client_.Spawn(Connect(client_.loop, {}, fresh));
  client_.Settle();
  EXPECT_TRUE(fresh->reusable());
  fresh->ForbidReuse();
  EXPECT_FALSE(fresh->reusable());
  const auto close = [&] { fresh.reset(); };
  client_.Enter(close);
}

TEST_F(ConnectionTest, IsReusableAfterAWholeExchange) {
  EXPECT_FALSE(connection_->reusable()) << "an exchange is under way";
  Exchange(std::string(kOk));
  EXPECT_FALSE(connection_->reusable()) << "its body was not read";
  Body();
  EXPECT_EQ(body_, "ok");
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, ServesASecondExchangeFromAFreshState) {
  Exchange("HTTP/1.1 100 Continue\r\n\r\n" + std::string(kOk));
  Body();
  connection_->Begin();
  EXPECT_EQ(connection_->exchanges(), 2U);
  EXPECT_TRUE(connection_->output().empty());
  EXPECT_FALSE(connection_->continued());
  EXPECT_FALSE(connection_->response_begun());
  EXPECT_EQ(connection_->head_bytes(), 0U);
  EXPECT_FALSE(connection_->reusable());
  Exchange("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(connection_->head().status, 404);
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, IsReusableAfterAChunkedBodyReadToItsEnd) {
  Exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
  Body();
  EXPECT_EQ(body_, "ok");
  EXPECT_FALSE(connection_->reusable());
  server_.Send(0, "\r\n");
  client_.Settle();
  EXPECT_TRUE(body_outcome_.ok);
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, IsReusableAfterAResponseToHead) {
  Exchange("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", wire::Method::kHead);
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWhenTheRequestWasNotSentWhole) {
  client_.Spawn(ReceiveHead(client_.loop, *connection_, wire::Method::kPost, kNever, head_));
  server_.Send(0, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  client_.Settle();
  ASSERT_TRUE(head_.ok);
  EXPECT_FALSE(connection_->reusable());
  connection_->MarkRequestSent();
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWhenTheServerSaysClose) {
  Exchange("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(connection_->decoder().finished());
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableAfterHttp10WithoutKeepAlive) {
  Exchange("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWhenTheBodyEndsWithTheConnection) {
  Exchange("HTTP/1.1 200 OK\r\n\r\nall");
  server_.Close(0);
  Body();
  EXPECT_TRUE(body_outcome_.ok);
  EXPECT_EQ(body_, "all");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWithBytesBehindABody) {
  Exchange(std::string(kOk) + "H");
  Body();
  EXPECT_EQ(body_, "ok");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWithBytesBehindALaterPieceOfABody) {
  Exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
  Body();
  server_.Send(0, "kHTTP/1.1 200 OK\r\n");
  client_.Settle();
  EXPECT_TRUE(body_outcome_.ok);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWithBytesBehindAHeadWithoutBody) {
  Exchange("HTTP/1.1 304 Not Modified\r\n\r\nbody that may not be");
  ASSERT_TRUE(head_.ok);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableAfterABrokenBody) {
  Exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  Body();
  ExpectFailure(body_outcome_, ErrorCode::kBadResponse, RetryAdvice::kUnsafe);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableAfterATunnelToConnect) {
  Exchange("HTTP/1.1 200 OK\r\n\r\nraw", wire::Method::kConnect);
  ASSERT_TRUE(head_.ok);
  EXPECT_EQ(connection_->leftover(), "raw");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(ConnectionTest, IsNotReusableWhenForbidden) {
  Exchange("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(connection_->reusable());
  connection_->ForbidReuse();
  EXPECT_FALSE(connection_->reusable());
}

}  // namespace
}  // namespace sluice::traffic
