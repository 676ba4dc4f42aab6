// What a run counts, against a server that answers well and against one that misbehaves on purpose.

#include "load/load_run.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load/sockets.h"
#include "load/upstream.h"
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sluice::load {
namespace {

using std::chrono::milliseconds;

constexpr bool kNeverStop = false;

enum class Ending : std::uint8_t { kStaysOpen, kCloses, kResets };

// Says the same bytes on every connection as soon as it has heard something there, then ends it.
class ScriptedServer final : public Handler {
 public:
  ScriptedServer(Poller& poller, FileDescriptor listener, std::string says, Ending ending)
      : poller_(poller), listener_(std::move(listener)), says_(std::move(says)), ending_(ending) {
    EXPECT_TRUE(poller_.Add(listener_.get(), *this).has_value());
  }

  void OnReady(std::uint32_t /*events*/) override {
    for (;;) {
      FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
      if (!fd.valid()) return;
      talks_.push_back(std::make_unique<Talk>(*this, std::move(fd)));
      EXPECT_TRUE(poller_.Add(talks_.back()->fd_.get(), *talks_.back()).has_value());
    }
  }

 private:
  struct Talk final : Handler {
    Talk(ScriptedServer& server, FileDescriptor fd) : server_(server), fd_(std::move(fd)) {}

    void OnReady(std::uint32_t events) override {
      if ((events & EPOLLIN) == 0 || !fd_.valid()) return;
      if (ReadSome(fd_.get(), server_.poller_.receive_buffer()).state != ReadState::kData) return;
      const std::string& says = server_.says_;
      EXPECT_EQ(::send(fd_.get(), says.data(), says.size(), MSG_NOSIGNAL), ssize_t(says.size()));
      if (server_.ending_ == Ending::kStaysOpen) return;
      if (server_.ending_ == Ending::kResets) {
        const linger now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      }
      fd_.Close();
    }

    ScriptedServer& server_;
    FileDescriptor fd_;
  };

  Poller& poller_;
  FileDescriptor listener_;
  std::string says_;
  Ending ending_;
  std::vector<std::unique_ptr<Talk>> talks_;
};

class LoadRunTest : public testing::Test {
 protected:
  LoadRunTest() : poller_(*Poller::Create()) {
    FileDescriptor listener = *Listen(*Address::Parse("127.0.0.1:0"));
    options_.client.target = *LocalAddress(listener.get());
    options_.connections = 1;
    options_.requests_max = 1;
    options_.duration = std::chrono::seconds(30);  // The number of requests ends it before.
    listener_ = std::move(listener);
  }

  LoadResult Run() {
    run_ = std::make_unique<LoadRun>(poller_, options_);
    const Result<LoadResult> result = run_->Execute(kNeverStop);
    EXPECT_TRUE(result.has_value());
    return result.value_or(LoadResult{});
  }

  std::unique_ptr<Upstream> Serve(const ServiceOptions& service = {}) {
    return *Upstream::Create(poller_, std::move(listener_), service);
  }

  // One request to a server that says `says`; returns the failures of `kind`.
  std::int64_t FailuresWhenTold(std::string says, Ending ending, Failure kind) {
    ScriptedServer server(poller_, std::move(listener_), std::move(says), ending);
    Run();
    EXPECT_EQ(run_->tally().failed(), 1);
    EXPECT_EQ(run_->tally().answered(), 0);
    return run_->tally().failures(kind);
  }

  Poller poller_;
  FileDescriptor listener_;
  LoadOptions options_;
  std::unique_ptr<LoadRun> run_;
};

TEST_F(LoadRunTest, EveryRequestOfAGoodServerIsAnswered) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.connections = 8;
  options_.requests_max = 1'000;

  const LoadResult result = Run();

  EXPECT_EQ(result.begun, 1'000);
  EXPECT_EQ(run_->tally().answered(), 1'000);
  EXPECT_EQ(run_->tally().measured(), 1'000);
  EXPECT_EQ(run_->tally().failed(), 0);
  EXPECT_EQ(upstream->counts().requests, 1'000);
  EXPECT_EQ(upstream->counts().connections, 8);
  EXPECT_GT(run_->tally().Percentile(0.5), Nanos(0));
  EXPECT_LE(run_->tally().Percentile(0.5), run_->tally().Percentile(1));
}

TEST_F(LoadRunTest, BodiesLargerThanAnySocketBufferArriveWholeBothWays) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.connections = 4;
  options_.requests_max = 20;
  options_.client.request.method = "POST";
  options_.client.request.body_bytes = kBodyBytesMax;
  options_.client.request.answer_bytes = kBodyBytesMax;

  Run();

  EXPECT_EQ(run_->tally().failed(), 0);
  EXPECT_EQ(upstream->counts().requests, 20);
  EXPECT_EQ(upstream->counts().bad_requests, 0);
}

TEST_F(LoadRunTest, TheOpenLoopSendsWhatTheRateAllows) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.connections = 4;
  options_.requests_max = 0;
  options_.rate_per_second = 1'000;
  options_.duration = milliseconds(50);

  const LoadResult result = Run();

  // Late on a busy machine, but never more.
  EXPECT_GE(result.begun, 1);
  EXPECT_LE(result.begun, 1 + std::chrono::ceil<milliseconds>(result.measured_time).count());
  EXPECT_EQ(run_->tally().failed(), 0);
}

TEST_F(LoadRunTest, AStopEndsTheRunAfterWhatIsInFlight) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.requests_max = 0;
  LoadRun run(poller_, options_);

  const Result<LoadResult> result = run.Execute(/*stop=*/true);

  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->stopped);
  EXPECT_EQ(result->begun, run.tally().answered());
}

TEST_F(LoadRunTest, NobodyThereIsAFailureToConnect) {
  listener_.Close();
  options_.duration = milliseconds(1);

  const LoadResult result = Run();

  EXPECT_EQ(result.begun, 0);
  EXPECT_GE(run_->tally().failures(Failure::kConnect), 1);
  EXPECT_EQ(run_->tally().failed(), run_->tally().failures(Failure::kConnect));
}

TEST_F(LoadRunTest, ACloseInsteadOfAnAnswerIsClosedEarly) {
  EXPECT_EQ(FailuresWhenTold("", Ending::kCloses, Failure::kClosedEarly), 1);
}

TEST_F(LoadRunTest, AResetInsteadOfAnAnswerIsAReset) {
  EXPECT_EQ(FailuresWhenTold("", Ending::kResets, Failure::kReset), 1);
}

TEST_F(LoadRunTest, ACloseWithinTheHeadIsATruncation) {
  EXPECT_EQ(FailuresWhenTold("HTTP/1.1 200 OK\r\n", Ending::kCloses, Failure::kTruncated), 1);
}

TEST_F(LoadRunTest, ACloseWithinTheBodyIsATruncation) {
  std::string answer;
  AppendAnswerHead({.answer_bytes = 128, .number = 0}, answer);
  answer += BodyOf(0, 127);
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kCloses, Failure::kTruncated), 1);
}

