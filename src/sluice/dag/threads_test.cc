// D23 and D24: one plan on two real loops at once, and a real pool. Run under ThreadSanitizer as
// well.

#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sluice/contract/task_group.h"
#include "sluice/dag/builder.h"
#include "sluice/dag/runner.h"
#include "sluice/platform/linux/loop_thread.h"
#include "sluice/platform/linux/worker_pool.h"

namespace sluice::dag {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): tests only.

constexpr int kRunsPerLoop = 10'000;
constexpr int kInFlight = 200;

Work<int> Later(Context& context, const int& value) {
  static_cast<void>(co_await context.SleepFor(Nanos(100'000 + value % 7 * 10'000)));
  co_return value + 1;
}

PlanResult<Plan<int, int>> MakePlan(WorkerPool& pool) {
  Builder<int> b("shared");
  const auto left = b.Node("left", {.timeout = 10s}, &Later, b.input());
  const auto right = b.Node("right", &Later, b.input());
  const auto text = b.Node("text", [](int value) { return std::to_string(value); }, left);
  const auto size = b.Blocking(
      "size", {.timeout = 10s}, pool, [](const std::string& digits) { return std::stoi(digits); },
      text);
  const auto sum =
      b.Node("sum", [](int x, int y, int z) { return x + y * 2 + z; }, size, right, b.input());
  return std::move(b).Build(sum);
}

constexpr int Expected(int value) {
  return (value + 1) + (value + 1) * 2 + value;
}

