// Ten thousand runs in flight, each waiting for a real answer over HTTP on loopback, and still the
// one thread that the process began with. The origin is a process of its own: it answers nobody
// before everybody has asked, so all runs are in flight at once.

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/runner.h"
#include "sluice/platform/linux/loop.h"

namespace sluice::dag {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.

constexpr int kRuns = 10'000;
constexpr Nanos kPatience = 60s;

Task<void> Answer(Loop& loop, std::unique_ptr<Stream> stream, int& arrived) {
  std::string request;
  while (!request.ends_with("\r\n\r\n")) {
    const Result<ByteView> piece = co_await stream->Receive(loop.now() + kPatience);
    if (!piece || piece->empty()) co_return;
    request.append(*piece);
  }
  ++arrived;
  while (arrived < kRuns)
    co_await loop.SleepUntil(loop.now() + 10ms);
  // "GET /17 HTTP/1.1" is answered with "17".
  const std::string body = request.substr(5, request.find(' ', 5) - 5);
  const std::string reply =
      fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  const std::array<ByteView, 1> segments{ByteView(reply)};
  static_cast<void>(co_await stream->Send(segments, loop.now() + kPatience));
  // Waits for the end of the other side, so that it keeps the port busy and not we.
  static_cast<void>(co_await stream->Receive(loop.now() + kPatience));
}

Task<void> Accept(Loop& loop, Listener& listener, TaskGroup& tasks, int& arrived) {
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await listener.Accept();
    if (!stream) co_return;
    tasks.Spawn(Answer(loop, std::move(*stream), arrived));
  }
}

// The child's life: tells its port, serves until it is killed.
[[noreturn]] void ServeForEver(int port_pipe) {
  const auto loop = *platform::EpollLoop::Create();
  const auto listener = *loop->Listen(*Address::Parse("127.0.0.1:0"), {});
  const std::string port = fmt::format("{}\n", listener->local().port());
  if (::write(port_pipe, port.data(), port.size()) < 0) ::_exit(1);
  ::close(port_pipe);
  TaskGroup tasks;
  int arrived = 0;
  loop->Enter([&] { tasks.Spawn(Accept(*loop, *listener, tasks, arrived)); });
  loop->Run();
  ::_exit(0);
}

class Origin {
 public:
  Origin() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::close(ends[0]);
      ServeForEver(ends[1]);
    }
    ::close(ends[1]);
    std::array<char, 16> text{};
    if (::read(ends[0], text.data(), text.size() - 1) > 0) {
      address_ = *Address::Parse(fmt::format("127.0.0.1:{}", std::stoi(text.data())));
    }
    ::close(ends[0]);
  }
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  ~Origin() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  [[nodiscard]] const std::optional<Address>& address() const { return address_; }

 private:
  pid_t process_ = -1;
  std::optional<Address> address_;
};

// The body of the answer to "GET /number", as a number.
Task<Result<int>> Get(Loop& loop, Address origin, int number, SteadyTime deadline) {
  Result<std::unique_ptr<Stream>> stream = co_await loop.Connect(origin, deadline);
  if (!stream) co_return std::unexpected(stream.error());
  const std::string request = fmt::format("GET /{} HTTP/1.1\r\nHost: origin\r\n\r\n", number);
  const std::array<ByteView, 1> segments{ByteView(request)};
  const Result<void> sent = co_await (*stream)->Send(segments, deadline);
  if (!sent) co_return std::unexpected(sent.error());
  std::string reply;
  while (true) {
    const Result<ByteView> piece = co_await (*stream)->Receive(deadline);
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return Fail(ErrorCode::kConnectionReset, "an answer without an end");
    reply.append(*piece);
    const std::size_t body = reply.find("\r\n\r\n");
    if (body == std::string::npos) continue;
    const std::size_t length = reply.find("Content-Length: ") + 16;
    if (reply.size() < body + 4 + std::stoul(reply.substr(length))) continue;
    co_return std::stoi(reply.substr(body + 4));
  }
}

PlanResult<Plan<int, int>> MakePlan(const Address& origin) {
  Builder<int> b("ask");
  const auto answer = b.Node(
      "answer", {.timeout = kPatience},
      [origin](Context& context, const int& number) -> Work<int> {
        co_return co_await Get(context.loop(), origin, number, context.deadline());
      },
      b.input());
  return std::move(b).Build(
      b.Node("check", [](int sent, int got) { return got == sent ? 1 : 0; }, b.input(), answer));
}

int Threads() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "Threads:") continue;
    int threads = 0;
    status >> threads;
    return threads;
  }
  return -1;
}

struct Tally {
  int right = 0;
  int ended = 0;
};

Task<void> One(Runner<int, int>& runner, int number, Tally& tally) {
  Running<int> running = runner.Run(number);
  Outcome<int> outcome = co_await running;
  if (outcome) tally.right += *outcome;
  ++tally.ended;
}

// A few at a time, since a listener's queue is short.
Task<void> BeginAll(Loop& loop, Runner<int, int>& runner, TaskGroup& tasks, Tally& tally) {
  for (int i = 0; i < kRuns; ++i) {
    tasks.Spawn(One(runner, i, tally));
    if (i % 200 == 199) co_await loop.SleepUntil(loop.now() + 4ms);
  }
}

TEST(DagHttp, TenThousandRunsInFlightNeedNoThreadOfTheirOwn) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < kRuns + 200) GTEST_SKIP() << "too few descriptors: " << files.rlim_max;
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);

  const int threads_before = Threads();
  const Origin origin;
  ASSERT_TRUE(origin.address());
  const auto plan = MakePlan(*origin.address());
  ASSERT_TRUE(plan);
  const auto loop = *platform::EpollLoop::Create();
  std::optional<Runner<int, int>> runner(std::in_place, *loop, *plan);
  TaskGroup tasks;
  Tally tally;
  std::size_t in_flight_max = 0;
  int threads_max = 0;
  loop->Enter([&] { tasks.Spawn(BeginAll(*loop, *runner, tasks, tally)); });
  while (tasks.running() > 0) {
    loop->RunOnce(10ms);
    if (runner->in_flight() <= in_flight_max) continue;
    in_flight_max = runner->in_flight();
    threads_max = std::max(threads_max, Threads());
  }
  loop->Enter([&] { runner.reset(); });
  EXPECT_EQ(in_flight_max, std::size_t{kRuns});
  EXPECT_EQ(threads_max, threads_before);
  EXPECT_EQ(Threads(), threads_before);
  EXPECT_EQ(tally.right, kRuns);
}

}  // namespace
}  // namespace sluice::dag