TEST_F(LoadRunTest, OneWrongByteIsNoticed) {
  std::string answer;
  AppendAnswerHead({.answer_bytes = 128, .number = 0}, answer);
  answer += BodyOf(0, 128);
  answer.back() ^= 1;
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kStaysOpen, Failure::kWrongBytes), 1);
}

TEST_F(LoadRunTest, TheAnswerToAnotherRequestIsNoticed) {
  std::string answer;
  AppendAnswerHead({.answer_bytes = 128, .number = 1}, answer);
  answer += BodyOf(1, 128);
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kStaysOpen, Failure::kWrongBytes), 1);
}

TEST_F(LoadRunTest, AnAnswerOfAnotherLengthIsNoticed) {
  std::string answer;
  AppendAnswerHead({.answer_bytes = 64, .number = 0}, answer);
  answer += BodyOf(0, 64);
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kStaysOpen, Failure::kWrongBytes), 1);
}

TEST_F(LoadRunTest, BytesBeyondTheAnswerAreMalformed) {
  std::string answer;
  AppendAnswerHead({.answer_bytes = 128, .number = 0}, answer);
  answer += std::string(BodyOf(0, 128)) + "x";
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kStaysOpen, Failure::kMalformed), 1);
}

TEST_F(LoadRunTest, AnAnswerWithoutALengthIsMalformed) {
  const std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ(FailuresWhenTold(answer, Ending::kStaysOpen, Failure::kMalformed), 1);
}