// Takes some microseconds, so that helpers come by.
int Mix(int value) {
  volatile std::uint32_t state = static_cast<std::uint32_t>(value);
  for (int i = 0; i < 2'000; ++i)
    state = state * 1'664'525U + 1'013'904'223U;
  return static_cast<int>(state % 1'000);
}

// Layers of compute nodes, with values that own memory, one that is taken, and one that often times
// out and then has the same value from its fallback.
PlanResult<Plan<int, int>> MakeComputePlan(WorkerPool& pool) {
  Builder<int> b("computes");
  std::vector<Output<int>> row;
  for (int i = 0; i < 8; ++i) {
    const auto text = b.Compute(
        fmt::format("text{}", i), {}, pool,
        [i](const int& value) { return std::string(40, ' ') + std::to_string(Mix(value + i)); },
        b.input());
    const auto late = b.Compute(
        fmt::format("late{}", i), {.timeout = 20us}, pool,
        [i](const int& value) { return std::string(40, '0') + std::to_string(Mix(value - i)); },
        b.input());
    b.Fallback(late, [](const NodeError&) { return std::string("0"); });
    row.push_back(b.Compute(
        fmt::format("sum{}", i), {.timeout = 10s}, pool,
        [](std::string&& digits, const std::string& other) {
          return std::stoi(digits) + 0 * std::stoi(other);
        },
        Take(text), late));
  }
  Output<int> sum = row[0];
  for (std::size_t i = 1; i < row.size(); ++i) {
    sum = b.Node(fmt::format("add{}", i), [](int x, int y) { return x + y; }, sum, row[i]);
  }
  return std::move(b).Build(sum);
}

int ExpectedMix(int value) {
  int sum = 0;
  for (int i = 0; i < 8; ++i)
    sum += Mix(value + i);
  return sum;
}

struct LoadOptions {
  int first = 0;
  int runs = kRunsPerLoop;
  int in_flight = kInFlight;
  int (*expected)(int) = &Expected;
  RunnerOptions runner = {};
};

// Keeps a number of runs in flight on one loop; each ended one begins the next.
class Load {
 public:
  Load(Loop& loop, const Plan<int, int>& plan, const LoadOptions& options)
      : options_(options),
        runner_(loop, plan, options.runner),
        next_(options.first),
        end_(options.first + options.runs) {}

  void Begin() {
    for (int i = 0; i < options_.in_flight; ++i)
      tasks_.Spawn(Chain());
  }
  [[nodiscard]] std::future<int> wrong() { return done_.get_future(); }

 private:
  Task<void> Chain() {
    while (next_ < end_) {
      const int input = next_++;
      Running<int> running = runner_.Run(input);
      Outcome<int> outcome = co_await running;
      if (!outcome || *outcome != options_.expected(input)) ++wrong_;
    }
    if (++ended_ < options_.in_flight) co_return;
    co_await runner_.Drain();
    done_.set_value(wrong_);
  }

  LoadOptions options_;
  Runner<int, int> runner_;
  TaskGroup tasks_;
  int next_;
  int end_;
  int wrong_ = 0;
  int ended_ = 0;
  std::promise<int> done_;
};

// Loads `plan` from two loops at once; the number of wrong answers.
int WrongAnswers(const Plan<int, int>& plan, LoadOptions options) {
  const auto one = *platform::LoopThread::Start();
  const auto two = *platform::LoopThread::Start();
  std::vector<std::unique_ptr<Load>> loads;
  std::vector<std::future<int>> wrong;
  for (const auto* thread : {&one, &two}) {
    Loop& loop = (*thread)->loop();
    if (thread == &two) options.first += 1'000'000;
    loads.push_back(std::make_unique<Load>(loop, plan, options));
    wrong.push_back(loads.back()->wrong());
    loop.Post([load = loads.back().get()] { load->Begin(); });
  }
  int sum = 0;
  for (std::future<int>& count : wrong)
    sum += count.get();
  for (std::size_t i = 0; i < loads.size(); ++i) {
    std::promise<void> gone;
    Loop& loop = (i == 0 ? one : two)->loop();
    loop.Post([&] {
      loads[i].reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
  return sum;
}

TEST(DagScenario, D23_OnePlanOnTwoLoopsKeepsRunsApart) {
  const auto pool = *platform::WorkerPool::Start({.workers = 2, .queue_max = 4 * kInFlight});
  const auto plan = MakePlan(*pool);
  ASSERT_TRUE(plan);
  EXPECT_EQ(WrongAnswers(*plan, {}), 0);
}

TEST(DagScenario, D24_LoopsAndThreadsOfAPoolShareComputeNodes) {
  const auto pool = *platform::WorkerPool::Start({.workers = 2, .queue_max = 1'000});
  const auto plan = MakeComputePlan(*pool);
  ASSERT_TRUE(plan);
  // As the measured costs will have it, and with threads called for every function.
  EXPECT_EQ(WrongAnswers(*plan, {.runs = 300, .in_flight = 4, .expected = &ExpectedMix}), 0);
  const ComputeOptions shared{.inline_below = 0ns, .pool_above = 1h, .wake_above = 0ns};
  EXPECT_EQ(
      WrongAnswers(
          *plan,
          {.runs = 300, .in_flight = 4, .expected = &ExpectedMix, .runner = {.compute = shared}}),
      0);
}

// Knows where each of its kind lives: making one upon another, or ending one twice, is counted.
// All of it on one loop.
class Housed {
 public:
  explicit Housed(int its_value) : value(its_value) { MoveIn(); }
  Housed(const Housed& other) : value(other.value) { MoveIn(); }
  Housed(Housed&& other) noexcept : value(other.value) { MoveIn(); }
  Housed& operator=(const Housed&) = default;
  Housed& operator=(Housed&&) = default;
  ~Housed() { clashes += taken.erase(this) == 0 ? 1 : 0; }

  int value;
  static inline std::set<const void*> taken;
  static inline int clashes = 0;

 private:
  void MoveIn() { clashes += taken.insert(this).second ? 0 : 1; }
};

// Two functions that keep the loop, and behind them one that has a fallback once it is too late.
PlanResult<Plan<int, int>> MakeLatePlan(WorkerPool& pool) {
  Builder<int> b("late");
  const auto blocks = [&pool](const int& millis) {  // Computes for that long.
    const Nanos until = pool.Stopwatch() + std::chrono::milliseconds(millis);
    while (pool.Stopwatch() < until) {
    }
    return 1;
  };
  const auto first = b.Compute("first", {}, pool, blocks, b.input());
  const auto second = b.Compute("second", {}, pool, blocks, b.input());
  const auto late = b.Compute(
      "late", {.timeout = 500ms, .cancel = CancelMode::kNeverOnceStarted}, pool,
      [](const int&) { return Housed(7); }, b.input());
  b.Fallback(late, [](const NodeError&) { return Housed(100); });
  const auto sum = b.Node(
      "sum", [](int x, int y, const Housed& z) { return x + y + z.value; }, first, second, late);
  return std::move(b).Build(sum);
}

// First to learn that the functions are cheap, then with the loop kept.
Task<void> RunLate(Runner<int, int>& runner, std::promise<std::vector<int>>& done) {
  std::vector<int> results;
  for (const int millis : {0, 600}) {
    Running<int> running = runner.Run(millis);
    Outcome<int> outcome = co_await running;
    results.push_back(outcome ? *outcome : -1);
  }
  co_await runner.Drain();
  done.set_value(results);
}

TEST(DagCompute, AValueThatComesAfterItsFallbackIsDroppedWithoutTouchingIt) {
  const auto pool = *platform::WorkerPool::Start({.workers = 2, .queue_max = 16});
  const auto plan = MakeLatePlan(*pool);
  ASSERT_TRUE(plan);
  const auto thread = *platform::LoopThread::Start();
  Loop& loop = thread->loop();
  std::promise<std::vector<int>> done;
  std::unique_ptr<Runner<int, int>> runner;
  TaskGroup tasks;
  // One function a turn, and no helpers: the third is still on the lane when its time is up.
  const ComputeOptions lane{.inline_below = 0ns, .pool_above = 1h, .wake_above = 1h, .slice = 0ns};
  loop.Post([&] {
    runner = std::make_unique<Runner<int, int>>(loop, *plan, RunnerOptions{.compute = lane});
    tasks.Spawn(RunLate(*runner, done));
  });
  const std::vector<int> expected{9, 102};
  EXPECT_EQ(done.get_future().get(), expected);
  std::promise<void> gone;
  loop.Post([&] {
    runner.reset();
    gone.set_value();
  });
  gone.get_future().wait();
  EXPECT_TRUE(Housed::taken.empty());
  EXPECT_EQ(Housed::clashes, 0);
}

}  // namespace
}  // namespace sluice::dag
