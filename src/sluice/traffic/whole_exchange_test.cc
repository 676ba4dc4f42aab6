#include "sluice/traffic/whole_exchange.h"

#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "sluice/platform/sim/world.h"
#include "sluice/traffic/network_fixture.h"

namespace sluice::traffic {
namespace {

using Client = SimulatedClient<sim::World>;
using Server = SimulatedServer<sim::World>;

using namespace std::chrono_literals;

const Address kServer = Address::Ipv4({10, 0, 0, 1}, 80);
constexpr Bytes kBodyMax = 8 * kKiB;

Task<void> Ask(Loop& loop,
               std::unique_ptr<Connection>& connection,
               SteadyTime deadline,
               std::string& body,
               Outcome& outcome) {
  if (connection == nullptr) {
    Result<std::unique_ptr<Stream>> stream = co_await loop.Connect(kServer, kNever);
    connection = std::make_unique<Connection>(loop, std::move(*stream), ConnectionLimits{});
  }
  connection->Begin();
  connection->output() = "POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
  const Result<std::string> answer =
      co_await ExchangeWhole(*connection, wire::Method::kPost, deadline, kBodyMax);
  outcome.Take(answer, loop.now());
  if (answer) body = *answer;
}

class WholeExchange : public testing::Test {
 protected:
  ~WholeExchange() override {
    const auto close = [&] { connection_.reset(); };
    client_.Enter(close);
    server_.CloseAll();
    client_.Settle();
  }
  // Asks, and hears `pieces` one after the other.
  void Exchange(std::initializer_list<std::string> pieces, SteadyTime deadline = kNever) {
    outcome_ = {};
    client_.Spawn(Ask(client_.loop, connection_, deadline, body_, outcome_));
    client_.Settle();
    for (const std::string& piece : pieces) {
      server_.Send(0, piece);
      client_.Settle();
    }
  }
  void ExpectFailure(ErrorCode code, Side side, RetryAdvice retry) {
    ASSERT_TRUE(outcome_.done);
    ASSERT_FALSE(outcome_.ok);
    EXPECT_EQ(outcome_.error.code, code) << NameOf(outcome_.error.code);
    EXPECT_EQ(outcome_.error.side, side);
    EXPECT_EQ(outcome_.error.retry, retry);
    EXPECT_FALSE(connection_->reusable());
  }

  Client client_;
  Server server_{client_.world, kServer};
  std::unique_ptr<Connection> connection_;
  std::string body_;
  Outcome outcome_;
};

TEST_F(WholeExchange, SendsHeadAndBodyAndReturnsTheAnswersBody) {
  Exchange({"HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 4\r\n\r\npaid"});
  ASSERT_TRUE(outcome_.ok);
  EXPECT_EQ(body_, "paid");
  EXPECT_EQ(connection_->head().status, 201);
  EXPECT_EQ(connection_->head().headers.Find("x-a")->value, "b");
  EXPECT_TRUE(server_.peer(0).received.ends_with("\r\n\r\n{}"));
}

TEST_F(WholeExchange, AConnectionServesOneAfterTheOther) {
  Exchange({std::string(kOk)});
  EXPECT_TRUE(connection_->reusable());
  Exchange({std::string(kOk)});
  EXPECT_TRUE(outcome_.ok);
  EXPECT_EQ(server_.accepted(), 1U);
}

TEST_F(WholeExchange, TakesABodyInPiecesAndInChunks) {
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nleft", " over"});
  EXPECT_EQ(body_, "left over");
  Exchange({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nd",
            "e\r\n0\r\n\r\n"});
  EXPECT_EQ(body_, "abcde");
  EXPECT_TRUE(connection_->reusable());
}

TEST_F(WholeExchange, TakesABodyThatEndsWithTheConnection) {
  Exchange({"HTTP/1.1 200 OK\r\n\r\nall", " of it"});
  EXPECT_FALSE(outcome_.done);
  server_.Close(0);
  client_.Settle();
  ASSERT_TRUE(outcome_.ok);
  EXPECT_EQ(body_, "all of it");
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(WholeExchange, NothingMayLieBehindTheAnswer) {
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"});
  EXPECT_TRUE(outcome_.ok);
  EXPECT_FALSE(connection_->reusable());
}

TEST_F(WholeExchange, ABodyOverItsBoundFails) {
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 8192\r\n\r\n" + std::string(8192, 'x')});
  EXPECT_TRUE(outcome_.ok);
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 8193\r\n\r\n" + std::string(8193, 'x')});
  ExpectFailure(ErrorCode::kBodyTooLarge, Side::kUpstream, RetryAdvice::kUnsafe);
}

TEST_F(WholeExchange, AMalformedBodyFails) {
  Exchange({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"});
  ExpectFailure(ErrorCode::kBadResponse, Side::kUpstream, RetryAdvice::kUnsafe);
}

TEST_F(WholeExchange, ABodyThatBreaksOffFails) {
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nleft"});
  server_.Close(0);
  client_.Settle();
  ExpectFailure(ErrorCode::kConnectionClosed, Side::kUpstream, RetryAdvice::kUnsafe);
}

TEST_F(WholeExchange, AServerThatGoesBeforeItsAnswerFails) {
  Exchange({});
  server_.Close(0);
  client_.Settle();
  ExpectFailure(ErrorCode::kConnectionClosed, Side::kUpstream, RetryAdvice::kIfIdempotent);
}

TEST_F(WholeExchange, GivesUpAtTheDeadlineInTheHead) {
  const SteadyTime deadline = client_.world.now() + 50ms;
  Exchange({"HTTP/1.1 200 OK\r\n"}, deadline);
  client_.world.RunFor(1s);
  ExpectFailure(ErrorCode::kUpstreamTimeout, Side::kUpstream, RetryAdvice::kIfIdempotent);
  EXPECT_EQ(outcome_.at, deadline);
}

TEST_F(WholeExchange, GivesUpAtTheDeadlineInTheBody) {
  const SteadyTime deadline = client_.world.now() + 50ms;
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nleft"}, deadline);
  client_.world.RunFor(1s);
  ExpectFailure(ErrorCode::kUpstreamTimeout, Side::kUpstream, RetryAdvice::kUnsafe);
  EXPECT_EQ(outcome_.at, deadline);
}

TEST_F(WholeExchange, CancellingTheStreamEndsIt) {
  Exchange({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nleft"});
  const auto cancel = [&] { connection_->stream().Cancel(); };
  client_.Enter(cancel);
  client_.Settle();
  ExpectFailure(ErrorCode::kCancelled, Side::kSelf, RetryAdvice::kUnsafe);
}

}  // namespace
}  // namespace sluice::traffic