TEST_F(LoadRunTest, SilenceIsATimeout) {
  options_.request_timeout = milliseconds(30);
  EXPECT_EQ(FailuresWhenTold("", Ending::kStaysOpen, Failure::kTimeout), 1);
}

TEST_F(LoadRunTest, WhatIsInFlightAtTheEndIsUnfinished) {
  options_.duration = milliseconds(30);
  options_.grace = milliseconds(1);
  EXPECT_EQ(FailuresWhenTold("", Ending::kStaysOpen, Failure::kUnfinished), 1);
}

TEST_F(LoadRunTest, ARefusalIsAnAnswerThatFailed) {
  ScriptedServer server(poller_, std::move(listener_),
                        "HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\n{}",
                        Ending::kStaysOpen);

  Run();

  EXPECT_EQ(run_->tally().answered(), 1);
  EXPECT_EQ(run_->tally().statuses().at(503), 1);
  EXPECT_EQ(run_->tally().failed(), 1);
}

TEST_F(LoadRunTest, AnAnnouncedCloseLosesNothing) {
  ScriptedServer server(poller_, std::move(listener_),
                        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                        Ending::kCloses);
  options_.client.check = Check::kStatus;
  options_.requests_max = 5;

  const LoadResult result = Run();

  EXPECT_EQ(run_->tally().answered(), 5);
  EXPECT_EQ(run_->tally().failed(), 0);
  EXPECT_EQ(result.closed_announced, 5);
  EXPECT_EQ(result.closed_idle, 0);
}

TEST_F(LoadRunTest, ACloseBetweenTwoRequestsLosesNothing) {
  ScriptedServer server(poller_, std::move(listener_),
                        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Ending::kCloses);
  options_.client.check = Check::kStatus;
  options_.rate_per_second = 20;
  options_.requests_max = 3;

  const LoadResult result = Run();

  EXPECT_EQ(run_->tally().answered(), 3);
  EXPECT_EQ(run_->tally().failed(), 0);
  EXPECT_GE(result.closed_idle, 2);
}

TEST_F(LoadRunTest, AnUpstreamWithWorkersAnswersSoManyAtOnce) {
  const std::unique_ptr<Upstream> upstream = Serve({.workers = 2, .time = milliseconds(5)});
  options_.connections = 8;
  options_.requests_max = 20;

  const LoadResult result = Run();

  EXPECT_EQ(run_->tally().answered(), 20);
  EXPECT_EQ(run_->tally().failed(), 0);
  EXPECT_EQ(upstream->counts().wasted, 0);
  EXPECT_GE(result.measured_time, milliseconds(50));
}

