// The service on a simulated network: time moves only when nothing else can happen.

#include "booking/http_server.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "booking/pages.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/contract/address.h"
#include "sluice/contract/result.h"
#include "sluice/platform/sim/loop.h"
#include "sluice/platform/sim/world.h"

namespace booking {
namespace {

using namespace std::chrono_literals;
using sluice::ByteView;
using sluice::Result;
using sluice::Task;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Answers pages, and an echo to what is posted.
class PagesOnly final : public Handler {
 public:
  Task<Reply> Answer(const sluice::wire::RequestHead& head, std::string_view body) override {
    if (head.method != sluice::wire::Method::kPost) co_return PageOf(head);
    co_return Reply{.status = 201, .body = std::string(body), .headers = {{"x-length", "2"}}};
  }
};

// What a client saw until the connection ended.
struct Talk {
  std::string received;
  bool ended = false;
  std::unique_ptr<sluice::Stream> stream;
};

Task<void> Converse(sluice::Loop& loop, sluice::Address address, std::string request, Talk& talk) {
  Result<std::unique_ptr<sluice::Stream>> stream = co_await loop.Connect(address, sluice::kNever);
  EXPECT_TRUE(stream);
  talk.stream = std::move(*stream);
  const std::array<ByteView, 1> segments{request};
  const Result<void> sent = co_await talk.stream->Send(segments, sluice::kNever);
  EXPECT_TRUE(sent);
  while (true) {
    const Result<ByteView> received = co_await talk.stream->Receive(sluice::kNever);
    if (!received || received->empty()) break;
    talk.received += *received;
  }
  talk.ended = true;
  talk.stream.reset();
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    Result<std::unique_ptr<sluice::Listener>> listener =
        server_loop_.Listen(sluice::Address::Ipv4({127, 0, 0, 1}, 9001), {});
    listener_ = std::move(*listener);
    server_loop_.Enter([this] { tasks_.Spawn(service_.Run(*listener_)); });
  }
  ~HttpServerTest() override {
    Stop();
    EXPECT_TRUE(world_.RunUntil([this] { return tasks_.running() == 0; }, 10min));
    server_loop_.Enter([this] { listener_.reset(); });
  }

  void Begin(std::string request, Talk& talk) {
    client_loop_.Enter([&] {
      clients_.Spawn(Converse(client_loop_, listener_->local(), std::move(request), talk));
    });
  }
  // Everything the service says to `request`, until it closes the connection.
  std::string AllOf(std::string request) {
    Talk talk;
    Begin(std::move(request), talk);
    EXPECT_TRUE(world_.RunUntil([&] { return talk.ended; }, 10min));
    return talk.received;
  }
  void Stop() {
    server_loop_.Enter([this] { service_.Stop(); });
  }

  sluice::sim::World world_{/*seed=*/1};
  sluice::sim::Loop& server_loop_ = world_.AddLoop({.name = "booking"});
  sluice::sim::Loop& client_loop_ = world_.AddLoop({.name = "client"});
  std::unique_ptr<sluice::Listener> listener_;
  PagesOnly pages_;
  HttpServer service_{server_loop_, "a", pages_};
  sluice::TaskGroup tasks_;
  sluice::TaskGroup clients_;
};

constexpr char kHealth[] = "GET /healthz HTTP/1.1\r\nhost: b\r\n\r\n";
constexpr char kLastHealth[] = "GET /healthz HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n";

TEST_F(HttpServerTest, AnswersOneRequestAfterTheOtherOnAConnection) {
  const std::string all = AllOf(std::string(kHealth) + kLastHealth);
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(all, HasSubstr("x-instance: a\r\n"));
  EXPECT_THAT(all, HasSubstr("ok\nHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(all, EndsWith("ok\n"));
}

TEST_F(HttpServerTest, TakesABodyInChunks) {
  const std::string all = AllOf(
      "POST /bookings HTTP/1.1\r\nhost: b\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
      "\r\n2\r\n{}\r\n0\r\n\r\n");
  EXPECT_THAT(all, StartsWith("HTTP/1.1 201 Created\r\n"));
  EXPECT_THAT(all, HasSubstr("\r\nx-length: 2\r\n")) << "a header of the reply's own";
  EXPECT_THAT(all, EndsWith("\r\n\r\n{}"));
}

TEST_F(HttpServerTest, TellsWhoWaitsToGoOn) {
  const std::string all = AllOf(
      "POST /bookings HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: 2\r\n"
      "expect: 100-continue\r\n\r\n{}");
  EXPECT_THAT(all, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"));
}

TEST_F(HttpServerTest, SendsAStreamInChunks) {
  const std::string all =
      AllOf("GET /stream?chunks=2&ms=1000 HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
  EXPECT_THAT(all,
              HasSubstr("\r\n\r\n10\r\n{\"room\":\"free\"}\n\r\n10\r\n{\"room\":\"free\"}\n\r\n"));
  EXPECT_THAT(all, EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, SendsAnOldClientTheBareStream) {
  const std::string all = AllOf("GET /stream?chunks=2&ms=0 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(all, EndsWith("\r\n\r\n{\"room\":\"free\"}\n{\"room\":\"free\"}\n"));
}

TEST_F(HttpServerTest, SlowAnswersTakeTheirTime) {
  const sluice::SteadyTime start = world_.now();
  AllOf("GET /slow?ms=3000 HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
  EXPECT_GE(world_.now() - start, 3s);
  EXPECT_LT(world_.now() - start, 4s);
}

TEST_F(HttpServerTest, HeadGetsNoBody) {
  const std::string all = AllOf("HEAD /stream HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
  EXPECT_THAT(all, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequestAndCloses) {
  EXPECT_THAT(AllOf("GET /\r\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(HttpServerTest, RefusesABodyOverItsBound) {
  const std::string all =
      AllOf("POST /bookings HTTP/1.1\r\nhost: b\r\ncontent-length: 70000\r\n\r\n" +
            std::string(70'000, 'x'));
  EXPECT_THAT(all, StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, StopEndsIdleConnectionsAtOnce) {
  Talk idle;
  Begin(kHealth, idle);
  world_.RunFor(1s);
  EXPECT_FALSE(idle.ended);
  Stop();
  world_.RunFor(1s);
  EXPECT_TRUE(idle.ended);
}

TEST_F(HttpServerTest, StopLetsTheRequestInFlightFinish) {
  Talk slow;
  Begin("GET /slow?ms=5000 HTTP/1.1\r\nhost: b\r\n\r\n", slow);
  world_.RunFor(1s);
  Stop();
  world_.RunFor(3s);
  EXPECT_FALSE(slow.ended);
  world_.RunFor(2s);
  EXPECT_TRUE(slow.ended);
  EXPECT_THAT(slow.received, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(slow.received, EndsWith("{\"slept_ms\":5000}\n"));
}

}  // namespace
}  // namespace booking