TEST_F(LoadRunTest, WorkForAClientThatIsGoneIsWasted) {
  const std::unique_ptr<Upstream> upstream = Serve({.workers = 1, .time = milliseconds(50)});
  options_.request_timeout = milliseconds(1);

  Run();
  EXPECT_EQ(run_->tally().failures(Failure::kTimeout), 1);
  for (int turn = 0; turn < 1'000 && upstream->counts().wasted == 0; ++turn)
    poller_.Wait(milliseconds(10));

  EXPECT_EQ(upstream->counts().wasted, 1);
  EXPECT_EQ(upstream->counts().requests, 0);
}

TEST_F(LoadRunTest, RandomArrivalsKeepTheRate) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.connections = 8;
  options_.requests_max = 0;
  options_.duration = milliseconds(200);
  options_.rate_per_second = 5'000;
  options_.arrivals = Arrivals::kPoisson;

  const LoadResult result = Run();

  // 1000 are expected: what has a deviation of 32 stays within eight of them.
  EXPECT_GT(result.begun, 750);
  EXPECT_LT(result.begun, 1'250);
}

TEST_F(LoadRunTest, EachRequestHasOneOutcome) {
  const std::string path = testing::TempDir() + "/outcomes-" + std::to_string(::getpid());
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.requests_max = 3;
  OutcomeLog outcomes = *OutcomeLog::Create(path);
  LoadRun run(poller_, options_, &outcomes);

  EXPECT_TRUE(run.Execute(kNeverStop).has_value());
  EXPECT_TRUE(outcomes.Close().has_value());

  std::FILE* file = std::fopen(path.c_str(), "r");
  ASSERT_NE(file, nullptr);
  for (int i = 0; i < 3; ++i) {
    int number = -1;
    long long due_us = 0;
    long long latency_us = -1;
    int status = 0;
    EXPECT_EQ(std::fscanf(file, "%d %lld %lld %d\n", &number, &due_us, &latency_us, &status), 4);
    EXPECT_EQ(number, i);
    EXPECT_GT(due_us, 0);
    EXPECT_GE(latency_us, 0);
    EXPECT_EQ(status, 200);
  }
  EXPECT_EQ(std::fgetc(file), EOF);
  std::fclose(file);
  std::remove(path.c_str());
}

TEST_F(LoadRunTest, AFailureIsAnOutcomeByItsName) {
  const std::string path = testing::TempDir() + "/failures-" + std::to_string(::getpid());
  ScriptedServer server(poller_, std::move(listener_), "nonsense\r\n\r\n", Ending::kCloses);
  OutcomeLog outcomes = *OutcomeLog::Create(path);
  LoadRun run(poller_, options_, &outcomes);

  EXPECT_TRUE(run.Execute(kNeverStop).has_value());
  EXPECT_TRUE(outcomes.Close().has_value());

  std::FILE* file = std::fopen(path.c_str(), "r");
  ASSERT_NE(file, nullptr);
  std::array<char, 32> word{};
  EXPECT_EQ(std::fscanf(file, "0 %*d %*d %31s\n", word.data()), 1);
  EXPECT_STREQ(word.data(), "malformed");
  EXPECT_EQ(std::fgetc(file), EOF);
  std::fclose(file);
  std::remove(path.c_str());
}

TEST_F(LoadRunTest, OutcomesThatCannotBeWrittenAreAnError) {
  EXPECT_FALSE(OutcomeLog::Create("/nowhere/outcomes").has_value());

  OutcomeLog full = *OutcomeLog::Create("/dev/full");
  full.NoteAnswer({}, 200);
  EXPECT_FALSE(full.Close().has_value());
}

TEST_F(LoadRunTest, AMeasuredProcessThatIsGoneIsAnError) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.cpu_of = {1 << 22};  // Beyond what the kernel ever gives (PID_MAX_LIMIT).
  LoadRun run(poller_, options_);

  const Result<LoadResult> result = run.Execute(kNeverStop);

  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST_F(LoadRunTest, TheProcessorTimeOfAProcessIsMeasured) {
  const std::unique_ptr<Upstream> upstream = Serve();
  options_.requests_max = 1'000;
  options_.cpu_of = {::getpid()};

  const LoadResult result = Run();

  EXPECT_GT(result.cpu.total, Nanos(0));
  EXPECT_LE(result.cpu.total, 2 * result.measured_time);
}

}  // namespace
}  // namespace sluice::load
